// The table of targets: one row for each kind.

#include "weft/Target/CPU/Target.h"
#include "weft/Target/CUDA/CUDA.h"
#include "weft/Target/ROCm/ROCm.h"
#include "weft/Target/Target.h"

namespace weft {

/// A kind with one body of code for each architecture.
static llvm::Expected<std::vector<std::unique_ptr<Target>>>
only(llvm::Expected<std::unique_ptr<Target>> target) {
  if (!target)
    return target.takeError();
  std::vector<std::unique_ptr<Target>> targets;
  targets.push_back(std::move(*target));
  return targets;
}

llvm::Expected<std::vector<std::unique_ptr<Target>>>
createTargets(const TargetSpec &spec) {
  switch (spec.kind) {
  case TargetSpec::Kind::CPU:
    return cpu::createTargets(spec.arch);
  case TargetSpec::Kind::CUDA:
    return only(cuda::createTarget(spec.arch));
  case TargetSpec::Kind::ROCm:
    return only(rocm::createTarget(spec.arch));
  }
  llvm_unreachable("all kinds of targets have a row");
}

} // namespace weft
