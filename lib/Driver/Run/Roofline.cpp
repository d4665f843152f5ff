// Two loops, each on all threads at once: multiply-adds that need no memory,
// and reading of a block that just fits in, or does not fit in, a cache. Each
// is compiled for the widths of vector that processors have.
#include "Roofline.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <unistd.h>
#include <vector>

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kSecondsEach = 0.01, kSliceSeconds = 2e-4;
constexpr size_t kLeastSlices = 16;
/// What is read between two looks at the clock: a slice or less.
constexpr int64_t kPiece = 1 << 20;
/// A launch on the calling thread, measured on kernels without work.
constexpr double kLaunchSeconds = 50e-9;
constexpr int64_t kSums = 12, kSteps = 4096;
/// What one core gets of a last cache that is reported larger.
constexpr int64_t kMostL3 = 32 << 20;

/// Sums and checks end here, so that the loops are not left out.
thread_local volatile float sink;

struct Loops {
  void (*multiplyAdd)();
  void (*read)(const char *data, int64_t bytes);
  int64_t vectorBytes;
};

// Twelve sums hide the latency of a multiply-add and fit in 16 registers beside
// its other operands. They are spelled out, because an array of them would lie
// in memory where the compiler does not unroll.
#define WEFT_LOOPS(NAME, BYTES, TARGET)                                        \
  TARGET void multiplyAdd##NAME() {                                            \
    typedef float Vector __attribute__((vector_size(BYTES)));                  \
    Vector x = {sink}, y = x, a = x, b = x, c = x, d = x, e = x, f = x, g = x, \
           h = x, i = x, j = x, k = x, l = x;                                  \
    for (int64_t step = 0; step < kSteps; ++step) {                            \
      a = a * x + y, b = b * x + y, c = c * x + y, d = d * x + y;              \
      e = e * x + y, f = f * x + y, g = g * x + y, h = h * x + y;              \
      i = i * x + y, j = j * x + y, k = k * x + y, l = l * x + y;              \
    }                                                                          \
    a += b + c + d + e + f + g + h + i + j + k + l;                            \
    sink = a[0];                                                               \
  }                                                                            \
  TARGET void read##NAME(const char *data, int64_t bytes) {                    \
    typedef float Vector __attribute__((vector_size(BYTES)));                  \
    Vector a = {}, b = a, c = a, d = a;                                        \
    auto *at = reinterpret_cast<const Vector *>(data);                         \
    for (auto *end = at + bytes / BYTES / 4 * 4; at != end; at += 4)           \
      a += at[0], b += at[1], c += at[2], d += at[3];                          \
    a += b + c + d;                                                            \
    sink = a[0];                                                               \
  }

WEFT_LOOPS(Narrow, 16, )
#ifdef __x86_64__
WEFT_LOOPS(V3, 32, __attribute__((target("avx2,fma"))))
WEFT_LOOPS(V4, 64, __attribute__((target("avx512f,fma"))))
#endif
#undef WEFT_LOOPS

Loops chooseLoops() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f"))
    return {multiplyAddV4, readV4, 64};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {multiplyAddV3, readV3, 32};
#endif
  return {multiplyAddNarrow, readNarrow, 16};
}

/// Calls of `body` a second, on all threads together; on each that of the
/// median slice of time, since there are some in which it waits for a processor
/// that others have. `body` gets the thread's number.
template <typename Body>
double callsPerSecond(int threads, Body body) {
  std::vector<double> rates(static_cast<size_t>(threads));
  auto measure = [&](int thread) {
    body(thread);
    std::vector<double> slices;
    double total = 0;
    while (total < kSecondsEach || slices.size() < kLeastSlices) {
      Clock::time_point begin = Clock::now();
      double seconds = 0;
      int64_t calls = 0;
      while (seconds < kSliceSeconds) {
        body(thread);
        ++calls;
        seconds = std::chrono::duration<double>(Clock::now() - begin).count();
      }
      slices.push_back(double(calls) / seconds);
      total += seconds;
    }
    auto median = slices.begin() + std::ptrdiff_t(slices.size() / 2);
    std::nth_element(slices.begin(), median, slices.end());
    rates[static_cast<size_t>(thread)] = *median;
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread)
    others.emplace_back(measure, thread);
  measure(0);
  double sum = rates[0];
  for (int thread = 1; thread < threads; ++thread) {
    others[static_cast<size_t>(thread - 1)].join();
    sum += rates[static_cast<size_t>(thread)];
  }
  return sum;
}

/// Bytes a second that all threads read of `bytes` bytes each.
double readRate(const Loops &loops, int threads, int64_t bytes) {
  constexpr int64_t kAlign = 64;
  int64_t piece = std::min(bytes, kPiece), pieces = bytes / piece;
  std::vector<std::unique_ptr<char[]>> blocks;
  std::vector<char *> data;
  std::vector<int64_t> next(static_cast<size_t>(threads));
  for (int thread = 0; thread < threads; ++thread) {
    blocks.emplace_back(new char[static_cast<size_t>(bytes + kAlign)]);
    char *block = blocks.back().get();
    std::memset(block, 0, static_cast<size_t>(bytes + kAlign));
    data.push_back(block + (-reinterpret_cast<intptr_t>(block) & (kAlign - 1)));
  }
  return double(piece) * callsPerSecond(threads, [&](int thread) {
           int64_t &at = next[static_cast<size_t>(thread)];
           loops.read(data[static_cast<size_t>(thread)] + at * piece, piece);
           at = (at + 1) % pieces;
         });
}

int64_t cacheBytes(int name, int64_t otherwise) {
  long bytes = sysconf(name);
  return bytes > 0 ? bytes : otherwise;
}

} // namespace

MachineRates measureRates(int threads) {
  MachineRates rates;
  Loops loops = chooseLoops();
  rates.threads = threads;
  rates.l2Bytes = cacheBytes(_SC_LEVEL2_CACHE_SIZE, 1 << 20);
  rates.l3Bytes = std::min(kMostL3, cacheBytes(_SC_LEVEL3_CACHE_SIZE, kMostL3));
  double perCall = 2.0 * kSums * kSteps * double(loops.vectorBytes) / 4;
  rates.flops =
      perCall * callsPerSecond(threads, [&](int) { loops.multiplyAdd(); });
  // Blocks well inside the cache that is meant and well outside the one before.
  rates.l2 = readRate(loops, threads, rates.l2Bytes / 2);
  rates.l3 = readRate(loops, threads, 4 * rates.l2Bytes);
  rates.dram = readRate(loops, threads, 4 * rates.l3Bytes / threads);
  return rates;
}

Bound boundOf(const MachineRates &rates, double flops, double bytes,
              double calls) {
  Bound bound = {calls * kLaunchSeconds, "launch"};
  auto consider = [&](double seconds, const char *by) {
    if (seconds > bound.seconds)
      bound = {seconds, by};
  };
  double each = bytes / std::max(calls, 1.0);
  if (each <= double(rates.l2Bytes) * rates.threads)
    consider(bytes / rates.l2, "L2");
  else if (each <= double(rates.l3Bytes))
    consider(bytes / rates.l3, "L3");
  else
    consider(bytes / rates.dram, "DRAM");
  consider(flops / rates.flops, "multiply-adds");
  return bound;
}

} // namespace weft
