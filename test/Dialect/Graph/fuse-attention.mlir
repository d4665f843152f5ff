// RUN: weft-opt %s --weft-fuse-attention --split-input-file | FileCheck %s

// What exporters write: heads are brought forward, scores scaled and masked.
// CHECK-LABEL: func @encoder(
// CHECK-SAME:    %[[Q:.*]]: tensor<1x?x12x64xf32>, %[[K:.*]]: tensor<1x?x12x64xf32>, %[[V:.*]]: tensor<1x?x12x32xf32>, %[[MASK:.*]]: tensor<1x1x1x?xf32>
func.func @encoder(%q: tensor<1x?x12x64xf32>, %k: tensor<1x?x12x64xf32>, %v: tensor<1x?x12x32xf32>,
                   %mask: tensor<1x1x1x?xf32>) -> tensor<1x?x12x32xf32> {
  %scale = graph.constant dense<8.0> : tensor<f32>
  %qh = graph.transpose %q [0, 2, 1, 3] : tensor<1x?x12x64xf32> -> tensor<1x12x?x64xf32>
  %kh = graph.transpose %k [0, 2, 3, 1] : tensor<1x?x12x64xf32> -> tensor<1x12x64x?xf32>
  %vh = graph.transpose %v [0, 2, 1, 3] : tensor<1x?x12x32xf32> -> tensor<1x12x?x32xf32>
  // CHECK: %[[OUT:.*]] = tensor.empty(%{{.*}}) : tensor<1x?x12x32xf32>
  // CHECK: %[[Y:.*]] = kernel.attention query(%[[Q]]) key(%[[K]]) value(%[[V]]) extras(%[[MASK]]) outs(%[[OUT]])
  // CHECK-SAME: extra_maps = [#[[MAP:.*]]], swapped = array<i1: true, true, true, true>
  // CHECK: ^bb0(%[[S:.*]]: f32, %[[M:.*]]: f32):
  // CHECK:   %[[SCALED:.*]] = arith.divf %[[S]]
  // CHECK:   %[[SUM:.*]] = arith.addf %[[SCALED]], %[[M]]
  // CHECK:   kernel.yield %[[SUM]]
  %s = graph.matmul %qh, %kh : tensor<1x12x?x64xf32>, tensor<1x12x64x?xf32> -> tensor<1x12x?x?xf32>
  %d = graph.div %s, %scale : tensor<1x12x?x?xf32>, tensor<f32> -> tensor<1x12x?x?xf32>
  %a = graph.add %d, %mask : tensor<1x12x?x?xf32>, tensor<1x1x1x?xf32> -> tensor<1x12x?x?xf32>
  %p = graph.softmax %a 3 : tensor<1x12x?x?xf32> -> tensor<1x12x?x?xf32>
  %c = graph.matmul %p, %vh : tensor<1x12x?x?xf32>, tensor<1x12x?x32xf32> -> tensor<1x12x?x32xf32>
  // CHECK-NOT: graph.
  // CHECK: return %[[Y]]
  %y = graph.transpose %c [0, 2, 1, 3] : tensor<1x12x?x32xf32> -> tensor<1x?x12x32xf32>
  return %y : tensor<1x?x12x32xf32>
}

// -----

// Scales of query and key become one of the score; a constant mask of later
// positions becomes `causal`.
// CHECK-LABEL: func @causal(
func.func @causal(%q: tensor<2x4x8xf32>, %k: tensor<2x4x8xf32>, %v: tensor<2x4x8xf32>) -> tensor<2x4x8xf32> {
  %half = graph.constant dense<0.5> : tensor<f32>
  %least = graph.constant dense<-3.40282347E+38> : tensor<f32>
  %seen = graph.constant dense<[[true, false, false, false], [true, true, false, false],
                                [true, true, true, false], [true, true, true, true]]> : tensor<4x4xi1>
  %qs = graph.mul %q, %half : tensor<2x4x8xf32>, tensor<f32> -> tensor<2x4x8xf32>
  %ks = graph.mul %k, %half : tensor<2x4x8xf32>, tensor<f32> -> tensor<2x4x8xf32>
  // CHECK: %[[Y:.*]] = kernel.attention causal query(%{{.*}}) key(%{{.*}}) value(%{{.*}}) outs(
  // CHECK-SAME: swapped = array<i1: false, false, false, false>
  // CHECK: %[[C:.*]] = arith.constant 2.500000e-01
  // CHECK: %[[S:.*]] = arith.mulf %{{.*}}, %[[C]]
  // CHECK: kernel.yield %[[S]]
  %s = graph.matmul %qs, %ks {transpose_rhs} : tensor<2x4x8xf32>, tensor<2x4x8xf32> -> tensor<2x4x4xf32>
  %m = graph.select %seen, %s, %least : tensor<4x4xi1>, tensor<2x4x4xf32>, tensor<f32> -> tensor<2x4x4xf32>
  %p = graph.softmax %m 2 : tensor<2x4x4xf32> -> tensor<2x4x4xf32>
  %y = graph.matmul %p, %v : tensor<2x4x4xf32>, tensor<2x4x8xf32> -> tensor<2x4x8xf32>
  return %y : tensor<2x4x8xf32>
}

// -----

// A mask of booleans is read as floats.
// CHECK-LABEL: func @boolean_mask(
// CHECK-SAME:    %[[MASK:[^:]*]]: tensor<1x1x?xi1>
func.func @boolean_mask(%q: tensor<2x?x8xf32>, %k: tensor<2x?x8xf32>, %mask: tensor<1x1x?xi1>) -> tensor<2x?x8xf32> {
  %least = graph.constant dense<0xFF800000> : tensor<f32>
  // CHECK: %[[FLOAT:.*]] = graph.cast %[[MASK]] to f32
  // CHECK: kernel.attention query({{.*}}) extras(%[[FLOAT]])
  // CHECK: ^bb0(%[[S:.*]]: f32, %[[M:.*]]: f32):
  // CHECK:   %[[KEEP:.*]] = arith.cmpf une, %[[M]]
  // CHECK:   arith.select %[[KEEP]], %[[S]]
  %s = graph.matmul %q, %k {transpose_rhs} : tensor<2x?x8xf32>, tensor<2x?x8xf32> -> tensor<2x?x?xf32>
  %m = graph.select %mask, %s, %least : tensor<1x1x?xi1>, tensor<2x?x?xf32>, tensor<f32> -> tensor<2x?x?xf32>
  %p = graph.softmax %m 2 : tensor<2x?x?xf32> -> tensor<2x?x?xf32>
  %y = graph.matmul %p, %k : tensor<2x?x?xf32>, tensor<2x?x8xf32> -> tensor<2x?x8xf32>
  return %y : tensor<2x?x8xf32>
}

// -----

// Probabilities that others read stay.
// CHECK-LABEL: func @shared_probabilities(
func.func @shared_probabilities(%q: tensor<9x8xf32>, %k: tensor<9x8xf32>) -> (tensor<9x8xf32>, tensor<9x9xf32>) {
  // CHECK-NOT: kernel.attention
  %s = graph.matmul %q, %k {transpose_rhs} : tensor<9x8xf32>, tensor<9x8xf32> -> tensor<9x9xf32>
  %p = graph.softmax %s 1 : tensor<9x9xf32> -> tensor<9x9xf32>
  %y = graph.matmul %p, %k : tensor<9x9xf32>, tensor<9x8xf32> -> tensor<9x8xf32>
  return %y, %p : tensor<9x8xf32>, tensor<9x9xf32>
}

// -----

// Rows of which all is hidden stay zeros.
// CHECK-LABEL: func @masked(
func.func @masked(%q: tensor<9x8xf32>, %k: tensor<9x8xf32>, %m: tensor<9x9xf32>) -> tensor<9x8xf32> {
  // CHECK: kernel.attention {{.*}} masked
  %s = graph.matmul %q, %k {transpose_rhs} : tensor<9x8xf32>, tensor<9x8xf32> -> tensor<9x9xf32>
  %h = graph.add %s, %m : tensor<9x9xf32>, tensor<9x9xf32> -> tensor<9x9xf32>
  %p = graph.softmax %h 1 {masked} : tensor<9x9xf32> -> tensor<9x9xf32>
  %y = graph.matmul %p, %k : tensor<9x9xf32>, tensor<9x8xf32> -> tensor<9x8xf32>
  return %y : tensor<9x8xf32>
}

// -----

// One query row does not pay for packing keys.
// CHECK-LABEL: func @one_row(
func.func @one_row(%q: tensor<1x8xf32>, %k: tensor<9x8xf32>) -> tensor<1x8xf32> {
  // CHECK-NOT: kernel.attention
  %s = graph.matmul %q, %k {transpose_rhs} : tensor<1x8xf32>, tensor<9x8xf32> -> tensor<1x9xf32>
  %p = graph.softmax %s 1 : tensor<1x9xf32> -> tensor<1x9xf32>
  %y = graph.matmul %p, %k : tensor<1x9xf32>, tensor<9x8xf32> -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}
