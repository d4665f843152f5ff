// weft compile MODEL -o FILE.weft
#include "weft/Driver/Compile.h"
#include "Commands.h"
#include "weft/Driver/Guard.h"
#include "weft/Driver/Terminal.h"
#include "weft/Driver/Tune.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace weft;
using namespace weft::driver;

namespace {
struct CompileCommand {
  CompileFlags flags;
  CompileJob job;
  TuneRequest tuning;
  std::string emit = "artifact", saveStages, tune;
  std::string record; ///< what --tuning names
  bool timing = false, externalWeights = false;

  int run();
  void readOptions();
  int findTiles();
  void printTiming(const CompileOutcome &outcome) const;
};
} // namespace

/// Where the time went, on standard error, so that text that is emitted to
/// standard output stays whole.
void CompileCommand::printTiming(const CompileOutcome &outcome) const {
  Table table({"stage", ">seconds", ">share"});
  double rest = outcome.seconds;
  auto add = [&](const std::string &name, double seconds) {
    char share[16], time[32];
    snprintf(time, sizeof time, "%.3f", seconds);
    snprintf(share, sizeof share, "%.0f%%", 100 * seconds / outcome.seconds);
    table.add({name, time, share});
  };
  for (const StageTime &stage : outcome.report.stages) {
    add(stage.stage, stage.seconds);
    rest -= stage.seconds;
  }
  add("(between stages)", rest > 0 ? rest : 0);
  add("total", outcome.seconds);
  llvm::errs() << table.str() << "CPU time "
               << formatSeconds(outcome.cpuSeconds) << ", peak memory "
               << formatBytes(peakResidentBytes()) << "\n";
}

/// Searches for tiles, keeps them in the record, and tells what they gained.
int CompileCommand::findTiles() {
  if (int code = weft::tune(job, tuning))
    return code;
  if (!record.empty())
    if (std::string error = writeTuningRecord(record, job.options.tuning);
        !error.empty())
      return userError(error);
  const TuneOutcome &outcome = *job.tuning;
  char regret[16];
  snprintf(regret, sizeof regret, "%.1f", 100 * outcome.regret());
  llvm::errs() << "tuned for " << formatSeconds(outcome.seconds) << ": other "
               << "tiles for " << outcome.changed << " of " << outcome.products
               << " products; a run takes "
               << formatSeconds(outcome.tunedSeconds) << " instead of "
               << formatSeconds(outcome.modelSeconds)
               << " (regret of the untuned choice " << regret << " %)\n";
  return kDone;
}

void CompileCommand::readOptions() {
  record = flags.tuning;
  if (!tune.empty()) {
    Budget time = unwrap("--tune", parseBudget(tune));
    if (time.bytes || !time.seconds)
      throw CLI::ValidationError("--tune",
                                 "'" + tune + "' is no time; write e.g. 60s");
    tuning.seconds = time.seconds;
    // The record is about to be written.
    if (!llvm::sys::fs::exists(flags.tuning))
      flags.tuning.clear();
  }
  job.options = flags.resolve();
  job.options.emit = unwrap("--emit", parseEmit(emit));
  job.options.externalWeights = externalWeights;
  job.options.saveStages = saveStages;
  const EmitSpec &spec = job.options.emit;
  if (job.output.empty() && !spec.isText())
    throw CLI::RequiredError("-o");
  if (job.output.empty())
    job.output = "-";
  if (spec.kind == EmitSpec::Kind::MLIR) {
    std::string names;
    bool known = false;
    for (const Stage &stage : compileStages()) {
      names += (names.empty() ? "" : ", ") + stage.name.str();
      known |= stage.name == spec.stage;
    }
    if (!known)
      throw CLI::ValidationError("--emit", "there is no stage '" + spec.stage +
                                               "'; the stages are " + names);
  }
}

int CompileCommand::run() {
  readOptions();
  const EmitSpec &spec = job.options.emit;
  for (const std::string &path : {job.output, job.json})
    if (std::string error = cannotWrite(path); !error.empty())
      return userError(error);
  if (tuning.seconds) {
    if (std::string error = cannotWrite(record); !error.empty())
      return userError(error);
    if (int code = findTiles())
      return code;
  }

  CompileOutcome outcome = runCompileJob(job);
  if (timing)
    printTiming(outcome);
  if (outcome.exitCode == kDone && job.output != "-") {
    // Prose keeps out of a report that goes to standard output.
    llvm::raw_ostream &os = job.json == "-" ? llvm::errs() : llvm::outs();
    os << job.output << ": " << formatBytes(outcome.outputBytes);
    if (spec.kind == EmitSpec::Kind::Artifact)
      os << ", " << outcome.report.operators << " operators in "
         << outcome.report.kernels << " kernels";
    os << ", compiled in " << formatSeconds(outcome.seconds) << "\n";
  }
  return outcome.exitCode;
}

void driver::addCompile(CLI::App &app, int &exitCode) {
  auto command = std::make_shared<CompileCommand>();
  CLI::App *sub = app.add_subcommand("compile", "Compile a model to one file");
  sub->add_option("model", command->job.model, "a model: .onnx or .mlir")
      ->required();
  sub->add_option("-o,--output", command->job.output,
                  "file to write; text goes to standard output without it");
  command->flags.addTo(*sub, /*withInputs=*/true);
  sub->add_option("--emit", command->emit,
                  "artifact, object, static-library, shared-library, "
                  "mlir:STAGE, llvm, asm, ptx, hsaco or stablehlo")
      ->capture_default_str();
  sub->add_option(
         "--weights",
         [command](const std::vector<std::string> &values) {
           command->externalWeights = values.front() == "external";
           return command->externalWeights || values.front() == "embedded";
         },
         "embedded, or external: beside the artifact as safetensors")
      ->type_name("WHERE");
  sub->add_option("--save-stages", command->saveStages,
                  "write the program after each stage to this folder");
  sub->add_option("--tune", command->tune,
                  "measure other tiles for this long on this machine, and use "
                  "and record (--tuning) the best: 60s")
      ->type_name("TIME");
  sub->add_option("--tune-threads", command->tuning.threads,
                  "threads of the measured runs (default: one for each core)")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  sub->add_option("--json", command->job.json,
                  "write a report to this file; - is standard output");
  sub->add_flag("--timing", command->timing, "show the time of each stage");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}
