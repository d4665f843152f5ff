// RUN: weft compile %s --target cpu:x86-64-v4 --emit asm -o - | FileCheck %s
// REQUIRES: x86_64

// The pixels of a register tile are displacements from one pointer, whatever
// factor their index meets on its way.
// CHECK: conv_depthwise{{.*}}:
// CHECK: vbroadcastss ([[POINTER:%r[a-z0-9]+,%r[a-z0-9]+,4]]),
// CHECK: vbroadcastss 64([[POINTER]]),
// CHECK: vbroadcastss 128([[POINTER]]),
// CHECK: vbroadcastss 192([[POINTER]]),
func.func @main(%x: tensor<1x16x112x112xf32> {graph.name = "x"}) -> (tensor<1x96x56x56xf32> {graph.name = "y"}) {
  %w = graph.constant dense<2.0> : tensor<96x16x1x1xf32>
  %d = graph.constant dense<3.0> : tensor<96x1x3x3xf32>
  %e = graph.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
    : (tensor<1x16x112x112xf32>, tensor<96x16x1x1xf32>) -> tensor<1x96x112x112xf32>
  %y = graph.conv %e, %d strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 96
    : (tensor<1x96x112x112xf32>, tensor<96x1x3x3xf32>) -> tensor<1x96x56x56xf32>
  return %y : tensor<1x96x56x56xf32>
}
