// The order of all passes, one flat list of named stages.
#ifndef WEFT_LIB_PIPELINE_STAGES_H
#define WEFT_LIB_PIPELINE_STAGES_H

#include "weft/Pipeline/Compiler.h"
#include "weft/Target/Target.h"

#include "mlir/Pass/PassManager.h"

namespace weft {

/// What a stage works on.
enum class Scope {
  Import, ///< makes the module
  Model,  ///< once for a model
  Kind,   ///< once for each kind of target: CPU, CUDA, ROCm
  Level,  ///< once for each body of code: x86-64-v3, sm_80
  Output  ///< writes what was asked for
};

struct StagePasses {
  Stage stage;
  Scope scope;
  /// Appends the stage's passes; `target` is null in the scopes above Kind.
  void (*add)(mlir::OpPassManager &pm, const Target *target,
              const CompileOptions &options);
};

llvm::ArrayRef<StagePasses> stageList();

} // namespace weft

#endif // WEFT_LIB_PIPELINE_STAGES_H
