// RUN: weft-opt %s --weft-lower-to-entry=symbol=start --split-input-file | FileCheck %s

// CHECK: module attributes {{{.*}}kernel.scratch_bytes = 0 : i64}
module attributes {kernel.checks = ["extent is {0}"]} {
memref.global "private" constant @w : memref<4xf32> = dense<1.0> {kernel.offset = 128 : i64}

// Slots: pointer and extent of x, pointer of y.
// CHECK-LABEL: func.func private @start.k(
// CHECK-SAME:    %[[ARGS:.*]]: !llvm.ptr, %[[BEGIN:.*]]: i64, %[[END:.*]]: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
func.func private @k(%x: memref<?xf32>, %y: memref<4xf32>) attributes {kernel.entry} {
  // CHECK: llvm.load %[[ARGS]] : !llvm.ptr -> !llvm.ptr
  // CHECK: %[[S1:.*]] = llvm.getelementptr %[[ARGS]][8]
  // CHECK: llvm.load %[[S1]] : !llvm.ptr -> i64
  // CHECK: %[[S2:.*]] = llvm.getelementptr %[[ARGS]][16]
  // CHECK-DAG: %[[FIRST:.*]] = arith.index_cast %[[BEGIN]]
  // CHECK-DAG: %[[LAST:.*]] = arith.index_cast %[[END]]
  // CHECK: scf.for %{{.*}} = %[[FIRST]] to %[[LAST]]
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  scf.forall (%i) in (%n) {
    %v = memref.load %x[%i] : memref<?xf32>
    memref.store %v, %y[%c0] : memref<4xf32>
  }
  return
}

// A function of strings is a call by the context, always of four arguments.
// CHECK-LABEL: func.func private @start.strings(
// CHECK-SAME:    %{{.*}}: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: i64, %[[OWN:.*]]: !llvm.ptr)
func.func private @strings(%x: memref<?xi64>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xi64>
  scf.forall (%i) in (%n) {
    // CHECK: %[[V:.*]] = memref.load
    // CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : i64
    // CHECK: llvm.call %{{.*}}(%[[OWN]], %{{.*}}, %[[V]], %[[V]], %{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i64, i64, i64, i64, i64) -> i64
    %v = memref.load %x[%i] : memref<?xi64>
    %y = kernel.string 0(%v, %v)
    memref.store %y, %x[%i] : memref<?xi64>
  }
  return
}

// CHECK-LABEL: func.func @start(
// CHECK-SAME:    %[[CONTEXT:.*]]: !llvm.ptr, %[[INPUTS:.*]]: !llvm.ptr, %[[WEIGHTS:.*]]: !llvm.ptr) -> i32
func.func @main(%x: memref<?xf32>) {
  // CHECK: llvm.load %[[INPUTS]] : !llvm.ptr -> !llvm.ptr
  // CHECK: llvm.getelementptr %[[WEIGHTS]]
  // CHECK: cf.cond_br %{{.*}}, ^{{.*}}, ^[[FAILS:.*]]
  // CHECK: call @start_launch(%[[CONTEXT]]
  // CHECK: ^[[FAILS]]:
  // CHECK: llvm.call %{{.*}}(%[[CONTEXT]]
  // CHECK: arith.constant 2 : i32
  %w = memref.get_global @w : memref<4xf32>
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %ok = arith.cmpi ne, %n, %c0 : index
  kernel.check %ok, "extent is {0}" values %n : index
  kernel.launch @k ins(%x : memref<?xf32>) outs(%w : memref<4xf32>) {kernel.number = 0 : i64}
  return
}
}

// -----

// What does not fit the stack is scratch memory: as much as the kernel that
// needs most of it, whose buffers begin at multiples of 64 bytes.
// CHECK: module attributes {kernel.scratch_bytes = 66560 : i64}
func.func private @small(%x: memref<8xf32>, %y: memref<8xf32>) attributes {kernel.entry} {
  scf.forall (%i) in (8) {
    %a = memref.alloc() : memref<4096xf32>
    %b = memref.alloc() : memref<8192xf32>
    %v = memref.load %a[%i] : memref<4096xf32>
    memref.store %v, %b[%i] : memref<8192xf32>
    memref.store %v, %y[%i] : memref<8xf32>
  }
  return
}
func.func private @large(%x: memref<8xf32>, %y: memref<8xf32>) attributes {kernel.entry} {
  scf.forall (%i) in (8) {
    %a = memref.alloc() : memref<8193xf32>
    %b = memref.alloc() : memref<8431xf32>
    %v = memref.load %a[%i] : memref<8193xf32>
    memref.store %v, %b[%i] : memref<8431xf32>
    memref.store %v, %y[%i] : memref<8xf32>
  }
  return
}
// CHECK-LABEL: func.func @start(
// CHECK: %[[BYTES:.*]] = arith.constant 66560 : i64
// CHECK: llvm.call %{{.*}}(%{{.*}}, %[[BYTES]])
func.func @main(%y: memref<8xf32>) {
  kernel.launch @small ins(%y : memref<8xf32>) outs(%y : memref<8xf32>) {kernel.number = 0 : i64}
  kernel.launch @large ins(%y : memref<8xf32>) outs(%y : memref<8xf32>) {kernel.number = 1 : i64}
  return
}

// -----

// CHECK: module attributes {kernel.scratch_bytes = -1 : i64}
func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  scf.forall (%i) in (%n) {
    %a = memref.alloc(%n) : memref<?xf32>
    %v = memref.load %a[%i] : memref<?xf32>
    memref.store %v, %x[%i] : memref<?xf32>
  }
  return
}
func.func @main(%x: memref<?xf32>) {
  kernel.launch @k ins(%x : memref<?xf32>) outs(%x : memref<?xf32>) {kernel.number = 0 : i64}
  return
}

// -----

// Giving a block back is a call with its address.
// CHECK-LABEL: func.func @start(
// CHECK:         %[[BLOCK:.*]] = llvm.call %{{.*}}(%[[CONTEXT:.*]], %{{.*}}) : !llvm.ptr, (!llvm.ptr, i64) -> !llvm.ptr
// CHECK:         %[[POINTER:.*]] = llvm.inttoptr %{{.*}} : i64 to !llvm.ptr
// CHECK:         %[[FIELD:.*]] = llvm.getelementptr %[[CONTEXT]][32]
// CHECK:         %[[RELEASE:.*]] = llvm.load %[[FIELD]]
// CHECK:         llvm.call %[[RELEASE]](%[[CONTEXT]], %[[POINTER]]) : !llvm.ptr, (!llvm.ptr, !llvm.ptr) -> ()
func.func @main(%n: memref<i64>) {
  %c8 = arith.constant 8 : index
  %block = kernel.allocate %c8 : memref<?xi8>
  kernel.release %block : memref<?xi8>
  return
}

// -----

// Items from last to first in odd turns, and a worker's share in one call.
// CHECK-LABEL: func.func private @start.k(
// CHECK-SAME:    %[[ARGS:[a-z0-9]+]]: !llvm.ptr, %[[BEGIN:[a-z0-9]+]]: i64, %[[END:[a-z0-9]+]]: i64,
func.func private @k(%x: memref<64xf32>, %turn: index {kernel.turn}, %y: memref<64xf32>) attributes {kernel.entry} {
  // CHECK: %[[SLOT:.*]] = llvm.getelementptr %[[ARGS]][8]
  // CHECK: %[[I64:.*]] = llvm.load %[[SLOT]]
  // CHECK: %[[TURN:.*]] = arith.index_cast %[[I64]]
  // CHECK-DAG: %[[FIRST:.*]] = arith.index_cast %[[BEGIN]]
  // CHECK-DAG: %[[LAST:.*]] = arith.index_cast %[[END]]
  // CHECK: %[[BIT:.*]] = arith.andi %[[TURN]], %{{.*}} : index
  // CHECK: %[[ODD:.*]] = arith.cmpi eq, %[[BIT]], %{{.*}}
  // CHECK: %[[BEFORE:.*]] = arith.subi %[[LAST]], %{{.*}}
  // CHECK: %[[BOTH:.*]] = arith.addi %[[FIRST]], %[[BEFORE]]
  // CHECK: scf.for %[[I:.*]] = %[[FIRST]] to %[[LAST]]
  // CHECK: %[[MIRROR:.*]] = arith.subi %[[BOTH]], %[[I]]
  // CHECK: %[[ITEM:.*]] = arith.select %[[ODD]], %[[MIRROR]], %[[I]]
  // CHECK: memref.load %{{.*}}[%[[ITEM]]]
  scf.forall (%i) in (64) {
    %v = memref.load %x[%i] : memref<64xf32>
    memref.store %v, %y[%i] : memref<64xf32>
  }
  return
}
// CHECK-LABEL: func.func @start(
// CHECK: %[[SHARE:.*]] = arith.ceildivui %{{.*}}, %{{.*}} : i64
// CHECK: %[[GRAIN:.*]] = arith.maxui %[[SHARE]], %{{.*}} : i64
// CHECK: call @start_launch(%{{.*}}, %[[GRAIN]], %{{.*}})
func.func @main(%x: memref<64xf32>, %y: memref<64xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  scf.for %i = %c0 to %c9 step %c1 {
    kernel.launch @k ins(%x, %i : memref<64xf32>, index) outs(%y : memref<64xf32>) {kernel.number = 0 : i64}
  }
  return
}
