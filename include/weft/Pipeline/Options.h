// Everything a user can tell the compiler, in one struct that is handed down;
// nothing below it reads flags, globals or the environment.
#ifndef WEFT_PIPELINE_OPTIONS_H
#define WEFT_PIPELINE_OPTIONS_H

#include "weft/Import/ImportOptions.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weft {

/// One `--target`: "cpu:x86-64-v3", "cuda:sm_90", "rocm:gfx942".
struct TargetSpec {
  enum class Kind { CPU, CUDA, ROCm };
  Kind kind = Kind::CPU;
  /// A CPU as LLVM names it or "x86-64-vN", or a GPU architecture. "host" is
  /// the machine that compiles; empty for a CPU: the baseline levels.
  std::string arch = "host";

  /// As the user would write it.
  std::string str() const;
};

/// "host", "cpu", "cpu:ARCH", "cuda:sm_NN[a]" or "rocm:gfxNNN".
llvm::Expected<TargetSpec> parseTarget(llvm::StringRef text);

/// f32: fp32 arithmetic, sums in a fixed order. strict: direct algorithms only.
/// The others round operands of matrix products and convolutions.
enum class Precision { F32, Strict, BF16, F16 };

llvm::Expected<Precision> parsePrecision(llvm::StringRef text);

/// What to do where speed can be had for memory: fast takes it, small does not.
enum class MemoryUse { Fast, Small };

llvm::Expected<MemoryUse> parseMemoryUse(llvm::StringRef text);

/// What the compiler writes.
struct EmitSpec {
  enum class Kind {
    Artifact,
    Object,
    StaticLibrary,
    SharedLibrary,
    MLIR,
    LLVM,
    Assembly,
    PTX,
    HSACO,
    StableHLO
  };
  Kind kind = Kind::Artifact;
  std::string stage; ///< of Kind::MLIR: the stage after which IR is printed

  /// True for what is printed to standard output unless a file is named.
  bool isText() const;
};

/// "artifact", "object", …, "mlir:STAGE". Whether STAGE exists is the
/// pipeline's to say (compileStages in Compiler.h).
llvm::Expected<EmitSpec> parseEmit(llvm::StringRef text);

/// What a compilation may use; 0 means any amount.
struct Budget {
  double seconds = 0;
  uint64_t bytes = 0;
};

/// "120s,4GiB", "2m", "512MiB": one time, one size or both.
llvm::Expected<Budget> parseBudget(llvm::StringRef text);

/// The numbers of a tile by name: "rows", "panels", "depth", "item_tiles",
/// "item_rows", "item_panels" (lib/Target/CPU/Microkernel/TileChoice.h).
using TileNumbers = std::map<std::string, int64_t>;
/// Tiles by product, as kernel::describeProduct writes it.
using TileTable = std::map<std::string, TileNumbers>;
/// Tables by target ("cpu:znver4"): what tuning found.
using TuningRecord = std::map<std::string, TileTable>;

struct CompileOptions {
  std::vector<TargetSpec> targets = {TargetSpec()};
  ImportOptions import;
  Precision precision = Precision::F32;
  MemoryUse memory = MemoryUse::Fast;
  EmitSpec emit;
  Budget budget;
  /// Tiles in place of those that the model of the machine chooses.
  TuningRecord tuning;

  /// Folder for one .mlir a stage, "NN-STAGE.mlir"; empty: none.
  std::string saveStages;
  /// Weights go beside the artifact as safetensors.
  bool externalWeights = false;
  /// Adds IR to diagnostics and names each pass as it runs.
  bool verbose = false;

  /// Called at the beginning of each stage; `index` counts from 0. For progress
  /// bars: nothing may depend on it.
  std::function<void(llvm::StringRef stage, unsigned index, unsigned count)>
      onStage;

  /// The part of the options that changes what is computed or emitted, as text
  /// of one form: equal texts and equal models give equal artifacts.
  std::string fingerprint() const;
};

} // namespace weft

#endif // WEFT_PIPELINE_OPTIONS_H
