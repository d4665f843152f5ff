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
  std::string name;      ///< "x86-64-v3", "znver4", "x86-64-v4-vnni"
  std::string processor; ///< LLVM's name
  std::string features;  ///< LLVM's feature string on top of the name
  /// What the emitters assume (machineOfLevel): the x86-64 level or a CPU of
  /// it, with kWithVnni behind for products of bytes.
  std::string machine;
  int64_t width = 8;               ///< f32 lanes of a register
  std::vector<std::string> needed; ///< features asked for at load time
};

/// The level called `arch`; "host" is the machine that compiles. An error names
/// what exists.
llvm::Expected<CpuLevel> x86Level(llvm::StringRef arch);

/// The levels of an artifact that names no CPU.
std::vector<std::string> x86BaselineLevels();

/// The level for programs that multiply bytes, and whether this machine has it.
std::string x86BytesLevel();
bool hostMultipliesBytes();

/// Registers LLVM's code generator, once.
void initializeX86();

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_X86_X86LEVELS_H
