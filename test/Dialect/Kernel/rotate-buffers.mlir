// RUN: weft-opt %s --weft-rotate-buffers --split-input-file | FileCheck %s

func.func private @step(%x: memref<4xf32>, %y: memref<4xf32>) attributes {kernel.entry} { return }

// Two buffers take turns; the first state is only read.
// CHECK-LABEL: func.func @main(
// CHECK-SAME:    %[[INIT:.*]]: memref<4xf32>)
func.func @main(%init: memref<4xf32>) -> memref<4xf32> {
  // CHECK: %[[A:[a-z0-9_]+]] = memref.alloc() : memref<4xf32>
  // CHECK: %[[B:[a-z0-9_]+]] = memref.alloc() : memref<4xf32>
  // CHECK: scf.for {{.*}} iter_args(%[[STATE:[a-z0-9]+]] = %[[INIT]], %[[NEXT:[a-z0-9]+]] = %[[A]], %[[OTHER:[a-z0-9]+]] = %[[B]])
  // CHECK-NEXT: kernel.launch @step ins(%[[STATE]] : {{.*}}) outs(%[[NEXT]] :
  // CHECK-NEXT: scf.yield %[[NEXT]], %[[OTHER]], %[[NEXT]]
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %last = scf.for %i = %c0 to %c9 step %c1 iter_args(%state = %init) -> (memref<4xf32>) {
    %next = memref.alloc() : memref<4xf32>
    kernel.launch @step ins(%state : memref<4xf32>) outs(%next : memref<4xf32>)
    scf.yield %next : memref<4xf32>
  }
  return %last : memref<4xf32>
}

// -----

func.func private @step(%x: memref<4xf32>, %y: memref<4xf32>) attributes {kernel.entry} { return }

// What is carried for two iterations needs more buffers than two.
// CHECK-LABEL: func.func @main(
func.func @main(%init: memref<4xf32>) -> memref<4xf32> {
  // CHECK-NOT: memref.alloc
  // CHECK: scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %{{[^,]*}}) -> (memref<4xf32>, memref<4xf32>)
  // CHECK-NEXT: memref.alloc
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %last:2 = scf.for %i = %c0 to %c9 step %c1 iter_args(%state = %init, %before = %init) -> (memref<4xf32>, memref<4xf32>) {
    %next = memref.alloc() : memref<4xf32>
    kernel.launch @step ins(%before : memref<4xf32>) outs(%next : memref<4xf32>)
    scf.yield %next, %state : memref<4xf32>, memref<4xf32>
  }
  return %last#1 : memref<4xf32>
}

// -----

func.func private @step(%x: memref<?xf32>, %y: memref<?xf32>) attributes {kernel.entry} { return }

// A size that the loop computes stays in it; one that it does not is hoisted.
// CHECK-LABEL: func.func @main(
func.func @main(%init: memref<?xf32>, %n: index) -> (memref<?xf32>, memref<?xf32>) {
  // CHECK: %[[SIZE:.*]] = arith.addi %{{.*}}, %c1
  // CHECK: memref.alloc(%[[SIZE]])
  // CHECK: memref.alloc(%[[SIZE]])
  // CHECK: scf.for %[[I:[a-z0-9]+]] = {{.*}} -> (memref<?xf32>, memref<?xf32>, memref<?xf32>, memref<?xf32>)
  // CHECK: memref.alloc(%[[I]])
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c9 = arith.constant 9 : index
  %last:2 = scf.for %i = %c0 to %c9 step %c1 iter_args(%p = %init, %q = %init) -> (memref<?xf32>, memref<?xf32>) {
    %size = arith.addi %n, %c1 : index
    %a = memref.alloc(%size) : memref<?xf32>
    kernel.launch @step ins(%p : memref<?xf32>) outs(%a : memref<?xf32>)
    %b = memref.alloc(%i) : memref<?xf32>
    kernel.launch @step ins(%q : memref<?xf32>) outs(%b : memref<?xf32>)
    scf.yield %a, %b : memref<?xf32>, memref<?xf32>
  }
  return %last#0, %last#1 : memref<?xf32>, memref<?xf32>
}
