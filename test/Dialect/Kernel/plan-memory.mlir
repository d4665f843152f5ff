// RUN: weft-opt %s --weft-plan-memory --canonicalize --split-input-file | FileCheck %s

func.func private @k(%x: memref<16xf32>, %y: memref<16xf32>) attributes {kernel.entry} { return }

// Two of three temporaries live at once; the last is the output itself.
// CHECK-LABEL: func.func @main(
func.func @main(%x: memref<16xf32>) -> memref<4x4xf32> {
  // CHECK-DAG: %[[BYTES:.*]] = arith.constant 128 : index
  // CHECK-DAG: %[[C0:.*]] = arith.constant 0 : index
  // CHECK-DAG: %[[C64:.*]] = arith.constant 64 : index
  // CHECK: %[[ARENA:.*]] = kernel.arena %[[BYTES]] : memref<?xi8>
  // CHECK-DAG: memref.view %[[ARENA]][%[[C0]]][]
  // CHECK-DAG: memref.view %[[ARENA]][%[[C64]]][]
  // CHECK-DAG: memref.view %[[ARENA]][%[[C0]]][]
  // CHECK-DAG: %[[OUT:.*]] = kernel.output 0 : memref<4x4xf32>
  // CHECK: %[[FLAT:.*]] = memref.reinterpret_cast %[[OUT]]
  // CHECK: kernel.launch @k {{.*}} outs(%[[FLAT]]
  // CHECK: return{{$}}
  %a = memref.alloc() : memref<16xf32>
  kernel.launch @k ins(%x : memref<16xf32>) outs(%a : memref<16xf32>)
  %b = memref.alloc() : memref<16xf32>
  kernel.launch @k ins(%a : memref<16xf32>) outs(%b : memref<16xf32>)
  %c = memref.alloc() : memref<16xf32>
  kernel.launch @k ins(%b : memref<16xf32>) outs(%c : memref<16xf32>)
  %d = memref.alloc() : memref<16xf32>
  kernel.launch @k ins(%c : memref<16xf32>) outs(%d : memref<16xf32>)
  %r = memref.expand_shape %d [[0, 1]] output_shape [4, 4] : memref<16xf32> into memref<4x4xf32>
  return %r : memref<4x4xf32>
}

// -----

// What is an input, or returned twice, is copied.
// CHECK-LABEL: func.func @main(
// CHECK-SAME:    %[[X:.*]]: memref<4xf32>)
func.func @main(%x: memref<4xf32>) -> (memref<4xf32>, memref<4xf32>) {
  // CHECK: %[[A:.*]] = kernel.output 0
  // CHECK: linalg.copy ins(%[[X]] : memref<4xf32>) outs(%[[A]]
  // CHECK: %[[B:.*]] = kernel.output 1
  // CHECK: linalg.copy ins(%[[X]] : memref<4xf32>) outs(%[[B]]
  return %x, %x : memref<4xf32>, memref<4xf32>
}

// -----

func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>) attributes {kernel.entry} { return }

// Sizes of one factor share a part of the arena.
// CHECK-LABEL: func.func @main(
func.func @main(%x: memref<?xf32>) -> memref<?xf32> {
  // CHECK: %[[N:.*]] = memref.dim
  // CHECK: %[[BYTES:.*]] = arith.muli %[[N]], %c64
  // CHECK: kernel.arena %[[BYTES]]
  // CHECK: kernel.output 0(%{{.*}}) : memref<?xf32>
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %a = memref.alloc(%n) : memref<?xf32>
  kernel.launch @k ins(%x : memref<?xf32>) outs(%a : memref<?xf32>)
  %b = memref.alloc(%n) : memref<?xf32>
  kernel.launch @k ins(%a : memref<?xf32>) outs(%b : memref<?xf32>)
  return %b : memref<?xf32>
}

// -----

func.func private @k(%x: memref<16xf32>, %y: memref<16xf32>) attributes {kernel.entry} { return }

// What a loop carries as number 1 and 2 comes out of its condition as number 0
// and 1.
// CHECK-LABEL: func.func @main(
// CHECK: %[[R:.*]]:2 = scf.while
// CHECK:   kernel.allocate
// CHECK:   kernel.allocate
// CHECK: linalg.copy ins(%[[R]]#0
// CHECK: linalg.copy ins(%[[R]]#1
func.func @main(%x: memref<16xf32>, %go: i1) -> (memref<16xf32>, memref<16xf32>) {
  %a = memref.alloc() : memref<16xf32>
  kernel.launch @k ins(%x : memref<16xf32>) outs(%a : memref<16xf32>)
  %b = memref.alloc() : memref<16xf32>
  kernel.launch @k ins(%x : memref<16xf32>) outs(%b : memref<16xf32>)
  %r:2 = scf.while (%on = %go, %s = %a, %t = %b) : (i1, memref<16xf32>, memref<16xf32>) -> (memref<16xf32>, memref<16xf32>) {
    scf.condition(%on) %s, %t : memref<16xf32>, memref<16xf32>
  } do {
  ^bb0(%s: memref<16xf32>, %t: memref<16xf32>):
    %false = arith.constant false
    %u = memref.alloc() : memref<16xf32>
    kernel.launch @k ins(%t : memref<16xf32>) outs(%u : memref<16xf32>)
    %v = memref.alloc() : memref<16xf32>
    kernel.launch @k ins(%s : memref<16xf32>) outs(%v : memref<16xf32>)
    scf.yield %false, %u, %v : i1, memref<16xf32>, memref<16xf32>
  }
  return %r#0, %r#1 : memref<16xf32>, memref<16xf32>
}
