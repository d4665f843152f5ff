// What a kernel's work item costs, roughly. Private to lib/Target/CPU.
#ifndef WEFT_LIB_TARGET_CPU_WORKCOST_H
#define WEFT_LIB_TARGET_CPU_WORKCOST_H

#include "mlir/IR/Block.h"
#include <cstdint>

namespace weft::cpu {

/// Picoseconds that one pass through `block` takes, within a factor of a few:
/// enough to tell what is worth waking another thread for. Loops whose number
/// of iterations is unknown count as long ones.
int64_t picosecondsOf(mlir::Block &block);

} // namespace weft::cpu

#endif // WEFT_LIB_TARGET_CPU_WORKCOST_H
