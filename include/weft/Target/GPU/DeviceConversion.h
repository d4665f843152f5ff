// The conversion of device functions to the LLVM dialect that GPU targets
// share.
#ifndef WEFT_TARGET_GPU_DEVICECONVERSION_H
#define WEFT_TARGET_GPU_DEVICECONVERSION_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/PatternMatch.h"

namespace weft::gpu {

/// Converts all ops in `device`. `patterns` hold the conversions of gpu ops,
/// and `converter` knows the target's address spaces. Unlike upstream's passes
/// it calls no device library: what LLVM has an intrinsic for becomes that.
llvm::LogicalResult convertDevice(mlir::gpu::GPUModuleOp device,
                                  mlir::LLVMTypeConverter &converter,
                                  mlir::RewritePatternSet patterns);

} // namespace weft::gpu

#endif // WEFT_TARGET_GPU_DEVICECONVERSION_H
