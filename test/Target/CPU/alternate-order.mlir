// RUN: weft-opt %s --weft-alternate-order=level=x86-64-v4 --split-input-file | FileCheck %s

// Two megabytes do not fit L2, so the loop's counter is passed on. A launch
// beside the loop has turn 0.
memref.global "private" constant @w : memref<64x512x16xf32> = dense<1.0>
// CHECK-LABEL: func.func private @product(
// CHECK-SAME:    memref<64x512x16xf32>, %{{.*}}: index {kernel.turn}, %{{.*}}: memref<1x1024xf32>)
func.func private @product(%x: memref<1x512xf32>, %w: memref<64x512x16xf32>, %y: memref<1x1024xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%x) rhs(%w) outs(%y) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x512xf32>, memref<64x512x16xf32>, memref<1x1024xf32>) -> ()
  return
}
// CHECK-LABEL: func.func @main(
func.func @main(%x: memref<1x512xf32>, %y: memref<1x1024xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %w = memref.get_global @w : memref<64x512x16xf32>
  // CHECK: memref.get_global
  // CHECK: %[[ZERO:.*]] = arith.constant 0 : index
  // CHECK: kernel.launch @product ins(%{{.*}}, %{{.*}}, %[[ZERO]] : {{.*}}, index)
  kernel.launch @product ins(%x, %w : memref<1x512xf32>, memref<64x512x16xf32>) outs(%y : memref<1x1024xf32>)
  // CHECK: scf.for %[[I:.*]] =
  // CHECK-NEXT: kernel.launch @product ins(%{{.*}}, %{{.*}}, %[[I]] : {{.*}}, index)
  scf.for %i = %c0 to %n step %c1 {
    kernel.launch @product ins(%x, %w : memref<1x512xf32>, memref<64x512x16xf32>) outs(%y : memref<1x1024xf32>)
  }
  // What goes around scf.while may count, too.
  // CHECK: } do {
  // CHECK-NEXT: ^{{.*}}(%{{.*}}: i1, %[[TURN:.*]]: index):
  // CHECK: kernel.launch @product ins(%{{.*}}, %{{.*}}, %[[TURN]] : {{.*}}, index)
  scf.while (%turn = %c0) : (index) -> (i1, index) {
    %more = arith.cmpi slt, %turn, %n : index
    scf.condition(%more) %more, %turn : i1, index
  } do {
  ^bb0(%more: i1, %turn: index):
    kernel.launch @product ins(%x, %w : memref<1x512xf32>, memref<64x512x16xf32>) outs(%y : memref<1x1024xf32>)
    %next = arith.addi %turn, %c1 : index
    scf.yield %next : index
  }
  return
}

// -----

// Half a megabyte stays in L2, 32 are too many for it to matter, and of 16 rows
// the products take longer than the weights.
memref.global "private" constant @small : memref<16x512x16xf32> = dense<1.0>
memref.global "private" constant @large : memref<1024x512x16xf32> = dense<1.0>
memref.global "private" constant @w : memref<64x512x16xf32> = dense<1.0>
// CHECK-NOT: kernel.turn
func.func private @fits(%x: memref<1x512xf32>, %w: memref<16x512x16xf32>, %y: memref<1x256xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%x) rhs(%w) outs(%y) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x512xf32>, memref<16x512x16xf32>, memref<1x256xf32>) -> ()
  return
}
func.func private @many_bytes(%x: memref<1x512xf32>, %w: memref<1024x512x16xf32>, %y: memref<1x16384xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%x) rhs(%w) outs(%y) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x512xf32>, memref<1024x512x16xf32>, memref<1x16384xf32>) -> ()
  return
}
func.func private @many_rows(%x: memref<4x4x512xf32>, %w: memref<64x512x16xf32>, %y: memref<4x4x1024xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%x) rhs(%w) outs(%y) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<4x4x512xf32>, memref<64x512x16xf32>, memref<4x4x1024xf32>) -> ()
  return
}
func.func @main(%x: memref<1x512xf32>, %y: memref<1x256xf32>, %z: memref<1x16384xf32>,
                %u: memref<4x4x512xf32>, %v: memref<4x4x1024xf32>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %small = memref.get_global @small : memref<16x512x16xf32>
  %large = memref.get_global @large : memref<1024x512x16xf32>
  %w = memref.get_global @w : memref<64x512x16xf32>
  scf.for %i = %c0 to %n step %c1 {
    kernel.launch @fits ins(%x, %small : memref<1x512xf32>, memref<16x512x16xf32>) outs(%y : memref<1x256xf32>)
  }
  scf.for %i = %c0 to %n step %c1 {
    kernel.launch @many_bytes ins(%x, %large : memref<1x512xf32>, memref<1024x512x16xf32>) outs(%z : memref<1x16384xf32>)
  }
  scf.for %i = %c0 to %n step %c1 {
    kernel.launch @many_rows ins(%u, %w : memref<4x4x512xf32>, memref<64x512x16xf32>) outs(%v : memref<4x4x1024xf32>)
  }
  return
}

// -----

// Two products push each other's weights out of L2; a step of 2 has one parity,
// and not every scf.while counts.
memref.global "private" constant @w : memref<64x512x16xf32> = dense<1.0>
memref.global "private" constant @v : memref<64x512x16xf32> = dense<2.0>
// CHECK-NOT: kernel.turn
func.func private @product(%x: memref<1x512xf32>, %w: memref<64x512x16xf32>, %y: memref<1x1024xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%x) rhs(%w) outs(%y) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x512xf32>, memref<64x512x16xf32>, memref<1x1024xf32>) -> ()
  return
}
func.func @main(%x: memref<1x512xf32>, %y: memref<1x1024xf32>, %more: memref<i1>, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %w = memref.get_global @w : memref<64x512x16xf32>
  %v = memref.get_global @v : memref<64x512x16xf32>
  scf.for %i = %c0 to %n step %c1 {
    kernel.launch @product ins(%x, %w : memref<1x512xf32>, memref<64x512x16xf32>) outs(%y : memref<1x1024xf32>)
    kernel.launch @product ins(%x, %v : memref<1x512xf32>, memref<64x512x16xf32>) outs(%y : memref<1x1024xf32>)
  }
  scf.for %i = %c0 to %n step %c2 {
    kernel.launch @product ins(%x, %w : memref<1x512xf32>, memref<64x512x16xf32>) outs(%y : memref<1x1024xf32>)
  }
  scf.while : () -> () {
    %again = memref.load %more[] : memref<i1>
    scf.condition(%again)
  } do {
    kernel.launch @product ins(%x, %w : memref<1x512xf32>, memref<64x512x16xf32>) outs(%y : memref<1x1024xf32>)
    scf.yield
  }
  return
}
