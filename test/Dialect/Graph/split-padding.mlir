// RUN: weft-opt %s --weft-split-padding | FileCheck %s

// CHECK-LABEL: func.func @max(
// CHECK:         %[[V:.*]] = graph.constant dense<0xFF800000> : tensor<f32>
// CHECK:         %[[P:.*]] = graph.pad constant %arg0, %{{.*}}, %[[V]] axes [2, 3] {{.*}} -> tensor<?x4x10x10xf32>
// CHECK:         graph.pool max %[[P]] {{.*}} pads [0, 0, 0, 0]
func.func @max(%x: tensor<?x4x8x8xf32>) -> tensor<?x4x4x4xf32> {
  %y = graph.pool max %x axes [2, 3] window [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1]
    : tensor<?x4x8x8xf32> -> tensor<?x4x4x4xf32>
  return %y : tensor<?x4x4x4xf32>
}

// The first window counts two elements, the others three.
// CHECK-LABEL: func.func @mean(
// CHECK:         %[[S:.*]] = graph.pool sum
// CHECK:         %[[C:.*]] = graph.constant dense<{{\[\[\[}}2.000000e+00, 3.000000e+00, 3.000000e+00, 3.000000e+00]]]>
// CHECK:         graph.div %[[S]], %[[C]]
func.func @mean(%x: tensor<1x4x8xf32>) -> tensor<1x4x4xf32> {
  %y = graph.pool mean %x axes [2] window [3] strides [2] pads [1, 0] dilations [1]
    : tensor<1x4x8xf32> -> tensor<1x4x4xf32>
  return %y : tensor<1x4x4xf32>
}

// With ceil_mode the last window hangs over the end by one.
// CHECK-LABEL: func.func @ceil(
// CHECK:         graph.pad constant {{.*}} -> tensor<1x4x9xf32>
// CHECK:         graph.pool max %{{.*}} -> tensor<1x4x4xf32>
func.func @ceil(%x: tensor<1x4x8xf32>) -> tensor<1x4x4xf32> {
  %y = graph.pool max %x axes [2] window [3] strides [2] pads [0, 0] dilations [1] {ceil_mode}
    : tensor<1x4x8xf32> -> tensor<1x4x4xf32>
  return %y : tensor<1x4x4xf32>
}
