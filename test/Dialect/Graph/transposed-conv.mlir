// RUN: weft-opt %s --weft-choose-layout | FileCheck %s

// Stride 2 has four phases, here of one tap each.
// CHECK-LABEL: func.func @upsample(
// CHECK:         kernel.conv {{.*}} strides [1, 1] dilations [1, 1] groups 1
// CHECK:         tensor<4x1x1x1x16x16xf32>
// CHECK:         graph.reshape {{.*}} -> tensor<?x1x2x2x16x5x7xf32>
// CHECK:         graph.transpose {{.*}} [0, 1, 4, 5, 2, 6, 3] : {{.*}} -> tensor<?x1x16x5x2x7x2xf32>
// CHECK:         graph.reshape {{.*}} -> tensor<?x16x10x14xf32>
// CHECK-NOT:     graph.slice
func.func @upsample(%x: tensor<?x16x5x7xf32>) -> tensor<?x16x10x14xf32> {
  %w = graph.constant dense<1.0> : tensor<16x16x2x2xf32>
  %y = graph.conv_transpose %x, %w strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] output_padding [0, 0] groups 1
    : (tensor<?x16x5x7xf32>, tensor<16x16x2x2xf32>) -> tensor<?x16x10x14xf32>
  return %y : tensor<?x16x10x14xf32>
}

// Before the cut, y[2q] = x[q] w0 + x[q - 1] w2 and y[2q + 1] = x[q] w1.
// CHECK-LABEL: func.func @odd_window(
// CHECK:         graph.constant dense<{{\[\[\[}}3.000000e+00, 1.000000e+00]], {{\[\[}}0.000000e+00, 2.000000e+00]]]>
// CHECK:         graph.constant dense<[1, 0]> : tensor<2xi64>
// CHECK:         graph.pad constant
// CHECK:         kernel.conv
// CHECK:         graph.slice {{.*}} axes [2] : {{.*}} -> tensor<1x1x7xf32>
func.func @odd_window(%x: tensor<1x1x4xf32>) -> tensor<1x1x7xf32> {
  %w = graph.constant dense<[[[1.0, 2.0, 3.0]]]> : tensor<1x1x3xf32>
  %y = graph.conv_transpose %x, %w strides [2] pads [1, 1] dilations [1] output_padding [0] groups 1
    : (tensor<1x1x4xf32>, tensor<1x1x3xf32>) -> tensor<1x1x7xf32>
  return %y : tensor<1x1x7xf32>
}
