/* Times compiled kernels and the machine's peak in one process, so that ratios
 * are taken back to back. Also the allocator of the kernels under test: their
 * buffers are the same memory in every call, as a worker's scratch is. */
#include <stddef.h>
#include <stdint.h>
#include <time.h>

static _Alignas(4096) char scratch[64 << 20];
static size_t used;

void *_mlir_memref_to_llvm_alloc(size_t bytes) {
  void *result = scratch + used;
  used += (bytes + 4095) & ~(size_t)4095;
  return used <= sizeof scratch ? result : NULL;
}

void _mlir_memref_to_llvm_free(void *pointer) { (void)pointer; }

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

typedef void (*kernel)(void *, void *, void *, void *, void *, void *);

/* Seconds of the fastest of `runs` calls. */
double time_kernel(kernel function, void **arguments, int runs, int repeat) {
  double best = 1e30;
  for (int i = 0; i < runs; ++i) {
    double start = now();
    for (int j = 0; j < repeat; ++j) {
      used = 0;
      function(arguments[0], arguments[1], arguments[2], arguments[3],
               arguments[4], arguments[5]);
    }
    double taken = (now() - start) / repeat;
    if (taken < best)
      best = taken;
  }
  return best;
}

/* Multiply-adds of f32 in a second, times two, with 12 independent sums. The
 * registers are not set: no value makes a multiply-add slower, zero is one. */
double peak_flops(void) {
  double best = 0;
  for (int run = 0; run < 20; ++run) {
    long steps = 100000, left = steps;
    double start = now();
    __asm__ volatile("vzeroall\n"
                     "1: vfmadd231ps %%ymm12, %%ymm12, %%ymm0\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm1\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm2\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm3\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm4\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm5\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm6\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm7\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm8\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm9\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm10\n"
                     "vfmadd231ps %%ymm12, %%ymm12, %%ymm11\n"
                     "dec %0\n"
                     "jnz 1b\n"
                     : "+r"(left)
                     :
                     : "ymm0", "ymm1", "ymm2", "ymm3", "ymm4", "ymm5", "ymm6",
                       "ymm7", "ymm8", "ymm9", "ymm10", "ymm11", "ymm12",
                       "ymm13", "ymm14", "ymm15");
    double flops = 12.0 * 16 * steps / (now() - start);
    if (flops > best)
      best = flops;
  }
  return best;
}
