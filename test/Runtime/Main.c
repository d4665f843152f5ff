/* The conformance program: what every device must do, through the C interface
 * alone.
 *
 * Usage: runtime-conformance FOLDER    the folder holds the samples of Pack.cpp
 */
#include "Conformance.h"

static const char *folder;

const char *sample(const char *name) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

weft_model *load_sample(const char *name) {
  weft_model *model = NULL;
  CHECK_OK(weft_model_load(sample(name), NULL, &model));
  return model;
}

weft_session *open_sample(const char *name,
                          const weft_session_options *options) {
  weft_model *model = load_sample(name);
  weft_session *session = NULL;
  CHECK_OK(weft_session_create(model, options, &session));
  weft_model_release(model);
  return session;
}

weft_tensor dense(const char *name, weft_type type, const void *data,
                  int32_t rank, const int64_t *shape) {
  weft_tensor tensor = {0};
  tensor.name = name;
  tensor.type = type;
  tensor.data = (void *)data;
  tensor.rank = rank;
  tensor.shape = shape;
  return tensor;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } tests[] = {
      {"load", test_load},
      {"damage", test_damage},
      {"describe", test_describe},
      {"inputs", test_inputs},
      {"symbols", test_symbols},
      {"strides", test_strides},
      {"outputs", test_outputs},
      {"checks", test_checks},
      {"dynamic", test_dynamic},
      {"threads", test_threads},
      {"pool", test_pool},
      {"profile", test_profile},
      {"allocator", test_allocator},
      {"steady", test_steady},
      {"strings", test_strings},
      {"bad strings", test_bad_strings},
      {"many strings", test_many_strings},
  };
  size_t i;
  if (argc != 2)
    return 2;
  folder = argv[1];
  for (i = 0; i < sizeof tests / sizeof tests[0]; ++i) {
    printf("%s\n", tests[i].name);
    fflush(stdout);
    tests[i].run();
  }
  return 0;
}
