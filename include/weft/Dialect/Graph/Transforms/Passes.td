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

#endif // WEFT_GRAPH_TRANSFORMS_PASSES
