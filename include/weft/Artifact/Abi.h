/* The binary interface between the code in an artifact and the runtime that
 * loads it. Compiler and runtime both include this header; a change of any
 * struct raises WEFT_ABI_VERSION, and a runtime refuses other versions before
 * any code of the artifact runs.
 *
 * One artifact holds one entry function per CPU level, all with the same
 * signature. The entry function computes shapes, reserves one arena for all
 * temporaries, and launches kernels one after another. It never allocates by
 * itself, never blocks and keeps no state: everything comes through `context`.
 */
#ifndef WEFT_ARTIFACT_ABI_H
#define WEFT_ARTIFACT_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_ABI_VERSION 2
#define WEFT_MAX_RANK 8
/* Every buffer that generated code sees starts at a multiple of this many
 * bytes, and may be read (not written) up to this many bytes past its end. */
#define WEFT_BUFFER_ALIGNMENT 64

typedef struct weft_context weft_context;

/* Work items [begin, end) of a kernel. `arguments` belongs to the caller and
 * outlives the call. `worker` is in [0, context->worker_count). */
typedef void (*weft_kernel_fn)(const void *arguments, int64_t begin,
                               int64_t end, int64_t worker,
                               weft_context *context);

/* What the runtime does with strings. Generated code knows them by numbers in
 * a table that begins with the strings of the manifest and grows during a run:
 * equal strings have equal numbers, 0 is the empty string. */
typedef enum weft_string_function {
  WEFT_STRING_CONCAT = 0,     /* x y */
  WEFT_STRING_LOWER = 1,      /* x */
  WEFT_STRING_UPPER = 2,      /* x */
  WEFT_STRING_PARTS = 3,      /* x separator most: how many; the empty separator
                                 is any run of blanks, most < 0 no limit */
  WEFT_STRING_PART = 4,       /* x separator most i: 0 past the last */
  WEFT_STRING_MATCH = 5,      /* x automaton: 0 or 1 */
  WEFT_STRING_IS_NUMBER = 6,  /* x: 0 or 1 */
  WEFT_STRING_TO_NUMBER = 7,  /* x: the bits of a double */
  WEFT_STRING_IS_INTEGER = 8, /* x: 0 or 1 */
  WEFT_STRING_TO_INTEGER = 9, /* x */
  WEFT_STRING_OF_FLOAT = 10,  /* bits of a double that was a float */
  WEFT_STRING_OF_DOUBLE = 11, /* bits of a double */
  WEFT_STRING_OF_INTEGER = 12,
  WEFT_STRING_OF_UNSIGNED = 13,
  WEFT_STRING_TOKENS = 14, /* x automaton least: how many pieces, from the left
                              and as long as can be, are accepted; those of less
                              than `least` characters do not count */
  WEFT_STRING_TOKEN = 15   /* x automaton least i: 0 past the last */
} weft_string_function;
#define WEFT_STRING_ARGUMENTS 4

/* One input as the entry function sees it: dense, row-major, shape and type
 * already checked against the manifest. A bool is one byte, 0 or 1; a string is
 * its number, 8 bytes. */
typedef struct weft_buffer {
  void *data;
  int64_t shape[WEFT_MAX_RANK];
} weft_buffer;

/* What the runtime offers to generated code. Generated code addresses these
 * fields by position. */
struct weft_context {
  /* Worker threads that parallel_for may use, the calling one counted. */
  int64_t worker_count;

  /* Calls `kernel` on disjoint ranges that cover [0, count), each a multiple
   * of `grain` long but the last; returns when all are done. */
  void (*parallel_for)(weft_context *context, weft_kernel_fn kernel,
                       const void *arguments, int64_t count, int64_t grain);

  /* A block of at least `bytes` bytes for the whole of this run, the same
   * block for every call of a run but the largest request wins: called once at
   * the start of the entry function. Null when memory is short; the entry
   * function then returns WEFT_RUN_NO_MEMORY. */
  void *(*reserve_arena)(weft_context *context, int64_t bytes);

  /* Blocks whose size is known only in the middle of a run. Released when the
   * run ends; `release` is a hint that allows earlier reuse, and does nothing
   * where no block begins at `block`. Both for the entry function only, not for
   * kernels on other workers. */
  void *(*allocate)(weft_context *context, int64_t bytes);
  void (*release)(weft_context *context, void *block);

  /* The buffer of output `index` once its shape is known: the caller's own if
   * one was bound and fits, the session's otherwise. Null: see above. */
  void *(*output)(weft_context *context, int64_t index, int64_t rank,
                  const int64_t *shape);

  /* Records that a check in generated code failed. `check` indexes the
   * manifest's table of messages, in which "{0}" and "{1}" stand for the two
   * values. The entry function returns WEFT_RUN_CHECK_FAILED afterwards;
   * kernels return early and the entry function asks `failed`. May be called
   * from any worker; the lowest check index wins. */
  void (*fail)(weft_context *context, int64_t check, int64_t value0,
               int64_t value1);

  /* Not zero when `fail` was called during this run. */
  int64_t failed;

  /* Scratch memory of one worker, `bytes` at least, 64-byte aligned, contents
   * undefined; valid until the kernel returns. Never null: the entry function
   * announced the largest request to reserve_scratch, before its first launch.
   * reserve_scratch returns WEFT_RUN_OK or WEFT_RUN_NO_MEMORY; the entry
   * function passes the latter on. */
  void *(*scratch)(weft_context *context, int64_t worker, int64_t bytes);
  int64_t (*reserve_scratch)(weft_context *context, int64_t bytes);

  /* Not null when the embedder profiles: called around each launch. */
  void (*profile)(weft_context *context, int64_t kernel_index, int64_t is_end);

  /* Calls a weft_string_function; arguments that it does not take are 0. From
   * any worker. */
  int64_t (*string)(weft_context *context, int64_t function, int64_t a,
                    int64_t b, int64_t c, int64_t d);
};

enum { WEFT_RUN_OK = 0, WEFT_RUN_NO_MEMORY = 1, WEFT_RUN_CHECK_FAILED = 2 };

/* Entry function. `inputs` has one element per input of the manifest;
 * `weights` is the start of the artifact's weight section (or of the mapped
 * external weights). Returns one of WEFT_RUN_*. */
typedef int32_t (*weft_entry_fn)(weft_context *context,
                                 const weft_buffer *inputs,
                                 const void *weights);

#ifdef __cplusplus
}
#endif
#endif /* WEFT_ARTIFACT_ABI_H */
