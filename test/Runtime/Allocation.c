/* Memory: the embedder's allocator, its refusals, and none at all in steady
 * use. */
#include "Conformance.h"
#include <unistd.h>

struct Counter {
  size_t calls, live, bytes;
  size_t refuse_at; /* the call that gets nothing; 0: none */
};

static void *counted_allocate(void *user, size_t bytes, size_t alignment) {
  struct Counter *counter = user;
  void *block = NULL;
  if (++counter->calls == counter->refuse_at)
    return NULL;
  CHECK(alignment >= 64 && posix_memalign(&block, alignment, bytes) == 0);
  /* Whatever reads memory that was never written must not get zeros. */
  memset(block, 0xa5, bytes);
  ++counter->live;
  counter->bytes += bytes;
  return block;
}

static void counted_release(void *user, void *block, size_t bytes) {
  struct Counter *counter = user;
  --counter->live;
  counter->bytes -= bytes;
  free(block);
}

static weft_session_options counted(struct Counter *counter) {
  weft_session_options options = {0};
  memset(counter, 0, sizeof *counter);
  options.size = sizeof options;
  options.threads = 2;
  options.allocator.user = counter;
  options.allocator.allocate = counted_allocate;
  options.allocator.release = counted_release;
  return options;
}

/* Runs the sample once with every single request for memory refused in turn:
 * an error each time, and afterwards the session works as if nothing had been.
 */
static void refuse_each(const char *name, const weft_tensor *in, size_t count) {
  struct Counter counter;
  weft_session_options options = counted(&counter);
  weft_session *s;
  size_t refuse_at = 1;
  for (;; ++refuse_at) {
    counted(&counter);
    s = open_sample(name, &options);
    counter.refuse_at = refuse_at;
    if (weft_session_run(s, in, count, NULL, 0) == WEFT_OK)
      break;
    CHECK_ERROR(weft_session_run(NULL, NULL, 0, NULL, 0), WEFT_ERROR_ARGUMENT,
                "session is NULL");
    CHECK_OK(weft_session_run(s, in, count, NULL, 0));
    counter.refuse_at = counter.calls + 1;
    CHECK_OK(weft_session_run(s, in, count, NULL, 0));
    weft_session_destroy(s);
    CHECK(counter.live == 0 && counter.bytes == 0);
  }
  CHECK(refuse_at > 2);
  weft_session_destroy(s);
}

void test_allocator(void) {
  static const float x[30];
  static const unsigned char bytes[30];
  static const int64_t rows[2] = {10, 3}, count = 30;
  struct Counter counter;
  weft_session_options options = counted(&counter);
  weft_model *model = load_sample("affine.weft");
  weft_session *s;
  weft_tensor in = dense(NULL, WEFT_F32, x + 1, 2, rows), out;
  int64_t few[2] = {9, 3};
  in.shape = few;
  refuse_each("affine.weft", &in, 1);
  in = dense(NULL, WEFT_F32, x, 1, &count);
  refuse_each("nonzero.weft", &in, 1);
  in = dense(NULL, WEFT_U8, bytes, 1, &count);
  refuse_each("workers.weft", &in, 1);

  counted(&counter);
  counter.refuse_at = 1;
  CHECK_OK(weft_session_create(model, &options, &s));
  in = dense(NULL, WEFT_F32, x, 2, few);
  CHECK_ERROR(weft_session_run(s, &in, 1, &out, 1), WEFT_ERROR_NO_MEMORY,
              "memory");
  weft_session_destroy(s);
  options.allocator.release = NULL;
  CHECK_ERROR(weft_session_create(model, &options, &s), WEFT_ERROR_ARGUMENT,
              "an allocator needs both of its functions");
  weft_model_release(model);
}

/* Every request to the C library while `watching` is counted: with a sanitizer
 * through its hooks, else by standing in front of malloc. */
static volatile int watching, requests;

#if !defined(__has_feature)
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) ||       \
    __has_feature(thread_sanitizer)
int __sanitizer_install_malloc_and_free_hooks(
    void (*on_malloc)(const volatile void *, size_t),
    void (*on_free)(const volatile void *));
static void on_malloc(const volatile void *block, size_t bytes) {
  requests += watching;
}
static void on_free(const volatile void *block) {}
static void watch(void) {
  static int installed;
  if (!installed)
    CHECK(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free));
  installed = 1;
}
#else
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void *malloc(size_t bytes) {
  requests += watching;
  return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  requests += watching;
  return __libc_calloc(count, bytes);
}
void *realloc(void *block, size_t bytes) {
  requests += watching;
  return __libc_realloc(block, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  requests += watching;
  return __libc_memalign(alignment, bytes);
}
static void watch(void) {}
#endif

/* The first run, and time for all threads to start: sanitizers allocate when
 * they do. */
static void warm_up(weft_session *s, const weft_tensor *in, size_t count) {
  CHECK_OK(weft_session_run(s, in, count, NULL, 0));
  usleep(20000);
}

/* Later runs must not ask for memory, from anyone. */
static void expect_steady(const char *name, const weft_tensor *in, size_t count,
                          int threads) {
  struct Counter counter;
  weft_session_options options = counted(&counter);
  weft_session *s;
  size_t calls;
  int run;
  options.threads = threads;
  s = open_sample(name, &options);
  warm_up(s, in, count);
  calls = counter.calls;
  watch();
  requests = 0;
  watching = 1;
  for (run = 0; run < 8; ++run)
    warm_up(s, in, count);
  watching = 0;
  CHECK(requests == 0 && counter.calls == calls);
  weft_session_destroy(s);

  /* The same with the library's own memory. */
  memset(&options.allocator, 0, sizeof options.allocator);
  s = open_sample(name, &options);
  warm_up(s, in, count);
  watching = 1;
  for (run = 0; run < 8; ++run)
    warm_up(s, in, count);
  watching = 0;
  CHECK(requests == 0);
  weft_session_destroy(s);
}

void test_steady(void) {
  static float x[31];
  static const unsigned char bytes[30];
  static const int64_t rows[2] = {10, 3}, count = 30;
  weft_tensor in;
  int threads;
  void *volatile probe; /* or the compiler leaves both calls out */
  x[3] = 1;
  watch();
  watching = 1;
  probe = malloc(10);
  watching = 0;
  free(probe);
  CHECK(requests == 1);
  for (threads = 1; threads <= 3; ++threads) {
    in = dense(NULL, WEFT_F32, x + 1, 2, rows);
    expect_steady("affine.weft", &in, 1, threads);
    in = dense(NULL, WEFT_F32, x, 1, &count);
    expect_steady("nonzero.weft", &in, 1, threads);
    in = dense(NULL, WEFT_U8, bytes, 1, &count);
    expect_steady("workers.weft", &in, 1, threads);
  }
}
