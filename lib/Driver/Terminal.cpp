// A thread of its own draws, so that a bar moves through a long stage and the
// work itself never waits for the terminal.
#include "weft/Driver/Terminal.h"

#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace weft {

using Clock = std::chrono::steady_clock;
static constexpr std::chrono::milliseconds kSilence(2000), kRedraw(100);
static constexpr unsigned kBarWidth = 24;

static double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

ProgressBar::ProgressBar(std::string name)
    : title(std::move(name)), begin(Clock::now()) {
  if (isatty(STDERR_FILENO))
    thread = std::thread([this] { loop(); });
}

ProgressBar::~ProgressBar() { stop(); }

void ProgressBar::update(std::string name, unsigned finished, unsigned steps) {
  std::lock_guard<std::mutex> lock(mutex);
  step = std::move(name);
  done = finished;
  total = steps;
}

void ProgressBar::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping = true;
  }
  wake.notify_all();
  if (thread.joinable())
    thread.join();
  if (shown)
    fputs("\r\033[K", stderr);
  shown = false;
}

void ProgressBar::loop() {
  std::unique_lock<std::mutex> lock(mutex);
  auto stopped = [this] { return stopping; };
  if (wake.wait_for(lock, kSilence, stopped))
    return;
  do {
    std::string text = line();
    winsize size{};
    // A line that wraps could not be rewritten in place.
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
      text.resize(std::min<size_t>(text.size(), size.ws_col - 1));
    fprintf(stderr, "\r\033[K%s", text.c_str());
    fflush(stderr);
    shown = true;
  } while (!wake.wait_for(lock, kRedraw, stopped));
}

std::string ProgressBar::line() const {
  unsigned filled = total ? kBarWidth * std::min(done, total) / total : 0;
  std::string text = title + " [" + std::string(filled, '#') +
                     std::string(kBarWidth - filled, '.') + "] ";
  if (total)
    text += std::to_string(done) + "/" + std::to_string(total) + " ";
  return text + step + " " + formatSeconds(secondsSince(begin));
}

Table::Table(std::vector<std::string> titles) {
  for (std::string &title : titles) {
    right.push_back(title.rfind('>', 0) == 0);
    if (right.back())
      title.erase(0, 1);
  }
  rows.push_back(std::move(titles));
}

void Table::add(std::vector<std::string> row) {
  row.resize(right.size());
  rows.push_back(std::move(row));
}

/// Characters on screen: bytes that begin a UTF-8 sequence.
static size_t widthOf(const std::string &text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (c & 0xC0) != 0x80; });
}

std::string Table::str(unsigned indent) const {
  std::vector<size_t> widths(right.size());
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], widthOf(row[i]));
  std::string text;
  for (const auto &row : rows) {
    std::string line(indent, ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      std::string padding(widths[i] - widthOf(row[i]), ' ');
      line +=
          (i ? "  " : "") + (right[i] ? padding + row[i] : row[i] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

static std::string format(const char *pattern, double value) {
  char buffer[64];
  snprintf(buffer, sizeof buffer, pattern, value);
  return buffer;
}

std::string formatBytes(uint64_t bytes) {
  if (bytes < 1024)
    return std::to_string(bytes) + " B";
  if (bytes < 1024 * 1024)
    return format("%.1f KiB", double(bytes) / 0x1p10);
  if (bytes < 1024 * 1024 * 1024)
    return format("%.1f MiB", double(bytes) / 0x1p20);
  return format("%.2f GiB", double(bytes) / 0x1p30);
}

std::string formatSeconds(double seconds) {
  if (seconds >= 1)
    return format("%.2f s", seconds);
  if (seconds >= 1e-3)
    return format("%.3g ms", seconds * 1e3);
  return format("%.3g us", seconds * 1e6);
}

double cpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

uint64_t peakResidentBytes() {
  // Not ru_maxrss where it can be helped: that counts what the process was
  // before exec, a Python interpreter for instance.
  unsigned long long kilobytes = 0;
  if (FILE *file = fopen("/proc/self/status", "r")) {
    char line[256];
    while (!kilobytes && fgets(line, sizeof line, file))
      sscanf(line, "VmHWM: %llu kB", &kilobytes);
    fclose(file);
  }
  if (kilobytes)
    return kilobytes * 1024;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return uint64_t(usage.ru_maxrss) * 1024;
}

uint64_t residentBytes() {
  unsigned long long pages = 0;
  if (FILE *file = fopen("/proc/self/statm", "r")) {
    if (fscanf(file, "%*u %llu", &pages) != 1)
      pages = 0;
    fclose(file);
  }
  return pages * uint64_t(sysconf(_SC_PAGESIZE));
}

} // namespace weft
