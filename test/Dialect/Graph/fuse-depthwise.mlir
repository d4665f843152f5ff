// RUN: weft-opt %s --weft-fuse-depthwise --split-input-file | FileCheck %s

// Bias and activation become the region between, padding with zeros `pads`.
// CHECK-LABEL: func @residual(
// CHECK-SAME:    %[[X:.*]]: tensor<?x1x8x8x16xf32>, %[[W:.*]]: tensor<6x1x1x1x16x16xf32>, %[[B:.*]]: tensor<6x1x1x16xf32>, %[[D:.*]]: tensor<6x3x3x16xf32>,
func.func @residual(%x: tensor<?x1x8x8x16xf32>, %w: tensor<6x1x1x1x16x16xf32>, %bias: tensor<6x1x1x16xf32>,
                    %d: tensor<6x3x3x16xf32>, %e: tensor<?x6x8x8x16xf32>, %o: tensor<?x6x4x4x16xf32>) -> tensor<?x6x4x4x16xf32> {
  %zero = graph.constant dense<0.0> : tensor<f32>
  %pads = graph.constant dense<[0, 1, 1, 1]> : tensor<4xi64>
  // CHECK-NOT: graph.pad
  // CHECK: kernel.conv_depthwise input(%[[X]]) weight(%[[W]]) extras(%[[B]]) strides [1, 1] dilations [1, 1] between {
  // CHECK-NEXT: ^bb0(%[[S:.*]]: f32, %[[E:.*]]: f32):
  // CHECK:        %[[SUM:.*]] = arith.addf %[[S]], %[[E]]
  // CHECK:        arith.mulf %[[SUM]], %{{.*}}
  // CHECK:        kernel.yield
  // CHECK: pads [0, 1, 1, 1] depthwise(%[[D]])
  // CHECK-SAME: strides [2, 2] dilations [1, 1] {between_maps = [#[[MAP:.*]]], extra_maps = []} epilogue
  %0 = kernel.conv input(%x) weight(%w) outs(%e) strides [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%s: f32):
    kernel.yield %s : f32
  } : (tensor<?x1x8x8x16xf32>, tensor<6x1x1x1x16x16xf32>, tensor<?x6x8x8x16xf32>) -> tensor<?x6x8x8x16xf32>
  %1 = graph.add %0, %bias : tensor<?x6x8x8x16xf32>, tensor<6x1x1x16xf32> -> tensor<?x6x8x8x16xf32>
  %2 = graph.sigmoid %1 : tensor<?x6x8x8x16xf32> -> tensor<?x6x8x8x16xf32>
  %3 = graph.mul %1, %2 : tensor<?x6x8x8x16xf32>, tensor<?x6x8x8x16xf32> -> tensor<?x6x8x8x16xf32>
  %4 = graph.pad constant %3, %pads, %zero axes [2, 3]
    : tensor<?x6x8x8x16xf32>, tensor<4xi64>, tensor<f32> -> tensor<?x6x9x10x16xf32>
  %5 = kernel.depthwise_conv input(%4) weight(%d) outs(%o) strides [2, 2] dilations [1, 1] {extra_maps = []} epilogue {
  ^bb0(%s: f32):
    kernel.yield %s : f32
  } : (tensor<?x6x9x10x16xf32>, tensor<6x3x3x16xf32>, tensor<?x6x4x4x16xf32>) -> tensor<?x6x4x4x16xf32>
  return %5 : tensor<?x6x4x4x16xf32>
}

// -----

// What is between is a result too.
// CHECK-LABEL: func @shared(
// CHECK-NOT: conv_depthwise
func.func @shared(%x: tensor<1x1x8x8x16xf32>, %w: tensor<2x1x1x1x16x16xf32>, %d: tensor<2x3x3x16xf32>,
                  %e: tensor<1x2x8x8x16xf32>, %o: tensor<1x2x6x6x16xf32>) -> (tensor<1x2x6x6x16xf32>, tensor<1x2x8x8x16xf32>) {
  %0 = kernel.conv input(%x) weight(%w) outs(%e) strides [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%s: f32):
    kernel.yield %s : f32
  } : (tensor<1x1x8x8x16xf32>, tensor<2x1x1x1x16x16xf32>, tensor<1x2x8x8x16xf32>) -> tensor<1x2x8x8x16xf32>
  %1 = graph.relu %0 : tensor<1x2x8x8x16xf32> -> tensor<1x2x8x8x16xf32>
  %2 = kernel.depthwise_conv input(%1) weight(%d) outs(%o) strides [1, 1] dilations [1, 1] {extra_maps = []} epilogue {
  ^bb0(%s: f32):
    kernel.yield %s : f32
  } : (tensor<1x2x8x8x16xf32>, tensor<2x3x3x16xf32>, tensor<1x2x6x6x16xf32>) -> tensor<1x2x6x6x16xf32>
  return %2, %1 : tensor<1x2x6x6x16xf32>, tensor<1x2x8x8x16xf32>
}

// -----

// Padding with other values than zeros, and extents that are not known.
// CHECK-LABEL: func @others(
// CHECK-NOT: conv_depthwise
func.func @others(%x: tensor<1x1x8x8x16xf32>, %w: tensor<2x1x1x1x16x16xf32>, %d: tensor<2x3x3x16xf32>,
                  %e: tensor<1x2x8x8x16xf32>, %o: tensor<1x2x8x8x16xf32>, %y: tensor<1x1x?x8x16xf32>,
                  %f: tensor<1x2x?x8x16xf32>, %p: tensor<1x2x?x6x16xf32>) -> (tensor<1x2x8x8x16xf32>, tensor<1x2x?x6x16xf32>) {
  %one = graph.constant dense<1.0> : tensor<f32>
  %pads = graph.constant dense<1> : tensor<4xi64>
  %0 = kernel.conv input(%x) weight(%w) outs(%e) strides [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%s: f32):
    kernel.yield %s : f32
  } : (tensor<1x1x8x8x16xf32>, tensor<2x1x1x1x16x16xf32>, tensor<1x2x8x8x16xf32>) -> tensor<1x2x8x8x16xf32>
  %1 = graph.pad constant %0, %pads, %one axes [2, 3]
    : tensor<1x2x8x8x16xf32>, tensor<4xi64>, tensor<f32> -> tensor<1x2x10x10x16xf32>
  %2 = kernel.depthwise_conv input(%1) weight(%d) outs(%o) strides [1, 1] dilations [1, 1] {extra_maps = []} epilogue {
  ^bb0(%s: f32):
    kernel.yield %s : f32
  } : (tensor<1x2x10x10x16xf32>, tensor<2x3x3x16xf32>, tensor<1x2x8x8x16xf32>) -> tensor<1x2x8x8x16xf32>
  %3 = kernel.conv input(%y) weight(%w) outs(%f) strides [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%s: f32):
    kernel.yield %s : f32
  } : (tensor<1x1x?x8x16xf32>, tensor<2x1x1x1x16x16xf32>, tensor<1x2x?x8x16xf32>) -> tensor<1x2x?x8x16xf32>
  %4 = kernel.depthwise_conv input(%3) weight(%d) outs(%p) strides [1, 1] dilations [1, 1] {extra_maps = []} epilogue {
  ^bb0(%s: f32):
    kernel.yield %s : f32
  } : (tensor<1x2x?x8x16xf32>, tensor<2x3x3x16xf32>, tensor<1x2x?x6x16xf32>) -> tensor<1x2x?x6x16xf32>
  return %2, %4 : tensor<1x2x8x8x16xf32>, tensor<1x2x?x6x16xf32>
}
