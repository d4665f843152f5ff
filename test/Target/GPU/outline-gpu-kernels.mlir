// RUN: weft-opt %s --weft-outline-gpu-kernels --canonicalize | FileCheck %s

// The host computes the grid and launches; blocks take items in steps of it.
// CHECK: gpu.container_module
// CHECK-LABEL: func.func private @items(
// CHECK-SAME: %[[X:.*]]: memref<?xf32>)
// CHECK: %[[N:.*]] = memref.dim %[[X]]
// CHECK: %[[MOST:.*]] = arith.minui %[[N]], %c1048576
// CHECK: %[[GRID:.*]] = arith.maxui %[[MOST]], %c1
// CHECK: gpu.launch_func @kernels::@items blocks in (%[[GRID]], %c1, %c1) threads in (%c256, %c1, %c1) args(%[[X]] : memref<?xf32>)
func.func private @items(%x: memref<?xf32>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  scf.forall (%i) in (%n) {
    %v = arith.constant 1.0 : f32
    memref.store %v, %x[%i] : memref<?xf32>
  }
  return
}

// A buffer of known size is shared memory, one of unknown size a part of
// scratch memory; both are used again for the block's next item.
// CHECK-LABEL: func.func private @buffers(
// CHECK: %[[SCRATCH:.*]] = gpu.alloc (%{{.*}}) : memref<?xi8>
// CHECK: gpu.launch_func @kernels::@buffers {{.*}} %[[SCRATCH]] : memref<?xi8>)
// CHECK: gpu.dealloc %[[SCRATCH]]
func.func private @buffers(%x: memref<?xf32>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  scf.forall (%i) in (%n) {
    %small = memref.alloc() : memref<4xf32>
    %large = memref.alloc(%n) : memref<?xf32>
    %v = memref.load %small[%c0] : memref<4xf32>
    memref.store %v, %large[%c0] : memref<?xf32>
  }
  return
}

// CHECK: gpu.module @kernels
// CHECK: gpu.func @items(%{{.*}}: memref<?xf32>) kernel attributes {kernel.arguments = [memref<?xf32>], known_block_size = array<i32: 256, 1, 1>}
// CHECK: %[[BLOCK:.*]] = gpu.block_id x
// CHECK: %[[BLOCKS:.*]] = gpu.grid_dim x
// CHECK: scf.for %{{.*}} = %[[BLOCK]] to %{{.*}} step %[[BLOCKS]]
// CHECK-NOT: gpu.barrier
// CHECK: gpu.func @buffers(%{{.*}}: memref<?xf32>, %[[ALL:.*]]: memref<?xi8>) workgroup(%[[SMALL:.*]] : memref<4xf32, #gpu.address_space<workgroup>> {llvm.align = 16 : i64})
// CHECK: memref.memory_space_cast %[[SMALL]]
// CHECK: memref.view %[[ALL]]
// CHECK: gpu.barrier
