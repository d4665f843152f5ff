// gpu ops to ROCDL; everything else is shared (DeviceConversion.h).

#include "weft/Target/GPU/DeviceConversion.h"
#include "weft/Target/ROCm/Passes.h"

#include "mlir/Conversion/AMDGPUToROCDL/AMDGPUToROCDL.h"
#include "mlir/Conversion/GPUToROCDL/GPUToROCDLPass.h"
#include "mlir/Conversion/GPUToROCDL/Runtimes.h"
#include "mlir/Dialect/AMDGPU/Utils/Chipset.h"

using namespace mlir;

namespace weft::rocm {
#define GEN_PASS_DEF_CONVERTTOROCDL
#include "weft/Target/ROCm/Passes.h.inc"

namespace {
struct ConvertToRocdl : impl::ConvertToRocdlBase<ConvertToRocdl> {
  using Base::Base;

  void runOnOperation() override {
    FailureOr<amdgpu::Chipset> parsed = amdgpu::Chipset::parse(chipset);
    if (failed(parsed)) {
      getOperation().emitError("internal error: '")
          << chipset << "' is no AMD processor";
      return signalPassFailure();
    }
    LLVMTypeConverter converter(&getContext());
    amdgpu::populateCommonGPUTypeAndAttributeConversions(converter);
    RewritePatternSet patterns(&getContext());
    populateGpuToROCDLConversionPatterns(converter, patterns,
                                         mlir::gpu::amd::Runtime::HIP, *parsed);
    if (failed(
            gpu::convertDevice(getOperation(), converter, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
} // namespace weft::rocm
