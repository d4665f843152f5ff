// RUN: weft-opt %s --weft-choose-layout | FileCheck %s

// Rows are filled to whole steps of four; the zero point leaves with the sums
// of the columns.
// CHECK-LABEL: func.func @matrix(
// CHECK:         %[[P:.*]] = graph.pad constant %arg0{{.*}} -> tensor<?x8xui8>
// CHECK:         %[[Y:.*]] = kernel.matmul packed lhs(%[[P]])
// CHECK:         (tensor<?x8xui8>, tensor<3x2x64xi8>, tensor<?x33xi32>) -> tensor<?x33xi32>
// CHECK:         graph.sub %[[Y]], %{{.*}} : tensor<?x33xi32>, tensor<33xi32>
// CHECK-NOT:     graph.reduce
func.func @matrix(%x: tensor<?x7xui8>) -> tensor<?x33xi32> {
  %z = graph.constant dense<5> : tensor<i32>
  %w = graph.constant dense<-3> : tensor<7x33xi32>
  %0 = graph.cast %x to i32 : tensor<?x7xui8> -> tensor<?x7xi32>
  %1 = graph.sub %0, %z : tensor<?x7xi32>, tensor<i32> -> tensor<?x7xi32>
  %y = graph.matmul %1, %w : tensor<?x7xi32>, tensor<7x33xi32> -> tensor<?x33xi32>
  return %y : tensor<?x33xi32>
}

// Signed bytes become unsigned; weights that are no signed bytes are moved,
// which the sum of each row makes up for.
// CHECK-LABEL: func.func @moved(
// CHECK:         %[[X:.*]] = graph.xor %arg0
// CHECK:         %[[U:.*]] = graph.bit_cast %[[X]] to ui8
// CHECK:         %[[Y:.*]] = kernel.matmul packed lhs(%[[U]])
// CHECK:         %[[S:.*]] = graph.sub %[[Y]]
// CHECK:         %[[R:.*]] = graph.reduce sum %{{.*}} [1] {keep_dims}
// CHECK:         graph.add %[[S]]
func.func @moved(%x: tensor<4x8xi8>) -> tensor<4x16xi32> {
  %w = graph.constant dense<200> : tensor<8x16xi32>
  %0 = graph.cast %x to i32 : tensor<4x8xi8> -> tensor<4x8xi32>
  %y = graph.matmul %0, %w : tensor<4x8xi32>, tensor<8x16xi32> -> tensor<4x16xi32>
  return %y : tensor<4x16xi32>
}

// CHECK-LABEL: func.func @convolution(
// CHECK:         %[[B:.*]] = graph.pack %arg0 axis 1 block 16
// CHECK:         %[[Z:.*]] = graph.constant dense<9> : tensor<ui8>
// CHECK:         %[[P:.*]] = graph.pad constant %[[B]], %{{.*}}, %[[Z]]
// CHECK:         %[[C:.*]] = kernel.conv input(%[[P]])
// CHECK:         (tensor<1x2x8x8x16xui8>, tensor<1x2x3x3x4x64xi8>, tensor<1x1x6x6x16xi32>)
// CHECK:         %[[S:.*]] = graph.add %[[C]], %{{.*}}, tensor<1x1x1x16xi32>
// CHECK:         graph.unpack %[[S]] axis 1 extent 8
func.func @convolution(%x: tensor<1x32x6x6xui8>) -> tensor<1x8x6x6xi32> {
  %z = graph.constant dense<9> : tensor<i32>
  %w = graph.constant dense<2> : tensor<8x32x3x3xi32>
  %0 = graph.cast %x to i32 : tensor<1x32x6x6xui8> -> tensor<1x32x6x6xi32>
  %1 = graph.sub %0, %z : tensor<1x32x6x6xi32>, tensor<i32> -> tensor<1x32x6x6xi32>
  %y = graph.conv %1, %w strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1
    : (tensor<1x32x6x6xi32>, tensor<8x32x3x3xi32>) -> tensor<1x8x6x6xi32>
  return %y : tensor<1x8x6x6xi32>
}

// Few channels are one step.
// CHECK-LABEL: func.func @few(
// CHECK:         graph.pack %arg0 axis 1 block 4
// CHECK:         tensor<1x1x7x7x1x64xi8>
func.func @few(%x: tensor<1x3x8x8xui8>) -> tensor<1x8x2x2xi32> {
  %w = graph.constant dense<2> : tensor<8x3x7x7xi32>
  %0 = graph.cast %x to i32 : tensor<1x3x8x8xui8> -> tensor<1x3x8x8xi32>
  %y = graph.conv %0, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
    : (tensor<1x3x8x8xi32>, tensor<8x3x7x7xi32>) -> tensor<1x8x2x2xi32>
  return %y : tensor<1x8x2x2xi32>
}

// Weights of more than a byte stay.
// CHECK-LABEL: func.func @wide(
// CHECK-NOT:     kernel.
func.func @wide(%x: tensor<4x8xui8>) -> tensor<4x2xi32> {
  %w = graph.constant dense<[[0, 1], [1, 300], [2, 3], [0, 1], [0, 1], [0, 1], [0, 1], [0, 1]]> : tensor<8x2xi32>
  %0 = graph.cast %x to i32 : tensor<4x8xui8> -> tensor<4x8xi32>
  %y = graph.matmul %0, %w : tensor<4x8xi32>, tensor<8x2xi32> -> tensor<4x2xi32>
  return %y : tensor<4x2xi32>
}
