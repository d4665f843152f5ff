// What the families of lowerings share: one builder of loops on tensors, and
// the functions by which each family adds its patterns.
#ifndef WEFT_LIB_CONVERSION_GRAPHTOLINALG_LOWERING_H
#define WEFT_LIB_CONVERSION_GRAPHTOLINALG_LOWERING_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

namespace weft::lowering {

/// `type` with unsigned integers made signless.
mlir::Type signless(mlir::Type type);

/// The type sums of `type` are kept in: f32 for narrower floats.
mlir::Type accumulator(mlir::Type type);

/// `x` as `to`, both floats.
mlir::Value convertFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value x,
                         mlir::Type to);

/// The one value of a splat constant as a signless scalar; null otherwise.
mlir::TypedAttr splatValue(mlir::Value value);

/// Builds linalg ops at the place and location of one graph op. All tensors
/// that it makes are signless; input() and replace() cast at the border.
class LoopBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Dims = llvm::ArrayRef<mlir::OpFoldResult>;
  using Body = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                              mlir::ValueRange)>;
  using Bodies = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::ImplicitLocOpBuilder &, mlir::ValueRange)>;

  LoopBuilder(mlir::Operation *op, mlir::PatternRewriter &rewriter);

  /// Operand `value` of the op, signless.
  mlir::Value input(mlir::Value value);
  /// Extents of result `i` of the op. Empty where they cannot be expressed,
  /// with a message on the op; scalars have none either, so ask ok().
  llvm::SmallVector<mlir::OpFoldResult> resultDims(unsigned i = 0);
  /// False once resultDims failed.
  bool ok() const { return good; }
  /// Replaces the op; the values may be signless where its results are not,
  /// and may say more or less about extents.
  void replace(mlir::ValueRange values);

  mlir::Value index(int64_t value);
  mlir::Value empty(Dims dims, mlir::Type element);
  /// A tensor of `dims` with each element `scalar`.
  mlir::Value filled(Dims dims, mlir::Value scalar);
  /// One linalg.generic with a single result, the type of `init`. `maps` has
  /// one for each input and then the output's; loops that the output's map does
  /// not name are reductions. The body sees the inputs' scalars, then the
  /// output's.
  mlir::Value generic(mlir::Value init, mlir::ValueRange inputs,
                      llvm::ArrayRef<mlir::AffineMap> maps, Body body);
  /// The same with several outputs, all with the last map's form.
  mlir::ValueRange generics(mlir::ValueRange inits, mlir::ValueRange inputs,
                            llvm::ArrayRef<mlir::AffineMap> maps, Bodies body);
  /// A generic over all elements of `dims` whose body has no inputs but reads
  /// positions with position().
  mlir::Value
  generate(Dims dims, mlir::Type element,
           llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                          llvm::ArrayRef<mlir::Value>)>
               body);
  /// Map of `loops` dimensions to `results`.
  mlir::AffineMap map(unsigned loops, llvm::ArrayRef<mlir::AffineExpr> results);
  mlir::AffineMap identity(unsigned rank) {
    return getMultiDimIdentityMap(rank);
  }

  graph::DimBuilder dims() { return graph::DimBuilder(*this, getLoc()); }

private:
  mlir::Operation *op;
  mlir::PatternRewriter &rewriter;
  bool good = true;
};

/// The loop positions of the body that `b` builds, as index values.
llvm::SmallVector<mlir::Value> positions(mlir::ImplicitLocOpBuilder &b,
                                         unsigned loops);

/// Index arithmetic in bodies.
mlir::Value clampIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value i,
                       mlir::Value extent);

/// Where element `loops` of a result finds its element of an operand whose
/// extents of 1 broadcast.
mlir::AffineMap broadcastMap(LoopBuilder &b, mlir::RankedTensorType operand,
                             mlir::RankedTensorType result);

void addButterflyPatterns(mlir::RewritePatternSet &patterns);
void addElementwisePatterns(mlir::RewritePatternSet &patterns);
void addGatherPatterns(mlir::RewritePatternSet &patterns);
void addMovementPatterns(mlir::RewritePatternSet &patterns);
void addNormalizationPatterns(mlir::RewritePatternSet &patterns);
void addPoolingPatterns(mlir::RewritePatternSet &patterns);
void addProductPatterns(mlir::RewritePatternSet &patterns);
void addReductionPatterns(mlir::RewritePatternSet &patterns);
void addCumSumPatterns(mlir::RewritePatternSet &patterns);
void addDecisionPatterns(mlir::RewritePatternSet &patterns);
void addScatterPatterns(mlir::RewritePatternSet &patterns);
void addShapePatterns(mlir::RewritePatternSet &patterns);
void addTopKPatterns(mlir::RewritePatternSet &patterns);
void addTreePatterns(mlir::RewritePatternSet &patterns);

/// Makes all unsigned integer types below `root` signless, with the constants
/// and signatures that mention them, and drops the casts in between.
llvm::LogicalResult makeSignless(mlir::Operation *root);

/// One result, every element computed from the operands' elements alone.
bool isElementwise(mlir::linalg::GenericOp op);
/// True where the body can fail the run.
bool hasEffects(mlir::linalg::GenericOp op);

/// Elementwise generics of the block that only one other reads, element by
/// element, become part of it.
void joinElementwise(mlir::Block &block, mlir::RewriterBase &rewriter);

/// Joins elementwise generics with their producers and with products, then
/// makes each kernel write to its output arguments.
llvm::LogicalResult fuseInKernels(mlir::Operation *root);

} // namespace weft::lowering

#endif // WEFT_LIB_CONVERSION_GRAPHTOLINALG_LOWERING_H
