// RUN: weft-opt %s --split-input-file --weft-lower-to-entry="symbol=start part-size=8" | FileCheck %s

// A long program is cut into functions; what one makes and another needs goes
// through the frame, and views at a known place are made anew.
module attributes {kernel.checks = ["extent is {0}"]} {
func.func private @k(%x: memref<?xf32>, %y: memref<4xf32>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  scf.forall (%i) in (4) {
    %v = memref.load %x[%c0] : memref<?xf32>
    memref.store %v, %y[%i] : memref<4xf32>
  }
  return
}

// CHECK-LABEL: func.func private @start_part0(
// CHECK-SAME:    %[[CONTEXT:.*]]: !llvm.ptr, %{{.*}}: !llvm.ptr, %[[FRAME:.*]]: !llvm.ptr) -> i32
// CHECK: llvm.load %[[FRAME]] : !llvm.ptr -> !llvm.ptr
// CHECK: llvm.call %{{.*}}(%[[CONTEXT]], %{{.*}}) : !llvm.ptr, (!llvm.ptr, i64) -> !llvm.ptr
// CHECK: %[[ARENA:.*]] = llvm.getelementptr %[[FRAME]][16]
// CHECK: llvm.store %{{.*}}, %[[ARENA]] : i64, !llvm.ptr
// CHECK: %[[N:.*]] = memref.dim
// CHECK: llvm.store

// CHECK-LABEL: func.func private @start_part1(
// CHECK-SAME:    %[[CONTEXT:.*]]: !llvm.ptr, %{{.*}}: !llvm.ptr, %[[FRAME:.*]]: !llvm.ptr) -> i32
// CHECK: llvm.getelementptr %[[FRAME]][16]
// CHECK: memref.view
// CHECK: call @start_launch(

// CHECK-LABEL: func.func @start(
// CHECK: %[[SLOTS:.*]] = arith.constant 5 : i64
// CHECK: %[[OWN:.*]] = llvm.alloca %[[SLOTS]] x i64
// CHECK: %[[STATUS:.*]] = call @start_part0(%{{.*}}, %{{.*}}, %[[OWN]])
// CHECK: %[[FAILED:.*]] = arith.cmpi ne, %[[STATUS]]
// CHECK: cf.cond_br %[[FAILED]], ^[[EXIT:.*]](%[[STATUS]] : i32), ^[[GOES:.*]]
// CHECK: ^[[GOES]]:
// CHECK: call @start_part1(%{{.*}}, %{{.*}}, %[[OWN]])
func.func @main(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %arena = kernel.arena %c64 : memref<?xi8>
  %view = memref.view %arena[%c0][] : memref<?xi8> to memref<4xf32>
  %n = memref.dim %x, %c0 : memref<?xf32>
  kernel.launch @k ins(%x : memref<?xf32>) outs(%view : memref<4xf32>) {kernel.number = 0 : i64}
  %ok = arith.cmpi ne, %n, %c0 : index
  kernel.check %ok, "extent is {0}" values %n : index
  kernel.launch @k ins(%x : memref<?xf32>) outs(%view : memref<4xf32>) {kernel.number = 1 : i64}
  return
}
}

// -----

// A body of a loop is cut on its own: its results come back through the frame.
module {
func.func private @k(%x: memref<4xf32>, %y: memref<4xf32>) attributes {kernel.entry} {
  scf.forall (%i) in (4) {
    %v = memref.load %x[%i] : memref<4xf32>
    memref.store %v, %y[%i] : memref<4xf32>
  }
  return
}

// CHECK-LABEL: func.func private @start_part0(
// CHECK: call @start_launch(
// CHECK: %[[SLOT:.*]] = llvm.getelementptr %{{.*}}[16]
// CHECK: llvm.store %{{.*}}, %[[SLOT]]
// CHECK-LABEL: func.func private @start_part2(
// CHECK: ^[[HEAD:.*]](%{{.*}}: index, %[[V:.*]]: memref<4xf32>):
// CHECK: memref.extract_strided_metadata %[[V]]
// CHECK: llvm.store
// CHECK: call @start_part0(
// CHECK: call @start_part1(
// CHECK: %[[SLOT:.*]] = llvm.getelementptr %{{.*}}[16]
// CHECK: llvm.load %[[SLOT]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[NEXT:.*]] = memref.view
// CHECK: cf.br ^[[HEAD]](%{{.*}}, %[[NEXT]] : index, memref<4xf32>)
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c256 = arith.constant 256 : index
  %last = scf.for %i = %c0 to %c256 step %c1 iter_args(%v = %x) -> memref<4xf32> {
    kernel.launch @k ins(%v : memref<4xf32>) outs(%y : memref<4xf32>) {kernel.number = 0 : i64}
    %block = kernel.allocate %c256 : memref<?xi8>
    %next = memref.view %block[%c0][] : memref<?xi8> to memref<4xf32>
    kernel.launch @k ins(%y : memref<4xf32>) outs(%next : memref<4xf32>) {kernel.number = 1 : i64}
    kernel.launch @k ins(%next : memref<4xf32>) outs(%y : memref<4xf32>) {kernel.number = 2 : i64}
    scf.yield %next : memref<4xf32>
  }
  kernel.launch @k ins(%last : memref<4xf32>) outs(%y : memref<4xf32>) {kernel.number = 3 : i64}
  return
}
}
