// `bench`: how long loading, the first run and later runs take.
#include "Inputs.h"
#include "Report.h"
#include "weft/Driver/Run.h"
#include "weft/Driver/Terminal.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

namespace weft {

namespace {

double millisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin)
      .count();
}

struct Measurement {
  double load = 0, first = 0; ///< milliseconds
  std::vector<double> times;  ///< of later runs, sorted
  int threads = 0;

  /// The time that `share` of all runs do not exceed.
  double quantile(double share) const {
    auto index = size_t(std::ceil(share * double(times.size())));
    return times[std::min(std::max<size_t>(index, 1), times.size()) - 1];
  }
};

/// Operations of a run; 0 where shapes, and so operations, are not fixed.
double flopsOf(const Model &model) {
  double total = 0;
  for (size_t i = 0; i < model.describe().kernel_count; ++i)
    total += model.kernel(i).flops;
  return total;
}

Measurement measure(const RunRequest &request, std::optional<Model> &model) {
  Measurement result;
  Clock::time_point begin = Clock::now();
  model.emplace(loadModel(request));
  Session session(*model, request.threads);
  result.load = millisecondsSince(begin);
  result.threads = session.threads();

  std::vector<Array> arrays = benchInputs(request, *model);
  std::vector<TensorView> inputs = viewsOf(arrays);
  begin = Clock::now();
  session.run(inputs);
  result.first = millisecondsSince(begin);

  // Caches and clocks settle for a tenth of the time.
  begin = Clock::now();
  while (millisecondsSince(begin) < request.seconds * 100)
    session.run(inputs);
  begin = Clock::now();
  do {
    Clock::time_point start = Clock::now();
    session.run(inputs);
    result.times.push_back(millisecondsSince(start));
  } while (millisecondsSince(begin) < request.seconds * 1e3 ||
           result.times.size() < 3);
  std::sort(result.times.begin(), result.times.end());
  return result;
}

Json reportOf(const RunRequest &request, const Model &model,
              const Measurement &result) {
  double median = result.quantile(0.5), flops = flopsOf(model);
  Json report = {
      {"artifact", request.name.empty() ? request.artifact : request.name},
      {"target", model.describe().target},
      {"threads", result.threads},
      {"runs", result.times.size()},
      {"median_ms", median},
      {"p99_ms", result.quantile(0.99)},
      {"min_ms", result.times.front()},
      {"first_ms", result.first},
      {"load_ms", result.load},
      {"compile_s", nullptr},
      {"peak_rss_mb", double(peakResidentBytes()) / 1e6},
      {"gflops", nullptr}};
  if (request.compileSeconds)
    report["compile_s"] = *request.compileSeconds;
  if (flops > 0)
    report["gflops"] = flops / median * 1e-6;
  return report;
}

void print(const RunRequest &request, const Model &model,
           const Measurement &result) {
  auto line = [](const char *what, const std::string &value) {
    std::printf("%-10s %s\n", what, value.c_str());
  };
  auto seconds = [](double milliseconds) {
    return formatSeconds(milliseconds * 1e-3);
  };
  double median = result.quantile(0.5), flops = flopsOf(model);
  line("median", seconds(median) + " of " +
                     std::to_string(result.times.size()) + " runs, " +
                     std::to_string(result.threads) +
                     (result.threads == 1 ? " thread" : " threads"));
  line("99 %", seconds(result.quantile(0.99)));
  line("first run", seconds(result.first));
  line("loading", seconds(result.load));
  if (request.compileSeconds)
    line("compiling", formatSeconds(*request.compileSeconds));
  line("memory", formatBytes(peakResidentBytes()));
  if (flops > 0)
    std::printf("%-10s %.1f GFLOP/s\n", "speed", flops / median * 1e-6);
  line("code", model.describe().target);
}

void bench(const RunRequest &request) {
  if (!(request.seconds > 0 && request.seconds < 1e6))
    throw UsersFault("--seconds: must be more than 0");
  std::optional<Model> model;
  Measurement result = measure(request, model);
  Json report = reportOf(request, *model, result);
  if (!request.json.empty())
    writeReport(request.json,
                report.dump(2, ' ', false, Json::error_handler_t::replace) +
                    "\n");
  if (request.json == "-")
    return;
  print(request, *model, result);
}

} // namespace

int benchArtifact(const RunRequest &request) {
  return reportFailures([&] { bench(request); });
}

} // namespace weft
