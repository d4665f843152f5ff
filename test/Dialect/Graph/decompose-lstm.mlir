// RUN: weft-opt %s --weft-decompose-lstm | FileCheck %s

// The input's product is outside the loop; the last step is the first in reverse.
// CHECK-LABEL: func.func @reverse(
// CHECK:         %[[G:.*]] = graph.matmul %arg0, %{{.*}} {transpose_rhs} : tensor<?x2x4xf32>, tensor<12x4xf32>
// CHECK:         scf.for %[[I:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args({{.*}}) -> (tensor<?x2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>)
// CHECK:           %[[T:.*]] = affine.apply #{{.*}}()[%[[I]], %{{.*}}]
// CHECK:           tensor.extract_slice %[[G]][%[[T]], 0, 0] [1, 2, 12]
// CHECK:           graph.matmul %{{.*}} {transpose_rhs} : tensor<2x3xf32>, tensor<12x3xf32>
// CHECK:           graph.sigmoid
// CHECK:           graph.tanh
// CHECK:           tensor.insert_slice %{{.*}}[%[[T]], 0, 0]
// CHECK:         graph.unsqueeze %{{.*}} [1] : tensor<?x2x3xf32> -> tensor<?x1x2x3xf32>
func.func @reverse(%x: tensor<?x2x4xf32>, %w: tensor<1x12x4xf32>, %r: tensor<1x12x3xf32>) -> tensor<?x1x2x3xf32> {
  %y, %h, %c = graph.lstm "reverse" (%x, %w, %r) {activations = ["Sigmoid", "Tanh", "Tanh"],
      alphas = array<f32: 0x7FC00000, 0x7FC00000, 0x7FC00000>, betas = array<f32: 0x7FC00000, 0x7FC00000, 0x7FC00000>}
    : (tensor<?x2x4xf32>, tensor<1x12x4xf32>, tensor<1x12x3xf32>) -> (tensor<?x1x2x3xf32>, tensor<1x2x3xf32>, tensor<1x2x3xf32>)
  return %y : tensor<?x1x2x3xf32>
}
