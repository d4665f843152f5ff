// What the microkernel emitter knows of a processor: register file and caches.
// A model of a family, not of one part: tiles that it picks must be good on
// every processor that runs the level.
#ifndef WEFT_LIB_TARGET_CPU_MICROKERNEL_MACHINE_H
#define WEFT_LIB_TARGET_CPU_MICROKERNEL_MACHINE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace mlir {
class Operation;
}

namespace weft::cpu {

struct Machine {
  int64_t vectorBytes = 32;
  int64_t vectorRegisters = 16;
  bool fusedMultiplyAdd = true;
  int64_t l1Bytes = 32 << 10;
  int64_t l2Bytes = 512 << 10;
  /// Independent sums that keep the multipliers busy: latency of a fused
  /// multiply-add times the number started in a cycle.
  int64_t chains = 8;
  /// Of one core, for choosing between algorithms: only their ratio matters.
  /// Multiply-adds count twice; bytes are those of weights that are not in a
  /// cache, read by all positions of a tile in turn.
  double gigaflops = 115, gigabytes = 26;
  /// True if one instruction multiplies bytes and adds up four products.
  bool dotsBytes = false;

  /// Elements of `bytes` bytes that one register holds.
  int64_t lanes(int64_t bytes) const { return vectorBytes / bytes; }
};

/// Xeons from the fourth generation on: level x86-64-v4 and a model of its own.
constexpr llvm::StringLiteral kGoldenCove = "sapphirerapids";

/// The same of Zen 5.
constexpr llvm::StringLiteral kZen5 = "znver5";

/// Behind a level with AVX-512 or one of these models: with products of bytes.
constexpr llvm::StringLiteral kWithVnni = "-vnni";

/// The machine behind a level ("x86-64-v3") or of one of these models, nothing
/// if `level` is neither.
std::optional<Machine> machineOfLevel(llvm::StringRef level);

/// The same for a pass on `op`, which gets an error where there is none.
std::optional<Machine> machineOfLevel(llvm::StringRef level,
                                      mlir::Operation *op);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_MICROKERNEL_MACHINE_H
