// Runs and measures artifacts on machines without the compiler:
//
//   weft-run FILE.weft --input data=image.npy
//   weft-run bench FILE.weft
//
// Exit codes as of weft: 0 done; 1 the artifact or an input is at fault; 2
// wrong usage; 3 our fault.
#include "weft/Driver/Run.h"

#include <CLI/CLI.hpp>

using namespace weft;

/// CLI11's message in this project's form.
static int usageError(const CLI::App &app, const CLI::ParseError &error) {
  if (error.get_exit_code() == 0)
    return app.exit(error); // --help, --version
  std::string text = error.what();
  if (!text.empty() && text.back() == '.')
    text.pop_back();
  fprintf(stderr, "error: %s\nsee weft-run --help\n", text.c_str());
  return 2;
}

int main(int argc, char **argv) {
  CLI::App app("Runs models that weft has compiled. `weft-run bench FILE.weft` "
               "measures them.",
               "weft-run");
  app.set_version_flag("--version", "weft-run " WEFT_VERSION);
  app.require_subcommand(0, 1);
  RunRequest run, bench;
  CLI::Option *file =
      app.add_option("file", run.artifact, "the artifact")->type_name("FILE");
  addRunFlags(app, run);
  CLI::App *command = app.add_subcommand("bench", "Measure how long runs take");
  command->add_option("file", bench.artifact, "the artifact")
      ->type_name("FILE")
      ->required();
  addBenchFlags(*command, bench);
  try {
    app.parse(argc, argv);
    if (!*command && !*file)
      throw CLI::RequiredError("file");
  } catch (const CLI::ParseError &error) {
    return usageError(app, error);
  }
  return *command ? benchArtifact(bench) : runArtifact(run);
}
