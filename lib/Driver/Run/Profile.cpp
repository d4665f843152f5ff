// A profile as JSON and as a table.
#include "Profile.h"
#include "weft/Driver/Terminal.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace weft {

void Profile::attach(weft_session_options &options) {
  options.on_kernel = [](void *self, size_t kernel, uint64_t begin,
                         uint64_t end) {
    auto &profile = *static_cast<Profile *>(self);
    if (kernel >= profile.nanoseconds.size())
      return;
    profile.nanoseconds[kernel] += end - begin;
    ++profile.calls[kernel];
  };
  options.on_kernel_user = this;
}

void Profile::clear() {
  std::fill(nanoseconds.begin(), nanoseconds.end(), 0);
  std::fill(calls.begin(), calls.end(), 0);
}

void Profile::finish(int count, double seconds, int threads) {
  runs = count;
  total = seconds / count;
  rates = measureRates(threads);
}

std::vector<Profile::Line> Profile::lines() const {
  std::vector<Line> lines;
  for (size_t i = 0; i < nanoseconds.size(); ++i) {
    weft_kernel_info info = model.kernel(i);
    uint64_t times = calls[i] / uint64_t(runs);
    lines.push_back({i, times, double(nanoseconds[i]) * 1e-9 / runs, info.flops,
                     info.bytes,
                     boundOf(rates, info.flops, info.bytes, double(times))});
  }
  return lines;
}

std::string Profile::report(const std::string &name) const {
  Json kernels = Json::array();
  double inside = 0;
  for (const Line &line : lines()) {
    weft_kernel_info info = model.kernel(line.kernel);
    inside += line.seconds;
    Json kernel = {
        {"index", line.kernel},        {"name", info.name},
        {"operators", info.operators}, {"calls", line.calls},
        {"ms", line.seconds * 1e3},    {"share", line.seconds / total}};
    if (line.flops > 0 && line.seconds > 0)
      kernel["gflops"] = line.flops / line.seconds * 1e-9;
    if (line.bytes > 0 && line.seconds > 0)
      kernel["gb_per_s"] = line.bytes / line.seconds * 1e-9;
    if (line.isKnown() && line.calls) {
      kernel["least_ms"] = line.bound.seconds * 1e3;
      kernel["bound_by"] = line.bound.by;
    }
    kernels.push_back(std::move(kernel));
  }
  Json machine = {{"gflops", rates.flops * 1e-9},
                  {"l2_gb_per_s", rates.l2 * 1e-9},
                  {"l3_gb_per_s", rates.l3 * 1e-9},
                  {"dram_gb_per_s", rates.dram * 1e-9}};
  Json report = {{"artifact", name},
                 {"target", model.describe().target},
                 {"threads", rates.threads},
                 {"machine", machine},
                 {"runs", runs},
                 {"total_ms", total * 1e3},
                 {"outside_kernels_ms", (total - inside) * 1e3},
                 {"kernels", std::move(kernels)}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

static std::string number(double value, const char *format = "%.1f") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string Profile::table() const {
  constexpr size_t kMost = 20;
  std::vector<Line> order = lines();
  std::sort(order.begin(), order.end(), [](const Line &a, const Line &b) {
    return std::make_pair(b.seconds, a.kernel) <
           std::make_pair(a.seconds, b.kernel);
  });
  Table table({">kernel", ">time", ">share", ">calls", ">GFLOP/s", ">GB/s",
               ">of bound", "bound by", "computes"});
  double inside = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const Line &line = order[i];
    inside += line.seconds;
    if (i >= kMost || !line.calls)
      continue;
    weft_kernel_info info = model.kernel(line.kernel);
    bool known = line.isKnown() && line.seconds > 0;
    table.add(
        {std::to_string(line.kernel), formatSeconds(line.seconds),
         number(line.seconds / total * 100) + " %", std::to_string(line.calls),
         line.flops > 0 ? number(line.flops / line.seconds * 1e-9) : "",
         line.bytes > 0 ? number(line.bytes / line.seconds * 1e-9) : "",
         known ? number(line.bound.seconds / line.seconds * 100) + " %" : "",
         known ? line.bound.by : "", info.operators});
  }
  std::string text = table.str();
  if (order.size() > kMost)
    text += "the " + std::to_string(kMost) + " of " +
            std::to_string(order.size()) + " kernels that take most\n";
  text += "one run " + formatSeconds(total) + ", outside kernels " +
          formatSeconds(std::max(total - inside, 0.0)) + "; this machine, " +
          std::to_string(rates.threads) +
          (rates.threads == 1 ? " thread: " : " threads: ") +
          number(rates.flops * 1e-9) + " GFLOP/s, L2 " +
          number(rates.l2 * 1e-9) + ", L3 " + number(rates.l3 * 1e-9) +
          ", DRAM " + number(rates.dram * 1e-9) + " GB/s\n";
  return text;
}

} // namespace weft
