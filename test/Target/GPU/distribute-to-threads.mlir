// RUN: weft-opt %s --weft-distribute-to-threads | FileCheck %s

#id = affine_map<(i) -> (i)>
#id2 = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// A kernel whose only item needed no loop is one block's work.
// CHECK-LABEL: func.func private @one
// CHECK: scf.forall (%{{.*}}) in (1) {
// CHECK: %[[T:.*]] = gpu.thread_id x
// CHECK: scf.for %{{.*}} = %[[T]] to %{{.*}} step %c256
// CHECK: memref.store
func.func private @one(%y: memref<4xf32>) attributes {kernel.entry} {
  %v = arith.constant 1.0 : f32
  linalg.fill ins(%v : f32) outs(%y : memref<4xf32>)
  return
}

// Consecutive elements go to consecutive threads. The second op reads what
// other threads wrote; the third touches neither buffer, so it need not wait.
// CHECK-LABEL: func.func private @elements
// CHECK: %[[T:.*]] = gpu.thread_id x
// CHECK: scf.for %{{.*}} = %[[T]] to %{{.*}} step %c256
// CHECK: memref.store %{{.*}}, %[[BUFFER:.*]][%
// CHECK: gpu.barrier
// CHECK: memref.load %[[BUFFER]][
// CHECK-NOT: gpu.barrier
// CHECK: memref.store %{{.*}}, %[[OTHER:.*]][
func.func private @elements(%x: memref<?xf32>, %y: memref<?xf32>, %n: index) attributes {kernel.entry} {
  scf.forall (%i) in (%n) {
    %buffer = memref.alloc() : memref<300xf32>
    %other = memref.alloc() : memref<300xf32>
    %v = arith.constant 1.0 : f32
    linalg.fill ins(%v : f32) outs(%buffer : memref<300xf32>)
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
        ins(%buffer : memref<300xf32>) outs(%y : memref<?xf32>) {
    ^bb0(%a: f32, %o: f32):
      linalg.yield %a : f32
    }
    linalg.fill ins(%v : f32) outs(%other : memref<300xf32>)
  }
  return
}

// One sum in all: 256 partial sums, 32 put together by exchanges, the rest
// through shared memory.
// CHECK-LABEL: func.func private @one_sum
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c256{{.*}} iter_args
// CHECK-COUNT-5: gpu.shuffle xor
// CHECK: memref.store {{.*}} #gpu.address_space<workgroup>>
// CHECK: gpu.barrier
// CHECK-COUNT-8: memref.load {{.*}} #gpu.address_space<workgroup>>
// CHECK: memref.store {{.*}} : memref<1xf32>
func.func private @one_sum(%x: memref<1x?xf32>, %y: memref<1xf32>, %n: index) attributes {kernel.entry} {
  scf.forall (%i) in (%n) {
    linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}
        ins(%x : memref<1x?xf32>) outs(%y : memref<1xf32>) {
    ^bb0(%a: f32, %sum: f32):
      %s = arith.addf %a, %sum : f32
      linalg.yield %s : f32
    }
  }
  return
}

// Several sums along contiguous memory: 32 threads each, no shared memory.
// CHECK-LABEL: func.func private @row_sums
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c8{{.*}}
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c32{{.*}} iter_args
// CHECK: gpu.shuffle xor
// CHECK-NOT: gpu.barrier
func.func private @row_sums(%x: memref<?x?xf32>, %y: memref<?xf32>, %n: index) attributes {kernel.entry} {
  scf.forall (%i) in (%n) {
    linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}
        ins(%x : memref<?x?xf32>) outs(%y : memref<?xf32>) {
    ^bb0(%a: f32, %sum: f32):
      %s = arith.addf %a, %sum : f32
      linalg.yield %s : f32
    }
  }
  return
}

// Every round of a loop that all threads run begins behind a barrier.
// CHECK-LABEL: func.func private @rounds
// CHECK: scf.for %{{.*}} = %c0 to %c4 step %c1
// CHECK-NEXT: gpu.barrier
// CHECK: gpu.thread_id x
func.func private @rounds(%y: memref<?xf32>, %n: index) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.forall (%i) in (%n) {
    scf.for %k = %c0 to %c4 step %c1 {
      %v = arith.constant 1.0 : f32
      linalg.fill ins(%v : f32) outs(%y : memref<?xf32>)
    }
  }
  return
}

// A loop that only reads is done by all threads alike, without a barrier in it.
// CHECK-LABEL: func.func private @search
// CHECK: scf.while
// CHECK-NOT: gpu.barrier
// CHECK: scf.condition
// CHECK: scf.if
// CHECK-NEXT: memref.store
func.func private @search(%x: memref<?xindex>, %y: memref<?xindex>, %n: index) attributes {kernel.entry} {
  %c9 = arith.constant 9 : index
  scf.forall (%i) in (%n) {
    %last = scf.while (%at = %i) : (index) -> index {
      %next = memref.load %x[%at] : memref<?xindex>
      %more = arith.cmpi ult, %next, %c9 : index
      scf.condition(%more) %next : index
    } do {
    ^bb0(%next: index):
      scf.yield %next : index
    }
    memref.store %last, %y[%i] : memref<?xindex>
  }
  return
}
