// RUN: weft-opt %s --weft-bufferize | FileCheck %s

#id = affine_map<(i) -> (i)>

// A slice of a larger buffer has an offset: the kernel is cloned for it, and
// writes in place. The slice at offset 0 is like a buffer of its own.
// CHECK-DAG: memref.global "private" constant @[[C:.*]] : memref<4xf32> = dense<1.000000e+00> {alignment = 64 : i64, kernel.offset = 0 : i64}
// CHECK: func.func private @[[PLAIN:neg_.*]](%{{.*}}: memref<4xf32>, %{{.*}}: memref<4xf32>) attributes {kernel.entry}
// CHECK-NOT: memref.copy
// CHECK: func.func private @[[SLICE:neg_.*]](%{{.*}}: memref<4xf32>, %{{.*}}: memref<4xf32, strided<[1], offset: ?>>) attributes {kernel.entry}
// CHECK-NOT: alloc
func.func private @neg(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// Nobody launches it.
// CHECK-NOT: @unused
func.func private @unused(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @main(
// CHECK-SAME:    %[[X:.*]]: memref<4xf32> {graph.name = "x"})
func.func @main(%x: tensor<4xf32> {graph.name = "x"}) -> tensor<8xf32> {
  // CHECK-DAG: %[[W:.*]] = memref.get_global @[[C]]
  // CHECK-DAG: %[[A:.*]] = memref.alloc() {{.*}} : memref<4xf32>
  // CHECK: kernel.launch @[[PLAIN]] ins(%[[W]] : memref<4xf32>) outs(%[[A]] : memref<4xf32>)
  // CHECK: %[[B:.*]] = memref.alloc() {{.*}} : memref<8xf32>
  // CHECK: kernel.launch @[[PLAIN]] ins(%[[A]]
  // CHECK: kernel.launch @[[SLICE]] ins(%[[X]]
  // CHECK: return %[[B]]
  %w = graph.constant dense<1.0> : tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %0 = kernel.launch @neg ins(%w : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %1 = kernel.launch @neg ins(%0 : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %2 = kernel.launch @neg ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %all = tensor.empty() : tensor<8xf32>
  %3 = tensor.insert_slice %1 into %all[0] [4] [1] : tensor<4xf32> into tensor<8xf32>
  %4 = tensor.insert_slice %2 into %3[4] [4] [1] : tensor<4xf32> into tensor<8xf32>
  return %4 : tensor<8xf32>
}
