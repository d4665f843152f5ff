// RUN: weft-opt %s --weft-multiply-integers | FileCheck %s

// CHECK-LABEL: func.func @matrix(
// CHECK:         %[[S:.*]] = graph.matmul %{{.*}}, %{{.*}} : tensor<?x64xi32>, tensor<64x32xi32> -> tensor<?x32xi32>
// CHECK:         %[[F:.*]] = graph.cast %[[S]] to f32
// CHECK:         graph.mul %[[F]], %{{.*}} : tensor<?x32xf32>, tensor<32xf32>
func.func @matrix(%x: tensor<?x64xui8>) -> tensor<?x32xf32> {
  %z = graph.constant dense<7> : tensor<i32>
  %s = graph.constant dense<0.5> : tensor<f32>
  %0 = graph.cast %x to i32 : tensor<?x64xui8> -> tensor<?x64xi32>
  %1 = graph.sub %0, %z : tensor<?x64xi32>, tensor<i32> -> tensor<?x64xi32>
  %2 = graph.cast %1 to f32 : tensor<?x64xi32> -> tensor<?x64xf32>
  %3 = graph.mul %2, %s : tensor<?x64xf32>, tensor<f32> -> tensor<?x64xf32>
  %w = graph.constant dense<3> : tensor<64x32xi8>
  %t = graph.constant dense<0.25> : tensor<1x32xf32>
  %4 = graph.cast %w to i32 : tensor<64x32xi8> -> tensor<64x32xi32>
  %5 = graph.cast %4 to f32 : tensor<64x32xi32> -> tensor<64x32xf32>
  %6 = graph.mul %5, %t : tensor<64x32xf32>, tensor<1x32xf32> -> tensor<64x32xf32>
  %y = graph.matmul %3, %6 : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// The bias is of real numbers.
// CHECK-LABEL: func.func @convolution(
// CHECK:         %[[C:.*]] = graph.conv %{{.*}}, %{{.*}} strides [1, 1] pads [1, 1, 1, 1] {{.*}} -> tensor<1x8x6x6xi32>
// CHECK:         %[[F:.*]] = graph.cast %[[C]] to f32
// CHECK:         %[[M:.*]] = graph.mul %[[F]], %{{.*}} : tensor<1x8x6x6xf32>, tensor<8x1x1xf32>
// CHECK:         graph.add %[[M]], %{{.*}} : tensor<1x8x6x6xf32>, tensor<8x1x1xf32>
func.func @convolution(%x: tensor<1x16x6x6xi8>, %b: tensor<8xf32>) -> tensor<1x8x6x6xf32> {
  %s = graph.constant dense<0.5> : tensor<f32>
  %0 = graph.cast %x to i32 : tensor<1x16x6x6xi8> -> tensor<1x16x6x6xi32>
  %1 = graph.cast %0 to f32 : tensor<1x16x6x6xi32> -> tensor<1x16x6x6xf32>
  %2 = graph.mul %1, %s : tensor<1x16x6x6xf32>, tensor<f32> -> tensor<1x16x6x6xf32>
  %w = graph.constant dense<3> : tensor<8x16x3x3xi8>
  %t = graph.constant dense<0.25> : tensor<8x1x1x1xf32>
  %3 = graph.cast %w to i32 : tensor<8x16x3x3xi8> -> tensor<8x16x3x3xi32>
  %4 = graph.cast %3 to f32 : tensor<8x16x3x3xi32> -> tensor<8x16x3x3xf32>
  %5 = graph.mul %4, %t : tensor<8x16x3x3xf32>, tensor<8x1x1x1xf32> -> tensor<8x16x3x3xf32>
  %y = graph.conv %2, %5 bias %b strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1
    : (tensor<1x16x6x6xf32>, tensor<8x16x3x3xf32>, tensor<8xf32>) -> tensor<1x8x6x6xf32>
  return %y : tensor<1x8x6x6xf32>
}

// A scale for each step of the sum cannot leave it, and sums of so many bytes
// might not fit in an i32.
// CHECK-LABEL: func.func @blocks(
// CHECK:         graph.matmul {{.*}} tensor<8x32xf32>
// CHECK-LABEL: func.func @long(
// CHECK:         graph.matmul {{.*}} tensor<40000x2xf32>
func.func @blocks(%x: tensor<?x8xui8>) -> tensor<?x32xf32> {
  %s = graph.constant dense<0.5> : tensor<f32>
  %0 = graph.cast %x to i32 : tensor<?x8xui8> -> tensor<?x8xi32>
  %1 = graph.cast %0 to f32 : tensor<?x8xi32> -> tensor<?x8xf32>
  %2 = graph.mul %1, %s : tensor<?x8xf32>, tensor<f32> -> tensor<?x8xf32>
  %w = graph.constant dense<3> : tensor<8x32xi8>
  %t = graph.constant dense<0.25> : tensor<8x32xf32>
  %4 = graph.cast %w to i32 : tensor<8x32xi8> -> tensor<8x32xi32>
  %5 = graph.cast %4 to f32 : tensor<8x32xi32> -> tensor<8x32xf32>
  %6 = graph.mul %5, %t : tensor<8x32xf32>, tensor<8x32xf32> -> tensor<8x32xf32>
  %y = graph.matmul %2, %6 : tensor<?x8xf32>, tensor<8x32xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
func.func @long(%x: tensor<?x40000xui8>) -> tensor<?x2xf32> {
  %s = graph.constant dense<0.5> : tensor<f32>
  %0 = graph.cast %x to i32 : tensor<?x40000xui8> -> tensor<?x40000xi32>
  %1 = graph.cast %0 to f32 : tensor<?x40000xi32> -> tensor<?x40000xf32>
  %2 = graph.mul %1, %s : tensor<?x40000xf32>, tensor<f32> -> tensor<?x40000xf32>
  %w = graph.constant dense<3> : tensor<40000x2xi8>
  %4 = graph.cast %w to i32 : tensor<40000x2xi8> -> tensor<40000x2xi32>
  %5 = graph.cast %4 to f32 : tensor<40000x2xi32> -> tensor<40000x2xf32>
  %6 = graph.mul %5, %s : tensor<40000x2xf32>, tensor<f32> -> tensor<40000x2xf32>
  %y = graph.matmul %2, %6 : tensor<?x40000xf32>, tensor<40000x2xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
