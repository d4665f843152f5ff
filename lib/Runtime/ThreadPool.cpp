// A job is open while the caller works on it. Workers join an open job, the
// caller closes it when no work is left and waits for those that joined. So a
// worker that sleeps, or that the system runs something else instead of, costs
// nothing. Between jobs, workers spin for a while (the launches of one run
// follow each other within microseconds) and then sleep on a futex.
#include "ThreadPool.h"
#include "CpuCount.h"

#include <climits>
#include <csignal>
#include <ctime>
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft::runtime {

namespace {

constexpr uint64_t kOpen = 1u << 31, kCallerSleeps = 1u << 30;
constexpr uint64_t kJoinedMask = kCallerSleeps - 1, kLowHalf = 0xffffffff;
constexpr int kSpinNanoseconds = 50'000;
constexpr size_t kStackBytes = size_t(8) << 20;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000ll + t.tv_nsec;
}

/// Spins until `done`; false when that takes longer than `nanoseconds`.
template <typename Done>
bool spinUntil(Done done, int64_t nanoseconds) {
  if (done())
    return true;
  for (int64_t end = nanoseconds ? now() + nanoseconds : 0; nanoseconds;) {
    for (int i = 0; i < 32; ++i) {
      relax();
      if (done())
        return true;
    }
    if (now() >= end)
      break;
  }
  return false;
}

/// Sleeps while `word` is `expected`, until a wake whose mask shares a bit.
void futexWait(void *word, uint32_t expected, uint32_t mask) {
  syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, nullptr,
          nullptr, mask);
}

void futexWake(void *word, uint32_t mask) {
  syscall(SYS_futex, word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, nullptr, nullptr,
          mask);
}

constexpr uint32_t kEveryone = FUTEX_BITSET_MATCH_ANY;

/// Workers sleep under this bit, so that a job for few wakes few.
uint32_t workerBit(int32_t index) { return 1u << index % 32; }

} // namespace

ThreadPool::ThreadPool(int32_t threads)
    // Spinning helps only while each thread has a core to itself.
    : spinNanoseconds(threads <= usableCpuCount() ? kSpinNanoseconds : 0),
      workers(threads > 1 ? threads - 1 : 0) {}

ThreadPool::~ThreadPool() {
  stopping.store(true);
  jobNumber.fetch_add(1);
  futexWake(&jobNumber, kEveryone);
  for (size_t i = 0; i < started; ++i)
    pthread_join(workers[i].thread, nullptr);
}

void ThreadPool::start() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  // Signals are the embedder's affair and go to its threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Without all of them, work is done by those that there are.
  for (Worker &worker : workers) {
    worker.pool = this;
    worker.index = int32_t(started) + 1;
    if (pthread_create(&worker.thread, &attributes, workerMain, &worker) != 0)
      break;
    ++started;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
}

void ThreadPool::run(int32_t wanted, Task body, void *bodyArgument) {
  if (wanted > 1) {
    if (!started)
      start();
    task = body;
    argument = bodyArgument;
    count = wanted;
    uint32_t number = jobNumber.load(std::memory_order_relaxed) + 1;
    state.store(uint64_t(number) << 32 | kOpen);
    jobNumber.store(number);
    if (sleepers.load() > 0)
      futexWake(&jobNumber, wanted < 32 ? (1u << wanted) - 2 : kEveryone);
  }
  body(bodyArgument, 0);
  if (wanted > 1)
    awaitWorkers();
}

/// Closes the job and waits for the workers that have joined it.
void ThreadPool::awaitWorkers() {
  state.fetch_and(~kOpen);
  auto done = [&] { return (state.load() & kJoinedMask) == 0; };
  while (!spinUntil(done, spinNanoseconds)) {
    uint64_t before = state.fetch_or(kCallerSleeps) | kCallerSleeps;
    if ((before & kJoinedMask) == 0)
      return;
    // The lower half comes first in memory on little-endian machines.
    futexWait(&state, uint32_t(before & kLowHalf), kEveryone);
  }
}

void *ThreadPool::workerMain(void *argument) {
  auto *worker = static_cast<Worker *>(argument);
  // From inside: from outside it takes a walk through /proc.
  prctl(PR_SET_NAME, "weft-worker");
  worker->pool->work(worker->index);
  return nullptr;
}

void ThreadPool::work(int32_t index) {
  uint32_t seen = 0;
  for (;;) {
    seen = awaitJob(index, seen);
    if (stopping.load())
      return;
    uint64_t current = state.load();
    bool joined = false;
    while (!joined && current >> 32 == seen && current & kOpen)
      joined = state.compare_exchange_weak(current, current + 1);
    if (!joined)
      continue;
    if (index < count)
      task(argument, index);
    leave();
  }
}

/// Waits for a job other than `seen` and says its number.
uint32_t ThreadPool::awaitJob(int32_t index, uint32_t seen) {
  auto changed = [&] { return jobNumber.load() != seen; };
  if (!spinUntil(changed, spinNanoseconds)) {
    sleepers.fetch_add(1);
    while (!changed())
      futexWait(&jobNumber, seen, workerBit(index));
    sleepers.fetch_sub(1);
  }
  return jobNumber.load();
}

void ThreadPool::leave() {
  uint64_t left = state.fetch_sub(1) - 1;
  if ((left & kJoinedMask) == 0 && left & kCallerSleeps)
    futexWake(&state, kEveryone);
}

} // namespace weft::runtime
