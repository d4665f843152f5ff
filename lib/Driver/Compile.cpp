// Wraps compileModel with what a program shows around it.
#include "weft/Driver/Compile.h"
#include "weft/Driver/Guard.h"
#include "weft/Driver/Terminal.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <nlohmann/json.hpp>

using namespace weft;
using Json = nlohmann::ordered_json;

/// Writes the report where it was asked for; a failure is only told, since the
/// compilation itself has its own outcome.
static bool writeReport(const CompileJob &job, const CompileOutcome &outcome,
                        const std::string &error) {
  if (job.json.empty())
    return true;
  std::error_code code;
  llvm::raw_fd_ostream os(job.json, code);
  if (!code) {
    os << jsonReport(job, outcome, error) << "\n";
    os.close();
    code = os.error();
    os.clear_error();
  }
  if (code)
    llvm::errs() << "error: " << job.json
                 << ": cannot be written: " << code.message() << "\n";
  return !code;
}

/// What was printed as errors, without "error: " and the line's end.
static std::string firstError(llvm::StringRef messages) {
  llvm::StringRef line = messages.split('\n').first;
  line.consume_front("internal ");
  line.consume_front("error: ");
  return line.str();
}

CompileOutcome weft::runCompileJob(const CompileJob &job) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  double cpuBegin = cpuSeconds();
  CompileOutcome outcome;
  auto measure = [&] {
    outcome.seconds =
        std::chrono::duration<double>(Clock::now() - begin).count();
    outcome.cpuSeconds = cpuSeconds() - cpuBegin;
  };
  std::string name = llvm::sys::path::filename(job.model).str();
  ProgressBar bar("compiling " + name);
  if (!job.showProgress)
    bar.stop();
  BudgetGuard guard(job.options.budget, [&](const std::string &reason) {
    bar.stop();
    measure();
    outcome.exitCode = kBudgetExceeded;
    llvm::errs() << "error: " << name << ": " << reason << "\n";
    // The report may be changing under another thread's hands: leave it out.
    CompileOutcome end;
    end.exitCode = kBudgetExceeded;
    end.seconds = outcome.seconds;
    writeReport(job, end, name + ": " + reason);
  });

  CompileOptions options = job.options;
  options.onStage = [&](llvm::StringRef stage, unsigned index, unsigned count) {
    bar.update(stage.str(), index, count);
    for (const Stage &known : compileStages())
      if (known.name == stage)
        setCrashContext(known.name.data());
  };
  std::string messages;
  llvm::raw_string_ostream errors(messages);
  CompileStatus status =
      compileModel(job.model, job.output, options, outcome.report, errors);
  bar.stop();
  setCrashContext("");
  measure();
  outcome.exitCode = static_cast<int>(status);
  llvm::errs() << messages;
  if (job.output != "-" && status == CompileStatus::Done)
    llvm::sys::fs::file_size(job.output, outcome.outputBytes);
  std::string error = status == CompileStatus::Done ? "" : firstError(messages);
  if (!writeReport(job, outcome, error) && status == CompileStatus::Done)
    outcome.exitCode = kUserError;
  return outcome;
}

std::string weft::jsonReport(const CompileJob &job,
                             const CompileOutcome &outcome,
                             const std::string &error) {
  Json targets = Json::array(), stages = Json::array();
  for (const TargetSpec &target : job.options.targets)
    targets.push_back(target.str());
  for (const StageTime &time : outcome.report.stages)
    stages.push_back({{"name", time.stage}, {"seconds", time.seconds}});
  Json report = {{"model", job.model},
                 {"output", job.output},
                 {"exit_code", outcome.exitCode},
                 {"targets", targets},
                 {"compile_s", outcome.seconds},
                 {"cpu_s", outcome.cpuSeconds},
                 {"peak_rss_mb", double(peakResidentBytes()) / 0x1p20},
                 {"stages", stages}};
  if (job.tuning)
    report["tuning"] = {{"products", job.tuning->products},
                        {"changed", job.tuning->changed},
                        {"seconds", job.tuning->seconds},
                        {"untuned_ms", job.tuning->modelSeconds * 1e3},
                        {"tuned_ms", job.tuning->tunedSeconds * 1e3},
                        {"regret", job.tuning->regret()}};
  if (error.empty()) {
    report["operators"] = outcome.report.operators;
    report["kernels"] = outcome.report.kernels;
    report["weight_bytes"] = outcome.report.weightBytes;
    report["arena_bytes"] = outcome.report.arenaBytes;
    report["output_bytes"] = outcome.outputBytes;
  } else {
    report["error"] = error;
  }
  // Paths need not be UTF-8.
  return report.dump(2, ' ', false, Json::error_handler_t::replace);
}
