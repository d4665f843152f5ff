/* One session on one thread: what it takes and what it gives. */
#include "Conformance.h"

/* Memory that may be used in place, and memory next to it that may not. */
static float aligned[256] __attribute__((aligned(64)));

void test_inputs(void) {
  weft_session *s = open_sample("affine.weft", NULL);
  float data[12] = {0};
  int64_t good[2] = {2, 3}, wide[2] = {2, 4}, negative[2] = {-2, 3};
  int64_t huge[2] = {(int64_t)1 << 61, 3};
  weft_tensor in = dense("x", WEFT_F32, data, 2, good), two[2], out[2];
  CHECK_OK(weft_session_run(s, &in, 1, NULL, 0));
  in.name = NULL;
  CHECK_OK(weft_session_run(s, &in, 1, NULL, 0));

  CHECK_ERROR(weft_session_run(s, NULL, 0, NULL, 0), WEFT_ERROR_INPUT,
              "affine.weft: input 'x' is missing");
  in.name = "z";
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "there is no input 'z'; the model takes 'x'");
  in.name = "x";
  two[0] = two[1] = in;
  CHECK_ERROR(weft_session_run(s, two, 2, NULL, 0), WEFT_ERROR_INPUT,
              "input 'x' is given twice");
  two[1].name = NULL;
  CHECK_ERROR(weft_session_run(s, two, 2, NULL, 0), WEFT_ERROR_INPUT,
              "2 inputs are given where the model takes 1");

  in.type = WEFT_F64;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "input 'x' has type f64 where the model takes f32");
  in.type = WEFT_F32;
  in.shape = wide;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "input 'x' has shape 2x4 where the model takes ?x3");
  in.rank = 1;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "input 'x' has shape 2 where the model takes ?x3");
  in.rank = 1 << 20;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "rank 1048576");
  in.rank = 2;
  in.shape = negative;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "input 'x' has shape -2x3");
  in.shape = huge;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "more than memory can hold");
  in.shape = NULL;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT, "rank 2");
  in.shape = good;
  in.data = NULL;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_ARGUMENT,
              "input 'x' has no data");
  in.data = data;
  in.device_type = 2;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "is on device type 2");
  in.device_type = 1;
  CHECK_ERROR(weft_session_run(s, &in, 1, out, 2), WEFT_ERROR_ARGUMENT,
              "2 outputs are asked for where the model has 1");
  CHECK_OK(weft_session_run(s, &in, 1, out, 1));

  /* No rows: nothing to read, and NULL is as good as any pointer. */
  good[0] = 0;
  in.data = NULL;
  CHECK_OK(weft_session_run(s, &in, 1, out, 1));
  CHECK(out[0].shape[0] == 0 && out[0].data);
  weft_session_destroy(s);
  weft_session_destroy(NULL);
}

void test_symbols(void) {
  weft_session *s = open_sample("mix.weft", NULL);
  float a[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  int64_t b[4] = {10, 20, 30, 40}, a_shape[2] = {4, 2}, n = 4, other = 3;
  /* Whatever is not 0 is true. */
  unsigned char mask[4] = {1, 0, 255, 2};
  weft_tensor in[3], out[2];
  const float *y;
  /* By name, in another order. */
  in[0] = dense("mask", WEFT_BOOL, mask, 1, &n);
  in[1] = dense("a", WEFT_F32, a, 2, a_shape);
  in[2] = dense("b", WEFT_I64, b, 1, &n);
  CHECK_OK(weft_session_run(s, in, 3, out, 2));
  y = out[0].data;
  CHECK(y[0] == 3 && y[1] == 20 && y[2] == 11 && y[3] == 15);
  CHECK(*(int64_t *)out[1].data == 100 && out[1].rank == 0);
  CHECK(strcmp(out[1].name, "total") == 0 && out[1].type == WEFT_I64);
  CHECK(mask[2] == 255);
  in[2].shape = &other;
  CHECK_ERROR(weft_session_run(s, in, 3, out, 2), WEFT_ERROR_INPUT,
              "mix.weft: input 'b' has 3 on axis 0 where input 'a' has 4 on "
              "axis 0, and both are 'N'");
  weft_session_destroy(s);
}

static void expect_rows(weft_session *s, weft_tensor in, int64_t rows,
                        const float *x) {
  weft_tensor out;
  const float *y;
  int64_t i;
  CHECK_OK(weft_session_run(s, &in, 1, &out, 1));
  CHECK(out.shape[0] == rows && out.shape[1] == 3 && !out.strides);
  y = out.data;
  for (i = 0; i < rows * 3; ++i)
    CHECK(y[i] == x[i] * (float)(i % 3 + 1) + (float)(i % 3 * 10 + 10));
}

void test_strides(void) {
  weft_session *s = open_sample("affine.weft", NULL);
  float expected[12], spread[64];
  int64_t shape[2] = {4, 3}, strides[2];
  weft_tensor in = dense("x", WEFT_F32, NULL, 2, shape);
  int i, j;
  for (i = 0; i < 12; ++i)
    expected[i] = aligned[i] = (float)i;
  in.data = aligned; /* used in place */
  expect_rows(s, in, 4, expected);
  memmove(aligned + 1, aligned, sizeof expected);
  in.data = aligned + 1; /* not aligned */
  expect_rows(s, in, 4, expected);

  in.strides = strides;
  in.data = spread;
  strides[0] = 1, strides[1] = 4; /* transposed */
  for (i = 0; i < 4; ++i)
    for (j = 0; j < 3; ++j)
      spread[i + 4 * j] = expected[3 * i + j];
  expect_rows(s, in, 4, expected);
  strides[0] = 15, strides[1] = 5; /* every fifth */
  for (i = 0; i < 12; ++i)
    spread[5 * i] = expected[i];
  expect_rows(s, in, 4, expected);
  strides[0] = -3, strides[1] = -1; /* backwards */
  for (i = 0; i < 12; ++i)
    spread[11 - i] = expected[i];
  in.data = spread + 11;
  expect_rows(s, in, 4, expected);
  strides[0] = 0, strides[1] = 1; /* one row four times */
  in.data = spread;
  for (i = 0; i < 12; ++i) {
    spread[i % 3] = (float)(i % 3);
    expected[i] = (float)(i % 3);
  }
  expect_rows(s, in, 4, expected);
  weft_session_destroy(s);
}

void test_outputs(void) {
  weft_session *s = open_sample("affine.weft", NULL);
  float x[6] = {1, 1, 1, 2, 2, 2}, own[12];
  int64_t shape[2] = {2, 3}, three[2] = {3, 3}, strides[2] = {6, 2};
  int64_t flat = 6;
  weft_tensor in = dense("x", WEFT_F32, x, 2, shape), out, bound;
  /* In place, by way of a copy, and with gaps. */
  bound = dense(NULL, WEFT_F32, aligned, 2, shape);
  CHECK_OK(weft_session_bind_output(s, 0, &bound));
  CHECK_OK(weft_session_run(s, &in, 1, &out, 1));
  CHECK(out.data == aligned && aligned[0] == 11 && aligned[5] == 36);
  CHECK(out.shape[0] == 2 && strcmp(out.name, "y") == 0);
  bound.data = own + 1;
  CHECK_OK(weft_session_bind_output(s, 0, &bound));
  CHECK_OK(weft_session_run(s, &in, 1, &out, 1));
  CHECK(out.data == own + 1 && own[1] == 11 && own[6] == 36);
  bound.strides = strides;
  bound.data = own;
  own[1] = -1;
  CHECK_OK(weft_session_bind_output(s, 0, &bound));
  CHECK_OK(weft_session_run(s, &in, 1, &out, 1));
  CHECK(own[0] == 11 && own[1] == -1 && own[2] == 22 && own[10] == 36);
  CHECK(out.strides && out.strides[1] == 2);

  CHECK_ERROR(weft_session_bind_output(s, 1, &bound), WEFT_ERROR_ARGUMENT,
              "there is no output 1; the model has 1");
  bound.type = WEFT_I32;
  CHECK_ERROR(weft_session_bind_output(s, 0, &bound), WEFT_ERROR_INPUT,
              "output 'y' has type f32 where the memory bound to it has i32");
  bound.type = WEFT_F32;
  bound.rank = 1;
  bound.shape = &flat;
  CHECK_ERROR(weft_session_bind_output(s, 0, &bound), WEFT_ERROR_INPUT,
              "output 'y' has shape ?x3 where the memory bound to it has 6");
  bound.rank = 2;
  bound.shape = three;
  bound.strides = NULL;
  CHECK_OK(weft_session_bind_output(s, 0, &bound));
  CHECK_ERROR(weft_session_run(s, &in, 1, &out, 1), WEFT_ERROR_INPUT,
              "output 'y' has shape 2x3 where the memory bound to it has 3x3");
  CHECK_OK(weft_session_bind_output(s, 0, NULL));
  CHECK_OK(weft_session_run(s, &in, 1, &out, 1));
  CHECK(out.data != own && ((float *)out.data)[5] == 36);
  weft_session_destroy(s);
}

void test_checks(void) {
  weft_session *s = open_sample("gather.weft", NULL);
  float table[3] = {5, 6, 7};
  int32_t index[4] = {2, 0, 1, 2};
  int64_t extent = 3, count = 4;
  weft_tensor in[2], out;
  in[0] = dense("table", WEFT_F32, table, 1, &extent);
  in[1] = dense("index", WEFT_I32, index, 1, &count);
  CHECK_OK(weft_session_run(s, in, 2, &out, 1));
  CHECK(((float *)out.data)[0] == 7 && ((float *)out.data)[1] == 5);
  index[1] = 3;
  CHECK_ERROR(weft_session_run(s, in, 2, &out, 1), WEFT_ERROR_CHECK,
              "gather.weft: node 'pick' (Gather): index 3 is out of range for "
              "extent 3");
  /* The failure is over once its cause is. */
  index[1] = 1;
  CHECK_OK(weft_session_run(s, in, 2, &out, 1));
  CHECK(((float *)out.data)[1] == 6);
  index[3] = -1;
  CHECK_ERROR(weft_session_run(s, in, 2, &out, 1), WEFT_ERROR_CHECK,
              "index -1 is negative");
  weft_session_destroy(s);

  s = open_sample("silent.weft", NULL);
  CHECK_ERROR(weft_session_run(s, NULL, 0, NULL, 0), WEFT_ERROR_INTERNAL,
              "output 'y' was not written");
  weft_session_destroy(s);
  s = open_sample("nonsense.weft", NULL);
  CHECK_ERROR(weft_session_run(s, NULL, 0, NULL, 0), WEFT_ERROR_INTERNAL,
              "internal error: ");
  weft_session_destroy(s);
}

static int64_t chosen_level(const char *target) {
  weft_load_options options = {sizeof options, target, 0};
  weft_model *model;
  weft_session *s;
  weft_tensor out;
  int64_t level;
  CHECK_OK(weft_model_load(sample("levels.weft"), &options, &model));
  CHECK_OK(weft_session_create(model, NULL, &s));
  CHECK_OK(weft_session_run(s, NULL, 0, &out, 1));
  level = *(int64_t *)out.data;
  weft_session_destroy(s);
  weft_model_release(model);
  return level;
}

void test_dynamic(void) {
  weft_session *s = open_sample("nonzero.weft", NULL);
  float x[5] = {0, 3, 0, 4, 5}, none[5] = {0};
  int64_t n = 5;
  weft_tensor in = dense("x", WEFT_F32, x, 1, &n), out;
  CHECK_OK(weft_session_run(s, &in, 1, &out, 1));
  CHECK(out.shape[0] == 3 && ((float *)out.data)[2] == 5);
  in.data = none;
  CHECK_OK(weft_session_run(s, &in, 1, &out, 1));
  CHECK(out.shape[0] == 0);
  weft_session_destroy(s);
  CHECK(chosen_level(NULL) == 2);
  CHECK(chosen_level("one") == 1);
}
