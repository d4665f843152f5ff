// RUN: weft-opt-example %s --split-input-file --verify-diagnostics --canonicalize | FileCheck %s

// What docs/adding-an-op.md says follows from the record: the syntax, the type
// rule, and folding of constants through the body.

// CHECK-LABEL: func @dynamic(
// CHECK: graph.softsign %{{.*}} : tensor<?x8xf32> -> tensor<?x8xf32>
func.func @dynamic(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = graph.softsign %x : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func @constant(
// CHECK: dense<[0.000000e+00, 7.500000e-01, -5.000000e-01]>
// CHECK-NOT: graph.softsign
func.func @constant() -> tensor<3xf32> {
  %x = graph.constant dense<[0.0, 3.0, -1.0]> : tensor<3xf32>
  %y = graph.softsign %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

func.func @wrong_type(%x: tensor<4xf32>) -> tensor<5xf32> {
  // expected-error@+1 {{graph.softsign}}
  %y = graph.softsign %x : tensor<4xf32> -> tensor<5xf32>
  return %y : tensor<5xf32>
}
