// RUN: weft-opt %s --weft-simplify --split-input-file | FileCheck %s

// Batch normalisation: the scale goes into weight and bias, the shift into the
// bias.
// CHECK-LABEL: func @batch_norm
func.func @batch_norm(%x: tensor<?x1x4x4xf32>) -> tensor<?x2x4x4xf32> {
  // CHECK-DAG: %[[W:.*]] = graph.constant dense<{{\[\[\[\[}}2.000000e+00]]], {{\[\[\[}}9.000000e+00]]]]> : tensor<2x1x1x1xf32>
  // CHECK-DAG: %[[B:.*]] = graph.constant dense<[1.200000e+01, 5.000000e+01]> : tensor<2xf32>
  // CHECK: %[[Y:.*]] = graph.conv %{{.*}}, %[[W]] bias %[[B]]
  // CHECK-NEXT: return %[[Y]]
  %w = graph.constant dense<[[[[1.0]]], [[[3.0]]]]> : tensor<2x1x1x1xf32>
  %b = graph.constant dense<[1.0, 10.0]> : tensor<2xf32>
  %scale = graph.constant dense<[[[2.0]], [[3.0]]]> : tensor<2x1x1xf32>
  %shift = graph.constant dense<[[[10.0]], [[20.0]]]> : tensor<2x1x1xf32>
  %0 = graph.conv %x, %w bias %b strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : (tensor<?x1x4x4xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<?x2x4x4xf32>
  %1 = graph.mul %0, %scale : tensor<?x2x4x4xf32>, tensor<2x1x1xf32> -> tensor<?x2x4x4xf32>
  %2 = graph.add %1, %shift : tensor<?x2x4x4xf32>, tensor<2x1x1xf32> -> tensor<?x2x4x4xf32>
  return %2 : tensor<?x2x4x4xf32>
}

// -----

// A scale along another axis, and one of a product with other users, stay.
// CHECK-LABEL: func @not_per_channel
func.func @not_per_channel(%x: tensor<1x2x2xf32>, %w: tensor<2x2x1xf32>) -> (tensor<1x2x2xf32>, tensor<1x2x2xf32>) {
  // CHECK: graph.mul
  // CHECK: graph.mul
  %c = graph.constant dense<[2.0, 3.0]> : tensor<2xf32>
  %k = graph.constant dense<[[[1.0], [2.0]], [[3.0], [4.0]]]> : tensor<2x2x1xf32>
  %s = graph.constant dense<3.0> : tensor<f32>
  %0 = graph.conv %x, %k strides [1] pads [0, 0] dilations [1] groups 1 : (tensor<1x2x2xf32>, tensor<2x2x1xf32>) -> tensor<1x2x2xf32>
  %1 = graph.mul %0, %c : tensor<1x2x2xf32>, tensor<2xf32> -> tensor<1x2x2xf32>
  %2 = graph.conv %x, %k strides [1] pads [0, 0] dilations [1] groups 1 : (tensor<1x2x2xf32>, tensor<2x2x1xf32>) -> tensor<1x2x2xf32>
  %3 = graph.mul %2, %s : tensor<1x2x2xf32>, tensor<f32> -> tensor<1x2x2xf32>
  %4 = graph.add %2, %3 : tensor<1x2x2xf32>, tensor<1x2x2xf32> -> tensor<1x2x2xf32>
  return %1, %4 : tensor<1x2x2xf32>, tensor<1x2x2xf32>
}

// -----

// CHECK-LABEL: func @matmul_scale
func.func @matmul_scale(%x: tensor<?x1xf32>) -> tensor<?x2xf32> {
  // CHECK-DAG: %[[W:.*]] = graph.constant dense<{{\[\[}}2.000000e+00], [6.000000e+00]]> : tensor<2x1xf32>
  // CHECK-DAG: %[[B:.*]] = graph.constant dense<[1.000000e+01, 2.000000e+01]> : tensor<2xf32>
  // CHECK: %[[P:.*]] = graph.matmul %{{.*}}, %[[W]] {transpose_rhs}
  // CHECK: graph.add %[[P]], %[[B]]
  // CHECK-NOT: graph.mul
  %w = graph.constant dense<[[1.0], [3.0]]> : tensor<2x1xf32>
  %b = graph.constant dense<[5.0, 10.0]> : tensor<2xf32>
  %two = graph.constant dense<2.0> : tensor<f32>
  %t = graph.transpose %w [1, 0] : tensor<2x1xf32> -> tensor<1x2xf32>
  %0 = graph.matmul %x, %w {transpose_rhs} : tensor<?x1xf32>, tensor<2x1xf32> -> tensor<?x2xf32>
  %1 = graph.add %b, %0 : tensor<2xf32>, tensor<?x2xf32> -> tensor<?x2xf32>
  %2 = graph.mul %1, %two : tensor<?x2xf32>, tensor<f32> -> tensor<?x2xf32>
  return %2 : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func @transposes
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x4xf32>, %[[Y:.*]]: tensor<?x5x4xf32>
func.func @transposes(%x: tensor<?x3x4xf32>, %y: tensor<?x5x4xf32>) -> (tensor<4x3x?xf32>, tensor<?x3x5xf32>) {
  // CHECK-DAG: graph.transpose %[[X]] [2, 1, 0]
  // CHECK-DAG: graph.matmul %[[X]], %[[Y]] {transpose_rhs}
  %0 = graph.transpose %x [1, 2, 0] : tensor<?x3x4xf32> -> tensor<3x4x?xf32>
  %1 = graph.transpose %0 [1, 0, 2] : tensor<3x4x?xf32> -> tensor<4x3x?xf32>
  %2 = graph.transpose %y [0, 2, 1] : tensor<?x5x4xf32> -> tensor<?x4x5xf32>
  %3 = graph.matmul %x, %2 : tensor<?x3x4xf32>, tensor<?x4x5xf32> -> tensor<?x3x5xf32>
  return %1, %3 : tensor<4x3x?xf32>, tensor<?x3x5xf32>
}

// -----

// CHECK-LABEL: func @reshapes
// CHECK-SAME: (%[[X:.*]]: tensor<?x6xf32>)
func.func @reshapes(%x: tensor<?x6xf32>) -> (tensor<?x1x2x3xf32>, tensor<?x6xf32>) {
  // CHECK-DAG: %[[S:.*]] = graph.constant dense<[-1, 1, 2, 3]> : tensor<4xi64>
  // CHECK-DAG: %[[Y:.*]] = graph.reshape %[[X]], %[[S]] {allow_zero}
  // CHECK: return %[[Y]], %[[X]]
  %s = graph.constant dense<[0, 2, 3]> : tensor<3xi64>
  %0 = graph.reshape %x, %s : tensor<?x6xf32>, tensor<3xi64> -> tensor<?x2x3xf32>
  %1 = graph.unsqueeze %0 [1] : tensor<?x2x3xf32> -> tensor<?x1x2x3xf32>
  %2 = graph.unsqueeze %x [0] : tensor<?x6xf32> -> tensor<1x?x6xf32>
  %3 = graph.squeeze %2 [0] : tensor<1x?x6xf32> -> tensor<?x6xf32>
  return %1, %3 : tensor<?x1x2x3xf32>, tensor<?x6xf32>
}

// -----

// A linear layer on merged rows, its bias and what follows: the reshapes meet.
// CHECK-LABEL: func @merged_rows
// CHECK-SAME: (%[[X:.*]]: tensor<2x?x6xf32>, %[[W:.*]]: tensor<6x8xf32>, %[[B:.*]]: tensor<8xf32>, %[[R:.*]]: tensor<?x8xf32>
func.func @merged_rows(%x: tensor<2x?x6xf32>, %w: tensor<6x8xf32>, %b: tensor<8xf32>,
    %r: tensor<?x8xf32>) -> (tensor<2x?x8xf32>, tensor<?x8xf32>) {
  // CHECK: %[[Y:.*]] = graph.matmul %[[X]], %[[W]] : {{.*}} -> tensor<2x?x8xf32>
  // CHECK: %[[Z:.*]] = graph.add %[[Y]], %[[B]] : {{.*}} -> tensor<2x?x8xf32>
  // CHECK: %[[ROWS:.*]] = graph.reshape %[[Z]]
  // CHECK: %[[ADDED:.*]] = graph.add %[[ROWS]], %[[R]] : {{.*}} -> tensor<?x8xf32>
  // CHECK: return %[[Z]], %[[ADDED]]
  %rows = graph.constant dense<[-1, 6]> : tensor<2xi64>
  %back = graph.constant dense<[2, -1, 8]> : tensor<3xi64>
  %0 = graph.reshape %x, %rows : tensor<2x?x6xf32>, tensor<2xi64> -> tensor<?x6xf32>
  %1 = graph.matmul %0, %w : tensor<?x6xf32>, tensor<6x8xf32> -> tensor<?x8xf32>
  %2 = graph.add %1, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %3 = graph.reshape %2, %back : tensor<?x8xf32>, tensor<3xi64> -> tensor<2x?x8xf32>
  %4 = graph.add %2, %r : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %3, %4 : tensor<2x?x8xf32>, tensor<?x8xf32>
}

// -----

// A second shape that copies extents of the tensor between cannot be merged
// while two of them are unknown.
// CHECK-LABEL: func @copied_extents
func.func @copied_extents(%x: tensor<?x?xf32>) -> tensor<?x?x1xf32> {
  // CHECK: graph.unsqueeze
  // CHECK: graph.reshape
  %s = graph.constant dense<[0, 0, 1]> : tensor<3xi64>
  %0 = graph.unsqueeze %x [0] : tensor<?x?xf32> -> tensor<1x?x?xf32>
  %t = graph.transpose %0 [1, 2, 0] : tensor<1x?x?xf32> -> tensor<?x?x1xf32>
  %1 = graph.unsqueeze %t [3] : tensor<?x?x1xf32> -> tensor<?x?x1x1xf32>
  %2 = graph.reshape %1, %s : tensor<?x?x1x1xf32>, tensor<3xi64> -> tensor<?x?x1xf32>
  return %2 : tensor<?x?x1xf32>
}

// -----

// CHECK-LABEL: func @slices
// CHECK-SAME: (%[[X:.*]]: tensor<10xf32>, %[[Y:.*]]: tensor<4xf32>)
func.func @slices(%x: tensor<10xf32>, %y: tensor<4xf32>) -> (tensor<2xf32>, tensor<4xf32>, tensor<3xf32>) {
  // CHECK-DAG: %[[START:.*]] = graph.constant dense<7> : tensor<1xi64>
  // CHECK-DAG: %[[END:.*]] = graph.constant dense<2> : tensor<1xi64>
  // CHECK-DAG: %[[STEP:.*]] = graph.constant dense<-4> : tensor<1xi64>
  // CHECK-DAG: %[[S:.*]] = graph.slice %[[X]], %[[START]], %[[END]], %[[STEP]] axes [0]
  // CHECK: return %[[S]], %[[Y]], %{{.*}}
  %one = graph.constant dense<1> : tensor<1xi64>
  %three = graph.constant dense<3> : tensor<1xi64>
  %two = graph.constant dense<2> : tensor<1xi64>
  %far = graph.constant dense<-100> : tensor<1xi64>
  %last = graph.constant dense<-1> : tensor<1xi64>
  %back = graph.constant dense<-2> : tensor<1xi64>
  %end = graph.constant dense<9223372036854775807> : tensor<1xi64>
  %ten = graph.constant dense<10> : tensor<1xi64>
  %0 = graph.slice %x, %one, %end, %two axes [0] : tensor<10xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<5xf32>
  %1 = graph.slice %0, %three, %one, %last axes [0] : tensor<5xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<2xf32>
  %2 = graph.slice %0, %three, %far, %back axes [0] : tensor<5xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<2xf32>
  %3 = graph.concat 0(%x, %y) : (tensor<10xf32>, tensor<4xf32>) -> tensor<14xf32>
  %4 = graph.slice %3, %ten, %end, %one axes [0] : tensor<14xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<4xf32>
  %5 = graph.slice %4, %one, %end, %one axes [0] : tensor<4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<3xf32>
  return %2, %4, %5 : tensor<2xf32>, tensor<4xf32>, tensor<3xf32>
}

// -----

// CHECK-LABEL: func @concats
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>, %[[Y:.*]]: tensor<2xf32>)
func.func @concats(%x: tensor<?xf32>, %y: tensor<2xf32>) -> tensor<?xf32> {
  // CHECK: graph.concat 0(%[[X]], %[[Y]], %[[Y]])
  %none = graph.constant dense<> : tensor<0xf32>
  %0 = graph.concat 0(%x, %none, %y) : (tensor<?xf32>, tensor<0xf32>, tensor<2xf32>) -> tensor<?xf32>
  %1 = graph.concat 0(%0, %y) : (tensor<?xf32>, tensor<2xf32>) -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

// -----

// CHECK-LABEL: func @pads
// CHECK-SAME: (%[[X:.*]]: tensor<1x1x?xf32>
func.func @pads(%x: tensor<1x1x?xf32>, %w: tensor<1x1x3xf32>) -> tensor<1x1x?xf32> {
  // CHECK-NOT: graph.pad
  // CHECK: graph.conv %[[X]], %{{.*}} strides [1] pads [3, 5]
  %zero = graph.constant dense<0.0> : tensor<f32>
  %p = graph.constant dense<[1, 2]> : tensor<2xi64>
  %0 = graph.pad constant %x, %p, %zero axes [2] : tensor<1x1x?xf32>, tensor<2xi64>, tensor<f32> -> tensor<1x1x?xf32>
  %1 = graph.pad constant %0, %p, %zero axes [2] : tensor<1x1x?xf32>, tensor<2xi64>, tensor<f32> -> tensor<1x1x?xf32>
  %2 = graph.conv %1, %w strides [1] pads [1, 1] dilations [1] groups 1 : (tensor<1x1x?xf32>, tensor<1x1x3xf32>) -> tensor<1x1x?xf32>
  return %2 : tensor<1x1x?xf32>
}

// -----

// CHECK-LABEL: func @arithmetic
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
func.func @arithmetic(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  // CHECK-DAG: %[[QUARTER:.*]] = graph.constant dense<2.500000e-01> : tensor<f32>
  // CHECK-DAG: %[[A:.*]] = graph.mul %[[X]], %[[QUARTER]]
  // CHECK-DAG: %[[B:.*]] = graph.div %[[X]], %{{.*}}
  // CHECK-DAG: %[[C:.*]] = graph.mul %[[X]], %[[X]]
  // CHECK-DAG: %[[D:.*]] = graph.sqrt %[[X]]
  // CHECK-DAG: %[[SQUARE:.*]] = graph.mul %[[X]], %[[X]]
  // CHECK-DAG: %[[E:.*]] = graph.mul %[[SQUARE]], %[[X]]
  // CHECK: return %[[A]], %[[B]], %[[C]], %[[D]], %[[E]]
  %four = graph.constant dense<4.0> : tensor<f32>
  %three = graph.constant dense<3.0> : tensor<f32>
  %two = graph.constant dense<2.0> : tensor<f32>
  %half = graph.constant dense<0.5> : tensor<f32>
  %0 = graph.div %x, %four : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %1 = graph.div %x, %three : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %2 = graph.pow %x, %two : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %3 = graph.pow %x, %half : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %4 = graph.pow %x, %three : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  return %0, %1, %2, %3, %4 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// -----

// CHECK-LABEL: func @casts
// CHECK-SAME: (%[[X:.*]]: tensor<?xi32>)
func.func @casts(%x: tensor<?xi32>) -> (tensor<?xi32>, tensor<?xi8>, tensor<?xi32>) {
  // CHECK-DAG: %[[WIDE:.*]] = graph.cast %[[X]] to f64
  // CHECK-DAG: %[[NARROW:.*]] = graph.cast %[[WIDE]] to i8
  // CHECK-DAG: %[[F32:.*]] = graph.cast %[[X]] to f32
  // CHECK-DAG: %[[LOST:.*]] = graph.cast %[[F32]] to i32
  // CHECK: return %[[X]], %[[NARROW]], %[[LOST]]
  %0 = graph.cast %x to f64 : tensor<?xi32> -> tensor<?xf64>
  %1 = graph.cast %0 to i32 : tensor<?xf64> -> tensor<?xi32>
  %2 = graph.cast %0 to i8 : tensor<?xf64> -> tensor<?xi8>
  %3 = graph.cast %x to f32 : tensor<?xi32> -> tensor<?xf32>
  %4 = graph.cast %3 to i32 : tensor<?xf32> -> tensor<?xi32>
  return %1, %2, %4 : tensor<?xi32>, tensor<?xi8>, tensor<?xi32>
}

// -----

// CHECK-LABEL: func @clamps
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
func.func @clamps(%x: tensor<?xf32>) -> tensor<?xf32> {
  // CHECK-DAG: %[[ZERO:.*]] = graph.constant dense<0.000000e+00> : tensor<f32>
  // CHECK-DAG: %[[SIX:.*]] = graph.constant dense<6.000000e+00> : tensor<f32>
  // CHECK: %[[Y:.*]] = graph.clamp %[[X]], %[[ZERO]], %[[SIX]]
  // CHECK-NEXT: return %[[Y]]
  %low = graph.constant dense<-1.0> : tensor<f32>
  %high = graph.constant dense<6.0> : tensor<f32>
  %0 = graph.max %x, %low : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %1 = graph.min %0, %high : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %2 = graph.relu %1 : tensor<?xf32> -> tensor<?xf32>
  %3 = graph.relu %2 : tensor<?xf32> -> tensor<?xf32>
  return %3 : tensor<?xf32>
}

// -----

// CHECK-LABEL: func @pool_and_expand
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>, %[[Y:.*]]: tensor<3xf32>)
func.func @pool_and_expand(%x: tensor<2x3xf32>, %y: tensor<3xf32>) -> tensor<2x3xf32> {
  // CHECK-NEXT: graph.add %[[X]], %[[Y]]
  %s = graph.constant dense<[2, 3]> : tensor<2xi64>
  %0 = graph.pool max %x axes [1] window [1] strides [1] pads [0, 0] dilations [2] : tensor<2x3xf32> -> tensor<2x3xf32>
  %1 = graph.expand %y, %s : tensor<3xf32>, tensor<2xi64> -> tensor<2x3xf32>
  %2 = graph.add %0, %1 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<2x3xf32>
  return %2 : tensor<2x3xf32>
}

// -----

// Halves of a split that meet again are the whole.
// CHECK-LABEL: func @joined_slices
// CHECK-SAME: (%[[X:.*]]: tensor<4x6xf32>, %[[Y:.*]]: tensor<1x6xf32>)
func.func @joined_slices(%x: tensor<4x6xf32>, %y: tensor<1x6xf32>) -> (tensor<5x6xf32>, tensor<4x6xf32>) {
  // CHECK: %[[A:.*]] = graph.concat 0(%[[X]], %[[Y]])
  // CHECK: %[[B:.*]] = graph.concat 0(%{{.*}}, %{{.*}}) : (tensor<3x6xf32>, tensor<1x6xf32>)
  // CHECK: return %[[A]], %[[B]]
  %zero = graph.constant dense<0> : tensor<1xi64>
  %one = graph.constant dense<1> : tensor<1xi64>
  %four = graph.constant dense<4> : tensor<1xi64>
  %0 = graph.slice %x, %zero, %one, %one axes [0] : tensor<4x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<1x6xf32>
  %1 = graph.slice %x, %one, %four, %one axes [0] : tensor<4x6xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<3x6xf32>
  %2 = graph.concat 0(%0, %1, %y) : (tensor<1x6xf32>, tensor<3x6xf32>, tensor<1x6xf32>) -> tensor<5x6xf32>
  %3 = graph.concat 0(%1, %0) : (tensor<3x6xf32>, tensor<1x6xf32>) -> tensor<4x6xf32>
  return %2, %3 : tensor<5x6xf32>, tensor<4x6xf32>
}

// -----

// The weights of a sum of 16-bit values are not rounded to 16 bits, nor where
// hidden rows are cleared.
// CHECK-LABEL: func @wide_weights
func.func @wide_weights(%x: tensor<4x8xf16>, %hidden: tensor<4x1xi1>, %v: tensor<8x6xf16>) -> tensor<4x6xf16> {
  // CHECK: %[[Z:.*]] = graph.constant dense<0.000000e+00> : tensor<f32>
  // CHECK: %[[X:.*]] = graph.cast %arg0 to f32
  // CHECK: %[[P:.*]] = graph.softmax %[[X]] 1 {masked} : tensor<4x8xf32>
  // CHECK: %[[W:.*]] = graph.select %arg1, %[[Z]], %[[P]]
  // CHECK: %[[V:.*]] = graph.cast %arg2 to f32
  // CHECK: %[[Y:.*]] = graph.matmul %[[W]], %[[V]] : tensor<4x8xf32>
  // CHECK: graph.cast %[[Y]] to f16
  %zero = graph.constant dense<0.0> : tensor<f16>
  %p = graph.softmax %x 1 {masked} : tensor<4x8xf16> -> tensor<4x8xf16>
  %w = graph.select %hidden, %zero, %p : tensor<4x1xi1>, tensor<f16>, tensor<4x8xf16> -> tensor<4x8xf16>
  %y = graph.matmul %w, %v : tensor<4x8xf16>, tensor<8x6xf16> -> tensor<4x6xf16>
  return %y : tensor<4x6xf16>
}

// Nor where shapes that only the run knows have weights repeated and reshaped.
// CHECK-LABEL: func.func @wide_moved_weights
// CHECK:         graph.softmax %{{.*}} 1 : tensor<?x8xf32>
// CHECK:         graph.reshape %{{.*}} -> tensor<?x4x8xf32>
// CHECK:         graph.matmul %{{.*}} : tensor<?x4x8xf32>, tensor<?x8x6xf32>
func.func @wide_moved_weights(%x: tensor<?x8xf16>, %shape: tensor<3xi64>, %v: tensor<?x8x6xf16>) -> tensor<?x4x6xf16> {
  %p = graph.softmax %x 1 : tensor<?x8xf16> -> tensor<?x8xf16>
  %w = graph.reshape %p, %shape : tensor<?x8xf16>, tensor<3xi64> -> tensor<?x4x8xf16>
  %y = graph.matmul %w, %v : tensor<?x4x8xf16>, tensor<?x8x6xf16> -> tensor<?x4x6xf16>
  return %y : tensor<?x4x6xf16>
}

// What is quantised after a product is multiplied by the reciprocal of the
// scale, which goes into what was scaled before; what is below 0 saturates.
// CHECK-LABEL: func.func @quantized_sum(
// CHECK-NOT:     graph.div
// CHECK-NOT:     graph.relu
// CHECK:         %[[F:.*]] = graph.cast %{{.*}} to f32
// CHECK:         %[[M:.*]] = graph.mul %[[F]], %{{.*}} : tensor<?x2xf32>, tensor<2xf32>
// CHECK:         %[[A:.*]] = graph.add %[[M]]
// CHECK:         graph.quantize %[[A]]
func.func @quantized_sum(%x: tensor<?x3xi32>, %w: tensor<3x2xi32>) -> tensor<?x2xui8> {
  %s = graph.constant dense<[2.0, 3.0]> : tensor<2xf32>
  %b = graph.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %c = graph.constant dense<0.1> : tensor<f32>
  %z = graph.constant dense<0> : tensor<ui8>
  %p = graph.matmul %x, %w : tensor<?x3xi32>, tensor<3x2xi32> -> tensor<?x2xi32>
  %f = graph.cast %p to f32 : tensor<?x2xi32> -> tensor<?x2xf32>
  %0 = graph.mul %f, %s : tensor<?x2xf32>, tensor<2xf32> -> tensor<?x2xf32>
  %1 = graph.add %0, %b : tensor<?x2xf32>, tensor<2xf32> -> tensor<?x2xf32>
  %2 = graph.relu %1 : tensor<?x2xf32> -> tensor<?x2xf32>
  %3 = graph.div %2, %c : tensor<?x2xf32>, tensor<f32> -> tensor<?x2xf32>
  %y = graph.quantize %3, %z : tensor<?x2xf32>, tensor<ui8> -> tensor<?x2xui8>
  return %y : tensor<?x2xui8>
}

// Above the least value a relu counts.
// CHECK-LABEL: func.func @quantized_relu(
// CHECK:         graph.relu
func.func @quantized_relu(%x: tensor<?xf32>) -> tensor<?xui8> {
  %z = graph.constant dense<128> : tensor<ui8>
  %1 = graph.relu %x : tensor<?xf32> -> tensor<?xf32>
  %y = graph.quantize %1, %z : tensor<?xf32>, tensor<ui8> -> tensor<?xui8>
  return %y : tensor<?xui8>
}

// The maximum of dequantised bytes is one of bytes, and quantising them again
// gives them back.
// CHECK-LABEL: func.func @pool_of_bytes(
// CHECK-NEXT:    %[[P:.*]] = graph.pool max %arg0 {{.*}} : tensor<1x4x8x8xui8> -> tensor<1x4x4x4xui8>
// CHECK-NEXT:    return %[[P]]
func.func @pool_of_bytes(%x: tensor<1x4x8x8xui8>) -> tensor<1x4x4x4xui8> {
  %z = graph.constant dense<7> : tensor<i32>
  %zb = graph.constant dense<7> : tensor<ui8>
  %s = graph.constant dense<0.1> : tensor<f32>
  %0 = graph.cast %x to i32 : tensor<1x4x8x8xui8> -> tensor<1x4x8x8xi32>
  %1 = graph.sub %0, %z : tensor<1x4x8x8xi32>, tensor<i32> -> tensor<1x4x8x8xi32>
  %2 = graph.cast %1 to f32 : tensor<1x4x8x8xi32> -> tensor<1x4x8x8xf32>
  %3 = graph.mul %2, %s : tensor<1x4x8x8xf32>, tensor<f32> -> tensor<1x4x8x8xf32>
  %4 = graph.pool max %3 axes [2, 3] window [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1]
    : tensor<1x4x8x8xf32> -> tensor<1x4x4x4xf32>
  %5 = graph.div %4, %s : tensor<1x4x4x4xf32>, tensor<f32> -> tensor<1x4x4x4xf32>
  %y = graph.quantize %5, %zb : tensor<1x4x4x4xf32>, tensor<ui8> -> tensor<1x4x4x4xui8>
  return %y : tensor<1x4x4x4xui8>
}

// A difference of bytes wraps, so it is no dequantised byte.
// CHECK-LABEL: func.func @wrapped_difference(
// CHECK:         graph.sub %arg0
// CHECK:         graph.quantize
func.func @wrapped_difference(%x: tensor<4xi8>) -> tensor<4xi8> {
  %z = graph.constant dense<100> : tensor<i8>
  %s = graph.constant dense<0.5> : tensor<f32>
  %0 = graph.sub %x, %z : tensor<4xi8>, tensor<i8> -> tensor<4xi8>
  %1 = graph.cast %0 to f32 : tensor<4xi8> -> tensor<4xf32>
  %2 = graph.mul %1, %s : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %3 = graph.div %2, %s : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %y = graph.quantize %3, %z : tensor<4xf32>, tensor<i8> -> tensor<4xi8>
  return %y : tensor<4xi8>
}
