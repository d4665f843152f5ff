// The whole line as a function: a model file in, an artifact or another form of
// the program out. tools/weft is a thin layer over this.
#ifndef WEFT_PIPELINE_COMPILER_H
#define WEFT_PIPELINE_COMPILER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "weft/Artifact/Manifest.h"
#include "weft/Pipeline/Options.h"
#include <memory>

namespace weft {

/// A named piece of the pipeline.
struct Stage {
  llvm::StringLiteral name;
  llvm::StringLiteral summary; ///< what holds afterwards, in one sentence
};

/// All stages in order. --save-stages writes one file for each, --timing one
/// line, and `--emit mlir:STAGE` takes their names.
llvm::ArrayRef<Stage> compileStages();

/// How a compilation ended. The values are the driver's exit codes.
enum class CompileStatus {
  Done = 0,
  UserError = 1,     ///< the model, the options or the output path
  InternalError = 3, ///< ours
  BudgetExceeded = 4
};

struct StageTime {
  std::string stage;
  double seconds = 0;
};

/// A product of the program and the tile that it got.
struct TiledProduct {
  std::string target;  ///< "cpu:znver4"
  std::string product; ///< as kernel::describeProduct writes it
  TileNumbers tile;
  std::vector<size_t> launches; ///< of its kernel, as weft_model_kernel counts
};

/// What a compilation did, for --timing, --json and tests.
struct CompileReport {
  std::vector<StageTime> stages;
  unsigned operators = 0; ///< of the model, after import
  unsigned kernels = 0;
  std::vector<TiledProduct> products;
  uint64_t weightBytes = 0;
  int64_t arenaBytes = -1;                    ///< -1: depends on shapes
  std::vector<artifact::MemoryBlock> buffers; ///< of the arena
};

/// Compiles the model in file `model` and writes what `options.emit` asks for
/// to file `output`; text goes to standard output where `output` is "-".
/// Messages go to `errors`, one line each. What stood under `output` is
/// replaced only when all is well.
CompileStatus compileModel(llvm::StringRef model, llvm::StringRef output,
                           const CompileOptions &options, CompileReport &report,
                           llvm::raw_ostream &errors);

/// A context with all dialects that a compilation needs.
std::unique_ptr<mlir::MLIRContext> createCompilerContext();

/// The program of file `model` as it is after `stage` (compileStages). Null
/// after a failure, which `errors` tells; `status` says whose fault it is.
mlir::OwningOpRef<mlir::ModuleOp>
compileToStage(llvm::StringRef model, llvm::StringRef stage,
               const CompileOptions &options, mlir::MLIRContext &context,
               CompileStatus &status, llvm::raw_ostream &errors);

} // namespace weft

#endif // WEFT_PIPELINE_COMPILER_H
