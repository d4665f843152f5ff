/* Several threads: of one session, of the embedder, and several sessions. */
#include "Conformance.h"
#include <pthread.h>
#include <sched.h>

enum { kRows = 1000 };

static void run_affine(weft_session *s, int rounds) {
  static float x[kRows * 3];
  static const int64_t shape[2] = {kRows, 3};
  weft_tensor in = dense("x", WEFT_F32, x, 2, shape), out;
  int round, i;
  for (round = 0; round < rounds; ++round) {
    CHECK_OK(weft_session_run(s, &in, 1, &out, 1));
    for (i = 0; i < kRows * 3; ++i)
      CHECK(((float *)out.data)[i] == (float)(i % 3 * 10 + 10));
  }
}

/* All items are computed, each by a worker that exists. */
static void run_workers(weft_session *s, int64_t count) {
  static const unsigned char x[4096];
  weft_tensor in = dense("x", WEFT_U8, x, 1, &count), out;
  int64_t i;
  CHECK_OK(weft_session_run(s, &in, 1, &out, 1));
  for (i = 0; i < count; ++i)
    CHECK(((int64_t *)out.data)[i] >= 0 &&
          ((int64_t *)out.data)[i] < weft_session_threads(s));
}

static void *run_session(void *model) {
  weft_session_options options = {0};
  weft_session *s;
  options.size = sizeof options;
  options.threads = 2;
  CHECK_OK(weft_session_create(model, &options, &s));
  run_affine(s, 200);
  weft_session_destroy(s);
  return NULL;
}

void test_threads(void) {
  weft_session_options options = {0};
  weft_session *s;
  weft_model *model;
  pthread_t threads[2];
  int i;
  options.size = sizeof options;
  options.threads = -1;
  model = load_sample("affine.weft");
  CHECK_ERROR(weft_session_create(model, &options, &s), WEFT_ERROR_ARGUMENT,
              "cannot have -1 threads");
  for (i = 1; i <= 8; i = i < 4 ? i + 1 : i * 2) {
    options.threads = i;
    CHECK_OK(weft_session_create(model, &options, &s));
    CHECK(weft_session_threads(s) == i);
    run_affine(s, 100);
    weft_session_destroy(s);
    s = open_sample("workers.weft", &options);
    run_workers(s, 1);
    run_workers(s, 3);
    run_workers(s, 1001);
    weft_session_destroy(s);
  }
  /* Two sessions of one model at once; the model may go first. */
  for (i = 0; i < 2; ++i)
    CHECK(pthread_create(&threads[i], NULL, run_session, model) == 0);
  for (i = 0; i < 2; ++i)
    pthread_join(threads[i], NULL);
  CHECK_OK(weft_session_create(model, NULL, &s));
  weft_model_release(model);
  run_affine(s, 1);
  weft_session_destroy(s);
}

/* An embedder's pool, simple and slow: threads made for each task. */
struct Call {
  void (*task)(void *argument, int32_t i);
  void *argument;
  int32_t i;
};

static void *call_task(void *argument) {
  struct Call *call = argument;
  call->task(call->argument, call->i);
  return NULL;
}

static void run_pool(void *user, int32_t count,
                     void (*task)(void *argument, int32_t i), void *argument) {
  struct Call calls[16];
  pthread_t threads[16];
  int32_t i;
  CHECK(count <= 16);
  for (i = 0; i < count; ++i) {
    calls[i].task = task;
    calls[i].argument = argument;
    calls[i].i = i;
    CHECK(pthread_create(&threads[i], NULL, call_task, &calls[i]) == 0);
  }
  for (i = 0; i < count; ++i)
    pthread_join(threads[i], NULL);
  ++*(int *)user;
}

/* The calls may also be made one after another. */
static void run_serially(void *user, int32_t count,
                         void (*task)(void *argument, int32_t i),
                         void *argument) {
  int32_t i;
  for (i = count; i-- > 0;)
    task(argument, i);
  ++*(int *)user;
}

void test_pool(void) {
  int calls = 0;
  weft_session_options options = {0};
  weft_session *s;
  options.size = sizeof options;
  options.threads = 3;
  options.pool.user = &calls;
  options.pool.run = run_pool;
  s = open_sample("affine.weft", &options);
  run_affine(s, 5);
  CHECK(calls == 10 && weft_session_threads(s) == 3);
  weft_session_destroy(s);
  options.pool.run = run_serially;
  s = open_sample("workers.weft", &options);
  run_workers(s, 100);
  CHECK(calls == 11);
  weft_session_destroy(s);
}

static size_t seen[8];
static size_t seen_count;

static void on_kernel(void *user, size_t kernel, uint64_t begin, uint64_t end) {
  CHECK(begin && begin <= end && user == seen);
  if (seen_count < 8)
    seen[seen_count++] = kernel;
}

void test_profile(void) {
  weft_session_options options = {0};
  weft_session *s;
  options.size = sizeof options;
  options.on_kernel = on_kernel;
  options.on_kernel_user = seen;
  s = open_sample("affine.weft", &options);
  run_affine(s, 2);
  CHECK(seen_count == 4 && seen[0] == 0 && seen[1] == 1 && seen[3] == 1);
  weft_session_destroy(s);
}
