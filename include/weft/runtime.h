/* Loads an artifact (FILE.weft) and runs it. C99; link with -lweft_runtime.
 *
 *   Status     Functions that can fail return WEFT_OK (0) or another
 *              weft_status; weft_last_error() then is one sentence about it.
 *              Output parameters are written only on success.
 *   Ownership  What a function named _load or _create makes, the caller gives
 *              back with _release or _destroy (which take NULL too). A session
 *              keeps its model alive. Strings and arrays that a function hands
 *              out belong to the model or session that was asked.
 *   Tensors    Borrowed during the call: the library neither keeps nor frees
 *              the caller's memory, except memory of bound outputs, which must
 *              live until it is bound anew or the session is destroyed.
 *   Threads    Models never change and may be shared between threads. A session
 *              belongs to one thread at a time; several sessions of one model
 *              run side by side. After fork, a child must not use sessions of
 *              its parent.
 *   Growth     Structs that begin with `size` may grow at their end: set it to
 *              sizeof the struct and the rest to zero for defaults.
 *   Trust      An artifact is machine code. Damage is found before anything
 *              runs; malice is not.
 */
#ifndef WEFT_RUNTIME_H
#define WEFT_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#if defined(WEFT_BUILDING_RUNTIME)
#define WEFT_API __attribute__((visibility("default")))
#else
#define WEFT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weft_status {
  WEFT_OK = 0,
  WEFT_ERROR_ARGUMENT = 1,    /* this library is called wrongly */
  WEFT_ERROR_FILE = 2,        /* a file cannot be read */
  WEFT_ERROR_FORMAT = 3,      /* not an artifact, damaged, of another version */
  WEFT_ERROR_UNSUPPORTED = 4, /* this machine cannot run it */
  WEFT_ERROR_INPUT = 5,       /* names, types or shapes do not fit the model */
  WEFT_ERROR_CHECK = 6,       /* the model met a value that it cannot take */
  WEFT_ERROR_NO_MEMORY = 7,
  WEFT_ERROR_INTERNAL = 8 /* a fault of Weft */
} weft_status;

/* Element types, numbered as in ONNX. A bool is one byte, and so is each
 * element of less than a byte, as DLPack's padded sub-byte types are: its bits
 * are the low ones; in results i4 and i2 are sign-extended, the others
 * zero-extended, and what inputs hold above the bits is ignored. A string is a
 * weft_string. */
typedef enum weft_type {
  WEFT_F32 = 1,
  WEFT_U8 = 2,
  WEFT_I8 = 3,
  WEFT_U16 = 4,
  WEFT_I16 = 5,
  WEFT_I32 = 6,
  WEFT_I64 = 7,
  WEFT_STRING = 8,
  WEFT_BOOL = 9,
  WEFT_F16 = 10,
  WEFT_F64 = 11,
  WEFT_U32 = 12,
  WEFT_U64 = 13,
  WEFT_BF16 = 16,
  WEFT_F8E4M3FN = 17,
  WEFT_F8E4M3FNUZ = 18,
  WEFT_F8E5M2 = 19,
  WEFT_F8E5M2FNUZ = 20,
  WEFT_U4 = 21,
  WEFT_I4 = 22,
  WEFT_F4E2M1FN = 23,
  WEFT_F8E8M0FNU = 24,
  WEFT_U2 = 25,
  WEFT_I2 = 26,
  WEFT_TYPE_IS_INT = 0x7fffffff /* not a type: numbers that are none can be
                                   passed, and are refused */
} weft_type;

typedef struct weft_model weft_model;
typedef struct weft_session weft_session;

/* A view of memory, as in DLPack. Dense memory that starts at a multiple of 64
 * bytes is used in place; anything else is copied. */
typedef struct weft_tensor {
  const char *name; /* NULL: known by its position */
  void *data;
  const int64_t *shape;
  const int64_t *strides; /* in elements; NULL: dense, last axis fastest */
  int32_t rank;
  weft_type type;
  int32_t device_type; /* DLPack's kDLCPU (1), or 0 for the same */
  int32_t device_id;
} weft_tensor;

/* An element of type WEFT_STRING: bytes, UTF-8 by custom, with or without a
 * zero behind them. Those of outputs, bound ones too, belong to the session and
 * stay until it runs again. */
typedef struct weft_string {
  const char *data; /* may be NULL where length is 0 */
  int64_t length;
} weft_string;

/* What a model takes or gives. */
typedef struct weft_tensor_info {
  const char *name;
  weft_type type;
  int32_t rank;
  const int64_t *shape;       /* -1: known only when the model runs */
  const char *const *symbols; /* for each axis its name, "" for none; axes of
                                 one name have one extent in a run */
} weft_tensor_info;

/* How a tensor belongs to a value of the model that is no tensor. A sequence x
 * is passed as its elements x, one tensor after another, and x.shapes, a row of
 * 8 for each tensor, with -1 after the last extent. An optional x is passed as
 * x.present and its value x, which is zeros or empty where there is none. */
typedef enum weft_role {
  WEFT_ROLE_TENSOR = 0,
  WEFT_ROLE_ELEMENTS = 1, /* of a sequence; the next tensor has its shapes */
  WEFT_ROLE_SHAPES = 2,
  WEFT_ROLE_PRESENT = 3 /* whether there is a value, which comes next */
} weft_role;

typedef struct weft_model_info {
  size_t size;
  const char *model_name;       /* what was compiled */
  const char *compiler_version; /* by which Weft */
  const char *target;           /* the code that was chosen, "x86-64-v3" */
  uint64_t model_hash, options_hash;
  uint64_t weight_bytes;
  int64_t arena_bytes; /* temporaries of a run; -1: depends on shapes */
  size_t kernel_count;
  int64_t scratch_bytes; /* of each thread beside them; -1: likewise */
} weft_model_info;

typedef struct weft_kernel_info {
  const char *name;
  const char *operators; /* the model's nodes that it computes */
  double flops, bytes;   /* of one run at static shapes, else 0 */
} weft_kernel_info;

typedef struct weft_load_options {
  size_t size;
  const char *target;     /* use this code and no other; NULL: the best */
  int32_t verify_weights; /* not 0: read all weights and check their hash */
  /* Weights are mapped from the file. After the second run and further ones,
   * those in use that the file has in small pages move to huge pages of this
   * process's own, at the same addresses, which is faster. Not 0: they stay the
   * file's pages, which processes with the same model share. */
  int32_t share_weights;
} weft_load_options;

/* Memory for everything of a session that grows with the model: temporaries,
 * outputs, copies of inputs. `allocate` returns `bytes` at a multiple of
 * `alignment`, or NULL. Called from the thread that uses the session. */
typedef struct weft_allocator {
  void *user;
  void *(*allocate)(void *user, size_t bytes, size_t alignment);
  void (*release)(void *user, void *block, size_t bytes);
} weft_allocator;

/* The embedder's threads. `run` calls task(argument, i) once for each i in
 * [0, count), on any threads, and returns when all calls have. */
typedef struct weft_thread_pool {
  void *user;
  void (*run)(void *user, int32_t count,
              void (*task)(void *argument, int32_t i), void *argument);
} weft_thread_pool;

typedef struct weft_session_options {
  size_t size;
  int32_t threads; /* 0: as many as weft_cpu_count says */
  weft_allocator allocator;
  weft_thread_pool pool;
  /* Called after each kernel of a run; nanoseconds of a steady clock. */
  void (*on_kernel)(void *user, size_t kernel, uint64_t begin, uint64_t end);
  void *on_kernel_user;
} weft_session_options;

/* "0.1.0" */
WEFT_API const char *weft_version(void);

/* Why the last call in this thread that failed did so, one line without a full
 * stop: "model.weft: input 'x' has type f64 where the model takes f32". Never
 * NULL; good until the next failure in this thread. */
WEFT_API const char *weft_last_error(void);

/* "f32", "bool", …; "unknown" for numbers that are no type. */
WEFT_API const char *weft_type_name(weft_type type);
/* Bytes of one element; 0 for numbers that are no type. */
WEFT_API size_t weft_type_size(weft_type type);

/* Cores that this process may use: its affinity, cgroup limits and hyperthreads
 * considered. */
WEFT_API int32_t weft_cpu_count(void);

/* Loads an artifact. Everything but the weights is checked, and nothing of it
 * runs. `options` may be NULL. Messages call it by its path; in the other two
 * forms by `name`. */
WEFT_API weft_status weft_model_load(const char *path,
                                     const weft_load_options *options,
                                     weft_model **model);
/* From memory, which is copied. */
WEFT_API weft_status weft_model_load_memory(const void *bytes, size_t size,
                                            const char *name,
                                            const weft_load_options *options,
                                            weft_model **model);
/* From an open file, which is duplicated. External weights are looked for
 * beside `name`. */
WEFT_API weft_status weft_model_load_fd(int fd, const char *name,
                                        const weft_load_options *options,
                                        weft_model **model);
WEFT_API void weft_model_release(weft_model *model);

WEFT_API size_t weft_model_input_count(const weft_model *model);
WEFT_API size_t weft_model_output_count(const weft_model *model);
WEFT_API weft_status weft_model_input(const weft_model *model, size_t index,
                                      weft_tensor_info *info);
WEFT_API weft_status weft_model_output(const weft_model *model, size_t index,
                                       weft_tensor_info *info);
WEFT_API weft_role weft_model_input_role(const weft_model *model, size_t index);
WEFT_API weft_role weft_model_output_role(const weft_model *model,
                                          size_t index);
/* Set info->size before. */
WEFT_API weft_status weft_model_describe(const weft_model *model,
                                         weft_model_info *info);
WEFT_API weft_status weft_model_kernel(const weft_model *model, size_t index,
                                       weft_kernel_info *info);

/* `options` may be NULL. */
WEFT_API weft_status weft_session_create(weft_model *model,
                                         const weft_session_options *options,
                                         weft_session **session);
WEFT_API void weft_session_destroy(weft_session *session);

/* Threads that the session uses, the caller's included. */
WEFT_API int32_t weft_session_threads(const weft_session *session);

/* From now on output `index` is written to this memory, whose shape must be the
 * output's. NULL: the session's own memory again. */
WEFT_API weft_status weft_session_bind_output(weft_session *session,
                                              size_t index,
                                              const weft_tensor *tensor);

/* Runs the model once. Each input must be given once, by name or, without one,
 * at its position. The first `output_count` outputs are described in `outputs`,
 * which may be NULL with 0; they stay valid until the session runs again. */
WEFT_API weft_status weft_session_run(weft_session *session,
                                      const weft_tensor *inputs,
                                      size_t input_count, weft_tensor *outputs,
                                      size_t output_count);

#ifdef __cplusplus
}
#endif
#endif /* WEFT_RUNTIME_H */
