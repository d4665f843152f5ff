/* Stands for what the compiler generates: entry functions and kernels written
 * by hand against Abi.h, each small enough to see what it must compute.
 * Pack.cpp puts them into artifacts. Together they call everything in
 * weft_context. */
#include "weft/Artifact/Abi.h"

#define ENTRY(name)                                                            \
  __attribute__((visibility("default"))) int32_t name(                         \
      weft_context *context, const weft_buffer *inputs, const void *weights)

/* A launch, as generated code does it. */
static void launch(weft_context *context, int64_t index, weft_kernel_fn kernel,
                   const void *arguments, int64_t count, int64_t grain) {
  if (context->profile)
    context->profile(context, index, 0);
  if (context->worker_count == 1 || count == 1)
    kernel(arguments, 0, count, 0, context);
  else
    context->parallel_for(context, kernel, arguments, count, grain);
  if (context->profile)
    context->profile(context, index, 1);
}

/* affine: y[N,3] = x[N,3] * weights[0:3] + weights[3:6], by way of the arena.
 */

struct Affine {
  const float *x, *w;
  float *t, *y;
};

static void scale(const void *arguments, int64_t begin, int64_t end,
                  int64_t worker, weft_context *context) {
  const struct Affine *a = arguments;
  for (int64_t i = begin * 3; i < end * 3; ++i)
    a->t[i] = a->x[i] * a->w[i % 3];
}

static void shift(const void *arguments, int64_t begin, int64_t end,
                  int64_t worker, weft_context *context) {
  const struct Affine *a = arguments;
  for (int64_t i = begin * 3; i < end * 3; ++i)
    a->y[i] = a->t[i] + a->w[3 + i % 3];
}

ENTRY(entry_affine) {
  int64_t rows = inputs[0].shape[0], shape[2] = {rows, 3};
  struct Affine a = {inputs[0].data, weights, 0, 0};
  if (!(a.t = context->reserve_arena(context, rows * 12)))
    return WEFT_RUN_NO_MEMORY;
  if (!(a.y = context->output(context, 0, 2, shape)))
    return WEFT_RUN_NO_MEMORY;
  launch(context, 0, scale, &a, rows, 2);
  launch(context, 1, shift, &a, rows, 2);
  return WEFT_RUN_OK;
}

/* mix: y[N] = mask[N] ? a[N,0] + a[N,1] : b[N]; total = sum of b, a scalar. */

ENTRY(entry_mix) {
  int64_t rows = inputs[0].shape[0];
  const float *a = inputs[0].data;
  const int64_t *b = inputs[1].data;
  const unsigned char *mask = inputs[2].data;
  float *y = context->output(context, 0, 1, &rows);
  int64_t *total = context->output(context, 1, 0, 0);
  if (!y || !total)
    return WEFT_RUN_NO_MEMORY;
  *total = 0;
  for (int64_t i = 0; i < rows; ++i) {
    /* Not `? :`: a bool that is not 0 or 1 must show. */
    y[i] = (float)mask[i] * (a[2 * i] + a[2 * i + 1]) +
           (float)(1 - mask[i]) * (float)b[i];
    *total += b[i];
  }
  return WEFT_RUN_OK;
}

/* shout: y[N] = x[N] + "!", words[N] = how many words x[N] has. */

struct Shout {
  const int64_t *x;
  int64_t *y, *words;
};

static void shout(const void *arguments, int64_t begin, int64_t end,
                  int64_t worker, weft_context *context) {
  const struct Shout *a = arguments;
  const int64_t mark = 1; /* in the manifest */
  for (int64_t i = begin; i < end; ++i) {
    a->y[i] = context->string(context, WEFT_STRING_CONCAT, a->x[i], mark, 0, 0);
    a->words[i] =
        context->string(context, WEFT_STRING_PARTS, a->x[i], 0, -1, 0);
  }
}

ENTRY(entry_shout) {
  int64_t rows = inputs[0].shape[0];
  struct Shout a = {inputs[0].data, context->output(context, 0, 1, &rows),
                    context->output(context, 1, 1, &rows)};
  if (!a.y || !a.words)
    return WEFT_RUN_NO_MEMORY;
  launch(context, 0, shout, &a, rows, 1);
  return WEFT_RUN_OK;
}

/* gather: y[M] = table[index[M]], each index checked in the kernel. */

struct Gather {
  const int32_t *index;
  const float *table;
  int64_t extent;
  float *y;
};

static void gather(const void *arguments, int64_t begin, int64_t end,
                   int64_t worker, weft_context *context) {
  const struct Gather *g = arguments;
  for (int64_t i = begin; i < end; ++i) {
    int64_t index = g->index[i];
    if (index < 0 || index >= g->extent) {
      context->fail(context, index < 0 ? 0 : 1, index, g->extent);
      return;
    }
    g->y[i] = g->table[index];
  }
}

ENTRY(entry_gather) {
  struct Gather g = {inputs[1].data, inputs[0].data, inputs[0].shape[0], 0};
  int64_t count = inputs[1].shape[0];
  if (!(g.y = context->output(context, 0, 1, &count)))
    return WEFT_RUN_NO_MEMORY;
  launch(context, 0, gather, &g, count, 1);
  return context->failed ? WEFT_RUN_CHECK_FAILED : WEFT_RUN_OK;
}

/* nonzero: the elements of x that are not 0, so the shape of y depends on data.
 * Works in blocks whose size is known only in the middle of the run, twice. */

ENTRY(entry_nonzero) {
  const float *x = inputs[0].data;
  int64_t count = 0, total = inputs[0].shape[0];
  for (int64_t i = 0; i < total; ++i)
    count += x[i] != 0;
  float *first = context->allocate(context, count * 4);
  if (!first)
    return WEFT_RUN_NO_MEMORY;
  int64_t at = 0;
  for (int64_t i = 0; i < total; ++i)
    if (x[i] != 0)
      first[at++] = x[i];
  float *second = context->allocate(context, count * 4);
  if (!second)
    return WEFT_RUN_NO_MEMORY;
  for (int64_t i = 0; i < count; ++i)
    second[i] = first[i];
  context->release(context, first);
  float *y = context->output(context, 0, 1, &count);
  if (!y)
    return WEFT_RUN_NO_MEMORY;
  for (int64_t i = 0; i < count; ++i)
    y[i] = second[i];
  return WEFT_RUN_OK;
}

/* workers: y[N] = for each item the worker that computed it; every worker fills
 * its scratch memory and reads it again, which shows when two share it. */

struct Workers {
  int64_t *y;
};

static void workers(const void *arguments, int64_t begin, int64_t end,
                    int64_t worker, weft_context *context) {
  const struct Workers *w = arguments;
  volatile int64_t *scratch = context->scratch(context, worker, 8192);
  for (int64_t i = begin; i < end; ++i) {
    for (int k = 0; k < 1024; ++k)
      scratch[k] = i + k;
    for (int k = 0; k < 1024; ++k)
      if (scratch[k] != i + k)
        context->fail(context, 0, worker, i);
    w->y[i] = worker;
  }
}

ENTRY(entry_workers) {
  int64_t count = inputs[0].shape[0];
  int32_t status = (int32_t)context->reserve_scratch(context, 8192);
  struct Workers w = {0};
  if (status != WEFT_RUN_OK)
    return status;
  if (!(w.y = context->output(context, 0, 1, &count)))
    return WEFT_RUN_NO_MEMORY;
  launch(context, 0, workers, &w, count, 1);
  return context->failed ? WEFT_RUN_CHECK_FAILED : WEFT_RUN_OK;
}

/* level_N: y = N, to see which code of an artifact was chosen. */

static int32_t level(weft_context *context, int64_t number) {
  int64_t *y = context->output(context, 0, 0, 0);
  if (!y)
    return WEFT_RUN_NO_MEMORY;
  *y = number;
  return WEFT_RUN_OK;
}

ENTRY(entry_level_1) { return level(context, 1); }
ENTRY(entry_level_2) { return level(context, 2); }
ENTRY(entry_level_3) { return level(context, 3); }

/* Faults of a compiler that the runtime must not take for results. */

ENTRY(entry_silent) { return WEFT_RUN_OK; }
ENTRY(entry_nonsense) { return 77; }
