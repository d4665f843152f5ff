// RUN: weft-opt %s --weft-fold-constants --split-input-file | FileCheck %s

// CHECK-LABEL: func @broadcast
func.func @broadcast() -> tensor<2x3xf32> {
  // CHECK: graph.constant dense<{{\[\[}}1.100000e+01, 1.200000e+01, 1.300000e+01], [2.400000e+01, 2.500000e+01, 2.600000e+01]]>
  // CHECK-NOT: graph.add
  %a = graph.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %b = graph.constant dense<[[10.0], [20.0]]> : tensor<2x1xf32>
  %c = graph.add %a, %b : tensor<2x3xf32>, tensor<2x1xf32> -> tensor<2x3xf32>
  return %c : tensor<2x3xf32>
}

// -----

// Roots on the axes and on the diagonals are exact, and those that mirror each
// other do so to the last bit.
// CHECK-LABEL: func @quarters
func.func @quarters() -> (tensor<7xf64>, tensor<6xf64>) {
  // CHECK: graph.constant dense<[1.000000e+00, 0.70710678118654757, 0.000000e+00, -1.000000e+00, 0.000000e+00, 1.000000e+00, -0.70710678118654757]> : tensor<7xf64>
  // CHECK: graph.constant dense<[0.95105651629515353, 0.58778525229247314, 0.95105651629515353, -0.58778525229247314, -0.95105651629515353, 0.58778525229247314]> : tensor<6xf64>
  %y = graph.constant dense<[2.0]> : tensor<1xf64>
  %x = graph.constant dense<[0.0, 1.0, 2.0, 4.0, 6.0, 8.0, -5.0]> : tensor<7xf64>
  %0 = graph.cos_quarters %x, %y : tensor<7xf64>, tensor<1xf64> -> tensor<7xf64>
  %n = graph.constant dense<[5.0]> : tensor<1xf64>
  %k = graph.constant dense<[1.0, 3.0, -1.0, 7.0, 9.0, -17.0]> : tensor<6xf64>
  %1 = graph.cos_quarters %k, %n : tensor<6xf64>, tensor<1xf64> -> tensor<6xf64>
  return %0, %1 : tensor<7xf64>, tensor<6xf64>
}

// -----

// A chain folds in one walk; a splat stays one whatever its size.
// CHECK-LABEL: func @splat_chain
func.func @splat_chain() -> tensor<1000000x1000000xf32> {
  // CHECK: %[[C:.*]] = graph.constant dense<2.000000e+00> : tensor<1000000x1000000xf32>
  // CHECK-NEXT: return %[[C]]
  %a = graph.constant dense<4.0> : tensor<f32>
  %s = graph.constant dense<1000000> : tensor<2xi64>
  %b = graph.sqrt %a : tensor<f32> -> tensor<f32>
  %c = graph.expand %b, %s : tensor<f32>, tensor<2xi64> -> tensor<1000000x1000000xf32>
  return %c : tensor<1000000x1000000xf32>
}

// -----

// What would take more memory than its operands are worth is left to the run.
// CHECK-LABEL: func @too_big
func.func @too_big() -> tensor<1000000x2xf32> {
  // CHECK: graph.expand
  %a = graph.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %s = graph.constant dense<[1000000, 2]> : tensor<2xi64>
  %b = graph.expand %a, %s : tensor<1x2xf32>, tensor<2xi64> -> tensor<1000000x2xf32>
  return %b : tensor<1000000x2xf32>
}

// -----

// Many elements become a resource, with their bytes in row-major order.
// CHECK-LABEL: func @transposed
func.func @transposed() -> tensor<33x2xi8> {
  // CHECK: graph.constant dense_resource<[[C:c[0-9a-f]+]]> : tensor<33x2xi8>
  // CHECK-NOT: graph.transpose
  %i = graph.iota 1() : tensor<2x33xi8>
  %t = graph.transpose %i [1, 0] : tensor<2x33xi8> -> tensor<33x2xi8>
  return %t : tensor<33x2xi8>
}
// CHECK: [[C]]: "0x4000000000000101020203030404

// -----

// CHECK-LABEL: func @ints
func.func @ints() -> (tensor<4xi32>, tensor<4xi8>, tensor<4xui8>, tensor<4xi1>) {
  // CHECK-DAG: dense<[-3, 3, 0, -2147483648]> : tensor<4xi32>
  // CHECK-DAG: dense<[-56, 0, 127, -1]> : tensor<4xi8>
  // CHECK-DAG: dense<[255, 0, 200, 7]> : tensor<4xui8>
  // CHECK-DAG: dense<[true, false, false, true]> : tensor<4xi1>
  %x = graph.constant dense<[-7, 7, 5, -2147483648]> : tensor<4xi32>
  %y = graph.constant dense<[2, 2, 0, -1]> : tensor<4xi32>
  %q = graph.div %x, %y : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
  %w = graph.constant dense<[200, 256, 127, 511]> : tensor<4xi32>
  %n = graph.cast %w to i8 : tensor<4xi32> -> tensor<4xi8>
  %f = graph.constant dense<[300.0, -5.0, 200.7, 7.9]> : tensor<4xf32>
  %u = graph.cast %f to ui8 : tensor<4xf32> -> tensor<4xui8>
  %l = graph.compare lt %x, %y : tensor<4xi32>, tensor<4xi32> -> tensor<4xi1>
  return %q, %n, %u, %l : tensor<4xi32>, tensor<4xi8>, tensor<4xui8>, tensor<4xi1>
}

// -----

// CHECK-LABEL: func @movement
func.func @movement() -> (tensor<5xi64>, tensor<2x2xi64>, tensor<2xi64>, tensor<2x6xi64>, tensor<4x3xi64>) {
  // CHECK-DAG: dense<[1, 2, 3, 9, 9]> : tensor<5xi64>
  // CHECK-DAG: dense<{{\[\[}}6, 4], [3, 1]]> : tensor<2x2xi64>
  // CHECK-DAG: dense<[4, 1]> : tensor<2xi64>
  // CHECK-DAG: dense<{{\[\[}}1, 2, 3, 1, 2, 3], [4, 5, 6, 4, 5, 6]]> : tensor<2x6xi64>
  // CHECK-DAG: dense<{{\[\[}}0, 0, 0], [0, 1, 2], [0, 4, 5], [0, 0, 0]]> : tensor<4x3xi64>
  %m = graph.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64>
  %v = graph.constant dense<[1, 2, 3]> : tensor<3xi64>
  %nine = graph.constant dense<9> : tensor<2xi64>
  %joined = graph.concat 0(%v, %nine) : (tensor<3xi64>, tensor<2xi64>) -> tensor<5xi64>
  %starts = graph.constant dense<[-1, -1]> : tensor<2xi64>
  %ends = graph.constant dense<[-9, -9]> : tensor<2xi64>
  %steps = graph.constant dense<[-1, -2]> : tensor<2xi64>
  %slice = graph.slice %m, %starts, %ends, %steps axes [0, 1] : tensor<2x3xi64>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64> -> tensor<2x2xi64>
  %rows = graph.constant dense<[-1, 0]> : tensor<2xi64>
  %zero = graph.constant dense<0> : tensor<i64>
  %column = graph.gather %m, %zero axis 1 : tensor<2x3xi64>, tensor<i64> -> tensor<2xi64>
  %picked = graph.gather %column, %rows axis 0 : tensor<2xi64>, tensor<2xi64> -> tensor<2xi64>
  %repeats = graph.constant dense<[1, 2]> : tensor<2xi64>
  %tiled = graph.tile %m, %repeats : tensor<2x3xi64>, tensor<2xi64> -> tensor<2x6xi64>
  %pads = graph.constant dense<[1, 1, 1, -1]> : tensor<4xi64>
  %padded = graph.pad constant %m, %pads, %zero axes [0, 1] : tensor<2x3xi64>, tensor<4xi64>, tensor<i64> -> tensor<4x3xi64>
  return %joined, %slice, %picked, %tiled, %padded : tensor<5xi64>, tensor<2x2xi64>, tensor<2xi64>, tensor<2x6xi64>, tensor<4x3xi64>
}

// -----

// An index out of range is not folded: the run reports it.
// CHECK-LABEL: func @gather_out_of_range
func.func @gather_out_of_range() -> tensor<1xf32> {
  // CHECK: graph.gather
  %data = graph.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %index = graph.constant dense<2> : tensor<1xi64>
  %x = graph.gather %data, %index axis 0 : tensor<2xf32>, tensor<1xi64> -> tensor<1xf32>
  return %x : tensor<1xf32>
}

// -----

// CHECK-LABEL: func @reductions
func.func @reductions() -> (tensor<3xf32>, tensor<2x1xi32>, tensor<i32>, tensor<f32>, tensor<2x3xi32>) {
  // CHECK-DAG: dense<[2.500000e+00, 3.500000e+00, 4.500000e+00]> : tensor<3xf32>
  // CHECK-DAG: dense<{{\[\[}}3], [6]]> : tensor<2x1xi32>
  // CHECK-DAG: dense<720> : tensor<i32>
  // CHECK-DAG: dense<0.000000e+00> : tensor<f32>
  // CHECK-DAG: dense<{{\[\[}}5, 3, 0], [11, 6, 0]]> : tensor<2x3xi32>
  %f = graph.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %mean = graph.reduce mean %f [0] : tensor<2x3xf32> -> tensor<3xf32>
  %i = graph.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi32>
  %max = graph.reduce max %i [1] {keep_dims} : tensor<2x3xi32> -> tensor<2x1xi32>
  %prod = graph.reduce prod %i [0, 1] : tensor<2x3xi32> -> tensor<i32>
  %none = graph.constant dense<> : tensor<0xf32>
  %sum = graph.reduce sum %none [0] : tensor<0xf32> -> tensor<f32>
  %running = graph.cumsum %i 1 {exclusive, reverse} : tensor<2x3xi32> -> tensor<2x3xi32>
  return %mean, %max, %prod, %sum, %running : tensor<3xf32>, tensor<2x1xi32>, tensor<i32>, tensor<f32>, tensor<2x3xi32>
}

// -----

// Padding of the last block is 0; unpack drops it again.
// CHECK-LABEL: func @blocks
func.func @blocks() -> (tensor<2x2x2xi32>, tensor<3x2xi32>) {
  // CHECK-DAG: dense<{{\[\[\[}}1, 3], [2, 4]], {{\[\[}}5, 0], [6, 0]]]> : tensor<2x2x2xi32>
  // CHECK-DAG: dense<{{\[\[}}1, 2], [3, 4], [5, 6]]> : tensor<3x2xi32>
  %m = graph.constant dense<[[1, 2], [3, 4], [5, 6]]> : tensor<3x2xi32>
  %p = graph.pack %m axis 0 block 2 : tensor<3x2xi32> -> tensor<2x2x2xi32>
  %u = graph.unpack %p axis 0 extent 3 : tensor<2x2x2xi32> -> tensor<3x2xi32>
  return %p, %u : tensor<2x2x2xi32>, tensor<3x2xi32>
}

// -----

// A type that says less than the value is kept for users outside.
// CHECK-LABEL: func @less_static
func.func @less_static() -> tensor<?xf32> {
  // CHECK: %[[C:.*]] = graph.constant dense<[-1.000000e+00, -2.000000e+00]> : tensor<2xf32>
  // CHECK: tensor.cast %[[C]] : tensor<2xf32> to tensor<?xf32>
  %a = graph.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = graph.neg %a : tensor<2xf32> -> tensor<?xf32>
  return %b : tensor<?xf32>
}

// -----

// CHECK-LABEL: func @shapes
func.func @shapes(%x: tensor<2x3xf32>, %y: tensor<?x3xf32>) -> (tensor<2xi64>, tensor<2xi64>) {
  // CHECK-DAG: dense<[2, 3]> : tensor<2xi64>
  // CHECK-DAG: graph.shape %{{.*}} : tensor<?x3xf32>
  %0 = graph.shape %x : tensor<2x3xf32> -> tensor<2xi64>
  %1 = graph.shape %y : tensor<?x3xf32> -> tensor<2xi64>
  return %0, %1 : tensor<2xi64>, tensor<2xi64>
}

// -----

// Halves are computed in f32 and rounded; NaN propagates through max.
// CHECK-LABEL: func @halves
func.func @halves() -> (tensor<2xf16>, tensor<2xbf16>, tensor<2xf32>) {
  // CHECK-DAG: dense<[1.000000e+00, 6.550400e+04]> : tensor<2xf16>
  // CHECK-DAG: dense<[1.000000e+00, 2.580000e+02]> : tensor<2xbf16>
  // CHECK-DAG: dense<[0x7FC00000, 1.000000e+00]> : tensor<2xf32>
  %a = graph.constant dense<[1.0, 65504.0]> : tensor<2xf16>
  %b = graph.constant dense<[0.00048828125, 1.0]> : tensor<2xf16>
  %c = graph.add %a, %b : tensor<2xf16>, tensor<2xf16> -> tensor<2xf16>
  %d = graph.constant dense<[1.001, 257.2]> : tensor<2xf32>
  %e = graph.cast %d to bf16 : tensor<2xf32> -> tensor<2xbf16>
  %n = graph.constant dense<[0x7FC00000, 1.0]> : tensor<2xf32>
  %z = graph.constant dense<[0.0, 0.5]> : tensor<2xf32>
  %m = graph.max %z, %n : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
  return %c, %e, %m : tensor<2xf16>, tensor<2xbf16>, tensor<2xf32>
}

// -----

// An operand that is read twice is dropped once.
// CHECK-LABEL: func @twice
func.func @twice() -> tensor<2xf32> {
  // CHECK: %[[ZERO:.*]] = graph.constant dense<0.000000e+00> : tensor<2xf32>
  // CHECK-NEXT: return %[[ZERO]]
  %a = graph.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = graph.neg %a : tensor<2xf32> -> tensor<2xf32>
  %c = graph.sub %b, %b : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
  return %c : tensor<2xf32>
}
