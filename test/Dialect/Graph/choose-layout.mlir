// RUN: weft-opt %s --weft-choose-layout | FileCheck %s
// RUN: weft-opt %s --weft-choose-layout=winograd=false | FileCheck %s --check-prefix=DIRECT
// RUN: weft-opt %s --weft-choose-layout=block=0 | FileCheck %s --check-prefix=PLAIN

// PLAIN-NOT: kernel.

// CHECK-LABEL: func.func @blocked(
// CHECK:         %[[P:.*]] = graph.pack %arg0 axis 1 block 16
// CHECK:         %[[Q:.*]] = graph.pad constant %[[P]]{{.*}} -> tensor<?x2x10x10x16xf32>
// CHECK:         %[[C:.*]] = kernel.conv input(%[[Q]]) weight({{.*}} strides [2, 2] dilations [1, 1] groups 1
// CHECK:         (tensor<?x2x10x10x16xf32>, tensor<3x2x3x3x16x16xf32>, tensor<?x3x4x4x16xf32>)
// CHECK:         %[[S:.*]] = graph.add %[[C]], %{{.*}}, tensor<3x1x1x16xf32>
// CHECK:         graph.unpack %[[S]] axis 1 extent 48
func.func @blocked(%x: tensor<?x32x8x8xf32>) -> tensor<?x48x4x4xf32> {
  %w = graph.constant dense<1.0> : tensor<48x32x3x3xf32>
  %b = graph.constant dense<2.0> : tensor<48xf32>
  %y = graph.conv %x, %w bias %b strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 1
    : (tensor<?x32x8x8xf32>, tensor<48x32x3x3xf32>, tensor<48xf32>) -> tensor<?x48x4x4xf32>
  return %y : tensor<?x48x4x4xf32>
}

// Few channels are read plain.
// CHECK-LABEL: func.func @first(
// CHECK-NOT:     graph.pack
// CHECK:         %[[U:.*]] = graph.unsqueeze %{{.*}} [3] : tensor<1x3x10xf32> -> tensor<1x3x10x1xf32>
// CHECK:         kernel.conv input(%[[U]])
// CHECK:         tensor<1x3x3x1x16xf32>
func.func @first(%x: tensor<1x3x8xf32>) -> tensor<1x8x8xf32> {
  %w = graph.constant dense<1.0> : tensor<8x3x3xf32>
  %y = graph.conv %x, %w strides [1] pads [1, 1] dilations [1] groups 1
    : (tensor<1x3x8xf32>, tensor<8x3x3xf32>) -> tensor<1x8x8xf32>
  return %y : tensor<1x8x8xf32>
}

// CHECK-LABEL: func.func @depthwise(
// CHECK:         kernel.depthwise_conv
// CHECK:         tensor<2x3x3x16xf32>
// CHECK:         graph.unpack %{{.*}} axis 1 extent 24
func.func @depthwise(%x: tensor<1x24x8x8xf32>) -> tensor<1x24x6x6xf32> {
  %w = graph.constant dense<1.0> : tensor<24x1x3x3xf32>
  %y = graph.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 24
    : (tensor<1x24x8x8xf32>, tensor<24x1x3x3xf32>) -> tensor<1x24x6x6xf32>
  return %y : tensor<1x24x6x6xf32>
}

// Groups that do not fill blocks are padded and unpacked one by one.
// CHECK-LABEL: func.func @groups(
// CHECK:         kernel.conv {{.*}} groups 2
// CHECK:         tensor<2x3x1x1x1x16xf32>
// CHECK:         tensor.expand_shape
// CHECK:         graph.unpack %{{.*}} axis 2 extent 4
// CHECK:         tensor.collapse_shape
func.func @groups(%x: tensor<1x6x8x8xf32>) -> tensor<1x8x8x8xf32> {
  %w = graph.constant dense<1.0> : tensor<8x3x1x1xf32>
  %y = graph.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2
    : (tensor<1x6x8x8xf32>, tensor<8x3x1x1xf32>) -> tensor<1x8x8x8xf32>
  return %y : tensor<1x8x8x8xf32>
}

// Windows of 3 that move by 1 are computed in tiles.
// CHECK-LABEL: func.func @winograd(
// CHECK:         %[[P:.*]] = graph.pack %arg0 axis 1 block 16
// CHECK:         kernel.winograd_conv input(%[[P]]) weight({{.*}} tile [4, 4] pads [1, 1] dilations [1, 1] groups 1
// CHECK:         (tensor<?x2x16x16x16xf32>, tensor<3x36x32x16xf32>, tensor<?x3x16x16x16xf32>)
// CHECK:         graph.unpack %{{.*}} axis 1 extent 48
// DIRECT-LABEL: func.func @winograd(
// DIRECT:         kernel.conv
func.func @winograd(%x: tensor<?x32x16x16xf32>) -> tensor<?x48x16x16xf32> {
  %w = graph.constant dense<1.0> : tensor<48x32x3x3xf32>
  %y = graph.conv %x, %w strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1
    : (tensor<?x32x16x16xf32>, tensor<48x32x3x3xf32>) -> tensor<?x48x16x16xf32>
  return %y : tensor<?x48x16x16xf32>
}

// One column of weights is transformed along its length alone.
// CHECK-LABEL: func.func @column(
// CHECK:         kernel.winograd_conv {{.*}} tile [4, 1] pads [1, 0] dilations [1, 1] groups 1
// CHECK:         tensor<1x6x16x16xf32>
func.func @column(%x: tensor<1x16x?x?xf32>) -> tensor<1x16x?x?xf32> {
  %w = graph.constant dense<1.0> : tensor<16x16x3x1xf32>
  %y = graph.conv %x, %w strides [1, 1] pads [1, 0, 1, 0] dilations [1, 1] groups 1
    : (tensor<1x16x?x?xf32>, tensor<16x16x3x1xf32>) -> tensor<1x16x?x?xf32>
  return %y : tensor<1x16x?x?xf32>
}

// Tiles of dilated windows interleave.
// CHECK-LABEL: func.func @sequence(
// CHECK:         kernel.winograd_conv {{.*}} tile [4] pads [2] dilations [2] groups 1
// CHECK:         (tensor<1x1x40x16xf32>, tensor<1x6x16x16xf32>, tensor<1x1x40x16xf32>)
func.func @sequence(%x: tensor<1x16x40xf32>) -> tensor<1x16x40xf32> {
  %w = graph.constant dense<1.0> : tensor<16x16x3xf32>
  %y = graph.conv %x, %w strides [1] pads [2, 2] dilations [2] groups 1
    : (tensor<1x16x40xf32>, tensor<16x16x3xf32>) -> tensor<1x16x40xf32>
  return %y : tensor<1x16x40xf32>
}

// Of a window over three dimensions the first adds to the channels.
// CHECK-LABEL: func.func @volume(
// CHECK:         kernel.winograd_conv {{.*}} tile [1, 4, 4] pads [1, 1, 1] dilations [2, 1, 1] groups 1
// CHECK:         (tensor<1x2x?x16x16x16xf32>, tensor<3x36x96x16xf32>, tensor<1x3x?x16x16x16xf32>)
func.func @volume(%x: tensor<1x32x?x16x16xf32>) -> tensor<1x48x?x16x16xf32> {
  %w = graph.constant dense<1.0> : tensor<48x32x3x3x3xf32>
  %y = graph.conv %x, %w strides [1, 1, 1] pads [1, 1, 1, 1, 1, 1] dilations [2, 1, 1] groups 1
    : (tensor<1x32x?x16x16xf32>, tensor<48x32x3x3x3xf32>) -> tensor<1x48x?x16x16xf32>
  return %y : tensor<1x48x?x16x16xf32>
}

// Few tiles read each weight: smaller ones, whose weights are fewer. A single
// output has nothing to share.
// CHECK-LABEL: func.func @small(
// CHECK:         kernel.winograd_conv {{.*}} tile [4, 2]
// CHECK:         kernel.conv
func.func @small(%x: tensor<1x512x7x7xf32>, %z: tensor<1x512x3x3xf32>) -> (tensor<1x512x7x7xf32>, tensor<1x512x1x1xf32>) {
  %w = graph.constant dense<1.0> : tensor<512x512x3x3xf32>
  %y = graph.conv %x, %w strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1
    : (tensor<1x512x7x7xf32>, tensor<512x512x3x3xf32>) -> tensor<1x512x7x7xf32>
  %u = graph.conv %z, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
    : (tensor<1x512x3x3xf32>, tensor<512x512x3x3xf32>) -> tensor<1x512x1x1xf32>
  return %y, %u : tensor<1x512x7x7xf32>, tensor<1x512x1x1xf32>
}

// CHECK-LABEL: func.func @matmul(
// CHECK:         kernel.matmul packed lhs(%arg0)
// CHECK:         (tensor<?x8xf32>, tensor<2x8x16xf32>, tensor<?x20xf32>)
func.func @matmul(%x: tensor<?x8xf32>) -> tensor<?x20xf32> {
  %w = graph.constant dense<1.0> : tensor<20x8xf32>
  %y = graph.matmul %x, %w {transpose_rhs} : tensor<?x8xf32>, tensor<20x8xf32> -> tensor<?x20xf32>
  return %y : tensor<?x20xf32>
}

// A computed right side is not packed; a flag becomes a transpose.
// CHECK-LABEL: func.func @attention(
// CHECK:         %[[T:.*]] = graph.transpose %arg1 [0, 2, 1]
// CHECK:         kernel.matmul lhs(%arg0) rhs(%[[T]])
func.func @attention(%q: tensor<?x4x8xf32>, %k: tensor<?x6x8xf32>) -> tensor<?x4x6xf32> {
  %y = graph.matmul %q, %k {transpose_rhs} : tensor<?x4x8xf32>, tensor<?x6x8xf32> -> tensor<?x4x6xf32>
  return %y : tensor<?x4x6xf32>
}

// A factor for each channel goes into the weights where these are fewer.
// CHECK-LABEL: func.func @scaled(
// CHECK:         %[[F:.*]] = graph.pack %arg1 axis 1 block 16 : {{.*}} -> tensor<1x2x1x1x16xf32>
// CHECK:         %[[C:.*]] = graph.unsqueeze %[[F]] {{.*}} -> tensor<1x2x1x1x16x1xf32>
// CHECK:         %[[W:.*]] = graph.mul %{{.*}}, %[[C]] : tensor<1x2x1x1x16x16xf32>
// CHECK:         %[[P:.*]] = graph.pack %arg0 axis 1 block 16
// CHECK:         kernel.conv input(%[[P]]) weight(%[[W]])
func.func @scaled(%x: tensor<1x32x8x8xf32>, %s: tensor<1x32x1x1xf32>) -> tensor<1x16x8x8xf32> {
  %w = graph.constant dense<1.0> : tensor<16x32x1x1xf32>
  %0 = graph.mul %x, %s : tensor<1x32x8x8xf32>, tensor<1x32x1x1xf32> -> tensor<1x32x8x8xf32>
  %y = graph.conv %0, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
    : (tensor<1x32x8x8xf32>, tensor<16x32x1x1xf32>) -> tensor<1x16x8x8xf32>
  return %y : tensor<1x16x8x8xf32>
}

// Each of several images has factors of its own.
// CHECK-LABEL: func.func @scaled_batch(
// CHECK:         graph.mul %arg0, %arg1
func.func @scaled_batch(%x: tensor<2x32x8x8xf32>, %s: tensor<2x32x1x1xf32>) -> tensor<2x16x8x8xf32> {
  %w = graph.constant dense<1.0> : tensor<16x32x1x1xf32>
  %0 = graph.mul %x, %s : tensor<2x32x8x8xf32>, tensor<2x32x1x1xf32> -> tensor<2x32x8x8xf32>
  %y = graph.conv %0, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
    : (tensor<2x32x8x8xf32>, tensor<16x32x1x1xf32>) -> tensor<2x16x8x8xf32>
  return %y : tensor<2x16x8x8xf32>
}
