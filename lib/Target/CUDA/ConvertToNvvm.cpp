// gpu ops to NVVM; everything else is shared (DeviceConversion.h).

#include "weft/Target/CUDA/Passes.h"
#include "weft/Target/GPU/DeviceConversion.h"

#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"

using namespace mlir;

namespace weft::cuda {
#define GEN_PASS_DEF_CONVERTTONVVM
#include "weft/Target/CUDA/Passes.h.inc"

namespace {
struct ConvertToNvvm : impl::ConvertToNvvmBase<ConvertToNvvm> {
  void runOnOperation() override {
    LLVMTypeConverter converter(&getContext());
    configureGpuToNVVMTypeConverter(converter);
    RewritePatternSet patterns(&getContext());
    populateGpuToNVVMConversionPatterns(converter, patterns);
    if (failed(
            gpu::convertDevice(getOperation(), converter, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace weft::cuda
