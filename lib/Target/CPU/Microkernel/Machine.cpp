// The processors behind the x86-64 levels. Cache sizes are those of the
// smallest cores in common use at the level. Servers with Golden Cove cores are
// known apart: their two multiply-adds of 512 bits a cycle want their weights
// four times as fast as others get them, and L3 gives them half as fast.

#include "Machine.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringSwitch.h"

namespace weft::cpu {

std::optional<Machine> machineOfLevel(llvm::StringRef level) {
  Machine v2 = {16, 16, false, 32 << 10, 256 << 10, 8};
  Machine v3 = {32, 16, true, 32 << 10, 512 << 10, 8};
  Machine v4 = {64, 32, true, 32 << 10, 1 << 20, 8};
  // 200 to 225 GFLOP/s and 20 to 26 GB/s from L3, measured on one core alone.
  Machine goldenCove = {64, 32, true, 48 << 10, 2 << 20, 8, 200, 20};
  // 235 to 260 GFLOP/s; L3 gives 110 GB/s, memory 35 to 42, and it is memory
  // that the weights of whole models come from. Of the 48 KiB of L1, chunks of
  // weights for 32 are the faster ones.
  Machine zen5 = {64, 32, true, 32 << 10, 1 << 20, 8, 250, 40};
  bool dotsBytes = level.consume_back(kWithVnni);
  auto machine = llvm::StringSwitch<std::optional<Machine>>(level)
                     .Case("x86-64", v2)
                     .Case("x86-64-v2", v2)
                     .Case("x86-64-v3", v3)
                     .Case("x86-64-v4", v4)
                     .Case(kGoldenCove, goldenCove)
                     .Case(kZen5, zen5)
                     .Default(std::nullopt);
  if (!machine || (dotsBytes && machine->vectorBytes != 64))
    return std::nullopt;
  machine->dotsBytes = dotsBytes;
  return machine;
}

std::optional<Machine> machineOfLevel(llvm::StringRef level,
                                      mlir::Operation *op) {
  std::optional<Machine> machine = machineOfLevel(level);
  if (!machine)
    op->emitError("there is no model of level '") << level << "'";
  return machine;
}

} // namespace weft::cpu
