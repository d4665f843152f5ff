// RUN: weft-opt %s --weft-scalarize-shapes --canonicalize --cse --split-input-file | FileCheck %s

// CHECK-LABEL: func @arithmetic
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>
func.func @arithmetic(%x: tensor<?x8xf32>, %y: tensor<1x1xf32>) -> tensor<?x?xf32> {
  // CHECK: %[[D:.*]] = tensor.dim %[[X]], %c0
  // CHECK: %[[I:.*]] = arith.index_cast %[[D]] : index to i64
  // CHECK: %[[E:.*]] = arith.muli %[[I]], %c2_i64
  // CHECK: %[[S:.*]] = tensor.from_elements %[[E]], %c16_i64
  // CHECK: graph.expand %{{.*}}, %[[S]]
  %two = graph.constant dense<2> : tensor<i64>
  %0 = graph.shape %x : tensor<?x8xf32> -> tensor<2xi64>
  %1 = graph.mul %0, %two : tensor<2xi64>, tensor<i64> -> tensor<2xi64>
  %2 = graph.expand %y, %1 : tensor<1x1xf32>, tensor<2xi64> -> tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
}

// -----

// The usual way to flatten: Shape, Gather, Unsqueeze, Concat, Reshape. A 0 that
// an extent may be is an extent.
// CHECK-LABEL: func @flatten
// CHECK-SAME: (%[[X:.*]]: tensor<?x3x4xf32>)
func.func @flatten(%x: tensor<?x3x4xf32>) -> tensor<?x?xf32> {
  // CHECK: %[[D:.*]] = tensor.dim %[[X]], %c0
  // CHECK: %[[I:.*]] = arith.index_cast %[[D]] : index to i64
  // CHECK: %[[S:.*]] = tensor.from_elements %[[I]], %c-1_i64
  // CHECK: graph.reshape %[[X]], %[[S]] {allow_zero}
  // CHECK-NOT: graph.
  %zero = graph.constant dense<0> : tensor<i64>
  %rest = graph.constant dense<-1> : tensor<1xi64>
  %0 = graph.shape %x : tensor<?x3x4xf32> -> tensor<3xi64>
  %1 = graph.gather %0, %zero axis 0 : tensor<3xi64>, tensor<i64> -> tensor<i64>
  %2 = graph.unsqueeze %1 [0] : tensor<i64> -> tensor<1xi64>
  %3 = graph.concat 0(%2, %rest) : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %4 = graph.reshape %x, %3 : tensor<?x3x4xf32>, tensor<2xi64> -> tensor<?x?xf32>
  return %4 : tensor<?x?xf32>
}

// -----

// Extents of results resolve to those of arguments; one name, one value.
// CHECK-LABEL: func @symbols
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32> {{.*}}, %[[Y:.*]]: tensor<?x8xf32>
func.func @symbols(%x: tensor<?x8xf32> {graph.symbols = ["N", ""]}, %y: tensor<?x8xf32> {graph.symbols = ["N", ""]}) -> (index, index, i1) {
  // CHECK: %[[N:.*]] = tensor.dim %[[X]], %c0
  // CHECK: %[[TWO:.*]] = affine.apply
  // CHECK: return %[[N]], %[[TWO]], %true
  %c0 = arith.constant 0 : index
  %0 = graph.relu %y : tensor<?x8xf32> -> tensor<?x8xf32>
  %1 = graph.concat 0(%0, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = tensor.dim %0, %c0 : tensor<?x8xf32>
  %3 = tensor.dim %1, %c0 : tensor<?x8xf32>
  %4 = graph.shape %x : tensor<?x8xf32> -> tensor<2xi64>
  %5 = graph.shape %0 : tensor<?x8xf32> -> tensor<2xi64>
  %6 = graph.compare eq %4, %5 : tensor<2xi64>, tensor<2xi64> -> tensor<2xi1>
  %7 = tensor.extract %6[%c0] : tensor<2xi1>
  return %2, %3, %7 : index, index, i1
}

// -----

// A shape from an input is read where a shape needs it; data is left alone.
// CHECK-LABEL: func @from_data
// CHECK-SAME: (%[[S:.*]]: tensor<2xi64>
func.func @from_data(%s: tensor<2xi64>, %x: tensor<1x1xf32>) -> (tensor<?x?xf32>, tensor<2xi64>) {
  // CHECK-DAG: %[[A:.*]] = tensor.extract %[[S]][%c0]
  // CHECK-DAG: %[[B:.*]] = tensor.extract %[[S]][%c1]
  // CHECK-DAG: arith.addi %[[A]], %c1_i64
  // CHECK-DAG: arith.addi %[[B]], %c1_i64
  // CHECK: graph.expand
  // CHECK: graph.neg %[[S]]
  %one = graph.constant dense<1> : tensor<i64>
  %0 = graph.add %s, %one : tensor<2xi64>, tensor<i64> -> tensor<2xi64>
  %1 = graph.expand %x, %0 : tensor<1x1xf32>, tensor<2xi64> -> tensor<?x?xf32>
  %2 = graph.neg %s : tensor<2xi64> -> tensor<2xi64>
  return %1, %2 : tensor<?x?xf32>, tensor<2xi64>
}

// -----

// Slices, transposes and reductions of shapes; pads from a computed [n, 2].
// CHECK-LABEL: func @movement
func.func @movement(%x: tensor<?x?xf32>) -> (tensor<2x2xi64>, tensor<i64>) {
  // CHECK-DAG: %[[D0:.*]] = tensor.dim %{{.*}}, %c0
  // CHECK-DAG: %[[D1:.*]] = tensor.dim %{{.*}}, %c1
  // CHECK-DAG: %[[I0:.*]] = arith.index_cast %[[D0]]
  // CHECK-DAG: %[[I1:.*]] = arith.index_cast %[[D1]]
  // CHECK-DAG: %[[M:.*]] = tensor.from_elements %[[I1]], %c7_i64, %[[I0]], %c7_i64 : tensor<2x2xi64>
  // CHECK-DAG: %[[P:.*]] = arith.muli %[[I0]], %[[I1]]
  // CHECK-DAG: %[[R:.*]] = tensor.from_elements %[[P]] : tensor<i64>
  // CHECK: return %[[M]], %[[R]]
  %seven = graph.constant dense<7> : tensor<2xi64>
  %last = graph.constant dense<-1> : tensor<1xi64>
  %far = graph.constant dense<-9> : tensor<1xi64>
  %s = graph.shape %x : tensor<?x?xf32> -> tensor<2xi64>
  %0 = graph.slice %s, %last, %far, %last axes [0] : tensor<2xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<2xi64>
  %1 = graph.unsqueeze %0 [0] : tensor<2xi64> -> tensor<1x2xi64>
  %2 = graph.unsqueeze %seven [0] : tensor<2xi64> -> tensor<1x2xi64>
  %3 = graph.concat 0(%1, %2) : (tensor<1x2xi64>, tensor<1x2xi64>) -> tensor<2x2xi64>
  %4 = graph.transpose %3 [1, 0] : tensor<2x2xi64> -> tensor<2x2xi64>
  %5 = graph.reduce prod %s [0] : tensor<2xi64> -> tensor<i64>
  return %4, %5 : tensor<2x2xi64>, tensor<i64>
}

// -----

// Sizes of a resize: extents, cast, scaled, rounded down. Functions that need a
// library stay kernels.
// CHECK-LABEL: func @floats
func.func @floats(%x: tensor<?xf32>) -> (tensor<1xi64>, tensor<1xf32>) {
  // CHECK: arith.sitofp
  // CHECK: arith.mulf
  // CHECK: arith.fptosi
  // CHECK: graph.exp
  %scale = graph.constant dense<1.5> : tensor<1xf32>
  %0 = graph.shape %x : tensor<?xf32> -> tensor<1xi64>
  %1 = graph.cast %0 to f32 : tensor<1xi64> -> tensor<1xf32>
  %2 = graph.mul %1, %scale : tensor<1xf32>, tensor<1xf32> -> tensor<1xf32>
  %3 = graph.cast %2 to i64 : tensor<1xf32> -> tensor<1xi64>
  %4 = graph.exp %2 : tensor<1xf32> -> tensor<1xf32>
  return %3, %4 : tensor<1xi64>, tensor<1xf32>
}

// -----

// A condition on a static shape is decided.
// CHECK-LABEL: func @condition
func.func @condition(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NOT: scf.if
  // CHECK: graph.relu
  // CHECK-NOT: graph.neg
  %four = graph.constant dense<4> : tensor<i64>
  %zero = graph.constant dense<0> : tensor<i64>
  %0 = graph.shape %x : tensor<4xf32> -> tensor<1xi64>
  %1 = graph.gather %0, %zero axis 0 : tensor<1xi64>, tensor<i64> -> tensor<i64>
  %2 = graph.compare eq %1, %four : tensor<i64>, tensor<i64> -> tensor<i1>
  %3 = tensor.extract %2[] : tensor<i1>
  %4 = scf.if %3 -> tensor<4xf32> {
    %5 = graph.relu %x : tensor<4xf32> -> tensor<4xf32>
    scf.yield %5 : tensor<4xf32>
  } else {
    %6 = graph.neg %x : tensor<4xf32> -> tensor<4xf32>
    scf.yield %6 : tensor<4xf32>
  }
  return %4 : tensor<4xf32>
}
