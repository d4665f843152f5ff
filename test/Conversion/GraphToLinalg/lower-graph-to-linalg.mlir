// RUN: weft-opt %s --weft-lower-graph-to-linalg | FileCheck %s

// A chain becomes one op that writes to the kernel's output.
// CHECK-LABEL: func.func private @add_relu
// CHECK-SAME:    %[[X:[a-z0-9]+]]: tensor<?x8xf32>, %[[B:[a-z0-9]+]]: tensor<8xf32>, %[[OUT:[a-z0-9]+]]:
func.func private @add_relu(%x: tensor<?x8xf32>, %b: tensor<8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32>
    attributes {kernel.entry} {
  // CHECK: %[[Y:.*]] = linalg.generic
  // CHECK-SAME: ins(%[[X]], %[[B]] : tensor<?x8xf32>, tensor<8xf32>) outs(%[[OUT]]
  // CHECK: arith.addf
  // CHECK: arith.maximumf
  // CHECK: return %[[Y]]
  %s = graph.add %x, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
  %y = graph.relu %s : tensor<?x8xf32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// The followers of a product are its epilogue, whatever shape a bias has.
// CHECK-LABEL: func.func private @matmul_add_relu
func.func private @matmul_add_relu(%a: tensor<?x64xf32>, %b: tensor<3x64x16xf32>, %bias: tensor<40xf32>,
                                   %out: tensor<?x40xf32>) -> tensor<?x40xf32> attributes {kernel.entry} {
  // CHECK: %[[Y:.*]] = kernel.matmul packed {{.*}} extras(%{{.*}}) outs(%{{.*}}) {extra_maps = [#{{.*}}]} epilogue
  // CHECK: ^bb0(%[[SUM:.*]]: f32, %[[B:.*]]: f32):
  // CHECK: %[[S:.*]] = arith.addf %[[SUM]], %[[B]]
  // CHECK: arith.maximumf %[[S]]
  // CHECK: return %[[Y]]
  %0 = kernel.matmul packed lhs(%a) rhs(%b) outs(%out) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<?x64xf32>, tensor<3x64x16xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>
  %1 = graph.add %0, %bias : tensor<?x40xf32>, tensor<40xf32> -> tensor<?x40xf32>
  %2 = graph.relu %1 : tensor<?x40xf32> -> tensor<?x40xf32>
  return %2 : tensor<?x40xf32>
}

// What is computed for the epilogue alone becomes part of it, a chain of integers
// and all.
// CHECK-LABEL: func.func private @add_quantized
func.func private @add_quantized(%a: tensor<?x64xf32>, %b: tensor<3x64x16xf32>, %x: tensor<?x40xf32>,
                                 %out: tensor<?x40xf32>) -> tensor<?x40xf32> attributes {kernel.entry} {
  // CHECK-NOT: linalg.generic
  // CHECK: kernel.matmul packed {{.*}} extras(%{{.*}}) outs
  // CHECK: arith.fptoui
  // CHECK: kernel.yield
  // CHECK-NOT: linalg.generic
  // CHECK: return
  %0 = graph.cast %x to ui8 : tensor<?x40xf32> -> tensor<?x40xui8>
  %1 = graph.cast %0 to f32 : tensor<?x40xui8> -> tensor<?x40xf32>
  %2 = kernel.matmul packed lhs(%a) rhs(%b) outs(%out) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<?x64xf32>, tensor<3x64x16xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>
  %3 = graph.cast %2 to ui8 : tensor<?x40xf32> -> tensor<?x40xui8>
  %4 = graph.cast %3 to f32 : tensor<?x40xui8> -> tensor<?x40xf32>
  %5 = graph.add %4, %1 : tensor<?x40xf32>, tensor<?x40xf32> -> tensor<?x40xf32>
  return %5 : tensor<?x40xf32>
}

// Unsigned integers compare as such and are signless afterwards.
// CHECK-LABEL: func.func private @max_ui8
// CHECK-SAME:    (%{{.*}}: tensor<4xi8>, %{{.*}}: tensor<4xi8>, %{{.*}}: tensor<4xi8>) -> tensor<4xi8>
func.func private @max_ui8(%x: tensor<4xui8>, %y: tensor<4xui8>, %out: tensor<4xui8>) -> tensor<4xui8>
    attributes {kernel.entry} {
  // CHECK: arith.maxui
  %0 = graph.max %x, %y : tensor<4xui8>, tensor<4xui8> -> tensor<4xui8>
  return %0 : tensor<4xui8>
}

// Sums of f16 are f32; loops of the result stand first.
// CHECK-LABEL: func.func private @mean
func.func private @mean(%x: tensor<?x8xf16>, %out: tensor<8xf16>) -> tensor<8xf16> attributes {kernel.entry} {
  // CHECK: linalg.fill ins(%{{.*}} : f32)
  // CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "reduction"]}
  // CHECK: arith.extf
  // CHECK: arith.addf %{{.*}} : f32
  // CHECK: arith.divf
  // CHECK: arith.truncf
  %0 = graph.reduce mean %x [0] : tensor<?x8xf16> -> tensor<8xf16>
  return %0 : tensor<8xf16>
}

// The maximum so far is the second operand, of which x86 passes NaN on by itself.
// CHECK-LABEL: func.func private @maximum
func.func private @maximum(%x: tensor<?x8xf32>, %out: tensor<8xf32>) -> tensor<8xf32> attributes {kernel.entry} {
  // CHECK: ^bb0(%[[X:.*]]: f32, %[[TOTAL:.*]]: f32):
  // CHECK-NEXT: arith.maximumf %[[X]], %[[TOTAL]]
  %0 = graph.reduce max %x [0] : tensor<?x8xf32> -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// CHECK-LABEL: func.func private @softmax
func.func private @softmax(%x: tensor<?x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32>
    attributes {kernel.entry} {
  // CHECK: arith.maximumf
  // CHECK: math.exp
  // CHECK: arith.addf
  // CHECK: arith.divf
  // CHECK: arith.mulf
  // CHECK-NOT: graph.
  %0 = graph.softmax %x 1 : tensor<?x8xf32> -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// An index is checked once for its slice, with the node's name.
// CHECK-LABEL: func.func private @gather
func.func private @gather(%data: tensor<10x4xf32>, %at: tensor<?xi64>, %out: tensor<?x4xf32>) -> tensor<?x4xf32>
    attributes {kernel.entry} {
  // CHECK: linalg.generic
  // CHECK: kernel.check %{{.*}}, "node 'pick' (Gather): index {0} is out of range for the extent {1} of axis 0"
  // CHECK: linalg.generic
  // CHECK: tensor.extract
  %0 = graph.gather %data, %at axis 0 : tensor<10x4xf32>, tensor<?xi64> -> tensor<?x4xf32> loc(fused<"Gather">["pick"])
  return %0 : tensor<?x4xf32>
}

// What computes an element is inlined where the element is read.
// CHECK-LABEL: func.func private @exp_slice
func.func private @exp_slice(%x: tensor<8xf32>, %out: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %start = graph.constant dense<0> : tensor<1xi64>
  %end = graph.constant dense<8> : tensor<1xi64>
  %step = graph.constant dense<2> : tensor<1xi64>
  // CHECK: linalg.generic
  // CHECK: %[[E:.*]] = tensor.extract
  // CHECK-NEXT: math.exp %[[E]]
  // CHECK-NOT: linalg.generic
  // CHECK: return
  %0 = graph.exp %x : tensor<8xf32> -> tensor<8xf32>
  %1 = graph.slice %0, %start, %end, %step axes [0] : tensor<8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// Reshapes are views, with extents that the op computes.
// CHECK-LABEL: func.func @reshape
func.func @reshape(%x: tensor<?x8xf32>) -> tensor<?x2x4xf32> {
  %shape = graph.constant dense<[0, 2, 4]> : tensor<3xi64>
  // CHECK: tensor.collapse_shape
  // CHECK: tensor.expand_shape
  %0 = graph.reshape %x, %shape : tensor<?x8xf32>, tensor<3xi64> -> tensor<?x2x4xf32>
  return %0 : tensor<?x2x4xf32>
}

// A product stores vectors, and of i1 these would be bits: the comparison is a
// loop of its own.
// CHECK-LABEL: func.func private @matmul_compare
func.func private @matmul_compare(%a: tensor<?x64xf32>, %b: tensor<3x64x16xf32>, %c: tensor<f32>, %out: tensor<?x40xi1>)
    -> tensor<?x40xi1> attributes {kernel.entry} {
  // CHECK: kernel.matmul
  // CHECK: kernel.yield %{{.*}} : f32
  // CHECK: linalg.generic
  // CHECK: arith.cmpf
  %d = arith.constant 0 : index
  %n = tensor.dim %a, %d : tensor<?x64xf32>
  %e = tensor.empty(%n) : tensor<?x40xf32>
  %0 = kernel.matmul packed lhs(%a) rhs(%b) outs(%e) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<?x64xf32>, tensor<3x64x16xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>
  %1 = graph.compare lt %0, %c : tensor<?x40xf32>, tensor<f32> -> tensor<?x40xi1>
  return %1 : tensor<?x40xi1>
}

// A butterfly computes all its results in one loop; those of real numbers lack
// what would be times 0. Twiddles broadcast.
// CHECK-LABEL: func.func private @butterfly
func.func private @butterfly(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>, %w: tensor<1x8xf32>, %v: tensor<1x8xf32>,
                             %a: tensor<?x8xf32>, %b: tensor<?x8xf32>, %c: tensor<?x8xf32>, %d: tensor<?x8xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>) attributes {kernel.entry} {
  // CHECK: %[[ZERO:.*]] = arith.constant 0.0
  // CHECK: %[[Y:.*]]:4 = linalg.generic
  // CHECK-SAME: outs(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
  // CHECK: ^bb0(%[[X:[a-z0-9_]+]]: f32, %[[Z:[a-z0-9_]+]]: f32, %[[W:[a-z0-9_]+]]: f32, %[[V:[a-z0-9_]+]]: f32,
  // CHECK: %[[SUM:.*]] = arith.addf %[[X]], %[[Z]]
  // CHECK: %[[DIFFERENCE:.*]] = arith.subf %[[X]], %[[Z]]
  // CHECK: %[[RE:.*]] = arith.mulf %[[DIFFERENCE]], %[[W]]
  // CHECK: %[[IM:.*]] = arith.mulf %[[DIFFERENCE]], %[[V]]
  // CHECK: linalg.yield %[[SUM]], %[[RE]], %[[ZERO]], %[[IM]]
  // CHECK: return %[[Y]]#0, %[[Y]]#1, %[[Y]]#2, %[[Y]]#3
  %0:4 = graph.butterfly(%x, %y) twiddles(%w, %v) : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
  return %0#0, %0#1, %0#2, %0#3 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}

// Walks down shallow trees take all steps; those down deep ones end when the
// second words of all nodes are less than an offset of 1. Rows of 16 walk down
// one tree at once, what is left down all trees.
// CHECK-LABEL: func.func private @forests
func.func private @forests(%x: tensor<?x3xf32>, %n: tensor<70x2xi32>, %r: tensor<17xi32>, %l: tensor<36x1xf32>,
                           %a: tensor<?x1xf32>, %b: tensor<?x1xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>)
    attributes {kernel.entry} {
  // CHECK: scf.forall
  // CHECK-COUNT-3: scf.for {{.*}} to %c6 step %c1 iter_args
  // CHECK: scf.forall
  // CHECK: scf.while
  // CHECK: %[[INNER:.*]] = arith.cmpi uge, %{{.*}}, %c256{{.*}} : i32
  // CHECK: scf.condition(%[[INNER]])
  // CHECK-COUNT-2: scf.while
  // CHECK-NOT: scf.while
  %0 = graph.tree_ensemble sum %x, %n, %r, %l targets 1 feature_bits 8 depth 6
      : (tensor<?x3xf32>, tensor<70x2xi32>, tensor<17xi32>, tensor<36x1xf32>) -> tensor<?x1xf32>
  %1 = graph.tree_ensemble sum %x, %n, %r, %l targets 1 feature_bits 8 depth 7
      : (tensor<?x3xf32>, tensor<70x2xi32>, tensor<17xi32>, tensor<36x1xf32>) -> tensor<?x1xf32>
  return %0, %1 : tensor<?x1xf32>, tensor<?x1xf32>
}
