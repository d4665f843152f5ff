// Passes that only the ROCm target needs.
#ifndef WEFT_TARGET_ROCDL_PASSES
#define WEFT_TARGET_ROCDL_PASSES

include "mlir/Pass/PassBase.td"

def ConvertToRocdl : Pass<"weft-convert-to-rocdl", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Converts device functions to the ROCDL dialect, without a device library";
  let description = [{
    Threads, barriers and shuffles become ROCDL ops, everything else LLVM ops; what
    floats need beyond arithmetic becomes LLVM's intrinsics. Upstream's pass would
    call a library of AMD's for these.

    ```mlir
    %y = math.absf %x : f32
    ```
    becomes
    ```mlir
    %y = llvm.intr.fabs(%x) : (f32) -> f32
    ```
  }];
  let options = [
    Option<"chipset", "chipset", "std::string", /*default=*/"\"gfx942\"", "Processor, as LLVM names it">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::ROCDL::ROCDLDialect"];
}

#endif // WEFT_TARGET_ROCDL_PASSES
