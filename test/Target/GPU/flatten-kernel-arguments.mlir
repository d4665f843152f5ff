// RUN: weft-opt %s --weft-flatten-kernel-arguments | FileCheck %s

gpu.module @kernels {
  // The pointer, one dynamic size and one dynamic stride remain; the static size
  // is a constant, and the offset is part of the address.
  // CHECK-LABEL: llvm.func @strided(
  // CHECK-SAME: %[[P:.*]]: !llvm.ptr<1>, %[[ROWS:.*]]: i64, %[[PITCH:.*]]: i64, %[[LAST:.*]]: f32)
  // CHECK-DAG: %[[BASE:.*]] = llvm.addrspacecast %[[P]]
  // CHECK-DAG: %[[EIGHT:.*]] = llvm.mlir.constant(8
  // CHECK-DAG: %[[ZERO:.*]] = llvm.mlir.constant(0
  // CHECK: llvm.call @use(%[[BASE]], %[[ZERO]], %[[ROWS]], %[[EIGHT]], %[[PITCH]], %[[LAST]])
  llvm.func @strided(%allocated: !llvm.ptr, %aligned: !llvm.ptr, %offset: i64, %size0: i64, %size1: i64, %stride0: i64,
                     %stride1: i64, %last: f32)
      attributes {kernel.arguments = [memref<?x8xf32, strided<[?, 1], offset: ?>>, f32]} {
    llvm.call @use(%aligned, %offset, %size0, %size1, %stride0, %last) : (!llvm.ptr, i64, i64, i64, i64, f32) -> ()
    llvm.return
  }
  llvm.func @use(!llvm.ptr, i64, i64, i64, i64, f32)
}
