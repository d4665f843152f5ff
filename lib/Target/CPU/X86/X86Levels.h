// x86-64 CPUs: names, what they need at run time, and the widths that follow.
// Private to lib/Target/CPU.
#ifndef WEFT_LIB_TARGET_CPU_X86_X86LEVELS_H
#define WEFT_LIB_TARGET_CPU_X86_X86LEVELS_H

#include "llvm/Support/Error.h"
#include "llvm/TargetParser/Triple.h"
#include <string>
#include <vector>

namespace weft::cpu {

/// A CPU that code is generated for.
struct CpuLevel {
  std::string name;     ///< "x86-64-v3", "znver4": LLVM's names
  std::string features; ///< LLVM's feature string on top of the name
  std::string level;    ///< the x86-64 level that the emitters assume
  std::string machine;  ///< and their model: the level, or a CPU of it
  int64_t width = 8;    ///< f32 lanes of a register
  std::vector<std::string> needed; ///< features asked for at load time
};

/// The level called `arch`; "host" is the machine that compiles. An error names
/// what exists.
llvm::Expected<CpuLevel> x86Level(llvm::StringRef arch);

/// The levels of an artifact that names no CPU.
std::vector<std::string> x86BaselineLevels();

/// Registers LLVM's code generator, once.
void initializeX86();

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_X86_X86LEVELS_H
