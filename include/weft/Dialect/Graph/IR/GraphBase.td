// The `graph` dialect, its op classes and the interface by which one pattern
// lowers all elementwise ops.
#ifndef WEFT_GRAPH_BASE
#define WEFT_GRAPH_BASE

include "mlir/IR/OpBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Graph_Dialect : Dialect {
  let name = "graph";
  let cppNamespace = "::weft::graph";
  let summary = "Models as tensors and operators, without memory";
  let description = [{
    What importers produce and what is simplified, laid out and fused before
    any loop or buffer exists. About as many ops as the importers cannot express
    as sums of others. Every op has one type rule (`inferReturnTypes`), which the
    verifier, the builders and shape refinement share; dimensions may be
    dynamic everywhere.

    Invariant: values are ranked tensors; no op reads or writes memory.

    Argument and result attributes of the entry function: `graph.name` is the
    model's name of an input or output, `graph.symbols` the names of its
    dimensions ("" where it has none). The module carries `graph.model`, the name
    that messages use.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::tensor::TensorDialect", "::mlir::scf::SCFDialect",
    "::mlir::func::FuncDialect"
  ];
  let hasConstantMaterializer = 1;
  let useDefaultAttributePrinterParser = 1;
}

def Graph_ScalarBody : OpInterface<"ScalarBody"> {
  let cppNamespace = "::weft::graph";
  let description = [{
    An op whose result element depends on the operand elements of the same
    (broadcast) index alone. Fusion, constant folding, lowering and vectorising
    of all such ops go through this one function.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the computation of one element with `arith` and `math` ops. `args`
      are scalars of the operands' element types; unsigned and signed integers
      arrive signless, the op's own operand types tell which they are.
    }], "::mlir::Value", "buildScalar",
      (ins "::mlir::ImplicitLocOpBuilder &":$b, "::mlir::ValueRange":$args)>
  ];
}

class Graph_Op<string mnemonic, list<Trait> traits = []>
    : Op<Graph_Dialect, mnemonic, !listconcat(traits, [Pure])>;

// An op with a type rule. A result type may say less than the rule infers
// (before refinement) or more (the importer knew), but must not contradict it.
def Graph_TypeRule : InferTypeOpAdaptorBase<[{
  static bool isCompatibleReturnTypes(::mlir::TypeRange inferred, ::mlir::TypeRange actual) {
    return ::weft::graph::areCompatible(inferred, actual);
  }
}]>;
class Graph_TypedOp<string mnemonic, list<Trait> traits = []>
    : Graph_Op<mnemonic, !listconcat(traits, [
        Graph_TypeRule,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>])>;

defvar Graph_Tensor = AnyRankedTensor;
defvar Graph_ShapeTensor = 1DTensorOf<[I64]>;

// Elementwise ops broadcast as numpy does. `body` is C++ that returns the
// result scalar; it sees `b` (builder) and `x`, `y`, `z` (operand scalars), and
// calls the builders of ScalarBuilder.h.
class Graph_ElementwiseOp<string mnemonic, list<Trait> traits = []>
    : Graph_TypedOp<mnemonic, !listconcat(traits, [
        DeclareOpInterfaceMethods<Graph_ScalarBody>])> {
  let results = (outs Graph_Tensor:$result);
}

class Graph_UnaryOp<string mnemonic, code body> : Graph_ElementwiseOp<mnemonic> {
  let arguments = (ins Graph_Tensor:$x);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(::mlir::MLIRContext *, std::optional<::mlir::Location> loc, Adaptor op, ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferElementwise(loc, op.getOperands(), {}, types);
    }
    ::llvm::LogicalResult $cppClass::reifyResultShapes(::mlir::OpBuilder &b, ::mlir::ReifiedRankedShapedTypeDims &dims) {
      return reifyBroadcast(b, getOperation(), dims);
    }
    ::mlir::OpFoldResult $cppClass::fold(FoldAdaptor adaptor) {
      return foldScalarBody(getOperation(), adaptor.getOperands());
    }
    ::mlir::Value $cppClass::buildScalar(::mlir::ImplicitLocOpBuilder &b, ::mlir::ValueRange args) {
      ::mlir::Value x = args[0]; (void)x;
      }] # body # [{
    }
  }];
}

class Graph_BinaryOp<string mnemonic, code body, list<Trait> traits = []> : Graph_ElementwiseOp<mnemonic, traits> {
  let arguments = (ins Graph_Tensor:$x, Graph_Tensor:$y);
  let assemblyFormat = "$x `,` $y attr-dict `:` type($x) `,` type($y) `->` type($result)";
  let hasFolder = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(::mlir::MLIRContext *, std::optional<::mlir::Location> loc, Adaptor op, ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferElementwise(loc, op.getOperands(), {}, types);
    }
    ::llvm::LogicalResult $cppClass::reifyResultShapes(::mlir::OpBuilder &b, ::mlir::ReifiedRankedShapedTypeDims &dims) {
      return reifyBroadcast(b, getOperation(), dims);
    }
    ::mlir::OpFoldResult $cppClass::fold(FoldAdaptor adaptor) {
      return foldScalarBody(getOperation(), adaptor.getOperands());
    }
    ::mlir::Value $cppClass::buildScalar(::mlir::ImplicitLocOpBuilder &b, ::mlir::ValueRange args) {
      ::mlir::Value x = args[0], y = args[1]; (void)x; (void)y;
      }] # body # [{
    }
  }];
}

#endif // WEFT_GRAPH_BASE
