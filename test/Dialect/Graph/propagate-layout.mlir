// RUN: weft-opt %s --weft-propagate-layout | FileCheck %s

// CHECK-LABEL: func.func @chain(
// CHECK-NEXT:    %[[R:.*]] = graph.relu %arg0 : tensor<?x2x8x8x16xf32>
// CHECK-NEXT:    return %[[R]]
func.func @chain(%x: tensor<?x2x8x8x16xf32>) -> tensor<?x2x8x8x16xf32> {
  %0 = graph.unpack %x axis 1 extent 32 : tensor<?x2x8x8x16xf32> -> tensor<?x32x8x8xf32>
  %1 = graph.relu %0 : tensor<?x32x8x8xf32> -> tensor<?x32x8x8xf32>
  %2 = graph.pack %1 axis 1 block 16 : tensor<?x32x8x8xf32> -> tensor<?x2x8x8x16xf32>
  return %2 : tensor<?x2x8x8x16xf32>
}

// A residual sum of blocked values stays blocked; both lose their unpacks.
// CHECK-LABEL: func.func @residual(
// CHECK-NEXT:    %[[S:.*]] = graph.add %arg0, %arg1
// CHECK-NEXT:    graph.unpack %[[S]]
func.func @residual(%x: tensor<1x2x8x8x16xf32>, %y: tensor<1x2x8x8x16xf32>) -> tensor<1x24x8x8xf32> {
  %0 = graph.unpack %x axis 1 extent 24 : tensor<1x2x8x8x16xf32> -> tensor<1x24x8x8xf32>
  %1 = graph.unpack %y axis 1 extent 24 : tensor<1x2x8x8x16xf32> -> tensor<1x24x8x8xf32>
  %2 = graph.add %0, %1 : tensor<1x24x8x8xf32>, tensor<1x24x8x8xf32> -> tensor<1x24x8x8xf32>
  return %2 : tensor<1x24x8x8xf32>
}

// The logarithm of padding is infinite: the unpack stays before it.
// CHECK-LABEL: func.func @log(
// CHECK-NEXT:    %[[U:.*]] = graph.unpack %arg0
// CHECK-NEXT:    graph.log %[[U]]
func.func @log(%x: tensor<1x2x8x8x16xf32>) -> tensor<1x24x8x8xf32> {
  %0 = graph.unpack %x axis 1 extent 24 : tensor<1x2x8x8x16xf32> -> tensor<1x24x8x8xf32>
  %1 = graph.log %0 : tensor<1x24x8x8xf32> -> tensor<1x24x8x8xf32>
  return %1 : tensor<1x24x8x8xf32>
}

// CHECK-LABEL: func.func @pool_concat(
// CHECK:         %[[P:.*]] = graph.pool max %arg0 axes [2, 3]
// CHECK:         %[[C:.*]] = graph.concat 1(%[[P]], %arg1)
// CHECK:         graph.unpack %[[C]] axis 1 extent 52
func.func @pool_concat(%x: tensor<1x2x8x8x16xf32>, %y: tensor<1x2x4x4x16xf32>) -> tensor<1x52x4x4xf32> {
  %0 = graph.unpack %x axis 1 extent 32 : tensor<1x2x8x8x16xf32> -> tensor<1x32x8x8xf32>
  %1 = graph.pool max %0 axes [2, 3] window [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1]
    : tensor<1x32x8x8xf32> -> tensor<1x32x4x4xf32>
  %2 = graph.unpack %y axis 1 extent 20 : tensor<1x2x4x4x16xf32> -> tensor<1x20x4x4xf32>
  %3 = graph.concat 1 (%1, %2) : (tensor<1x32x4x4xf32>, tensor<1x20x4x4xf32>) -> tensor<1x52x4x4xf32>
  return %3 : tensor<1x52x4x4xf32>
}

// Without extents behind the channels nothing moves: a view.
// CHECK-LABEL: func.func @global_mean(
// CHECK:         %[[M:.*]] = graph.reduce mean %arg0 [2, 3] {keep_dims}
// CHECK:         graph.reshape %[[M]]
// CHECK-NOT:     graph.unpack
func.func @global_mean(%x: tensor<?x2x8x8x16xf32>) -> tensor<?x32x1x1xf32> {
  %0 = graph.unpack %x axis 1 extent 32 : tensor<?x2x8x8x16xf32> -> tensor<?x32x8x8xf32>
  %1 = graph.reduce mean %0 [2, 3] {keep_dims} : tensor<?x32x8x8xf32> -> tensor<?x32x1x1xf32>
  return %1 : tensor<?x32x1x1xf32>
}

// Channels that a reshape splits or joins stay in blocks where these stay whole.
// CHECK-LABEL: func.func @phases(
// CHECK:         %[[S:.*]] = graph.reshape %arg0, {{.*}} -> tensor<?x2x1x3x5x16xf32>
// CHECK:         %[[T:.*]] = graph.transpose %[[S]] [0, 2, 3, 1, 4, 5] : {{.*}} -> tensor<?x1x3x2x5x16xf32>
// CHECK:         %[[J:.*]] = graph.reshape %[[T]], {{.*}} -> tensor<?x1x6x5x16xf32>
// CHECK:         graph.unpack %[[J]] axis 1 extent 16
func.func @phases(%x: tensor<?x2x3x5x16xf32>) -> tensor<?x16x6x5xf32> {
  %split = graph.constant dense<[0, 2, 16, 3, 5]> : tensor<5xi64>
  %join = graph.constant dense<[0, 16, 6, 5]> : tensor<4xi64>
  %0 = graph.unpack %x axis 1 extent 32 : tensor<?x2x3x5x16xf32> -> tensor<?x32x3x5xf32>
  %1 = graph.reshape %0, %split : tensor<?x32x3x5xf32>, tensor<5xi64> -> tensor<?x2x16x3x5xf32>
  %2 = graph.transpose %1 [0, 2, 3, 1, 4] : tensor<?x2x16x3x5xf32> -> tensor<?x16x3x2x5xf32>
  %3 = graph.reshape %2, %join : tensor<?x16x3x2x5xf32>, tensor<4xi64> -> tensor<?x16x6x5xf32>
  return %3 : tensor<?x16x6x5xf32>
}

// Blocks that a reshape would cut stay packed before it.
// CHECK-LABEL: func.func @shuffle(
// CHECK-NEXT:    graph.constant
// CHECK-NEXT:    graph.unpack %arg0
// CHECK-NEXT:    graph.reshape
func.func @shuffle(%x: tensor<1x3x5x5x16xf32>) -> tensor<1x2x24x25xf32> {
  %split = graph.constant dense<[1, 2, 24, 25]> : tensor<4xi64>
  %0 = graph.unpack %x axis 1 extent 48 : tensor<1x3x5x5x16xf32> -> tensor<1x48x5x5xf32>
  %1 = graph.reshape %0, %split : tensor<1x48x5x5xf32>, tensor<4xi64> -> tensor<1x2x24x25xf32>
  return %1 : tensor<1x2x24x25xf32>
}

// Half of the channels, whole blocks, and what is left of the last.
// CHECK-LABEL: func.func @halves(
// CHECK-DAG:     %[[ONE:.*]] = graph.constant dense<1>
// CHECK-DAG:     %[[THREE:.*]] = graph.constant dense<3>
// CHECK:         %[[S:.*]] = graph.slice %arg0, %[[ONE]], %[[THREE]], %{{.*}} axes [1] : {{.*}} -> tensor<1x2x8x8x16xf32>
// CHECK:         %[[R:.*]] = graph.relu %[[S]]
// CHECK:         graph.unpack %[[R]] axis 1 extent 24
func.func @halves(%x: tensor<1x3x8x8x16xf32>) -> tensor<1x24x8x8xf32> {
  %start = graph.constant dense<16> : tensor<1xi64>
  %end = graph.constant dense<9223372036854775807> : tensor<1xi64>
  %step = graph.constant dense<1> : tensor<1xi64>
  %0 = graph.unpack %x axis 1 extent 40 : tensor<1x3x8x8x16xf32> -> tensor<1x40x8x8xf32>
  %1 = graph.slice %0, %start, %end, %step axes [1] : tensor<1x40x8x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<1x24x8x8xf32>
  %2 = graph.relu %1 : tensor<1x24x8x8xf32> -> tensor<1x24x8x8xf32>
  return %2 : tensor<1x24x8x8xf32>
}

// A slice that cuts a block is of plain channels.
// CHECK-LABEL: func.func @cut(
// CHECK:         %[[U:.*]] = graph.unpack %arg0
// CHECK:         graph.slice %[[U]]
func.func @cut(%x: tensor<1x2x8x8x16xf32>) -> tensor<1x20x8x8xf32> {
  %start = graph.constant dense<0> : tensor<1xi64>
  %end = graph.constant dense<20> : tensor<1xi64>
  %step = graph.constant dense<1> : tensor<1xi64>
  %0 = graph.unpack %x axis 1 extent 32 : tensor<1x2x8x8x16xf32> -> tensor<1x32x8x8xf32>
  %1 = graph.slice %0, %start, %end, %step axes [1] : tensor<1x32x8x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<1x20x8x8xf32>
  return %1 : tensor<1x20x8x8xf32>
}
