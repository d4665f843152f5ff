// The processors behind the x86-64 levels. Cache sizes are those of the
// smallest cores in common use at the level.

#include "Machine.h"

#include "llvm/ADT/StringSwitch.h"

namespace weft::cpu {

std::optional<Machine> machineOfLevel(llvm::StringRef level) {
  Machine v2 = {16, 16, false, 32 << 10, 256 << 10, 8};
  Machine v3 = {32, 16, true, 32 << 10, 512 << 10, 8};
  Machine v4 = {64, 32, true, 32 << 10, 1 << 20, 8};
  return llvm::StringSwitch<std::optional<Machine>>(level)
      .Case("x86-64", v2)
      .Case("x86-64-v2", v2)
      .Case("x86-64-v3", v3)
      .Case("x86-64-v4", v4)
      .Default(std::nullopt);
}

} // namespace weft::cpu
