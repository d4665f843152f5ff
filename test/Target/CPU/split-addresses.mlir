// RUN: weft compile %s --target cpu:x86-64-v4 --emit asm -o - | FileCheck %s
// REQUIRES: x86_64

// The pixels of a register tile are displacements from one pointer, whatever
// factor their index meets on its way, and where they are neighbours that the
// window moves over one by one.
// CHECK: conv_depthwise{{.*}}:
// CHECK: vbroadcastss ([[POINTER:%r[a-z0-9]+,%r[a-z0-9]+,4]]),
// CHECK: vbroadcastss 64([[POINTER]]),
// CHECK: vbroadcastss 128([[POINTER]]),
// CHECK: vbroadcastss 192([[POINTER]]),
// CHECK: conv_{{[0-9_]+}}:
// CHECK: vbroadcastss ([[NEXT:%r[a-z0-9]+]]),
// CHECK: vbroadcastss 4([[NEXT]]),
// CHECK: vbroadcastss 8([[NEXT]]),
// CHECK: vbroadcastss 12([[NEXT]]),
func.func @main(%x: tensor<1x16x112x112xf32> {graph.name = "x"}, %image: tensor<1x3x64x64xf32> {graph.name = "image"})
    -> (tensor<1x96x56x56xf32> {graph.name = "y"}, tensor<1x32x62x62xf32> {graph.name = "z"}) {
  %w = graph.constant dense<2.0> : tensor<96x16x1x1xf32>
  %d = graph.constant dense<3.0> : tensor<96x1x3x3xf32>
  %e = graph.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
    : (tensor<1x16x112x112xf32>, tensor<96x16x1x1xf32>) -> tensor<1x96x112x112xf32>
  %y = graph.conv %e, %d strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 96
    : (tensor<1x96x112x112xf32>, tensor<96x1x3x3xf32>) -> tensor<1x96x56x56xf32>
  %f = graph.constant dense<2.0> : tensor<32x3x3x3xf32>
  %z = graph.conv %image, %f strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
    : (tensor<1x3x64x64xf32>, tensor<32x3x3x3xf32>) -> tensor<1x32x62x62xf32>
  return %y, %z : tensor<1x96x56x56xf32>, tensor<1x32x62x62xf32>
}
