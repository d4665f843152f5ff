// The subcommands of weft, one file each. Each adds itself to the command line
// and, when chosen, runs and sets the exit code.
#ifndef WEFT_TOOLS_WEFT_COMMANDS_H
#define WEFT_TOOLS_WEFT_COMMANDS_H

#include "weft/Pipeline/Options.h"
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace weft::driver {

void addCompile(CLI::App &app, int &exitCode);
void addRun(CLI::App &app, int &exitCode);
void addBench(CLI::App &app, int &exitCode);
void addInspect(CLI::App &app, int &exitCode);
void addOps(CLI::App &app, int &exitCode);

/// The options that every command which compiles understands, as text.
struct CompileFlags {
  std::vector<std::string> targets, inputs;
  std::string precision = "f32", memory = "fast", budget, tuning;
  bool verbose = false;

  /// Adds them to `command`; `withInputs`: `--input` pins shapes (weft run and
  /// bench give data by that name).
  void addTo(CLI::App &command, bool withInputs);
  /// Reads them into options. Throws CLI::ValidationError, which names the
  /// option, for what is not understood.
  CompileOptions resolve() const;
};

/// The value, or CLI::ValidationError naming `option`.
template <typename T>
T unwrap(const char *option, llvm::Expected<T> value) {
  if (value)
    return std::move(*value);
  throw CLI::ValidationError(option, llvm::toString(value.takeError()));
}

/// True when `path` is an ELF file, which an artifact is and no model is.
bool isArtifact(const std::string &path);

/// Fails early where a file cannot be written after long work: "" or one
/// sentence.
std::string cannotWrite(const std::string &path);

/// Writes `text` to file `path`, or to standard output where that is "-".
/// Returns "" or one sentence.
std::string writeText(const std::string &path, const std::string &text);

/// Prints `error: …` and returns kUserError.
int userError(const std::string &text);

} // namespace weft::driver

#endif // WEFT_TOOLS_WEFT_COMMANDS_H
