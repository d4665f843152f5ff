// The way from graph ops to loops on tensors.
#ifndef WEFT_GRAPH_TO_LINALG_PASSES
#define WEFT_GRAPH_TO_LINALG_PASSES

include "mlir/Pass/PassBase.td"

def LowerGraphToLinalg : Pass<"weft-lower-graph-to-linalg", "::mlir::ModuleOp"> {
  let summary = "lowers graph ops to linalg on tensors";
  let description = [{
    Graph ops in kernels become `linalg.generic` ops in destination style, whose
    chains of elementwise ops are then one op, or the epilogue of a product; the
    last op of a kernel writes to the kernel's output argument. Reshapes and
    slices become views. Unsigned integers become signless everywhere. Only
    `graph.constant` is left of the dialect.

    ```mlir
    func.func private @add_relu_0(%x: tensor<?x8xf32>, %b: tensor<8xf32>, %out: tensor<?x8xf32>)
        -> tensor<?x8xf32> attributes {kernel.entry} {
      %s = graph.add %x, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
      %y = graph.relu %s : tensor<?x8xf32> -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```
    =>
    ```mlir
    func.func private @add_relu_0(…) -> tensor<?x8xf32> attributes {kernel.entry} {
      %y = linalg.generic {indexing_maps = [(i, j) -> (i, j), (i, j) -> (j), (i, j) -> (i, j)], …}
          ins(%x, %b : …) outs(%out : tensor<?x8xf32>) {
      ^bb0(%a: f32, %c: f32, %o: f32):
        %0 = arith.addf %a, %c : f32
        %1 = arith.maximumf %0, %cst : f32
        linalg.yield %1 : f32
      } -> tensor<?x8xf32>
      return %y : tensor<?x8xf32>
    }
    ```

    Loops stand in the order of the result's dimensions, then reductions. A value
    whose position follows from data is read by `tensor.extract`, at an index
    that was checked (`kernel.check`) and brought into range before.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
    "::weft::kernel::KernelDialect"
  ];
}

#endif // WEFT_GRAPH_TO_LINALG_PASSES
