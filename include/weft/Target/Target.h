// What a target provides. Everything above it (import, simplify, fuse, tile,
// bufferize) is shared; a new target is one folder under lib/Target that
// implements this interface and one row in lib/Target/Targets.cpp.
#ifndef WEFT_TARGET_TARGET_H
#define WEFT_TARGET_TARGET_H

#include "weft/Artifact/Manifest.h"
#include "weft/Pipeline/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/SmallVector.h"
#include <memory>
#include <string>
#include <vector>

namespace weft {

/// What the shared passes ask of a target before its own lowering begins.
struct TargetTraits {
  /// Channels of a block in packed activations and columns of a weight panel;
  /// 0: products stay on plain row-major tensors.
  int64_t block = 0;
  /// Elements of f32 that one instruction works on.
  int64_t vectorWidth = 1;
  /// Bytes that one worker's tile should fit in (a core's L1 and L2; a
  /// block's shared memory twice).
  int64_t nearBytes = 32 << 10, farBytes = 512 << 10;
  /// What one worker computes in f32 and reads from memory in a nanosecond, for
  /// choosing between algorithms.
  double gigaflops = 100, gigabytes = 25;
  /// True where `kernel.attention` can be lowered.
  bool attention = false;
  /// True where `kernel.conv_depthwise` can be lowered.
  bool convDepthwise = false;
  /// Workers that run at once, for the number of work items of a kernel.
  int64_t workers = 1;
};

enum class ImageKind { Object, LLVMIR, Assembly, PTX, HSACO };

/// Machine code (or text) of all kernels of a module for one target.
struct CodeImage {
  artifact::CodeInfo info;
  ImageKind kind = ImageKind::Object;
  llvm::SmallVector<char, 0> bytes;
};

class Target {
public:
  virtual ~Target() = default;

  /// As the user writes it, resolved: "cpu:x86-64-v3", "cuda:sm_80".
  virtual std::string name() const = 0;

  virtual TargetTraits traits() const = 0;

  /// False if the program has no use for this target beside others of its kind:
  /// asked once it is laid out.
  virtual bool suits(mlir::ModuleOp) const { return true; }

  /// The forms of `--emit` beyond the artifact that this target can write.
  virtual bool supports(ImageKind kind) const = 0;

  /// Appends the passes from bufferized kernels (linalg and kernel.* ops on
  /// memrefs in `kernel.entry` functions) to what `emit` takes.
  virtual void addPasses(mlir::OpPassManager &pm) const = 0;

  /// Turns the lowered module into an image. Diagnostics go to the module's
  /// context; the module may be consumed.
  virtual mlir::FailureOr<CodeImage> emit(mlir::ModuleOp module,
                                          ImageKind kind) const = 0;
};

/// The targets that `spec` names, one for each body of code: the baseline
/// levels for `cpu` without an architecture, one otherwise. An error names the
/// targets that exist.
llvm::Expected<std::vector<std::unique_ptr<Target>>>
createTargets(const TargetSpec &spec);

} // namespace weft

#endif // WEFT_TARGET_TARGET_H
