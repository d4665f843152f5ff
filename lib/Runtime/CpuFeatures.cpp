// Reads CPUID directly: the compiler's __builtin_cpu_supports takes constants
// only and does not know all names. One row for each feature says where its bit
// is and which register state the operating system must save for it.
#include "CpuFeatures.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace weft::runtime {

#if defined(__x86_64__)

namespace {

enum Register : uint8_t { A, B, C, D };

/// Bits of XCR0 that the operating system sets when it saves the registers.
enum State : uint32_t { None = 0, Ymm = 0x6, Zmm = 0xe6, Tile = 0x60000 };

struct FeatureRow {
  std::string_view name;
  uint32_t leaf, subleaf;
  Register reg;
  uint8_t bit;
  State state;
};

// Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E. AVX10 and APX, whose
// presence is more than a bit, are left out and so count as missing.
constexpr FeatureRow kFeatures[] = {
    {"cx8", 1, 0, D, 8, None},
    {"cmov", 1, 0, D, 15, None},
    {"mmx", 1, 0, D, 23, None},
    {"fxsr", 1, 0, D, 24, None},
    {"sse", 1, 0, D, 25, None},
    {"sse2", 1, 0, D, 26, None},
    {"x87", 1, 0, D, 0, None},
    {"sse3", 1, 0, C, 0, None},
    {"pclmul", 1, 0, C, 1, None},
    {"ssse3", 1, 0, C, 9, None},
    {"fma", 1, 0, C, 12, Ymm},
    {"cx16", 1, 0, C, 13, None},
    {"sse4.1", 1, 0, C, 19, None},
    {"sse4.2", 1, 0, C, 20, None},
    {"crc32", 1, 0, C, 20, None},
    {"movbe", 1, 0, C, 22, None},
    {"popcnt", 1, 0, C, 23, None},
    {"aes", 1, 0, C, 25, None},
    {"xsave", 1, 0, C, 27, None},
    {"avx", 1, 0, C, 28, Ymm},
    {"f16c", 1, 0, C, 29, Ymm},
    {"rdrnd", 1, 0, C, 30, None},
    {"fsgsbase", 7, 0, B, 0, None},
    {"sgx", 7, 0, B, 2, None},
    {"bmi", 7, 0, B, 3, None},
    {"avx2", 7, 0, B, 5, Ymm},
    {"bmi2", 7, 0, B, 8, None},
    {"invpcid", 7, 0, B, 10, None},
    {"avx512f", 7, 0, B, 16, Zmm},
    {"avx512dq", 7, 0, B, 17, Zmm},
    {"rdseed", 7, 0, B, 18, None},
    {"adx", 7, 0, B, 19, None},
    {"avx512ifma", 7, 0, B, 21, Zmm},
    {"clflushopt", 7, 0, B, 23, None},
    {"clwb", 7, 0, B, 24, None},
    {"avx512cd", 7, 0, B, 28, Zmm},
    {"sha", 7, 0, B, 29, None},
    {"avx512bw", 7, 0, B, 30, Zmm},
    {"avx512vl", 7, 0, B, 31, Zmm},
    {"avx512vbmi", 7, 0, C, 1, Zmm},
    {"pku", 7, 0, C, 4, None},
    {"waitpkg", 7, 0, C, 5, None},
    {"avx512vbmi2", 7, 0, C, 6, Zmm},
    {"shstk", 7, 0, C, 7, None},
    {"gfni", 7, 0, C, 8, None},
    {"vaes", 7, 0, C, 9, Ymm},
    {"vpclmulqdq", 7, 0, C, 10, Ymm},
    {"avx512vnni", 7, 0, C, 11, Zmm},
    {"avx512bitalg", 7, 0, C, 12, Zmm},
    {"avx512vpopcntdq", 7, 0, C, 14, Zmm},
    {"rdpid", 7, 0, C, 22, None},
    {"kl", 7, 0, C, 23, None},
    {"cldemote", 7, 0, C, 25, None},
    {"movdiri", 7, 0, C, 27, None},
    {"movdir64b", 7, 0, C, 28, None},
    {"enqcmd", 7, 0, C, 29, None},
    {"uintr", 7, 0, D, 5, None},
    {"avx512vp2intersect", 7, 0, D, 8, Zmm},
    {"serialize", 7, 0, D, 14, None},
    {"tsxldtrk", 7, 0, D, 16, None},
    {"pconfig", 7, 0, D, 18, None},
    {"amx-bf16", 7, 0, D, 22, Tile},
    {"avx512fp16", 7, 0, D, 23, Zmm},
    {"amx-tile", 7, 0, D, 24, Tile},
    {"amx-int8", 7, 0, D, 25, Tile},
    {"sha512", 7, 1, A, 0, Ymm},
    {"sm3", 7, 1, A, 1, Ymm},
    {"sm4", 7, 1, A, 2, Ymm},
    {"raoint", 7, 1, A, 3, None},
    {"avxvnni", 7, 1, A, 4, Ymm},
    {"avx512bf16", 7, 1, A, 5, Zmm},
    {"cmpccxadd", 7, 1, A, 7, None},
    {"amx-fp16", 7, 1, A, 21, Tile},
    {"hreset", 7, 1, A, 22, None},
    {"avxifma", 7, 1, A, 23, Ymm},
    {"movrs", 7, 1, A, 31, None},
    {"avxvnniint8", 7, 1, D, 4, Ymm},
    {"avxneconvert", 7, 1, D, 5, Ymm},
    {"amx-complex", 7, 1, D, 8, Tile},
    {"avxvnniint16", 7, 1, D, 10, Ymm},
    {"prefetchi", 7, 1, D, 14, None},
    {"usermsr", 7, 1, D, 15, None},
    {"xsaveopt", 0xd, 1, A, 0, None},
    {"xsavec", 0xd, 1, A, 1, None},
    {"xsaves", 0xd, 1, A, 3, None},
    {"ptwrite", 0x14, 0, B, 4, None},
    {"widekl", 0x19, 0, B, 2, None},
    {"sahf", 0x80000001, 0, C, 0, None},
    {"lzcnt", 0x80000001, 0, C, 5, None},
    {"sse4a", 0x80000001, 0, C, 6, None},
    {"prfchw", 0x80000001, 0, C, 8, None},
    {"xop", 0x80000001, 0, C, 11, Ymm},
    {"lwp", 0x80000001, 0, C, 15, None},
    {"fma4", 0x80000001, 0, C, 16, Ymm},
    {"tbm", 0x80000001, 0, C, 21, None},
    {"mwaitx", 0x80000001, 0, C, 29, None},
    {"64bit", 0x80000001, 0, D, 29, None},
    {"clzero", 0x80000008, 0, B, 0, None},
    {"rdpru", 0x80000008, 0, B, 4, None},
    {"wbnoinvd", 0x80000008, 0, B, 9, None},
};

uint64_t enabledState() {
  uint32_t a, b, c, d;
  // Without OSXSAVE, xgetbv is an invalid instruction.
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27))
    return 0;
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

} // namespace

bool hasCpuFeature(std::string_view feature) {
  for (const FeatureRow &row : kFeatures) {
    if (row.name != feature)
      continue;
    uint32_t r[4];
    if (!__get_cpuid_count(row.leaf, row.subleaf, &r[A], &r[B], &r[C], &r[D]))
      return false;
    if (!(r[row.reg] & 1u << row.bit))
      return false;
    return row.state == None || (enabledState() & row.state) == row.state;
  }
  return false;
}

#elif defined(__aarch64__)

// Bits of AT_HWCAP, from the kernel's asm/hwcap.h.
bool hasCpuFeature(std::string_view feature) {
  struct Row {
    std::string_view name;
    unsigned long type, bit;
  };
  static constexpr Row kFeatures[] = {
      {"fp-armv8", AT_HWCAP, 0},  {"neon", AT_HWCAP, 1},
      {"aes", AT_HWCAP, 3},       {"sha2", AT_HWCAP, 6},
      {"crc", AT_HWCAP, 7},       {"lse", AT_HWCAP, 8},
      {"fullfp16", AT_HWCAP, 10}, {"rdm", AT_HWCAP, 12},
      {"rcpc", AT_HWCAP, 15},     {"dotprod", AT_HWCAP, 20},
      {"sve", AT_HWCAP, 22},      {"fp16fml", AT_HWCAP, 23},
      {"sve2", AT_HWCAP2, 1},     {"i8mm", AT_HWCAP2, 13},
      {"bf16", AT_HWCAP2, 14},
  };
  for (const Row &row : kFeatures)
    if (row.name == feature)
      return getauxval(row.type) >> row.bit & 1;
  return false;
}

#endif

std::string missingCpuFeatures(const std::vector<std::string> &needed) {
  std::string missing;
  for (const std::string &feature : needed)
    if (!hasCpuFeature(feature))
      missing += (missing.empty() ? "" : ", ") + feature;
  return missing;
}

} // namespace weft::runtime
