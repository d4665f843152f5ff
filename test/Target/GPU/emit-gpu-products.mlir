// RUN: weft-opt %s --weft-emit-gpu-products | FileCheck %s

// A block computes 64 x 64 elements; both slices pass through shared memory,
// with a barrier before they are read and one before they are overwritten.
// CHECK-LABEL: func.func private @matmul
// CHECK: scf.forall (%{{.*}}) in (%{{.*}}) {
// CHECK: memref.alloc() {alignment = 16 : i64} : memref<16x68xf32, #gpu.address_space<workgroup>>
// CHECK: memref.alloc() {alignment = 16 : i64} : memref<16x64xf32, #gpu.address_space<workgroup>>
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c16
// CHECK: gpu.barrier
// CHECK: scf.for
// CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<16x68xf32, {{.*}}>, vector<4xf32>
// CHECK-COUNT-16: math.fma
// CHECK: gpu.barrier
// CHECK: scf.if
// CHECK: %[[BIAS:.*]] = memref.load %arg2[%{{.*}}] : memref<?xf32>
// CHECK: %[[SUM:.*]] = arith.addf %{{.*}}, %[[BIAS]] : f32
// CHECK: memref.store %[[SUM]], %arg3
// CHECK-NOT: kernel.matmul
func.func private @matmul(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %bias: memref<?xf32>, %c: memref<?x?xf32>)
    attributes {kernel.entry} {
  kernel.matmul lhs(%a) rhs(%b) extras(%bias) outs(%c) {extra_maps = [affine_map<(m, n) -> (n)>]} epilogue {
  ^bb0(%sum: f32, %x: f32):
    %s = arith.addf %sum, %x : f32
    kernel.yield %s : f32
  } : (memref<?x?xf32>, memref<?x?xf32>, memref<?xf32>, memref<?x?xf32>) -> ()
  return
}

// One thread for each element; elements past the end are left out.
// CHECK-LABEL: func.func private @depthwise
// CHECK: scf.forall (%{{.*}}) in (%{{.*}}) {
// CHECK: %[[INSIDE:.*]] = arith.cmpi ult
// CHECK: scf.if %[[INSIDE]]
// CHECK: scf.for
// CHECK: scf.for
// CHECK: math.fma
// CHECK: memref.store
func.func private @depthwise(%x: memref<?x2x6x6x16xf32>, %w: memref<2x3x3x16xf32>, %y: memref<?x2x2x2x16xf32>)
    attributes {kernel.entry} {
  kernel.depthwise_conv input(%x) weight(%w) outs(%y) strides [2, 2] dilations [1, 1] {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<?x2x6x6x16xf32>, memref<2x3x3x16xf32>, memref<?x2x2x2x16xf32>) -> ()
  return
}
