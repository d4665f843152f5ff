// weft compile MODEL -o FILE.weft
#include "weft/Driver/Compile.h"
#include "Commands.h"
#include "weft/Driver/Guard.h"
#include "weft/Driver/Terminal.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace weft;
using namespace weft::driver;

namespace {
struct CompileCommand {
  CompileFlags flags;
  CompileJob job;
  std::string emit = "artifact", saveStages;
  bool timing = false, externalWeights = false;

  int run();
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

int CompileCommand::run() {
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
  for (const std::string &path : {job.output, job.json})
    if (std::string error = cannotWrite(path); !error.empty())
      return userError(error);

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
  sub->add_option("--json", command->job.json,
                  "write a report to this file; - is standard output");
  sub->add_flag("--timing", command->timing, "show the time of each stage");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}
