// Passes that only the CUDA target needs.
#ifndef WEFT_TARGET_NVVM_PASSES
#define WEFT_TARGET_NVVM_PASSES

include "mlir/Pass/PassBase.td"

def ConvertToNvvm : Pass<"weft-convert-to-nvvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Converts device functions to the NVVM dialect, without a device library";
  let description = [{
    Threads, barriers and shuffles become NVVM ops, everything else LLVM ops; what
    floats need beyond arithmetic becomes LLVM's intrinsics. Upstream's pass would
    call a library of NVIDIA's for these.

    ```mlir
    %y = math.absf %x : f32
    ```
    becomes
    ```mlir
    %y = llvm.intr.fabs(%x) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect"];
}

#endif // WEFT_TARGET_NVVM_PASSES
