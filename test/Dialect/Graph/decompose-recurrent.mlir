// RUN: weft-opt %s --weft-decompose-recurrent --split-input-file | FileCheck %s

// The product with the inputs is one matmul; constants are sliced at once.
// CHECK-LABEL: func @rnn
// CHECK-SAME: (%[[X:.*]]: tensor<?x2x3xf32>, %[[R:.*]]: tensor<1x1x1xf32>)
func.func @rnn(%x: tensor<?x2x3xf32>, %r: tensor<1x1x1xf32>) -> (tensor<?x1x2x1xf32>, tensor<1x2x1xf32>) {
  // CHECK: %[[EMPTY:.*]] = tensor.empty(%{{.*}}) : tensor<?x1x2x1xf32>
  // CHECK: %[[R0:.*]] = graph.squeeze %[[R]] [0]
  // CHECK: %[[W:.*]] = graph.constant dense<{{.*}}> : tensor<1x3xf32>
  // CHECK: %[[P:.*]] = graph.matmul %[[X]], %[[W]] {transpose_rhs} : tensor<?x2x3xf32>, tensor<1x3xf32> -> tensor<?x2x1xf32>
  // CHECK: %[[B:.*]] = graph.constant dense<3.000000e+00> : tensor<1xf32>
  // CHECK: %[[PB:.*]] = graph.add %[[P]], %[[B]]
  // CHECK: %[[H0:.*]] = graph.constant dense<0.000000e+00> : tensor<2x1xf32>
  // CHECK: %[[L:.*]]:2 = scf.for %[[T:.*]] = {{.*}} iter_args(%[[OUT:.*]] = %[[EMPTY]], %[[H:.*]] = %[[H0]])
  // CHECK:   %[[XT:.*]] = tensor.extract_slice %[[PB]][%[[T]], 0, 0] [1, 2, 1] [1, 1, 1] : tensor<?x2x1xf32> to tensor<2x1xf32>
  // CHECK:   %[[HR:.*]] = graph.matmul %[[H]], %[[R0]] {transpose_rhs}
  // CHECK:   %[[SUM:.*]] = graph.add %[[XT]], %[[HR]]
  // CHECK:   %[[NEW:.*]] = graph.tanh %[[SUM]]
  // CHECK:   %[[INS:.*]] = tensor.insert_slice %[[NEW]] into %[[OUT]][%[[T]], 0, 0, 0] [1, 1, 2, 1]
  // CHECK:   scf.yield %[[INS]], %[[NEW]]
  // CHECK: graph.invariant_shapes
  // CHECK: %[[LAST:.*]] = graph.unsqueeze %[[L]]#1 [0]
  // CHECK: return %[[L]]#0, %[[LAST]]
  %w = graph.constant dense<[[[1.0, 2.0, 3.0]]]> : tensor<1x1x3xf32>
  %b = graph.constant dense<[[1.0, 2.0]]> : tensor<1x2xf32>
  %y, %h = graph.rnn "forward"(%x, %w, %r bias %b) {activations = ["Tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<?x2x3xf32>, tensor<1x1x3xf32>, tensor<1x1x1xf32>, tensor<1x2xf32>) -> (tensor<?x1x2x1xf32>, tensor<1x2x1xf32>)
  return %y, %h : tensor<?x1x2x1xf32>, tensor<1x2x1xf32>
}

// -----

// Both directions write into one tensor; lengths mask; the second goes back in
// time.
// CHECK-LABEL: func @bidirectional
func.func @bidirectional(%x: tensor<4x2x3xf32>, %w: tensor<2x1x3xf32>, %r: tensor<2x1x1xf32>, %l: tensor<2xi32>) -> (tensor<4x2x2x1xf32>, tensor<2x2x1xf32>) {
  // CHECK: scf.for %[[T:[^ ]*]] =
  // CHECK:   graph.compare lt %{{.*}}, %{{.*}} : tensor<i32>, tensor<2xi32> -> tensor<2xi1>
  // CHECK:   graph.select {{.*}} tensor<2x1xi1>, tensor<2x1xf32>, tensor<f32>
  // CHECK:   graph.select {{.*}} tensor<2x1xi1>, tensor<2x1xf32>, tensor<2x1xf32>
  // CHECK:   tensor.insert_slice {{.*}}[%[[T]], 0, 0, 0]
  // CHECK: scf.for %[[T:[^ ]*]] =
  // CHECK:   %[[BACK:.*]] = affine.apply #{{.*}}[%[[T]]]
  // CHECK:   tensor.insert_slice {{.*}}[%[[BACK]], 1, 0, 0]
  // CHECK: graph.concat 0
  %y, %h = graph.rnn "bidirectional"(%x, %w, %r lengths %l) {activations = ["Relu", "Sigmoid"], alphas = array<f32: 0.0, 0.0>, betas = array<f32: 0.0, 0.0>} : (tensor<4x2x3xf32>, tensor<2x1x3xf32>, tensor<2x1x1xf32>, tensor<2xi32>) -> (tensor<4x2x2x1xf32>, tensor<2x2x1xf32>)
  return %y, %h : tensor<4x2x2x1xf32>, tensor<2x2x1xf32>
}

// -----

// A dynamic batch: states are slices of its extent, which is checked once.
// CHECK-LABEL: func @lstm
func.func @lstm(%x: tensor<?x?x3xf32>, %w: tensor<1x8x3xf32>, %r: tensor<1x8x2xf32>, %h: tensor<1x?x2xf32>) -> (tensor<?x1x?x2xf32>, tensor<1x?x2xf32>, tensor<1x?x2xf32>) {
  // CHECK: kernel.check %{{.*}}, "initial_h is for {0} sequences where the input has {1}"
  // CHECK: graph.expand %{{.*}} : tensor<f32>, tensor<2xi64> -> tensor<?x2xf32>
  // CHECK: scf.for
  // CHECK-COUNT-3: graph.sigmoid
  // CHECK: graph.tanh
  // CHECK: scf.yield %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x1x?x2xf32>, tensor<?x2xf32>, tensor<?x2xf32>
  %y, %hn, %cn = graph.lstm "reverse"(%x, %w, %r h %h) {activations = ["Sigmoid", "Sigmoid", "Tanh"], alphas = array<f32: 0.0, 0.0, 0.0>, betas = array<f32: 0.0, 0.0, 0.0>, input_forget} : (tensor<?x?x3xf32>, tensor<1x8x3xf32>, tensor<1x8x2xf32>, tensor<1x?x2xf32>) -> (tensor<?x1x?x2xf32>, tensor<1x?x2xf32>, tensor<1x?x2xf32>)
  return %y, %hn, %cn : tensor<?x1x?x2xf32>, tensor<1x?x2xf32>, tensor<1x?x2xf32>
}

// -----

// The reset gate scales the product with the state, or the state.
// CHECK-LABEL: func @gru
func.func @gru(%x: tensor<1x1x3xf32>, %w: tensor<1x6x3xf32>, %r: tensor<1x6x2xf32>) -> (tensor<1x1x2xf32>, tensor<1x1x2xf32>) {
  // CHECK: scf.for
  // CHECK:   graph.matmul {{.*}} : tensor<1x2xf32>, tensor<6x2xf32> -> tensor<1x6xf32>
  // CHECK-NOT: graph.matmul
  // CHECK: scf.yield
  // CHECK: scf.for
  // CHECK:   graph.matmul {{.*}} : tensor<1x2xf32>, tensor<4x2xf32> -> tensor<1x4xf32>
  // CHECK:   graph.matmul {{.*}} : tensor<1x2xf32>, tensor<2x2xf32> -> tensor<1x2xf32>
  %y, %h = graph.gru "forward"(%x, %w, %r) {activations = ["Sigmoid", "Tanh"], alphas = array<f32: 0.0, 0.0>, betas = array<f32: 0.0, 0.0>, clip = 5.0 : f32, linear_before_reset} : (tensor<1x1x3xf32>, tensor<1x6x3xf32>, tensor<1x6x2xf32>) -> (tensor<1x1x1x2xf32>, tensor<1x1x2xf32>)
  %z, %g = graph.gru "forward"(%x, %w, %r) {activations = ["Sigmoid", "Tanh"], alphas = array<f32: 0.0, 0.0>, betas = array<f32: 0.0, 0.0>} : (tensor<1x1x3xf32>, tensor<1x6x3xf32>, tensor<1x6x2xf32>) -> (tensor<1x1x1x2xf32>, tensor<1x1x2xf32>)
  return %h, %g : tensor<1x1x2xf32>, tensor<1x1x2xf32>
}
