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

// -----

// Extents that come from each other twice are looked at once: this took 2^48
// steps.
// CHECK-LABEL: func.func @main(
// CHECK:         kernel.arena
func.func private @d(%x: memref<?xf32>, %y: memref<?xf32>) attributes {kernel.entry} { return }
func.func @main(%x: memref<?xf32>, %n0: index) {
  %n1 = arith.addi %n0, %n0 : index
  %n2 = arith.addi %n1, %n1 : index
  %n3 = arith.addi %n2, %n2 : index
  %n4 = arith.addi %n3, %n3 : index
  %n5 = arith.addi %n4, %n4 : index
  %n6 = arith.addi %n5, %n5 : index
  %n7 = arith.addi %n6, %n6 : index
  %n8 = arith.addi %n7, %n7 : index
  %n9 = arith.addi %n8, %n8 : index
  %n10 = arith.addi %n9, %n9 : index
  %n11 = arith.addi %n10, %n10 : index
  %n12 = arith.addi %n11, %n11 : index
  %n13 = arith.addi %n12, %n12 : index
  %n14 = arith.addi %n13, %n13 : index
  %n15 = arith.addi %n14, %n14 : index
  %n16 = arith.addi %n15, %n15 : index
  %n17 = arith.addi %n16, %n16 : index
  %n18 = arith.addi %n17, %n17 : index
  %n19 = arith.addi %n18, %n18 : index
  %n20 = arith.addi %n19, %n19 : index
  %n21 = arith.addi %n20, %n20 : index
  %n22 = arith.addi %n21, %n21 : index
  %n23 = arith.addi %n22, %n22 : index
  %n24 = arith.addi %n23, %n23 : index
  %n25 = arith.addi %n24, %n24 : index
  %n26 = arith.addi %n25, %n25 : index
  %n27 = arith.addi %n26, %n26 : index
  %n28 = arith.addi %n27, %n27 : index
  %n29 = arith.addi %n28, %n28 : index
  %n30 = arith.addi %n29, %n29 : index
  %n31 = arith.addi %n30, %n30 : index
  %n32 = arith.addi %n31, %n31 : index
  %n33 = arith.addi %n32, %n32 : index
  %n34 = arith.addi %n33, %n33 : index
  %n35 = arith.addi %n34, %n34 : index
  %n36 = arith.addi %n35, %n35 : index
  %n37 = arith.addi %n36, %n36 : index
  %n38 = arith.addi %n37, %n37 : index
  %n39 = arith.addi %n38, %n38 : index
  %n40 = arith.addi %n39, %n39 : index
  %n41 = arith.addi %n40, %n40 : index
  %n42 = arith.addi %n41, %n41 : index
  %n43 = arith.addi %n42, %n42 : index
  %n44 = arith.addi %n43, %n43 : index
  %n45 = arith.addi %n44, %n44 : index
  %n46 = arith.addi %n45, %n45 : index
  %n47 = arith.addi %n46, %n46 : index
  %n48 = arith.addi %n47, %n47 : index
  %a = memref.alloc(%n48) : memref<?xf32>
  kernel.launch @d ins(%x : memref<?xf32>) outs(%a : memref<?xf32>)
  return
}

// -----

func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>) attributes {kernel.entry} { return }

// What a reshape leaves over is a quotient of extents by at least 1, which can be
// had before the first kernel; a quotient by what may be 0 cannot.
// CHECK-LABEL: func.func @main(
// CHECK:         %[[SAFE:.*]] = arith.maxsi
// CHECK:         %[[REST:.*]] = arith.divsi %{{.*}}, %[[SAFE]]
// CHECK:         %[[BYTES:.*]] = arith.muli %[[REST]], %c64
// CHECK:         kernel.arena %[[BYTES]]
// CHECK-COUNT-1: kernel.allocate
// CHECK-NOT:     kernel.allocate
func.func @main(%x: memref<?xf32>, %n: index, %m: index) {
  %c1 = arith.constant 1 : index
  %a = arith.maxsi %m, %c1 : index
  %p = arith.divsi %n, %a : index
  %q = arith.divsi %n, %m : index
  %y = memref.alloc(%p) : memref<?xf32>
  kernel.launch @k ins(%x : memref<?xf32>) outs(%y : memref<?xf32>)
  %z = memref.alloc(%q) : memref<?xf32>
  kernel.launch @k ins(%y : memref<?xf32>) outs(%z : memref<?xf32>)
  return
}
