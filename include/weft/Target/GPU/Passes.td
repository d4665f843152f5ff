// Passes from bufferized kernels to gpu.func, shared by all GPU targets.
#ifndef WEFT_TARGET_GPU_PASSES
#define WEFT_TARGET_GPU_PASSES

include "mlir/Pass/PassBase.td"

def EmitGpuProducts : Pass<"weft-emit-gpu-products"> {
  let summary = "Writes matrix products and convolutions as tiles for a thread block";
  let description = [{
    A `kernel.matmul` on memrefs becomes an `scf.forall` over 64 x 64 tiles of the
    result, one tile for a block of 256 threads, each of which keeps 4 x 4 sums in
    registers. Slices of both sides pass through shared memory, 16 of the summed
    dimension at a time; elements past an edge count as zero and are not stored.

    ```mlir
    kernel.matmul lhs(%a) rhs(%b) outs(%c) ...
    ```
    becomes
    ```mlir
    scf.forall (%tile) in (%tiles) {
      %lhs = memref.alloc() : memref<16x68xf32, #gpu.address_space<workgroup>>
      %sums:16 = scf.for %k = %c0 to %K step %c16 iter_args(...) {
        // load both slices, gpu.barrier, 16 * 16 fma, gpu.barrier
      }
      // epilogue and store, where inside the result
    }
    ```
    A `kernel.conv` or `kernel.depthwise_conv` becomes a direct loop with one
    thread for each element of the result.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def DistributeToThreads : Pass<"weft-distribute-to-threads"> {
  let summary = "Divides the linalg ops of a work item among the threads of a block";
  let description = [{
    In the `scf.forall` of a kernel on memrefs, each linalg op becomes loops that
    256 threads share. Parallel elements go to consecutive threads, the innermost
    dimension first. A reduction is done by a thread, or where it reads memory
    along the reduced dimension by 32 threads, or by all where there is one sum;
    the order of a sum depends on the shapes alone. A `gpu.barrier` stands between
    two ops where one writes what the other accesses.

    ```mlir
    linalg.generic {iterator_types = ["parallel"], ...} ins(%x) outs(%y) { ... }
    ```
    becomes
    ```mlir
    %t = gpu.thread_id x
    scf.for %i = %t to %n step %c256 { ... memref.store %v, %y[%i] ... }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::affine::AffineDialect"
  ];
}

def OutlineGpuKernels : Pass<"weft-outline-gpu-kernels", "::mlir::ModuleOp"> {
  let summary = "Moves the work items of kernels to device functions";
  let description = [{
    What a kernel's `scf.forall` does becomes a `gpu.func` of the same name in
    `gpu.module @kernels`; the kernel itself computes the grid and launches it.
    That launch is what a runtime needs to know: grid and scratch memory as
    functions of the arguments, and the size of a block.

    ```mlir
    func.func private @k(%x: memref<?xf32>) attributes {kernel.entry} {
      %n = memref.dim %x, %c0 : memref<?xf32>
      scf.forall (%i) in (%n) { ... }
      return
    }
    ```
    becomes
    ```mlir
    func.func private @k(%x: memref<?xf32>) attributes {kernel.entry} {
      %n = memref.dim %x, %c0 : memref<?xf32>
      gpu.launch_func @kernels::@k blocks in (%n, %c1, %c1) threads in (%c256, %c1, %c1) args(%x : memref<?xf32>)
      return
    }
    ```
    A block takes the items from its own number on in steps of the grid, so a
    grid may be smaller than the number of items. Buffers of an item live in shared
    memory where their size is known and they fit; else in a part of a scratch
    buffer that comes as one more argument.
  }];
  let options = [
    Option<"sharedBytes", "shared-bytes", "int64_t", "49152", "Shared memory that a block may use">
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::gpu::GPUDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"
  ];
}

def FlattenKernelArguments : Pass<"weft-flatten-kernel-arguments", "::mlir::gpu::GPUModuleOp"> {
  let summary = "Passes buffers as a global pointer and their dynamic extents";
  let description = [{
    A memref argument of a device function in the LLVM dialect has as many words as
    a descriptor. Only what its type leaves open is passed: the address of the first
    element, then dynamic sizes, then dynamic strides. A dynamic offset is part of
    the address. The types come from the attribute `kernel.arguments`.

    ```mlir
    llvm.func @k(%p: !llvm.ptr, %q: !llvm.ptr, %o: i64, %n: i64, %s: i64) attributes {kernel.arguments = [memref<?xf32>]}
    ```
    becomes
    ```mlir
    llvm.func @k(%q: !llvm.ptr<1>, %n: i64)
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // WEFT_TARGET_GPU_PASSES
