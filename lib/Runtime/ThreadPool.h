// The threads of one session.
#ifndef WEFT_LIB_RUNTIME_THREADPOOL_H
#define WEFT_LIB_RUNTIME_THREADPOOL_H

#include <atomic>
#include <cstdint>
#include <pthread.h>
#include <vector>

namespace weft::runtime {

/// A task runs on the calling thread and on every worker that is awake in time;
/// a worker that the system has not scheduled is never waited for, so tasks
/// must share their work among those that come. Used by one thread at a time.
class ThreadPool {
public:
  using Task = void (*)(void *argument, int32_t worker);

  /// `threads` counts the calling one. The others start with the first job
  /// that is for more than one.
  explicit ThreadPool(int32_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int32_t threads() const { return int32_t(workers.size()) + 1; }

  /// Calls task(argument, 0) here and task(argument, i) at most once for each i
  /// in [1, count) elsewhere; returns when all calls have. `count` is at most
  /// threads().
  void run(int32_t count, Task task, void *argument);

private:
  struct Worker {
    ThreadPool *pool;
    int32_t index;
    pthread_t thread;
  };

  void start();
  static void *workerMain(void *worker);
  void work(int32_t index);
  uint32_t awaitJob(int32_t index, uint32_t seen);
  void leave();
  void awaitWorkers();

  // What the current job is; written while no worker has joined it.
  Task task = nullptr;
  void *argument = nullptr;
  int32_t count = 0;

  /// The number of the current job in the upper half; in the lower half how
  /// many workers have joined it and the two flags.
  alignas(64) std::atomic<uint64_t> state{0};
  /// The same number, for workers that sleep until it changes.
  alignas(64) std::atomic<uint32_t> jobNumber{0};
  std::atomic<uint32_t> sleepers{0};
  std::atomic<bool> stopping{false};
  const int spinNanoseconds;
  std::vector<Worker> workers;
  size_t started = 0; ///< of workers, from the first
};

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_THREADPOOL_H
