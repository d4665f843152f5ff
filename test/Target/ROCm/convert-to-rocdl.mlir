// RUN: weft-opt %s --weft-convert-to-rocdl="chipset=gfx942" | FileCheck %s

gpu.module @kernels {
  // CHECK-LABEL: llvm.func @kernel
  // CHECK-SAME: rocdl.kernel
  // CHECK: rocdl.workitem.id.x
  // CHECK: llvm.intr.fabs
  // CHECK: llvm.intr.sqrt
  // CHECK: llvm.intr.maximum
  // CHECK: llvm.frem
  // CHECK: rocdl.{{.*}}barrier
  // CHECK-NOT: __ocml_
  gpu.func @kernel(%x: memref<?xf32>) kernel attributes {known_block_size = array<i32: 256, 1, 1>} {
    %t = gpu.thread_id x
    %v = memref.load %x[%t] : memref<?xf32>
    %a = math.absf %v : f32
    %s = math.sqrt %a : f32
    %m = arith.maximumf %s, %v : f32
    %r = arith.remf %m, %v : f32
    gpu.barrier
    memref.store %r, %x[%t] : memref<?xf32>
    gpu.return
  }
}
