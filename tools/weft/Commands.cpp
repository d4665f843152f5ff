// What the subcommands share.
#include "Commands.h"
#include "weft/Driver/Guard.h"
#include "weft/Driver/Tune.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <fstream>

using namespace weft;
using namespace weft::driver;

void CompileFlags::addTo(CLI::App &command, bool withInputs) {
  command
      .add_option("--target", targets,
                  "host, cpu, cpu:x86-64-v3, cpu:znver4, cuda:sm_90, "
                  "rocm:gfx942; may be repeated (default: host)")
      ->allow_extra_args(false)
      ->type_name("TARGET");
  if (withInputs)
    command
        .add_option("--input", inputs,
                    "pin an input's shape and type: NAME=2x?x8:f32; ? is "
                    "dynamic; may be repeated")
        ->allow_extra_args(false)
        ->type_name("PIN");
  command
      .add_option("--precision", precision,
                  "f32, strict (direct algorithms only), bf16 or f16")
      ->type_name("KIND")
      ->capture_default_str();
  command
      .add_option("--memory", memory,
                  "fast, or small: no algorithm whose weights grow")
      ->type_name("USE")
      ->capture_default_str();
  command
      .add_option("--budget", budget,
                  "time and memory that compiling may take: 120s,4GiB")
      ->type_name("LIMITS");
  command
      .add_option("--tuning", tuning,
                  "take tiles from this record, which compile --tune writes")
      ->type_name("FILE.json");
  command.add_flag("--verbose", verbose, "more detail in messages");
}

CompileOptions CompileFlags::resolve() const {
  CompileOptions options;
  if (!targets.empty())
    options.targets.clear();
  for (const std::string &target : targets)
    options.targets.push_back(unwrap("--target", parseTarget(target)));
  for (const std::string &input : inputs) {
    llvm::Expected<InputPin> pin = parseInputPin(input);
    if (!pin) // says which option by itself
      throw CLI::ValidationError(llvm::toString(pin.takeError()));
    options.import.inputs.push_back(std::move(*pin));
  }
  options.precision = unwrap("--precision", parsePrecision(precision));
  options.memory = unwrap("--memory", parseMemoryUse(memory));
  if (!budget.empty())
    options.budget = unwrap("--budget", parseBudget(budget));
  if (!tuning.empty())
    options.tuning = unwrap("--tuning", readTuningRecord(tuning));
  options.verbose = verbose;
  setCrashVerbosity(verbose);
  return options;
}

bool driver::isArtifact(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  char head[4] = {};
  file.read(head, sizeof head);
  return file && std::string(head, 4) == "\177ELF";
}

std::string driver::cannotWrite(const std::string &path) {
  if (path == "-" || path.empty())
    return "";
  llvm::StringRef folder = llvm::sys::path::parent_path(path);
  if (folder.empty())
    folder = ".";
  std::string prefix = path + ": cannot be written: ";
  if (llvm::sys::fs::is_directory(path))
    return prefix + "is a folder";
  if (!llvm::sys::fs::exists(folder))
    return prefix + "folder '" + folder.str() + "' does not exist";
  if (!llvm::sys::fs::is_directory(folder))
    return prefix + "'" + folder.str() + "' is not a folder";
  if (llvm::sys::fs::access(folder, llvm::sys::fs::AccessMode::Write))
    return prefix + "permission denied";
  return "";
}

std::string driver::writeText(const std::string &path,
                              const std::string &text) {
  if (path == "-") {
    llvm::outs() << text;
    llvm::outs().flush();
    return "";
  }
  std::error_code error;
  llvm::raw_fd_ostream os(path, error);
  if (!error) {
    os << text;
    os.close();
    error = os.error();
    os.clear_error();
  }
  return error ? path + ": cannot be written: " + error.message() : "";
}

int driver::userError(const std::string &text) {
  llvm::errs() << "error: " << text << "\n";
  return kUserError;
}
