// RUN: weft-opt %s --canonicalize --split-input-file | FileCheck %s

// Folds that ops have themselves: the operand is the result, whatever it is.
// CHECK-LABEL: func @floats
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>)
func.func @floats(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>) {
  // CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]]
  %one = graph.constant dense<1.0> : tensor<f32>
  %zero = graph.constant dense<0.0> : tensor<f32>
  %minus_zero = graph.constant dense<-0.0> : tensor<f32>
  %0 = graph.mul %one, %x : tensor<f32>, tensor<?xf32> -> tensor<?xf32>
  %1 = graph.div %x, %one : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %2 = graph.sub %x, %zero : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %3 = graph.add %x, %minus_zero : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %4 = graph.neg %x : tensor<?xf32> -> tensor<?xf32>
  %5 = graph.neg %4 : tensor<?xf32> -> tensor<?xf32>
  return %0, %1, %2, %3, %5 : tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>
}

// -----

// -0 + 0 is 0, NaN * 0 is NaN, and an identity may still broadcast.
// CHECK-LABEL: func @not_identities
func.func @not_identities(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>, tensor<2x?xf32>) {
  // CHECK: graph.add
  // CHECK: graph.mul
  // CHECK: graph.mul
  %zero = graph.constant dense<0.0> : tensor<f32>
  %ones = graph.constant dense<1.0> : tensor<2x1xf32>
  %0 = graph.add %x, %zero : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %1 = graph.mul %x, %zero : tensor<?xf32>, tensor<f32> -> tensor<?xf32>
  %2 = graph.mul %x, %ones : tensor<?xf32>, tensor<2x1xf32> -> tensor<2x?xf32>
  return %0, %1, %2 : tensor<?xf32>, tensor<?xf32>, tensor<2x?xf32>
}

// -----

// CHECK-LABEL: func @ints
// CHECK-SAME: (%[[X:.*]]: tensor<?xi32>, %[[B:.*]]: tensor<?xi1>)
func.func @ints(%x: tensor<?xi32>, %b: tensor<?xi1>) -> (tensor<?xi32>, tensor<?xi32>, tensor<?xi1>, tensor<?xi1>, tensor<?xi32>) {
  // CHECK-NEXT: return %[[X]], %[[X]], %[[B]], %[[B]], %[[X]]
  %zero = graph.constant dense<0> : tensor<i32>
  %all = graph.constant dense<-1> : tensor<i32>
  %true = graph.constant dense<true> : tensor<1xi1>
  %0 = graph.add %zero, %x : tensor<i32>, tensor<?xi32> -> tensor<?xi32>
  %1 = graph.and %x, %all : tensor<?xi32>, tensor<i32> -> tensor<?xi32>
  %2 = graph.and %b, %true : tensor<?xi1>, tensor<1xi1> -> tensor<?xi1>
  %3 = graph.not %b : tensor<?xi1> -> tensor<?xi1>
  %4 = graph.not %3 : tensor<?xi1> -> tensor<?xi1>
  %5 = graph.select %true, %x, %0 : tensor<1xi1>, tensor<?xi32>, tensor<?xi32> -> tensor<?xi32>
  return %0, %1, %2, %4, %5 : tensor<?xi32>, tensor<?xi32>, tensor<?xi1>, tensor<?xi1>, tensor<?xi32>
}
