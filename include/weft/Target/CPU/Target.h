// The CPU targets: x86-64 levels and CPUs by name.
#ifndef WEFT_TARGET_CPU_TARGET_H
#define WEFT_TARGET_CPU_TARGET_H

#include "mlir/IR/DialectRegistry.h"
#include "weft/Target/Target.h"

namespace weft::cpu {

/// The target for CPU `arch` ("x86-64-v3", "znver4", "host"); the baseline
/// levels where `arch` is empty.
llvm::Expected<std::vector<std::unique_ptr<Target>>>
createTargets(llvm::StringRef arch);

/// What a context must know for Target::emit.
void registerTranslations(mlir::DialectRegistry &registry);

} // namespace weft::cpu

#endif // WEFT_TARGET_CPU_TARGET_H
