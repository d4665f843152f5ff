// RUN: weft-opt %s --weft-fuse-kernels --split-input-file | FileCheck %s

// A chain is one kernel with the names of its nodes; extents come from the
// arguments.
// CHECK-LABEL: func.func @chain(
// CHECK:         %[[N:.*]] = tensor.dim %arg0
// CHECK:         %[[E:.*]] = tensor.empty(%[[N]])
// CHECK:         kernel.launch @add_relu_0 ins(%arg0, %arg1 {{.*}}) outs(%[[E]] {{.*}}) {kernel.nodes = ["a", "r"]}
// CHECK:       func.func private @add_relu_0({{.*}}) -> tensor<?x8xf32> attributes {kernel.entry}
// CHECK-NEXT:    graph.add
// CHECK-NEXT:    graph.relu
func.func @chain(%x: tensor<?x8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = graph.add %x, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32> loc(fused<"Add">["a"])
  %1 = graph.relu %0 : tensor<?x8xf32> -> tensor<?x8xf32> loc(fused<"Relu">["r"])
  return %1 : tensor<?x8xf32>
}

// -----

// The product that is computed last takes the sum of both and what follows.
// CHECK-LABEL: func.func @residual(
// CHECK:         %[[A:.*]] = kernel.launch @matmul_0 ins(%arg0, %arg1
// CHECK:         kernel.launch @matmul_add_relu_1 ins(%arg0, %arg2, %[[A]]
func.func @residual(%x: tensor<4x8xf32>, %v: tensor<8x6xf32>, %w: tensor<8x6xf32>) -> tensor<4x6xf32> {
  %0 = graph.matmul %x, %v : tensor<4x8xf32>, tensor<8x6xf32> -> tensor<4x6xf32>
  %1 = graph.matmul %x, %w : tensor<4x8xf32>, tensor<8x6xf32> -> tensor<4x6xf32>
  %2 = graph.add %0, %1 : tensor<4x6xf32>, tensor<4x6xf32> -> tensor<4x6xf32>
  %3 = graph.relu %2 : tensor<4x6xf32> -> tensor<4x6xf32>
  return %3 : tensor<4x6xf32>
}

// -----

// What two kernels read is computed once, on its own; equal kernels are one.
// CHECK-LABEL: func.func @shared(
// CHECK:         %[[E:.*]] = kernel.launch @exp_0
// CHECK:         kernel.launch @reduce_1 ins(%[[E]]
// CHECK:         kernel.launch @exp_0 ins(%[[E]]
// CHECK-NOT:   func.func private @exp_2
func.func @shared(%x: tensor<4x8xf32>) -> (tensor<4xf32>, tensor<4x8xf32>) {
  %0 = graph.exp %x : tensor<4x8xf32> -> tensor<4x8xf32>
  %1 = graph.reduce sum %0 [1] : tensor<4x8xf32> -> tensor<4xf32>
  %2 = graph.exp %0 : tensor<4x8xf32> -> tensor<4x8xf32>
  return %1, %2 : tensor<4xf32>, tensor<4x8xf32>
}

// -----

// A norm takes in what computes its row and what follows.
// CHECK-LABEL: func.func @norm(
// CHECK:         kernel.launch @add_layer_norm_relu_0
func.func @norm(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = graph.add %x, %y : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xf32>
  %1 = graph.layer_norm %0 axis 1 {epsilon = 1.0e-5 : f64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = graph.relu %1 : tensor<4x8xf32> -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

// A piece with no other use is inserted behind its kernel, others are copied.
// CHECK-LABEL: func.func @concat(
// CHECK:         %[[E:.*]] = tensor.empty() : tensor<4x12xf32>
// CHECK:         %[[X:.*]] = kernel.launch @exp_0
// CHECK:         %[[I:.*]] = tensor.insert_slice %[[X]] into %[[E]][0, 4] [4, 8]
// CHECK:         %[[C:.*]] = kernel.launch @copy_1 ins(%arg1
// CHECK:         tensor.insert_slice %[[C]] into %[[I]][0, 0] [4, 4]
func.func @concat(%x: tensor<4x8xf32>, %y: tensor<4x4xf32>) -> tensor<4x12xf32> {
  %0 = graph.exp %x : tensor<4x8xf32> -> tensor<4x8xf32>
  %1 = graph.concat 1 (%y, %0) : (tensor<4x4xf32>, tensor<4x8xf32>) -> tensor<4x12xf32>
  return %1 : tensor<4x12xf32>
}

// -----

// Pieces of one kernel are inserted one after another.
// CHECK-LABEL: func.func @concat_of_one_kernel(
// CHECK:         %[[E:.*]] = tensor.empty() : tensor<16xf32>
// CHECK:         %[[Y:.*]]:4 = kernel.launch @butterfly_0
// CHECK-NEXT:    %[[A:.*]] = tensor.insert_slice %[[Y]]#0 into %[[E]][0] [4]
// CHECK-NEXT:    %[[B:.*]] = tensor.insert_slice %[[Y]]#1 into %[[A]][4] [4]
// CHECK-NEXT:    %[[C:.*]] = tensor.insert_slice %[[Y]]#2 into %[[B]][8] [4]
// CHECK-NEXT:    tensor.insert_slice %[[Y]]#3 into %[[C]][12] [4]
func.func @concat_of_one_kernel(%x: tensor<4xf32>) -> tensor<16xf32> {
  %0:4 = graph.butterfly(%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  %1 = graph.concat 0 (%0#0, %0#1, %0#2, %0#3) : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<16xf32>
  return %1 : tensor<16xf32>
}

// -----

// Extents that may differ are checked where the model runs.
// CHECK-LABEL: func.func @broadcast(
// CHECK:         kernel.check %{{.*}}, "node 'sum' (Add): input 1 has {0} on axis 0 where the result has {1}"
// CHECK:         kernel.launch @expand
func.func @broadcast(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %0 = graph.add %x, %y : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32> loc(fused<"Add">["sum"])
  return %0 : tensor<?xf32>
}

// -----

// A sum after a product is its epilogue, not the beginning of the norm.
// CHECK-LABEL: func.func @epilogue_first(
// CHECK:         %[[S:.*]] = kernel.launch @matmul_add_0
// CHECK:         kernel.launch @softmax_1 ins(%[[S]]
func.func @epilogue_first(%x: tensor<4x8xf32>, %w: tensor<8x6xf32>, %b: tensor<6xf32>) -> tensor<4x6xf32> {
  %0 = graph.matmul %x, %w : tensor<4x8xf32>, tensor<8x6xf32> -> tensor<4x6xf32>
  %1 = graph.add %0, %b : tensor<4x6xf32>, tensor<6xf32> -> tensor<4x6xf32>
  %2 = graph.softmax %1 1 : tensor<4x6xf32> -> tensor<4x6xf32>
  return %2 : tensor<4x6xf32>
}

// -----

// What has no element needs no kernel, nor does what it alone reads.
// CHECK-LABEL: func @empty(
func.func @empty(%x: tensor<0x?xi64>) -> tensor<?x0xi64> {
  // CHECK: %[[EMPTY:.*]] = tensor.empty(%{{.*}}) : tensor<?x0xi64>
  // CHECK-NOT: kernel.launch
  // CHECK: return %[[EMPTY]]
  // CHECK-NOT: func
  %y = graph.neg %x : tensor<0x?xi64> -> tensor<0x?xi64>
  %z = graph.transpose %y [1, 0] : tensor<0x?xi64> -> tensor<?x0xi64>
  return %z : tensor<?x0xi64>
}

// -----

// Minimal filtering counts what it computes: four tiles of 36 products for each
// of 16x16 weights, twice, and one addition for each output.
// CHECK-LABEL: func.func @operations(
// CHECK:         kernel.launch @winograd_conv_{{.*}}kernel.flops = 7.475200e+04
func.func @operations(%x: tensor<1x1x8x8x16xf32>, %w: tensor<1x36x16x16xf32>) -> tensor<1x1x8x8x16xf32> {
  %e = tensor.empty() : tensor<1x1x8x8x16xf32>
  %y = kernel.winograd_conv input(%x) weight(%w) outs(%e) tile [4, 4] pads [1, 1] dilations [1, 1] groups 1
      {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    %s = arith.addf %sum, %sum : f32
    kernel.yield %s : f32
  } : (tensor<1x1x8x8x16xf32>, tensor<1x36x16x16xf32>, tensor<1x1x8x8x16xf32>) -> tensor<1x1x8x8x16xf32>
  return %y : tensor<1x1x8x8x16xf32>
}

// -----

// Padding is a kernel that fills the border alone, right before the kernel that
// writes what lies inside.
// CHECK-LABEL: func.func @pad(
// CHECK:         kernel.launch @tanh_
// CHECK:         %[[E:.*]] = tensor.empty() : tensor<2x6x7xf32>
// CHECK:         %[[W:.*]] = kernel.launch @border_{{[0-9]+}} outs(%[[E]] {{.*}}) {kernel.nodes = ["p"]}
// CHECK:         %[[X:.*]] = kernel.launch @add_exp_
// CHECK:         tensor.insert_slice %[[X]] into %[[W]][0, 1, 2] [2, 4, 5]
// CHECK:       func.func private @border_{{.*}}(%[[O:.*]]: tensor<2x6x7xf32>)
// CHECK:         scf.forall (%{{.*}}) in (2) shared_outs(
// CHECK:         tensor.extract_slice %[[P:.*]][0, 0, 0] [1, 1, 7]
// CHECK:         linalg.fill
// CHECK:         tensor.extract_slice %{{.*}}[0, 5, 0] [1, 1, 7]
// CHECK:         linalg.fill
// CHECK:         tensor.extract_slice %{{.*}}[0, 1, 0] [1, 4, 2]
// CHECK:         linalg.fill
// CHECK-NOT:     linalg.fill
func.func @pad(%x: tensor<2x4x5xf32>) -> tensor<2x6x7xf32> {
  %0 = graph.tanh %x : tensor<2x4x5xf32> -> tensor<2x4x5xf32>
  %2 = graph.reduce max %0 [0] {keep_dims} : tensor<2x4x5xf32> -> tensor<1x4x5xf32>
  %3 = graph.add %0, %2 : tensor<2x4x5xf32>, tensor<1x4x5xf32> -> tensor<2x4x5xf32>
  %4 = graph.exp %3 : tensor<2x4x5xf32> -> tensor<2x4x5xf32>
  %pads = graph.constant dense<[1, 2, 1, 0]> : tensor<4xi64>
  %zero = graph.constant dense<0.0> : tensor<f32>
  %5 = graph.pad constant %4, %pads, %zero axes [1, 2] : tensor<2x4x5xf32>, tensor<4xi64>, tensor<f32> -> tensor<2x6x7xf32> loc(fused<"Pad">["p"])
  return %5 : tensor<2x6x7xf32>
}

// -----

// Added again, what was broadcast before has no other extent than it had.
// CHECK-LABEL: func.func @added_again(
// CHECK:         arith.select
// CHECK-NOT:     arith.select
// CHECK:         kernel.launch @matmul_add_{{.*}}
func.func @added_again(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>, %w: tensor<8x8xf32>) -> tensor<?x8xf32> {
  %a = graph.add %x, %y : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  %p = graph.matmul %a, %w : tensor<?x8xf32>, tensor<8x8xf32> -> tensor<?x8xf32>
  %b = graph.add %p, %x : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x8xf32>
  return %b : tensor<?x8xf32>
}

// -----

// A packed product cannot store i1, so nothing that ends in it follows one.
// CHECK-LABEL: func.func @flags(
// CHECK:         kernel.launch @matmul_0
// CHECK:         kernel.launch @relu_compare_1
func.func @flags(%x: tensor<2x1x?x8xf32>, %w: tensor<1x8x16xf32>, %one: tensor<f32>) -> tensor<2x1x?x16xi1> {
  %c2 = arith.constant 2 : index
  %rows = tensor.dim %x, %c2 : tensor<2x1x?x8xf32>
  %empty = tensor.empty(%rows) : tensor<2x1x?x16xf32>
  %0 = kernel.matmul packed lhs(%x) rhs(%w) outs(%empty) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<2x1x?x8xf32>, tensor<1x8x16xf32>, tensor<2x1x?x16xf32>) -> tensor<2x1x?x16xf32>
  %1 = graph.relu %0 : tensor<2x1x?x16xf32> -> tensor<2x1x?x16xf32>
  %2 = graph.compare lt %1, %one : tensor<2x1x?x16xf32>, tensor<f32> -> tensor<2x1x?x16xi1>
  return %2 : tensor<2x1x?x16xi1>
}

// -----

// Blocks that are full, or parts of one, are transposed; the joined channels are
// a view.
// CHECK-LABEL: func.func @unpack(
// CHECK:         %[[S:.*]] = tensor.extract_slice %arg1[0, 0, 0, 0] [1, 1, 5, 6]
// CHECK:         %[[T:.*]] = kernel.launch @transpose_0 ins(%arg0 : tensor<?x2x5x16xf32>) outs({{.*}} : tensor<?x2x16x5xf32>)
// CHECK:         tensor.collapse_shape %[[T]] {{\[\[}}0], [1, 2], [3]]
// CHECK:         kernel.launch @transpose_1 ins(%[[S]] : tensor<1x1x5x6xf32>) outs({{.*}} : tensor<1x1x6x5xf32>)
func.func @unpack(%x: tensor<?x2x5x16xf32>, %y: tensor<1x1x5x16xf32>) -> (tensor<?x32x5xf32>, tensor<1x6x5xf32>) {
  %0 = graph.unpack %x axis 1 extent 32 : tensor<?x2x5x16xf32> -> tensor<?x32x5xf32>
  %1 = graph.unpack %y axis 1 extent 6 : tensor<1x1x5x16xf32> -> tensor<1x6x5xf32>
  return %0, %1 : tensor<?x32x5xf32>, tensor<1x6x5xf32>
}

// -----

// What is packed may be gathered from a vector, which has no channels.
// CHECK-LABEL: func.func @packed_elements(
// CHECK:         kernel.launch @gather_0
// CHECK:         kernel.launch @pack_1
func.func @packed_elements(%x: tensor<3xf32>) -> tensor<1x1x3x16xf32> {
  %places = graph.constant dense<[[[0, 0, 0], [1, 1, 1], [2, 2, 2]]]> : tensor<1x3x3xi64>
  %0 = graph.gather %x, %places axis 0 : tensor<3xf32>, tensor<1x3x3xi64> -> tensor<1x3x3xf32>
  %1 = graph.pack %0 axis 1 block 16 : tensor<1x3x3xf32> -> tensor<1x1x3x16xf32>
  return %1 : tensor<1x1x3x16xf32>
}
