// weft run: an artifact as it is, or a model that is compiled first.
#include "weft/Driver/Run.h"
#include "Commands.h"
#include "weft/Driver/TemporaryArtifact.h"

using namespace weft;
using namespace weft::driver;

namespace {

struct RunCommand {
  RunRequest request;
  CompileFlags flags;

  int run();
};

int RunCommand::run() {
  CompileOptions options = flags.resolve();
  for (const std::string &path : {request.outputsFile, request.profile})
    if (std::string error = cannotWrite(path); !error.empty())
      return userError(error);
  if (isArtifact(request.artifact))
    return runArtifact(request);
  TemporaryArtifact artifact;
  if (int code = artifact.compile(request.artifact, options))
    return code;
  request.name = request.artifact;
  request.artifact = artifact.file();
  return runArtifact(request);
}

} // namespace

void driver::addRun(CLI::App &app, int &exitCode) {
  auto command = std::make_shared<RunCommand>();
  CLI::App *sub = app.add_subcommand("run", "Run a model or an artifact once");
  sub->add_option("file", command->request.artifact, "a model or an artifact")
      ->required();
  addRunFlags(*sub, command->request);
  command->flags.addTo(*sub, /*withInputs=*/false);
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}
