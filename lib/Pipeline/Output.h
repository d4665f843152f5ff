// What comes out of the stages, and how it is written.
#ifndef WEFT_LIB_PIPELINE_OUTPUT_H
#define WEFT_LIB_PIPELINE_OUTPUT_H

#include "weft/Artifact/Manifest.h"
#include "weft/Dialect/Kernel/Transforms/Program.h"
#include "weft/Pipeline/Compiler.h"
#include "weft/Target/Target.h"

namespace weft {

/// The program on its way to one target, or, before the line divides, to a
/// kind of target or to all.
struct TargetProgram {
  const Target *target = nullptr;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::shared_ptr<kernel::Program> tables =
      nullptr;                             ///< since memory was planned
  std::shared_ptr<Target> owner = nullptr; ///< set at the end
};

/// Inputs and outputs as the model's user sees them.
struct ProgramInterface {
  std::vector<artifact::TensorInfo> inputs, outputs;
};

/// Reads the interface off the signature of @main. Fails with a message for
/// element types that an artifact cannot have.
mlir::LogicalResult readInterface(mlir::ModuleOp module,
                                  ProgramInterface &interface);

/// Divides one program into one for each kind of target, then each of those
/// into one for each target. Does nothing where that has happened.
void splitByKind(std::vector<TargetProgram> &programs,
                 llvm::ArrayRef<std::unique_ptr<Target>> targets);
void splitByLevel(std::vector<TargetProgram> &programs,
                  llvm::ArrayRef<std::unique_ptr<Target>> targets);

/// Writes what `options.emit` asks for.
CompileStatus writeOutput(llvm::StringRef model, llvm::StringRef output,
                          const CompileOptions &options,
                          const ProgramInterface &interface,
                          llvm::MutableArrayRef<TargetProgram> programs,
                          CompileReport &report, llvm::raw_ostream &errors);

} // namespace weft

#endif // WEFT_LIB_PIPELINE_OUTPUT_H
