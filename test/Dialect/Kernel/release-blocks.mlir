// RUN: weft-opt %s --weft-release-blocks --split-input-file | FileCheck %s

func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>) attributes {kernel.entry} { return }

// The last use is that of a view, in a region.
// CHECK-LABEL: func.func @main(
// CHECK:         %[[BLOCK:.*]] = kernel.allocate
// CHECK:         scf.if
// CHECK:           kernel.launch
// CHECK:         }
// CHECK-NEXT:    kernel.release %[[BLOCK]] : memref<?xi8>
// CHECK-NEXT:    kernel.launch
// CHECK-NOT:     kernel.release
func.func @main(%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %c: i1) {
  %c0 = arith.constant 0 : index
  %block = kernel.allocate %n : memref<?xi8>
  %a = memref.view %block[%c0][%n] : memref<?xi8> to memref<?xf32>
  scf.if %c {
    kernel.launch @k ins(%x : memref<?xf32>) outs(%a : memref<?xf32>)
  }
  kernel.launch @k ins(%x : memref<?xf32>) outs(%y : memref<?xf32>)
  return
}

// -----

func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>) attributes {kernel.entry} { return }

// Each turn makes a list and reads that of the turn before; the last one comes
// out. The first is an input, which a release leaves alone.
// CHECK-LABEL: func.func @main(
// CHECK:         scf.for {{.*}} iter_args(%[[LIST:.*]] = %{{.*}})
// CHECK:           kernel.allocate
// CHECK:           kernel.launch
// CHECK-NEXT:      kernel.release %[[LIST]] : memref<?xf32>
// CHECK-NEXT:      scf.yield
// CHECK-NOT:     kernel.release
func.func @main(%x: memref<?xf32>, %y: memref<?xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%list = %x) -> memref<?xf32> {
    %block = kernel.allocate %i : memref<?xi8>
    %longer = memref.view %block[%c0][%i] : memref<?xi8> to memref<?xf32>
    kernel.launch @k ins(%list : memref<?xf32>) outs(%longer : memref<?xf32>)
    scf.yield %longer : memref<?xf32>
  }
  kernel.launch @k ins(%r : memref<?xf32>) outs(%y : memref<?xf32>)
  return
}

// -----

func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>) attributes {kernel.entry} { return }

// What a while loop carries is made once in each of its regions.
// CHECK-LABEL: func.func @main(
// CHECK:         scf.while (%[[BEFORE:.*]] = %{{.*}})
// CHECK:           kernel.launch
// CHECK-NEXT:      kernel.release %[[BEFORE]] : memref<?xf32>
// CHECK-NEXT:      scf.condition
// CHECK:         ^bb0(%[[AFTER:.*]]: memref<?xf32>):
// CHECK:           kernel.launch
// CHECK-NEXT:      kernel.release %[[AFTER]] : memref<?xf32>
// CHECK-NEXT:      scf.yield
// CHECK-NOT:     kernel.release
func.func @main(%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %go: i1) {
  %c0 = arith.constant 0 : index
  %r = scf.while (%s = %x) : (memref<?xf32>) -> memref<?xf32> {
    %block = kernel.allocate %n : memref<?xi8>
    %copy = memref.view %block[%c0][%n] : memref<?xi8> to memref<?xf32>
    kernel.launch @k ins(%s : memref<?xf32>) outs(%copy : memref<?xf32>)
    scf.condition(%go) %copy : memref<?xf32>
  } do {
  ^bb0(%t: memref<?xf32>):
    %block = kernel.allocate %n : memref<?xi8>
    %next = memref.view %block[%c0][%n] : memref<?xi8> to memref<?xf32>
    kernel.launch @k ins(%t : memref<?xf32>) outs(%next : memref<?xf32>)
    scf.yield %next : memref<?xf32>
  }
  kernel.launch @k ins(%r : memref<?xf32>) outs(%y : memref<?xf32>)
  return
}

// -----

func.func private @k(%x: memref<?xf32>, %y: memref<?xf32>) attributes {kernel.entry} { return }

// The first state is a block that is read after the loop; of two states that are
// one block, neither says when it is dead; a state that may go on for another
// turn is alive; and what a loop around this one brings back may be read there.
// CHECK-LABEL: func.func @main(
// CHECK:         %[[FIRST:.*]] = kernel.allocate
// CHECK-COUNT-4: scf.for
// CHECK-NOT:     kernel.release
// CHECK:         scf.for
// CHECK-NOT:     kernel.release
// CHECK:         kernel.launch {{.*}} {kernel.number = 9 : i64}
// CHECK-NEXT:    kernel.release %[[FIRST]]
// CHECK-NOT:     kernel.release
func.func @main(%x: memref<?xf32>, %y: memref<?xf32>, %n: index, %c: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %first = kernel.allocate %n : memref<?xi8>
  %a = memref.view %first[%c0][%n] : memref<?xi8> to memref<?xf32>
  %0 = scf.for %i = %c0 to %n step %c1 iter_args(%s = %a) -> memref<?xf32> {
    %block = kernel.allocate %n : memref<?xi8>
    %next = memref.view %block[%c0][%n] : memref<?xi8> to memref<?xf32>
    kernel.launch @k ins(%s : memref<?xf32>) outs(%next : memref<?xf32>)
    scf.yield %next : memref<?xf32>
  }
  %1:2 = scf.for %i = %c0 to %n step %c1 iter_args(%s = %x, %t = %x) -> (memref<?xf32>, memref<?xf32>) {
    %block = kernel.allocate %n : memref<?xi8>
    %next = memref.view %block[%c0][%n] : memref<?xi8> to memref<?xf32>
    kernel.launch @k ins(%s : memref<?xf32>) outs(%next : memref<?xf32>)
    kernel.launch @k ins(%t : memref<?xf32>) outs(%next : memref<?xf32>)
    scf.yield %next, %next : memref<?xf32>, memref<?xf32>
  }
  %2 = scf.for %i = %c0 to %n step %c1 iter_args(%s = %x) -> memref<?xf32> {
    %block = kernel.allocate %n : memref<?xi8>
    %next = memref.view %block[%c0][%n] : memref<?xi8> to memref<?xf32>
    kernel.launch @k ins(%s : memref<?xf32>) outs(%next : memref<?xf32>)
    %same = arith.select %c, %s, %next : memref<?xf32>
    scf.yield %same : memref<?xf32>
  }
  %3 = scf.for %j = %c0 to %n step %c1 iter_args(%outer = %x) -> memref<?xf32> {
    %inner = scf.for %i = %c0 to %n step %c1 iter_args(%s = %outer) -> memref<?xf32> {
      %block = kernel.allocate %n : memref<?xi8>
      %next = memref.view %block[%c0][%n] : memref<?xi8> to memref<?xf32>
      kernel.launch @k ins(%s : memref<?xf32>) outs(%next : memref<?xf32>)
      scf.yield %next : memref<?xf32>
    }
    kernel.launch @k ins(%outer : memref<?xf32>) outs(%inner : memref<?xf32>)
    scf.yield %inner : memref<?xf32>
  }
  kernel.launch @k ins(%a : memref<?xf32>) outs(%y : memref<?xf32>) {kernel.number = 9 : i64}
  return
}
