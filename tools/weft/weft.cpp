// The driver: reads the command line and hands over to one subcommand.
//
// Exit codes: 0 done; 1 the model, the input or the command's files are at
// fault; 2 wrong usage; 3 our fault; 4 a budget ran out.
#include "Commands.h"
#include "weft/Driver/Guard.h"
#include "llvm/Support/raw_ostream.h"
#include <new>

using namespace weft;

/// CLI11's message in this project's form: "error: --target: …".
static int usageError(const CLI::App &app, const CLI::ParseError &error) {
  if (error.get_exit_code() == 0)
    return app.exit(error); // --help, --version
  std::string text = error.what();
  if (!text.empty() && text.back() == '.')
    text.pop_back();
  const CLI::App *command = &app;
  if (!app.get_subcommands().empty())
    command = app.get_subcommands().front();
  std::string name = command == &app ? "weft" : "weft " + command->get_name();
  llvm::errs() << "error: " << text << "\n"
               << "see " << name << " --help\n";
  return kWrongUsage;
}

/// What was printed must have arrived: a full disk behind standard output is an
/// error. A reader that has gone away (`weft ops | head`) is not.
static int finish(int exitCode) {
  llvm::outs().flush();
  std::error_code error = llvm::outs().error();
  llvm::outs().clear_error();
  if (!error || error == std::errc::broken_pipe)
    return exitCode;
  llvm::errs() << "error: standard output: " << error.message() << "\n";
  return exitCode == kDone ? kUserError : exitCode;
}

int main(int argc, char **argv) {
  installCrashHandlers();
  CLI::App app("Compiles machine-learning models ahead of time to native "
               "programs, and runs them.",
               "weft");
  app.set_version_flag("--version", "weft " WEFT_VERSION);
  app.require_subcommand(1);
  int exitCode = kDone;
  driver::addCompile(app, exitCode);
  driver::addRun(app, exitCode);
  driver::addBench(app, exitCode);
  driver::addInspect(app, exitCode);
  driver::addOps(app, exitCode);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return usageError(app, error);
  } catch (const std::bad_alloc &) {
    llvm::errs() << "error: not enough memory\n";
    return kBudgetExceeded;
  } catch (const std::exception &error) {
    llvm::errs() << "internal error: " << error.what() << "\n";
    return kInternalError;
  }
  return finish(exitCode);
}
