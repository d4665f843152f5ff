// RUN: weft-opt %s --weft-refine-shapes --split-input-file | FileCheck %s

// CHECK-LABEL: func @chain
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
func.func @chain(%x: tensor<2x3xf32>) -> tensor<?x?xf32> {
  // CHECK-NEXT: %[[A:.*]] = graph.relu %[[X]] : tensor<2x3xf32> -> tensor<2x3xf32>
  // CHECK-NEXT: %[[B:.*]] = graph.transpose %[[A]] [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  // CHECK-NEXT: %[[C:.*]] = tensor.cast %[[B]] : tensor<3x2xf32> to tensor<?x?xf32>
  // CHECK-NEXT: return %[[C]]
  %0 = tensor.cast %x : tensor<2x3xf32> to tensor<?x?xf32>
  %1 = graph.relu %0 : tensor<?x?xf32> -> tensor<?x?xf32>
  %2 = graph.transpose %1 [1, 0] : tensor<?x?xf32> -> tensor<?x?xf32>
  return %2 : tensor<?x?xf32>
}

// -----

// A shape that is known in part gives extents in part; one that is free follows
// from the others.
// CHECK-LABEL: func @partial
func.func @partial(%x: tensor<2x12xf32>, %y: tensor<1x1xf32>, %n: i64) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  // CHECK: graph.reshape {{.*}} -> tensor<3x8xf32>
  // CHECK: graph.expand {{.*}} -> tensor<?x8xf32>
  %c8 = arith.constant 8 : i64
  %s = tensor.from_elements %n, %c8 : tensor<2xi64>
  %0 = graph.reshape %x, %s : tensor<2x12xf32>, tensor<2xi64> -> tensor<?x?xf32>
  %1 = graph.expand %y, %s : tensor<1x1xf32>, tensor<2xi64> -> tensor<?x?xf32>
  return %0, %1 : tensor<?x?xf32>, tensor<?x?xf32>
}

// -----

// A cast that claims an extent stays, and its claim is used.
// CHECK-LABEL: func @claim
func.func @claim(%x: tensor<?xf32>) -> tensor<?xf32> {
  // CHECK: %[[C:.*]] = tensor.cast %{{.*}} : tensor<?xf32> to tensor<4xf32>
  // CHECK: graph.neg %[[C]] : tensor<4xf32> -> tensor<4xf32>
  %0 = tensor.cast %x : tensor<?xf32> to tensor<4xf32>
  %1 = graph.neg %0 : tensor<4xf32> -> tensor<?xf32>
  return %1 : tensor<?xf32>
}

// -----

// CHECK-LABEL: func @branches
func.func @branches(%c: i1, %x: tensor<2x3xf32>, %y: tensor<2x4xf32>) -> tensor<?x?xf32> {
  // CHECK: scf.if %{{.*}} -> (tensor<2x?xf32>)
  // CHECK: scf.yield %{{.*}} : tensor<2x?xf32>
  // CHECK: scf.yield %{{.*}} : tensor<2x?xf32>
  // CHECK: graph.relu %{{.*}} : tensor<2x?xf32> -> tensor<2x?xf32>
  %0 = scf.if %c -> tensor<?x?xf32> {
    %2 = tensor.cast %x : tensor<2x3xf32> to tensor<?x?xf32>
    scf.yield %2 : tensor<?x?xf32>
  } else {
    %3 = graph.neg %y : tensor<2x4xf32> -> tensor<?x?xf32>
    scf.yield %3 : tensor<?x?xf32>
  }
  %1 = graph.relu %0 : tensor<?x?xf32> -> tensor<?x?xf32>
  return %1 : tensor<?x?xf32>
}

// -----

// What a loop carries is as static as its initial value only if every iteration
// is, too.
// CHECK-LABEL: func @loops
func.func @loops(%n: index, %x: tensor<2xf32>, %y: tensor<2xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  // CHECK: scf.for {{.*}} -> (tensor<2xf32>, tensor<?xf32>)
  // CHECK: graph.concat {{.*}} -> tensor<?xf32>
  // CHECK: scf.yield %{{.*}}, %{{.*}} : tensor<2xf32>, tensor<?xf32>
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = tensor.cast %x : tensor<2xf32> to tensor<?xf32>
  %1:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %0, %b = %0) -> (tensor<?xf32>, tensor<?xf32>) {
    %2 = graph.mul %a, %y : tensor<?xf32>, tensor<2xf32> -> tensor<?xf32>
    %3 = graph.concat 0(%b, %y) : (tensor<?xf32>, tensor<2xf32>) -> tensor<?xf32>
    scf.yield %2, %3 : tensor<?xf32>, tensor<?xf32>
  }
  return %1#0, %1#1 : tensor<?xf32>, tensor<?xf32>
}
