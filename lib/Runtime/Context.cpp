// The calls of generated code. Nothing here throws: there is code without
// unwind tables between these functions and the C interface.
#include "Context.h"
#include "Tensors.h"

#include <algorithm>
#include <cstring>
#include <ctime>

using namespace weft::runtime;

struct ContextFunctions::Job {
  weft_session *session;
  weft_kernel_fn kernel;
  const void *arguments;
  int64_t step;
  int32_t workers;
};

void ContextFunctions::install(weft_session &session) {
  weft_context &context = session.context;
  context.parallel_for = parallelFor;
  context.reserve_arena = reserveArena;
  context.allocate = allocate;
  context.release = release;
  context.output = output;
  context.fail = fail;
  context.failed = 0;
  context.scratch = scratch;
  context.reserve_scratch = reserveScratch;
  context.profile = session.options.on_kernel ? profile : nullptr;
  context.string = string;
}

/// Every worker has a share of the range, the same at each launch, so that it
/// finds in its caches what it wrote before. Who is done with its own helps the
/// others.
void ContextFunctions::parallelFor(weft_context *context, weft_kernel_fn kernel,
                                   const void *arguments, int64_t count,
                                   int64_t grain) {
  if (count <= 0)
    return;
  grain = std::max<int64_t>(grain, 1);
  weft_session &session = sessionOf(context);
  int64_t pieces = (count - 1) / grain + 1;
  auto workers = int32_t(std::min(pieces, context->worker_count));
  if (workers <= 1)
    return kernel(arguments, 0, count, 0, context);

  int64_t each = pieces / workers, more = pieces % workers, piece = 0;
  for (int32_t w = 0; w < workers; ++w) {
    session.shares[w].next.store(piece * grain, std::memory_order_relaxed);
    piece += each + (w < more);
    session.shares[w].end = std::min(piece * grain, count);
  }
  // A few steps a share: large enough to keep calls rare, small enough that
  // nobody waits long for the last one.
  Job job = {&session, kernel, arguments, ((each + 3) / 4) * grain, workers};
  if (session.pool)
    session.pool->run(workers, work, &job);
  else
    session.options.pool.run(session.options.pool.user, workers, work, &job);
}

void ContextFunctions::work(void *argument, int32_t worker) {
  const Job &job = *static_cast<Job *>(argument);
  for (int32_t i = 0; i < job.workers; ++i) {
    Share &share = job.session->shares[(worker + i) % job.workers];
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      int64_t begin = share.next.fetch_add(job.step, std::memory_order_relaxed);
      if (begin >= share.end)
        break;
      int64_t end = std::min(begin + job.step, share.end);
      job.kernel(job.arguments, begin, end, worker, &job.session->context);
    }
  }
}

void *ContextFunctions::reserveArena(weft_context *context, int64_t bytes) {
  return sessionOf(context).arena.ensure(bytes);
}

void *ContextFunctions::allocate(weft_context *context, int64_t bytes) {
  return sessionOf(context).blocks.take(bytes);
}

void ContextFunctions::release(weft_context *context, void *block) {
  sessionOf(context).blocks.give(block);
}

void *ContextFunctions::output(weft_context *context, int64_t index,
                               int64_t rank, const int64_t *shape) {
  weft_session &session = sessionOf(context);
  if (size_t(index) >= session.outputs.size() ||
      rank != session.model.outputs[size_t(index)].info.rank)
    return nullptr;
  OutputState &output = session.outputs[size_t(index)];
  const weft_tensor_info &info = session.model.outputs[size_t(index)].info;
  int64_t bytes = denseBytes(shape, int32_t(rank), storedSize(info.type));
  if (bytes < 0)
    return nullptr;
  std::copy_n(shape, rank, output.shape);
  output.written = nullptr;
  if (output.isBound) {
    if (!std::equal(shape, shape + rank, output.boundShape)) {
      session.outputMismatch = true;
      session.mismatchedOutput = size_t(index);
      return nullptr;
    }
    const weft_tensor &bound = output.bound;
    if (info.type != WEFT_STRING &&
        isDense(bound.shape, bound.strides, bound.rank) &&
        isUsableInPlace(bound.data, bytes))
      return output.written = bound.data;
  }
  return output.written = output.own.ensure(bytes);
}

void ContextFunctions::fail(weft_context *context, int64_t check,
                            int64_t value0, int64_t value1) {
  CheckFailure &failure = sessionOf(context).failure;
  std::lock_guard<std::mutex> lock(failure.mutex);
  if (failure.check < 0 || check < failure.check) {
    failure.check = check;
    failure.values[0] = value0;
    failure.values[1] = value1;
  }
  __atomic_store_n(&context->failed, 1, __ATOMIC_RELEASE);
}

void *ContextFunctions::scratch(weft_context *context, int64_t worker,
                                int64_t) {
  weft_session &session = sessionOf(context);
  return static_cast<char *>(session.scratch.data()) +
         size_t(worker) * session.scratchStride;
}

int64_t ContextFunctions::reserveScratch(weft_context *context, int64_t bytes) {
  weft_session &session = sessionOf(context);
  // Workers that write into one page would share it; sizes that are powers of
  // two would put all of them into the same cache sets.
  constexpr int64_t kPage = 4096;
  if (bytes < 0 || bytes > INT64_MAX / 2 / context->worker_count - 2 * kPage)
    return WEFT_RUN_NO_MEMORY;
  int64_t stride = (bytes + kPage - 1) / kPage * kPage + kPage;
  if (size_t(stride) <= session.scratchStride)
    return WEFT_RUN_OK;
  session.scratchStride = 0;
  if (!session.scratch.ensure(stride * context->worker_count))
    return WEFT_RUN_NO_MEMORY;
  session.scratchStride = size_t(stride);
  return WEFT_RUN_OK;
}

int64_t ContextFunctions::string(weft_context *context, int64_t function,
                                 int64_t a, int64_t b, int64_t c, int64_t d) {
  return sessionOf(context).strings.call(function, a, b, c, d);
}

void ContextFunctions::profile(weft_context *context, int64_t kernel,
                               int64_t isEnd) {
  weft_session &session = sessionOf(context);
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  uint64_t now = uint64_t(t.tv_sec) * 1'000'000'000u + uint64_t(t.tv_nsec);
  if (isEnd)
    session.options.on_kernel(session.options.on_kernel_user, size_t(kernel),
                              session.kernelBegin, now);
  else
    session.kernelBegin = now;
}
