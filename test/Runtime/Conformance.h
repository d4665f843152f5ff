/* What the parts of the conformance program share. */
#ifndef WEFT_TEST_RUNTIME_CONFORMANCE_H
#define WEFT_TEST_RUNTIME_CONFORMANCE_H

#include "weft/runtime.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program: what follows a failed check seldom means anything. */
#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: failed: %s\n  last error: %s\n", __FILE__,       \
              __LINE__, #condition, weft_last_error());                        \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

#define CHECK_OK(call) CHECK((call) == WEFT_OK)

/* `call` must fail with `status` and a message that contains `text`. */
#define CHECK_ERROR(call, status, text)                                        \
  do {                                                                         \
    CHECK((call) == (status));                                                 \
    if (!strstr(weft_last_error(), (text))) {                                  \
      fprintf(stderr, "%s:%d: message is\n  %s\nand should contain\n  %s\n",   \
              __FILE__, __LINE__, weft_last_error(), (text));                  \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

/* The path of a sample, until the next call. */
const char *sample(const char *name);
weft_model *load_sample(const char *name);
/* A session on a sample, with the model released. */
weft_session *open_sample(const char *name,
                          const weft_session_options *options);
/* A dense tensor of host memory. */
weft_tensor dense(const char *name, weft_type type, const void *data,
                  int32_t rank, const int64_t *shape);

void test_load(void);
void test_damage(void);
void test_describe(void);
void test_inputs(void);
void test_symbols(void);
void test_strides(void);
void test_outputs(void);
void test_checks(void);
void test_dynamic(void);
void test_threads(void);
void test_pool(void);
void test_profile(void);
void test_allocator(void);
void test_steady(void);
void test_strings(void);
void test_bad_strings(void);
void test_many_strings(void);

#endif
