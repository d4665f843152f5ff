// Passes of the CPU target; described in Passes.td.
#ifndef WEFT_TARGET_CPU_PASSES_H
#define WEFT_TARGET_CPU_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace weft::cpu {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "weft/Target/CPU/Passes.h.inc"

} // namespace weft::cpu

#endif // WEFT_TARGET_CPU_PASSES_H
