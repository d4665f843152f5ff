/* Loads an artifact that takes two rows of three numbers, runs it, prints what
 * it gives:  cc run.c -lweft_runtime && ./a.out FILE.weft */
#include <stdio.h>
#include <weft/runtime.h>

int main(int argc, char **argv) {
  float x[6] = {1, 1, 1, 2, 2, 2};
  int64_t shape[2] = {2, 3};
  weft_tensor out,
      in = {.data = x, .shape = shape, .rank = 2, .type = WEFT_F32};
  weft_model *model = NULL;
  weft_session *session = NULL;
  if (argc != 2 || weft_model_load(argv[1], NULL, &model) ||
      weft_session_create(model, NULL, &session) ||
      weft_session_run(session, &in, 1, &out, 1))
    return fprintf(stderr, "error: %s\n", weft_last_error()), 1;
  for (int i = 0; i < out.shape[0] * out.shape[1]; ++i)
    printf("%g\n", ((float *)out.data)[i]);
  weft_session_destroy(session);
  weft_model_release(model);
}
