// Passes from graph ops to kernels, and on kernels, that all targets share.
#ifndef WEFT_KERNEL_PASSES
#define WEFT_KERNEL_PASSES

include "mlir/Pass/PassBase.td"

def FuseKernels : Pass<"weft-fuse-kernels", "::mlir::ModuleOp"> {
  let summary = "groups graph ops into kernels and launches them";
  let description = [{
    A group has at most one op that is not elementwise: a product with its
    elementwise followers, a reduction or norm with its elementwise producers
    and followers, movement of data with its producers. An op joins when all its
    users are in one group, so nothing is computed twice. Views (reshape, slices
    of step 1, squeeze) and constants stay in the entry function. Concatenation
    and constant padding become insertions into one tensor, right behind the
    kernel that computes the piece where that is its only use, so that it can
    write in place. Kernels that are equal but for locations are one function.

    ```mlir
    %0 = graph.add %x, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
    %1 = graph.relu %0 : tensor<?x8xf32> -> tensor<?x8xf32>
    ```
    =>
    ```mlir
    %e = tensor.empty(%n) : tensor<?x8xf32>
    %1 = kernel.launch @add_relu_0 ins(%x, %b : …) outs(%e : tensor<?x8xf32>)
           {kernel.nodes = ["add", "relu"]} -> tensor<?x8xf32>
    …
    func.func private @add_relu_0(%x: tensor<?x8xf32>, %b: tensor<8xf32>, %e: tensor<?x8xf32>)
        -> tensor<?x8xf32> attributes {kernel.entry} {
      %0 = graph.add %x, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
      %1 = graph.relu %0 : tensor<?x8xf32> -> tensor<?x8xf32>
      return %1 : tensor<?x8xf32>
    }
    ```
    `weft-lower-graph-to-linalg` gives the kernels loops and makes them write to
    their last arguments.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::tensor::TensorDialect", "::weft::kernel::KernelDialect"
  ];
  let statistics = [
    Statistic<"numKernels", "kernels", "different kernels">,
    Statistic<"numLaunches", "launches", "launches of kernels">
  ];
}

#endif // WEFT_KERNEL_PASSES
