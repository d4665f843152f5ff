/* Tensors of strings: borrowed, strided, bound, many at once. */
#include "Conformance.h"

static weft_string text(const char *data) {
  weft_string result;
  result.data = data;
  result.length = (int64_t)strlen(data);
  return result;
}

static int is(weft_string found, const char *expected) {
  return found.length == (int64_t)strlen(expected) &&
         memcmp(found.data, expected, (size_t)found.length) == 0;
}

void test_strings(void) {
  weft_session *s = open_sample("shout.weft", NULL);
  char first[] = "one two";
  weft_string data[4], bound[6] = {{0}};
  int64_t shape[1] = {3}, stride[1] = {2}, two[1] = {2}, none[1] = {0};
  weft_tensor in = dense("x", WEFT_STRING, data, 1, shape), out[2], place;
  const weft_string *y;
  data[0] = text(first);
  data[1] = text("");
  data[2] = text("one two");
  data[2].length = 3;
  CHECK_OK(weft_session_run(s, &in, 1, out, 2));
  y = out[0].data;
  CHECK(out[0].type == WEFT_STRING && weft_type_size(WEFT_STRING) == 16);
  CHECK(strcmp(weft_type_name(WEFT_STRING), "string") == 0);
  /* Results do not point into inputs. */
  memset(first, 'x', sizeof first);
  CHECK(is(y[0], "one two!") && is(y[1], "!") && is(y[2], "one!"));
  CHECK(((int64_t *)out[1].data)[0] == 2 && ((int64_t *)out[1].data)[1] == 0);

  data[0] = text("a");
  data[2] = text("b");
  in.shape = two;
  in.strides = stride;
  place = dense(NULL, WEFT_STRING, bound, 1, two);
  place.strides = stride;
  CHECK_OK(weft_session_bind_output(s, 0, &place));
  CHECK_OK(weft_session_run(s, &in, 1, NULL, 0));
  CHECK(is(bound[0], "a!") && is(bound[2], "b!") && !bound[1].data);
  CHECK_OK(weft_session_bind_output(s, 0, NULL));

  in = dense("x", WEFT_STRING, NULL, 1, none);
  CHECK_OK(weft_session_run(s, &in, 1, out, 2));
  CHECK(out[0].shape[0] == 0);
  weft_session_destroy(s);
}

void test_bad_strings(void) {
  weft_session *s = open_sample("shout.weft", NULL);
  weft_string data[2] = {{0}};
  int64_t shape[1] = {2};
  weft_tensor in = dense("x", WEFT_STRING, data, 1, shape);
  data[1].length = -5;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "input 'x' has as element 1 a string of length -5");
  data[1].length = 5;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "input 'x' has as element 1 a string without data");
  data[1].data = "";
  data[1].length = 0;
  CHECK_OK(weft_session_run(s, &in, 1, NULL, 0));
  in.type = WEFT_I64;
  CHECK_ERROR(weft_session_run(s, &in, 1, NULL, 0), WEFT_ERROR_INPUT,
              "input 'x' has type i64 where the model takes string");
  weft_session_destroy(s);
}

/* More than tables and pieces of memory begin with, on several threads, and
 * different ones in each run. */
void test_many_strings(void) {
  enum { kCount = 5000 };
  static char texts[kCount][64];
  static weft_string data[kCount];
  int64_t shape[1] = {kCount};
  weft_session_options options = {sizeof options, 3};
  weft_session *s = open_sample("shout.weft", &options);
  weft_tensor in = dense("x", WEFT_STRING, data, 1, shape), out[1];
  int run, i;
  for (run = 0; run < 3; ++run) {
    for (i = 0; i < kCount; ++i) {
      snprintf(texts[i], sizeof texts[i], "%d %d %040d", run, i / 2, i / 2);
      data[i] = text(texts[i]);
    }
    CHECK_OK(weft_session_run(s, &in, 1, out, 1));
    for (i = 0; i < kCount; ++i) {
      const weft_string *y = (const weft_string *)out[0].data + i;
      CHECK(y->length == data[i].length + 1 && y->data[y->length - 1] == '!');
      CHECK(memcmp(y->data, texts[i], (size_t)data[i].length) == 0);
    }
  }
  weft_session_destroy(s);
}
