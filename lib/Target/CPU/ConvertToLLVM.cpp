// Everything that is left becomes the LLVM dialect in two walks: what needs
// other patterns first (views, affine expressions, masks) by one greedy run,
// the rest by one conversion. Upstream's passes, one for each dialect, do the
// same in nine walks, and take most of the time from kernels to LLVM.

#include "weft/Target/CPU/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Affine/Transforms/Transforms.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Transforms.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Dialect/X86Vector/Transforms.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace weft::cpu {
#define GEN_PASS_DEF_CONVERTTOLLVM
#include "weft/Target/CPU/Passes.h.inc"

using namespace mlir;

namespace {

/// The casts between memrefs and their descriptors that weft-lower-to-entry
/// left: both sides are descriptors now.
struct DropCast : OpConversionPattern<UnrealizedConversionCastOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(UnrealizedConversionCastOp cast, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const final {
    SmallVector<Type> types;
    if (failed(typeConverter->convertTypes(cast.getResultTypes(), types)) ||
        types != llvm::to_vector(adaptor.getOperands().getTypes()))
      return rewriter.notifyMatchFailure(cast, "is between different types");
    rewriter.replaceOp(cast, adaptor.getOperands());
    return success();
  }
};

/// max(x, c) and min(x, c) of a number c as a choice: one instruction of x86,
/// which gives x where that is NaN, in place of three. Zeros of either sign are
/// equal, so the maximum of -0 and 0 is -0.
template <typename Op, arith::CmpFPredicate gives>
struct ChooseLimit : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    for (auto [x, limit] : {std::pair(op.getLhs(), op.getRhs()),
                            std::pair(op.getRhs(), op.getLhs())}) {
      APFloat value(0.0f);
      if (!matchPattern(limit, m_ConstantFloat(&value)) || value.isNaN())
        continue;
      Value exceeds =
          arith::CmpFOp::create(rewriter, op.getLoc(), gives, x, limit);
      rewriter.replaceOpWithNewOp<arith::SelectOp>(op, exceeds, limit, x);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "has no number as its limit");
  }
};

/// Lets max(x, y) and min(x, y) take zeros of either sign as equal, as above:
/// x86 has three instructions for that and six for telling them apart.
template <typename Op>
struct IgnoreSignOfZero : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const final {
    constexpr auto flag = arith::FastMathFlags::nsz;
    if (bitEnumContainsAll(op.getFastmath(), flag))
      return rewriter.notifyMatchFailure(op, "ignores it already");
    rewriter.modifyOpInPlace(op,
                             [&] { op.setFastmath(op.getFastmath() | flag); });
    return success();
  }
};

LogicalResult prepare(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  patterns.add<ChooseLimit<arith::MaximumFOp, arith::CmpFPredicate::OLT>,
               ChooseLimit<arith::MinimumFOp, arith::CmpFPredicate::OGT>,
               IgnoreSignOfZero<arith::MaximumFOp>,
               IgnoreSignOfZero<arith::MinimumFOp>>(module.getContext());
  memref::populateExpandStridedMetadataPatterns(patterns);
  populateAffineToStdConversionPatterns(patterns);
  affine::populateAffineExpandIndexOpsPatterns(patterns);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  vector::populateVectorMaskMaterializationPatterns(
      patterns, /*force32BitVectorIndices=*/true);
  vector::populateVectorMaskOpLoweringPatterns(patterns);
  vector::populateVectorStepLoweringPatterns(patterns);
  GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  return applyPatternsGreedily(module, std::move(patterns), config);
}

LogicalResult convert(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LLVMTypeConverter converter(context);
  RewritePatternSet patterns(context);
  patterns.add<DropCast>(converter, context);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  populateFuncToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns,
                                         /*reassociateFPReductions=*/false,
                                         /*force32BitVectorIndices=*/true);
  populateX86VectorLegalizeForLLVMExportPatterns(converter, patterns);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
  LLVMConversionTarget target(*context);
  configureX86VectorLegalizeForExportTarget(target);
  target.addLegalOp<ModuleOp>();
  return applyFullConversion(module, target, std::move(patterns));
}

struct ConvertToLLVMPass : impl::ConvertToLLVMBase<ConvertToLLVMPass> {
  using ConvertToLLVMBase::ConvertToLLVMBase;

  void runOnOperation() override {
    if (failed(prepare(getOperation())) || failed(convert(getOperation())))
      signalPassFailure();
  }
};

} // namespace
} // namespace weft::cpu
