// Passes from kernels on memory to vector code and LLVM, for CPUs.
#ifndef WEFT_CPU_PASSES
#define WEFT_CPU_PASSES

include "mlir/Pass/PassBase.td"

def VectorizeLinalg : Pass<"weft-vectorize-linalg", "::mlir::func::FuncOp"> {
  let summary = "writes linalg ops on memrefs as loops of vector code";
  let description = [{
    One emitter for every linalg op. It merges loops over contiguous memory,
    vectorises the loop along which memory is contiguous, be it parallel or a
    reduction, keeps sums in registers in an order that depends on extents
    alone, and never touches memory beyond an operand's last element.
    ```mlir
    linalg.generic {… ["parallel"]} ins(%x : memref<?xf32>) outs(%y : memref<?xf32>) { … arith.negf … }
    ```
    ⇒
    ```mlir
    scf.for %i = %c0 to %full step %c8 {
      %v = vector.load %x[%i] : memref<?xf32>, vector<8xf32>
      %n = arith.negf %v : vector<8xf32>
      vector.store %n, %y[%i] : memref<?xf32>, vector<8xf32>
    }
    scf.for %i = %full to %n step %c1 { … }
    ```
  }];
  let options = [Option<"width", "width", "int64_t", "8", "Elements of f32 in a vector register">];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def AlternateOrder : Pass<"weft-alternate-order", "::mlir::ModuleOp"> {
  let summary = "lets kernels walk weights that a loop repeats back and forth";
  let description = [{
    A product of few rows in a loop that reads more weights than L2 holds takes
    its work items from last to first in every second turn, so that it finds in
    L2 what it read last in the turn before. Its kernel gets an argument with the
    attribute `kernel.turn`, which weft-lower-to-entry heeds; where the kernel is
    launched outside of such a loop, the turn is 0.
    ```mlir
    scf.for %i = … {
      kernel.launch @product ins(%state, %weights : …) outs(%next : …)
    ```
    ⇒
    ```mlir
    scf.for %i = … {
      kernel.launch @product ins(%state, %weights, %i : …, index) outs(%next : …)
    …
    func.func private @product(…, %turn: index {kernel.turn}, …) attributes {kernel.entry}
    ```
  }];
  let options = [
    Option<"level", "level", "std::string", "\"x86-64-v3\"", "x86-64 level, sapphirerapids or znver5, whose L2 is assumed">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def EmitMicrokernels : Pass<"weft-emit-microkernels", "::mlir::func::FuncOp"> {
  let summary = "turn packed products into loops over register tiles";
  let description = [{
    Replaces each kernel.matmul, kernel.conv, kernel.winograd_conv and
    kernel.depthwise_conv on memrefs by one scf.forall over work items. An item holds loops over register tiles,
    whose sums are vectors that the loop over k carries; the epilogue runs on
    those vectors. The tile comes from a model of the level, or from the op's
    attribute `kernel.tile`.
    ```mlir
    kernel.matmul packed lhs(%a) rhs(%b) outs(%c) …
    =>
    scf.forall (%item) in (%items) {
      %sums:12 = scf.for %k = … iter_args(…) -> (vector<8xf32>, …) {
        %right = vector.load %b[%panel, %k, %c0]
        %left = memref.load %a[%row, %k]
        … vector.fma …
      }
      vector.store …
    }
    ```
  }];
  let options = [
    Option<"level", "level", "std::string", "\"x86-64-v3\"", "x86-64 level, sapphirerapids or znver5, whose registers and caches are assumed">
  ];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def LowerToEntry : Pass<"weft-lower-to-entry", "::mlir::ModuleOp"> {
  let summary = "gives @main and kernels the signatures of the runtime";
  let description = [{
    Kernels take a packed block of arguments and a range of their outer loop;
    launches become calls through the context (include/weft/Artifact/Abi.h), or
    direct ones where one worker does all; constants become offsets into the
    weights. A program that is longer than two parts becomes several functions,
    since LLVM's time grows with the square of a function's length. The module's
    `kernel.scratch_bytes` is what kernels need for each worker.
    ```mlir
    func.func private @k(%x: memref<?xf32>) attributes {kernel.entry} {
      scf.forall (%i) in (%n) { … }
    ```
    ⇒
    ```mlir
    func.func private @weft_entry.k(%args: !llvm.ptr, %begin: i64, %end: i64, %worker: i64, %context: !llvm.ptr) {
      scf.for %i = %first to %last step %c1 { … }
    ```
  }];
  let options = [
    Option<"symbol", "symbol", "std::string", "\"weft_entry\"", "Name of the entry function, prefix of the kernels'">,
    Option<"partSize", "part-size", "int64_t", "5000", "Operations and operands of @main that are one function; a longer program is cut">];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

def ConvertToLLVM : Pass<"weft-convert-to-llvm", "::mlir::ModuleOp"> {
  let summary = "what is left of all dialects becomes the LLVM dialect";
  let description = [{
    One greedy run for views, affine expressions and masks, and one conversion
    for all dialects, where upstream has a pass and a walk for each.
    ```mlir
    %v = vector.load %x[%i] : memref<?xf32>, vector<8xf32>
    ```
    ⇒
    ```mlir
    %p = llvm.getelementptr %aligned[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
    %v = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
    ```
  }];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::vector::VectorDialect"];
}

#endif // WEFT_CPU_PASSES
