// Bufferization of launches and products: inputs are read, outputs written in
// place, and the tensor results become the output buffers.

#include "weft/Dialect/Kernel/IR/Kernel.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace weft::kernel {
namespace {

template <typename Op>
struct DestinationBufferization
    : DstBufferizableOpInterfaceExternalModel<DestinationBufferization<Op>,
                                              Op> {
  /// Outputs are written without being read first.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !outputOf(op, operand);
  }

  bool bufferizesToMemoryWrite(Operation *op, OpOperand &operand,
                               const AnalysisState &) const {
    return outputOf(op, operand).has_value();
  }

  AliasingValueList getAliasingValues(Operation *op, OpOperand &operand,
                                      const AnalysisState &) const {
    std::optional<unsigned> output = outputOf(op, operand);
    if (!output || op->getNumResults() == 0)
      return {};
    return {{op->getResult(*output), BufferRelation::Equivalent}};
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    if (!cast<DestinationStyleOpInterface>(op).hasPureTensorSemantics() &&
        op->getNumResults() == 0)
      return success();
    SmallVector<Value> operands, results;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (isa<TensorType>(value.getType())) {
        FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
        if (failed(buffer))
          return failure();
        value = *buffer;
      }
      operands.push_back(value);
      if (outputOf(op, operand))
        results.push_back(value);
    }
    rewriter.setInsertionPoint(op);
    OperationState copy(op->getLoc(), op->getName(), operands, TypeRange(),
                        op->getAttrs());
    copy.propertiesAttr = {};
    for (Region &region : op->getRegions())
      copy.addRegion()->takeBody(region);
    Operation *buffered = rewriter.create(copy);
    buffered->copyProperties(op->getPropertiesStorage());
    replaceOpWithBufferizedValues(rewriter, op, results);
    return success();
  }

private:
  /// Which output an operand is; outputs come last. The interface of
  /// destinations would make an attribute for each answer, and the analysis
  /// asks for every pair of uses of a tensor.
  static std::optional<unsigned> outputOf(Operation *op, OpOperand &operand) {
    size_t first = op->getNumOperands() - cast<Op>(op).getOutputs().size();
    if (operand.getOperandNumber() < first)
      return std::nullopt;
    return operand.getOperandNumber() - first;
  }
};

} // namespace

void registerBufferizableOpInterfaces(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, KernelDialect *) {
    LaunchOp::attachInterface<DestinationBufferization<LaunchOp>>(*context);
    MatMulOp::attachInterface<DestinationBufferization<MatMulOp>>(*context);
    AttentionOp::attachInterface<DestinationBufferization<AttentionOp>>(
        *context);
    ConvOp::attachInterface<DestinationBufferization<ConvOp>>(*context);
    WinogradConvOp::attachInterface<DestinationBufferization<WinogradConvOp>>(
        *context);
    DepthwiseConvOp::attachInterface<DestinationBufferization<DepthwiseConvOp>>(
        *context);
    ConvDepthwiseOp::attachInterface<DestinationBufferization<ConvDepthwiseOp>>(
        *context);
  });
}

} // namespace weft::kernel
