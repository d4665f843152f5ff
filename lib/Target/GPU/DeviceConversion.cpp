// Upstream has passes from gpu ops to NVVM and ROCDL, but they forbid the LLVM
// intrinsics of floats and call libdevice and ocml instead. Here every op goes
// to an LLVM op or intrinsic, which the back ends select by themselves.

#include "weft/Target/GPU/DeviceConversion.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/VectorPattern.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/LLVMIR/ROCDLDialect.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;

llvm::LogicalResult weft::gpu::convertDevice(mlir::gpu::GPUModuleOp device,
                                             LLVMTypeConverter &converter,
                                             RewritePatternSet patterns) {
  // Ahead of the calls that patterns for gpu ops may bring with them.
  constexpr unsigned first = 10;
  populateMathToLLVMConversionPatterns(converter, patterns,
                                       /*approximateLog1p=*/false, first);
  patterns.add<VectorConvertToLLVMPattern<arith::RemFOp, LLVM::FRemOp>>(
      converter, first);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
  ConversionTarget target(*device.getContext());
  target.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect,
                         ROCDL::ROCDLDialect>();
  target.addLegalOp<mlir::gpu::GPUModuleOp>();
  return applyFullConversion(device, target, std::move(patterns));
}
