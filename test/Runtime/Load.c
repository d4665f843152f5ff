/* Loading: from path, memory and descriptor; what is refused, and with which
 * words. */
#include "Conformance.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* y = x * w + b of the sample "affine" on one row of ones. */
static void expect_affine(weft_model *model) {
  static const float x[3] = {1, 1, 1};
  static const int64_t shape[2] = {1, 3};
  weft_session *session;
  weft_tensor in = dense("x", WEFT_F32, x, 2, shape), out;
  const float *y;
  CHECK_OK(weft_session_create(model, NULL, &session));
  CHECK_OK(weft_session_run(session, &in, 1, &out, 1));
  y = out.data;
  CHECK(y[0] == 11 && y[1] == 22 && y[2] == 33);
  weft_session_destroy(session);
}

static char *read_sample(const char *name, size_t *size) {
  FILE *file = fopen(sample(name), "rb");
  char *bytes;
  CHECK(file);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  bytes = malloc(*size);
  CHECK(fread(bytes, 1, *size, file) == *size);
  fclose(file);
  return bytes;
}

static void load_many_at_once(void) {
  /* The dynamic linker knows libraries by name; names must not be mixed up
   * when descriptors are used again. */
  int round;
  for (round = 0; round < 3; ++round) {
    weft_model *affine = load_sample("affine.weft");
    weft_model *levels = load_sample("levels.weft");
    weft_model *again = load_sample("affine.weft");
    weft_model *none = NULL;
    weft_model_release(affine);
    /* Fails after its code was mapped, which must not stay. */
    CHECK_ERROR(weft_model_load(sample("missing.weft"), NULL, &none),
                WEFT_ERROR_INTERNAL, "has no 'entry_missing'");
    affine = load_sample("nonzero.weft");
    CHECK(weft_model_input_count(levels) == 0);
    expect_affine(again);
    weft_model_release(affine);
    weft_model_release(levels);
    weft_model_release(again);
  }
}

void test_load(void) {
  weft_model *model = NULL;
  weft_load_options options = {0};
  size_t size;
  char *bytes;
  int fd;
  model = load_sample("affine.weft");
  expect_affine(model);
  weft_model_release(model);
  weft_model_release(NULL);

  bytes = read_sample("affine.weft", &size);
  CHECK_OK(weft_model_load_memory(bytes, size, "memory", NULL, &model));
  memset(bytes, 0, size);
  free(bytes);
  expect_affine(model);
  weft_model_release(model);

  fd = open(sample("affine.weft"), O_RDONLY);
  CHECK_OK(weft_model_load_fd(fd, "descriptor", NULL, &model));
  close(fd);
  expect_affine(model);
  weft_model_release(model);

  options.size = sizeof options;
  options.verify_weights = 1;
  CHECK_OK(weft_model_load(sample("affine.weft"), &options, &model));
  weft_model_release(model);
  CHECK_OK(weft_model_load(sample("external.weft"), &options, &model));
  expect_affine(model);
  weft_model_release(model);
  load_many_at_once();
}

static void expect_refusal(const char *bytes, size_t size, const char *text) {
  weft_model *model = NULL;
  CHECK_ERROR(weft_model_load_memory(bytes, size, "m.weft", NULL, &model),
              WEFT_ERROR_FORMAT, text);
  CHECK(!model);
  CHECK(strncmp(weft_last_error(), "m.weft: ", 8) == 0);
}

static void refuse_paths(void) {
  weft_model *model = NULL;
  char fifo[4096];
  CHECK_ERROR(weft_model_load("/no/such.weft", NULL, &model), WEFT_ERROR_FILE,
              "/no/such.weft: cannot be opened: No such file or directory");
  CHECK_ERROR(weft_model_load("/", NULL, &model), WEFT_ERROR_FILE,
              "/: is a folder");
  CHECK_ERROR(weft_model_load("/dev/zero", NULL, &model), WEFT_ERROR_FILE,
              "is not a regular file");
  snprintf(fifo, sizeof fifo, "%s", sample("fifo-XXXXXX"));
  CHECK(mkdtemp(fifo) && rmdir(fifo) == 0 && mkfifo(fifo, 0600) == 0);
  CHECK_ERROR(weft_model_load(fifo, NULL, &model), WEFT_ERROR_FILE,
              "is not a regular file");
  unlink(fifo);
  CHECK_ERROR(weft_model_load(NULL, NULL, &model), WEFT_ERROR_ARGUMENT,
              "path is NULL");
  CHECK_ERROR(weft_model_load_fd(-1, "closed", NULL, &model), WEFT_ERROR_FILE,
              "closed: cannot be opened");
  CHECK(!model);
}

static void refuse_other_machines(void) {
  weft_model *model = NULL;
  weft_load_options options = {0};
  CHECK_ERROR(weft_model_load(sample("future.weft"), NULL, &model),
              WEFT_ERROR_UNSUPPORTED,
              "holds code for three, and this machine lacks imaginary: "
              "compile the model again with `weft compile --target host`");
  CHECK_ERROR(weft_model_load(sample("nothing.weft"), NULL, &model),
              WEFT_ERROR_UNSUPPORTED, "holds code for nothing");
  CHECK_ERROR(weft_model_load(sample("levels.weft"), &options, &model),
              WEFT_ERROR_ARGUMENT, "size of an options struct");
  options.size = sizeof options;
  options.target = "four";
  CHECK_ERROR(weft_model_load(sample("levels.weft"), &options, &model),
              WEFT_ERROR_UNSUPPORTED,
              "holds code for one, two, three, not for 'four'");
}

void test_damage(void) {
  size_t size, at;
  char *bytes = read_sample("affine.weft", &size), *copy = malloc(size);
  weft_model *model = NULL;
  weft_load_options options = {0};
  /* Every length around structures and a spread of others; exact allocations,
   * so that a sanitizer sees reads past the end. */
  for (at = 0; at < size; at += at < 256 || size - at < 600 ? 1 : 37) {
    char *cut = malloc(at + 1);
    memcpy(cut, bytes, at);
    expect_refusal(cut, at, at ? "m.weft: is" : "is empty");
    free(cut);
  }
  expect_refusal("\x08\x07 a model", 10, "is not a Weft artifact");

  memcpy(copy, bytes, size);
  copy[18] = (char)243; /* e_machine: RISC-V */
  expect_refusal(copy, size, "holds code for RISC-V, this machine is");

  /* A flipped bit in the code, one in the weights. */
  memcpy(copy, bytes, size);
  copy[size / 8] ^= 4;
  expect_refusal(copy, size, "does not have the hash");
  for (at = 0; at + 8 <= size; ++at)
    if (memcmp(bytes + at, "\0\0\x80\x3f\0\0\0\x40", 8) == 0)
      break; /* the first two weights, 1.0f and 2.0f */
  CHECK(at % 4096 == 0);
  memcpy(copy, bytes, size);
  copy[at] ^= 1;
  CHECK_OK(weft_model_load_memory(copy, size, "m.weft", NULL, &model));
  weft_model_release(model);
  options.size = sizeof options;
  options.verify_weights = 1;
  CHECK_ERROR(weft_model_load_memory(copy, size, "m.weft", &options, &model),
              WEFT_ERROR_FORMAT, "weights do not have the hash");
  free(copy);
  free(bytes);

  bytes = read_sample("external.weft", &size);
  CHECK_ERROR(weft_model_load_memory(bytes, size, "/no/m.weft", NULL, &model),
              WEFT_ERROR_FILE,
              "/no/external.safetensors: cannot be opened: No such file or "
              "directory (the weights of /no/m.weft)");
  free(bytes);
  refuse_paths();
  refuse_other_machines();
}

void test_describe(void) {
  weft_model *model = load_sample("affine.weft");
  weft_model_info info = {0};
  weft_tensor_info tensor;
  weft_kernel_info kernel;
  CHECK(weft_model_input_count(model) == 1);
  CHECK(weft_model_output_count(model) == 1);
  CHECK_OK(weft_model_input(model, 0, &tensor));
  CHECK(strcmp(tensor.name, "x") == 0 && tensor.type == WEFT_F32);
  CHECK(tensor.rank == 2 && tensor.shape[0] == -1 && tensor.shape[1] == 3);
  CHECK(strcmp(tensor.symbols[0], "N") == 0 && !*tensor.symbols[1]);
  CHECK_OK(weft_model_output(model, 0, &tensor));
  CHECK(strcmp(tensor.name, "y") == 0);
  CHECK_ERROR(weft_model_input(model, 1, &tensor), WEFT_ERROR_ARGUMENT,
              "there is no input 1");
  CHECK_ERROR(weft_model_output(model, 7, &tensor), WEFT_ERROR_ARGUMENT,
              "there is no output 7");

  CHECK_ERROR(weft_model_describe(model, &info), WEFT_ERROR_ARGUMENT, "size");
  info.size = sizeof info;
  CHECK_OK(weft_model_describe(model, &info));
  CHECK(strcmp(info.model_name, "sample.onnx") == 0);
  CHECK(strcmp(info.target, "baseline") == 0);
  CHECK(info.weight_bytes == 24 && info.kernel_count == 2);
  CHECK(info.model_hash == 1 && info.options_hash == 2);
  CHECK(info.scratch_bytes == 12345);
  /* A caller that knows only the first fields. */
  memset(&info, 0, sizeof info);
  info.size = offsetof(weft_model_info, target);
  CHECK_OK(weft_model_describe(model, &info));
  CHECK(info.compiler_version && !info.target);

  CHECK_OK(weft_model_kernel(model, 1, &kernel));
  CHECK(strcmp(kernel.operators, "node 'add' (Add)") == 0 && kernel.flops == 6);
  CHECK_ERROR(weft_model_kernel(model, 2, &kernel), WEFT_ERROR_ARGUMENT,
              "there is no kernel 2");
  weft_model_release(model);
  CHECK(strcmp(weft_type_name(WEFT_BF16), "bf16") == 0);
  CHECK(strcmp(weft_type_name((weft_type)99), "unknown") == 0);
  CHECK(weft_type_size(WEFT_F64) == 8 && weft_type_size((weft_type)99) == 0);
  CHECK(weft_cpu_count() >= 1 && *weft_version());
}
