// What generated code calls: the functions behind weft_context.
#ifndef WEFT_LIB_RUNTIME_CONTEXT_H
#define WEFT_LIB_RUNTIME_CONTEXT_H

#include "Session.h"

/// A friend of weft_session rather than members of it: generated code calls
/// these through C pointers.
struct ContextFunctions {
  /// Fills `session`'s context in; worker_count stands already.
  static void install(weft_session &session);

  static void parallelFor(weft_context *context, weft_kernel_fn kernel,
                          const void *arguments, int64_t count, int64_t grain);
  static void *reserveArena(weft_context *context, int64_t bytes);
  static void *allocate(weft_context *context, int64_t bytes);
  static void release(weft_context *context, void *block);
  static void *output(weft_context *context, int64_t index, int64_t rank,
                      const int64_t *shape);
  static void fail(weft_context *context, int64_t check, int64_t value0,
                   int64_t value1);
  static void *scratch(weft_context *context, int64_t worker, int64_t bytes);
  static int64_t reserveScratch(weft_context *context, int64_t bytes);
  static void profile(weft_context *context, int64_t kernel, int64_t isEnd);
  static int64_t string(weft_context *context, int64_t function, int64_t a,
                        int64_t b, int64_t c, int64_t d);

private:
  struct Job;
  static weft_session &sessionOf(weft_context *context) {
    return *reinterpret_cast<weft_session *>(context);
  }
  static void work(void *job, int32_t worker);
};

#endif // WEFT_LIB_RUNTIME_CONTEXT_H
