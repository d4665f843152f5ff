// Passes from graph ops to kernels, and on kernels, that all targets share.
#ifndef WEFT_KERNEL_PASSES
#define WEFT_KERNEL_PASSES

include "mlir/Pass/PassBase.td"

def FuseKernels : Pass<"weft-fuse-kernels", "::mlir::ModuleOp"> {
  let summary = "groups graph ops into kernels and launches them";
  let description = [{
    A group has at most one op that is not elementwise: a product with its
    elementwise followers, a reduction or norm with its elementwise producers
    and followers, movement of data with its producers. An op joins when all its
    users are in one group, so nothing is computed twice. Views (reshape, slices
    of step 1, squeeze) and constants stay in the entry function. Concatenation
    and constant padding become insertions into one tensor, right behind the
    kernel that computes the piece where that is its only use, so that it can
    write in place. Kernels that are equal but for locations are one function.

    ```mlir
    %0 = graph.add %x, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
    %1 = graph.relu %0 : tensor<?x8xf32> -> tensor<?x8xf32>
    ```
    =>
    ```mlir
    %e = tensor.empty(%n) : tensor<?x8xf32>
    %1 = kernel.launch @add_relu_0 ins(%x, %b : …) outs(%e : tensor<?x8xf32>)
           {kernel.nodes = ["add", "relu"]} -> tensor<?x8xf32>
    …
    func.func private @add_relu_0(%x: tensor<?x8xf32>, %b: tensor<8xf32>, %e: tensor<?x8xf32>)
        -> tensor<?x8xf32> attributes {kernel.entry} {
      %0 = graph.add %x, %b : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
      %1 = graph.relu %0 : tensor<?x8xf32> -> tensor<?x8xf32>
      return %1 : tensor<?x8xf32>
    }
    ```
    `weft-lower-graph-to-linalg` gives the kernels loops and makes them write to
    their last arguments.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::tensor::TensorDialect", "::mlir::vector::VectorDialect", "::weft::kernel::KernelDialect"
  ];
  let statistics = [
    Statistic<"numKernels", "kernels", "different kernels">,
    Statistic<"numLaunches", "launches", "launches of kernels">
  ];
}

def TileKernels : Pass<"weft-tile-kernels", "::mlir::ModuleOp"> {
  let summary = "gives each kernel of linalg ops one outer parallel loop";
  let description = [{
    Tiles the last op of each kernel and fuses all others into its tiles, so
    that values between them stay in the nearest cache. Only dimensions along
    which no producer would be computed twice are tiled. The loop has one
    dimension: the number of the tile. Kernels with a product are left alone;
    a kernel that cannot be tiled gets a loop of one iteration.
    ```mlir
    %y = linalg.generic … ins(%x : tensor<1000x512xf32>) outs(%o : …)
    ```
    ⇒
    ```mlir
    %y = scf.forall (%i) in (16) shared_outs(%t = %o) -> … {
      %slice = tensor.extract_slice %x[%i * 64, 0] [min(64, 1000 - %i * 64), 512] …
      linalg.generic …
    }
    ```
  }];
  let options = [
    Option<"work", "work", "int64_t", "32768", "scalar operations of one tile, about">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def Bufferize : Pass<"weft-bufferize", "::mlir::ModuleOp"> {
  let summary = "turns tensors into memory, in @main and in kernels";
  let description = [{
    @main is bufferized first; its constants become globals. Each kernel then
    takes the memref types it is launched with: one clone for each distinct
    list of types, because a slice of a larger buffer has other strides than a
    buffer of its own. A buffer that is copied into a part of another one becomes
    that part where nothing else writes there; copies that remain become linalg ops.
    ```mlir
    %e = tensor.empty() : tensor<8xf32>
    %y = kernel.launch @k ins(%x : tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
    ```
    ⇒
    ```mlir
    %y = memref.alloc() : memref<8xf32>
    kernel.launch @k ins(%x : memref<8xf32>) outs(%y : memref<8xf32>)
    ```
  }];
  let statistics = [
    Statistic<"kernels", "kernels", "kernels after specialisation">,
    Statistic<"copies", "copies", "copies in @main">,
    Statistic<"shared", "shared", "copies saved because a buffer became part of another">
  ];
  let dependentDialects = [
    "::mlir::bufferization::BufferizationDialect", "::mlir::memref::MemRefDialect",
    "::mlir::linalg::LinalgDialect", "::weft::kernel::KernelDialect"];
}

def RotateBuffers : Pass<"weft-rotate-buffers", "::mlir::ModuleOp"> {
  let summary = "gives what a loop carries two buffers that take turns";
  let description = [{
    A buffer that each iteration allocates and carries to the next becomes two
    buffers in front of the loop, which need no memory by iteration and can be
    planned.
    ```mlir
    %r = scf.for … iter_args(%state = %init) -> (memref<8xf32>) {
      %next = memref.alloc() : memref<8xf32>
      kernel.launch @step ins(%state : …) outs(%next : …)
      scf.yield %next : memref<8xf32>
    }
    ```
    ⇒
    ```mlir
    %a = memref.alloc() : memref<8xf32>
    %b = memref.alloc() : memref<8xf32>
    %r:3 = scf.for … iter_args(%state = %init, %next = %a, %other = %b) -> (…) {
      kernel.launch @step ins(%state : …) outs(%next : …)
      scf.yield %next, %other, %next : …
    }
    ```
  }];
  let statistics = [Statistic<"buffers", "buffers", "carried buffers that take turns">];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def PlanMemory : Pass<"weft-plan-memory", "::mlir::ModuleOp"> {
  let summary = "places all temporaries of @main in one arena";
  let description = [{
    What @main returns is written straight into the caller's buffers where the
    producer's buffer can be it. All other allocations get offsets in one arena:
    sizes of the same run-time factors are packed offline by their lifetimes,
    best fit, largest first. Only a size that depends on data computed in the
    middle of the run, or a buffer carried through a loop, is allocated apart.
    ```mlir
    %a = memref.alloc() : memref<8xf32>
    ```
    ⇒
    ```mlir
    %arena = kernel.arena %bytes
    %a = memref.view %arena[%offset][] : memref<?xi8> to memref<8xf32>
    ```
  }];
  let statistics = [
    Statistic<"arenaBytes", "arena-bytes", "bytes of the arena's static part">,
    Statistic<"totalBytes", "total-bytes", "bytes of all static temporaries together">,
    Statistic<"temporaries", "temporaries", "buffers in the arena">,
    Statistic<"apart", "apart", "buffers allocated in the middle of a run">,
    Statistic<"direct", "direct", "outputs written in place">
  ];
  let dependentDialects = ["::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect", "::weft::kernel::KernelDialect"];
}

def ReleaseBlocks : Pass<"weft-release-blocks", "::mlir::ModuleOp"> {
  let summary = "gives blocks apart back before the run ends";
  let description = [{
    A block that is used in the region of its allocation alone is given back
    behind its last use. What a loop carries from turn to turn is given back in
    the region that reads it last, where it is made anew in each turn: a list that
    grows would else leave all its former states behind.
    ```mlir
    %next = scf.for … iter_args(%list = %empty) -> memref<?xf32> {
      %longer = kernel.allocate %bytes : memref<?xi8>
      …
      scf.yield %view : memref<?xf32>
    }
    ```
    ⇒
    ```mlir
      kernel.release %list : memref<?xf32>
      scf.yield %view : memref<?xf32>
    ```
  }];
  let statistics = [Statistic<"released", "released", "values given back">];
  let dependentDialects = ["::weft::kernel::KernelDialect"];
}

#endif // WEFT_KERNEL_PASSES
