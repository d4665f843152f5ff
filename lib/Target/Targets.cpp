// The table of targets: one row for each kind.

#include "weft/Target/CPU/Target.h"
#include "weft/Target/Target.h"

namespace weft {

llvm::Expected<std::vector<std::unique_ptr<Target>>>
createTargets(const TargetSpec &spec) {
  switch (spec.kind) {
  case TargetSpec::Kind::CPU:
    return cpu::createTargets(spec.arch);
  case TargetSpec::Kind::CUDA:
  case TargetSpec::Kind::ROCm:
    break;
  }
  return llvm::createStringError("target '" + spec.str() +
                                 "' is not built in; this weft has: cpu");
}

} // namespace weft
