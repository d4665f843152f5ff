// Passes from the graph dialect to the graph dialect.
#ifndef WEFT_GRAPH_TRANSFORMS_PASSES
#define WEFT_GRAPH_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def FoldConstants : Pass<"weft-fold-constants", "::mlir::ModuleOp"> {
  let summary = "compute what depends on constants alone";
  let description = [{
    Elementwise bodies are compiled to loops over blocks, movement of data to
    strided copies, so that weights fold at the speed of memory. Splats stay
    splats. Nothing is folded whose result takes more than 1 MiB and more than
    four times its operands. The bytes of constants that lose their last use are
    freed at once.

    ```mlir
    %0 = graph.transpose %weight [1, 0] : tensor<64x32xf32> -> tensor<32x64xf32>
    %1 = graph.mul %0, %scale : tensor<32x64xf32>, tensor<64xf32> -> tensor<32x64xf32>
    ```
    =>
    ```mlir
    %1 = graph.constant dense_resource<c05af…> : tensor<32x64xf32>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"folded", "folded", "Number of ops computed">];
}

def Simplify : Pass<"weft-simplify", "::mlir::ModuleOp"> {
  let summary = "rewrite by equations that hold on every target";
  let description = [{
    Scales and shifts by constants go into the weights before them; transposes,
    reshapes, slices, concats and pads merge with each other or with the op that
    follows; elementwise ops become cheaper ones. x * 0 and other equations that
    hold for finite numbers only are not applied to floats.

    ```mlir
    %0 = graph.conv %x, %w … : (tensor<?x3x8x8xf32>, tensor<16x3x3x3xf32>) -> tensor<?x16x8x8xf32>
    %1 = graph.mul %0, %scale : tensor<?x16x8x8xf32>, tensor<16x1x1xf32> -> tensor<?x16x8x8xf32>
    %2 = graph.add %1, %shift : tensor<?x16x8x8xf32>, tensor<16x1x1xf32> -> tensor<?x16x8x8xf32>
    ```
    =>
    ```mlir
    %2 = graph.conv %x, %scaled bias %b … : (…) -> tensor<?x16x8x8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def ScalarizeShapes : Pass<"weft-scalarize-shapes", "::mlir::ModuleOp"> {
  let summary = "turn tensors that describe shapes into scalars";
  let description = [{
    What is computed from extents, and what shape operands and tensor.extract
    need, becomes arith on scalars, as far as it has 64 elements at most: no
    kernel runs for it, and shapes reify to index arithmetic. Extents resolve to
    those of the function's arguments, of which dimensions that share a name in
    `graph.symbols` are one value.

    ```mlir
    %0 = graph.shape %x : tensor<?x8xf32> -> tensor<2xi64>
    %1 = graph.mul %0, %two : tensor<2xi64>, tensor<i64> -> tensor<2xi64>
    %2 = graph.expand %y, %1 : tensor<1x1xf32>, tensor<2xi64> -> tensor<?x?xf32>
    ```
    =>
    ```mlir
    %d = tensor.dim %x, %c0 : tensor<?x8xf32>
    %i = arith.index_cast %d : index to i64
    %e = arith.muli %i, %c2 : i64
    %1 = tensor.from_elements %e, %c16 : tensor<2xi64>
    %2 = graph.expand %y, %1 : tensor<1x1xf32>, tensor<2xi64> -> tensor<?x?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

#endif // WEFT_GRAPH_TRANSFORMS_PASSES
