// weft bench: times of an artifact, or of a model that is compiled first. For a
// model, `--input NAME=2x?x8:f32` pins the input's shape as it does for weft
// compile; a shape without `?` is also that of the random values.
#include "Commands.h"
#include "weft/Driver/Run.h"
#include "weft/Driver/TemporaryArtifact.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

using namespace weft;
using namespace weft::driver;

namespace {

struct BenchCommand {
  RunRequest request;
  CompileFlags flags;

  int run();
  int benchModel();
};

/// True for NAME=FILE.npy.
bool givesFile(llvm::StringRef input) {
  llvm::StringRef value = input.rsplit('=').second;
  return value.ends_with(".npy") || llvm::sys::fs::exists(value);
}

int BenchCommand::benchModel() {
  std::vector<std::string> data;
  for (const std::string &input : request.inputs) {
    bool isFile = givesFile(input);
    if (!isFile)
      flags.inputs.push_back(input);
    if (isFile || input.find('?') == std::string::npos)
      data.push_back(input);
  }
  request.inputs = data;
  TemporaryArtifact artifact;
  if (int code = artifact.compile(request.artifact, flags.resolve()))
    return code;
  request.name = request.artifact;
  request.artifact = artifact.file();
  request.compileSeconds = artifact.compileSeconds();
  return benchArtifact(request);
}

int BenchCommand::run() {
  flags.resolve();
  if (std::string error = cannotWrite(request.json); !error.empty())
    return userError(error);
  return isArtifact(request.artifact) ? benchArtifact(request) : benchModel();
}

} // namespace

void driver::addBench(CLI::App &app, int &exitCode) {
  auto command = std::make_shared<BenchCommand>();
  CLI::App *sub = app.add_subcommand(
      "bench", "Measure how long a model or an artifact takes");
  sub->add_option("file", command->request.artifact, "a model or an artifact")
      ->required();
  addBenchFlags(*sub, command->request);
  command->flags.addTo(*sub, /*withInputs=*/false);
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}
