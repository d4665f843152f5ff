// The `kernel` dialect: launches of outlined kernels, and the packed matrix
// product and convolution that stand in them beside upstream ops.
#ifndef WEFT_KERNEL_OPS
#define WEFT_KERNEL_OPS

include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Kernel_Dialect : Dialect {
  let name = "kernel";
  let cppNamespace = "::weft::kernel";
  let summary = "Outlined kernels and the packed products in them";
  let description = [{
    A kernel is a `func.func private` with the unit attribute `kernel.entry`. Its
    arguments are the launch's inputs, then its outputs (destination style); on
    tensors it returns the outputs, on memrefs nothing. Its body is upstream
    linalg, scf, vector, memref and the ops below.

    Invariant: what a kernel computes depends on its arguments alone, and one
    kernel's work items (the outermost `scf.forall`) may run in any order.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
}

class Kernel_Op<string mnemonic, list<Trait> traits = []> : Op<Kernel_Dialect, mnemonic, traits>;

def Kernel_Shaped : AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef]>;
def Kernel_Argument : AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef, Index, AnySignlessInteger, AnyFloat]>;

// Destination-style ops that work on tensors and on memrefs alike.
class Kernel_DestinationOp<string mnemonic, list<Trait> traits = []>
    : Kernel_Op<mnemonic, !listconcat(traits, [
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>])> {
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getOutputsMutable(); }
  }];
}

def Kernel_LaunchOp : Kernel_DestinationOp<"launch", [
    AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel";
  let description = [{
    ```mlir
    %y = kernel.launch @add ins(%a, %b : tensor<?xf32>, tensor<?xf32>)
                            outs(%empty : tensor<?xf32>) -> tensor<?xf32>
    ```
    The kernel may write its outputs in any order and does not read what they
    held before.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<Kernel_Argument>:$inputs, Variadic<Kernel_Shaped>:$outputs);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $callee (`ins` `(` $inputs^ `:` type($inputs) `)`)? `outs` `(` $outputs `:` type($outputs) `)`
    attr-dict (`->` type($results)^)?
  }];
}

def Kernel_MatMulOp : Kernel_DestinationOp<"matmul", [
    AttrSizedOperandSegments, SingleBlockImplicitTerminator<"::weft::kernel::YieldOp">]> {
  let summary = "matrix product with prepacked right side and fused epilogue";
  let description = [{
    `lhs` [batch…, M, K]; `rhs` is [N/16, K, 16] when `packed` (zeros where N is
    not a multiple of 16), else [batch…, K, N] with its batch extents equal to
    the result's or 1; output [batch…, M, N]. A packed `rhs` of signed bytes is
    [N/16, K/4, 64], four elements of a column side by side, K a multiple of 4;
    `lhs` is then of unsigned bytes and sums are i32. `extras` are read by the
    epilogue at `extra_maps` (batch…, m, n) -> indices. The region takes the
    sum and one element of each extra and yields the output's element.
    ```mlir
    kernel.matmul packed lhs(%a) rhs(%b) extras(%bias) outs(%c)
        {extra_maps = [affine_map<(m, n) -> (n)>]} epilogue {
    ^bb0(%sum: f32, %x: f32):
      %s = arith.addf %sum, %x : f32
      kernel.yield %s : f32
    } : (tensor<?x64xf32>, tensor<2x64x16xf32>, tensor<32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
    ```
  }];
  let arguments = (ins Kernel_Shaped:$lhs, Kernel_Shaped:$rhs, Variadic<Kernel_Shaped>:$extras,
                       Variadic<Kernel_Shaped>:$outputs, AffineMapArrayAttr:$extra_maps, UnitAttr:$packed);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    (`packed` $packed^)? `lhs` `(` $lhs `)` `rhs` `(` $rhs `)` (`extras` `(` $extras^ `)`)? `outs` `(` $outputs `)` attr-dict
    `epilogue` $epilogue `:` functional-type(operands, $results)
  }];
  let hasVerifier = 1;
}

def Kernel_ConvOp : Kernel_DestinationOp<"conv", [
    AttrSizedOperandSegments, SingleBlockImplicitTerminator<"::weft::kernel::YieldOp">]> {
  let summary = "direct convolution on blocked channels with fused epilogue";
  let description = [{
    `input` [N, groups * C1, spatial…, cb], padded already; `weight`
    [groups * K1, C1, window…, cb, 16]; output [N, groups * K1, spatial…, 16].
    Output block k1 reads the input blocks of its group, k1 / K1. `cb` is 16, or 1
    for a plain [N, C, spatial…] input seen with a unit dimension. The weight's `cb` may
    be a part of the input's: then C1 counts parts, and groups may begin inside of blocks.
    A weight of signed bytes is [groups * K1, C1, window…, cb / 4, 64], four channels
    side by side; the input is then of unsigned bytes and sums are i32. The epilogue's
    `extra_maps` are over (n, k1, spatial…, kb).
  }];
  let arguments = (ins Kernel_Shaped:$input, Kernel_Shaped:$weight, Variadic<Kernel_Shaped>:$extras,
                       Variadic<Kernel_Shaped>:$outputs, AffineMapArrayAttr:$extra_maps,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, I64Attr:$groups);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `input` `(` $input `)` `weight` `(` $weight `)` (`extras` `(` $extras^ `)`)? `outs` `(` $outputs `)`
    `strides` $strides `dilations` $dilations `groups` $groups attr-dict
    `epilogue` $epilogue `:` functional-type(operands, $results)
  }];
  let hasVerifier = 1;
}

def Kernel_WinogradConvOp : Kernel_DestinationOp<"winograd_conv", [
    AttrSizedOperandSegments, SingleBlockImplicitTerminator<"::weft::kernel::YieldOp">]> {
  let summary = "convolution of stride 1 by minimal filtering, with fused epilogue";
  let description = [{
    Windows of 3 along one or two spatial dimensions, or of 1 along one of two;
    before two there may be a third, whose window of any extent P, 1 otherwise,
    is summed up as P times as many channels. `input`
    [N, groups * C1, spatial…, 16] is not padded: the first window begins `pads`
    elements before it, and what lies outside is 0. `tile` says how many outputs
    one tile has along each dimension: 2 or 4 where the window is 3, 1 where it
    is 1, and 1 along the first of three; they lie `dilations` apart, as do the
    elements of a window, and are computed at T = (4, 6 or 1) x (4, 6 or 1)
    positions. `weight` [groups * K1, T, P * C1 * 16, 16] is transformed already.
    Output [N, groups * K1, spatial…, 16]; `extra_maps` over (n, k1, spatial…, kb).

    A NaN or an infinity in the input makes NaN of every output that it reaches,
    and may do so to others of the same tile.
  }];
  let arguments = (ins Kernel_Shaped:$input, Kernel_Shaped:$weight, Variadic<Kernel_Shaped>:$extras,
                       Variadic<Kernel_Shaped>:$outputs, AffineMapArrayAttr:$extra_maps,
                       DenseI64ArrayAttr:$tile, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations, I64Attr:$groups);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `input` `(` $input `)` `weight` `(` $weight `)` (`extras` `(` $extras^ `)`)? `outs` `(` $outputs `)`
    `tile` $tile `pads` $pads `dilations` $dilations `groups` $groups attr-dict
    `epilogue` $epilogue `:` functional-type(operands, $results)
  }];
  let hasVerifier = 1;
}

def Kernel_DepthwiseConvOp : Kernel_DestinationOp<"depthwise_conv", [
    AttrSizedOperandSegments, SingleBlockImplicitTerminator<"::weft::kernel::YieldOp">]> {
  let summary = "depthwise convolution on blocked channels with fused epilogue";
  let description = [{
    `input` [N, C1, spatial…, 16], padded already; `weight` [C1, window…, 16];
    output [N, C1, spatial…, 16]; `extra_maps` over (n, c1, spatial…, cb).
  }];
  let arguments = (ins Kernel_Shaped:$input, Kernel_Shaped:$weight, Variadic<Kernel_Shaped>:$extras,
                       Variadic<Kernel_Shaped>:$outputs, AffineMapArrayAttr:$extra_maps,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    `input` `(` $input `)` `weight` `(` $weight `)` (`extras` `(` $extras^ `)`)? `outs` `(` $outputs `)`
    `strides` $strides `dilations` $dilations attr-dict
    `epilogue` $epilogue `:` functional-type(operands, $results)
  }];
  let hasVerifier = 1;
}

def Kernel_ConvDepthwiseOp : Kernel_DestinationOp<"conv_depthwise", [
    AttrSizedOperandSegments, SingleBlockImplicitTerminator<"::weft::kernel::YieldOp">]> {
  let summary = "depthwise convolution of what a direct one gives, which is never stored whole";
  let description = [{
    `input`, `weight`, `strides` and `dilations` are those of a `kernel.conv` of
    one group. The region `between` takes its sum and one element of each of
    `between_extras`, at `between_maps` (n, k1, spatial…, kb) -> indices, and
    yields what the depthwise convolution reads; around that are zeros, `pads`
    [before each spatial dimension…, after each…]. `depthwise` is [K1, window…, 16],
    output [N, K1, spatial…, 16]; the epilogue follows as in
    `kernel.depthwise_conv`. All extents but N are static.
  }];
  let arguments = (ins Kernel_Shaped:$input, Kernel_Shaped:$weight, Kernel_Shaped:$depthwise,
                       Variadic<Kernel_Shaped>:$between_extras, Variadic<Kernel_Shaped>:$extras,
                       Variadic<Kernel_Shaped>:$outputs, AffineMapArrayAttr:$between_maps,
                       AffineMapArrayAttr:$extra_maps, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$depthwise_strides, DenseI64ArrayAttr:$depthwise_dilations);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$between, SizedRegion<1>:$epilogue);
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getOutputsMutable(); }
    /// The spatial extents of what is between, without its pads.
    ::llvm::SmallVector<int64_t> getBetweenExtents();
  }];
  let assemblyFormat = [{
    `input` `(` $input `)` `weight` `(` $weight `)` (`extras` `(` $between_extras^ `)`)?
    `strides` $strides `dilations` $dilations `between` $between `pads` $pads
    `depthwise` `(` $depthwise `)` (`extras` `(` $extras^ `)`)? `outs` `(` $outputs `)`
    `strides` $depthwise_strides `dilations` $depthwise_dilations attr-dict
    `epilogue` $epilogue `:` functional-type(operands, $results)
  }];
  let hasVerifier = 1;
}

def Kernel_AttentionOp : Kernel_DestinationOp<"attention", [
    AttrSizedOperandSegments, SingleBlockImplicitTerminator<"::weft::kernel::YieldOp">]> {
  let summary = "softmax(score(query * key^T)) * value, the scores never stored";
  let description = [{
    `query` [B, H, M, D], `key` [B, G, N, D], `value` [B, G, N, E], output
    [B, H, M, E], with B of `key` and `value` equal to the output's or 1 and H a
    multiple of G: head h reads head h / (H / G). `swapped` says of each of the
    four whether its dimensions 1 and 2 are exchanged, as projections give them:
    [B, M, H, D]. D and E are static. The region takes one product of a query and
    a key and one element of each extra, at `extra_maps` (b, h, m, n) -> indices,
    and yields the score. With `causal` the scores of n > m are minus infinity,
    and the keys and values there are not read. With `nan_as_zero` rows whose
    softmax is NaN (all scores minus infinity) give 0; with `masked` only those
    whose scores are all minus infinity do, and others stay NaN.
    ```mlir
    kernel.attention query(%q) key(%k) value(%v) outs(%c)
        {extra_maps = [], swapped = array<i1: true, true, true, true>} score {
    ^bb0(%product: f32):
      %c = arith.constant 0.125 : f32
      %s = arith.mulf %product, %c : f32
      kernel.yield %s : f32
    } : (tensor<1x?x12x64xf32>, …) -> tensor<1x?x12x64xf32>
    ```
  }];
  let arguments = (ins Kernel_Shaped:$query, Kernel_Shaped:$key, Kernel_Shaped:$value,
                       Variadic<Kernel_Shaped>:$extras, Variadic<Kernel_Shaped>:$outputs,
                       AffineMapArrayAttr:$extra_maps, DenseBoolArrayAttr:$swapped, UnitAttr:$causal,
                       UnitAttr:$nan_as_zero, UnitAttr:$masked);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    (`causal` $causal^)? `query` `(` $query `)` `key` `(` $key `)` `value` `(` $value `)` (`extras` `(` $extras^ `)`)?
    `outs` `(` $outputs `)` attr-dict `score` $epilogue `:` functional-type(operands, $results)
  }];
  let hasVerifier = 1;
}

def Kernel_YieldOp : Kernel_Op<"yield", [Pure, Terminator]> {
  let summary = "ends an epilogue with the element to store";
  let arguments = (ins Variadic<AnyType>:$values);
  let builders = [OpBuilder<(ins), [{ /* nothing to yield */ }]>];
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def Kernel_CheckOp : Kernel_Op<"check"> {
  let summary = "fails the run with a message unless the condition holds";
  let description = [{
    `message` names the node; "{0}" and "{1}" in it stand for the values. Allowed
    in the entry function and in kernels; it ends the run, not the process.
  }];
  let arguments = (ins I1:$condition, Variadic<AnyTypeOf<[Index, I64]>>:$values, StrAttr:$message);
  let assemblyFormat = "$condition `,` $message (`values` $values^ `:` type($values))? attr-dict";
}

def Kernel_StringOp : Kernel_Op<"string", [Pure]> {
  let summary = "calls the runtime's function of strings";
  let description = [{
    `function` is a weft_string_function. The results are the same wherever in a
    run it is called, and calling it without need does no harm.
  }];
  let arguments = (ins I64Attr:$function, Variadic<I64>:$arguments);
  let results = (outs I64:$result);
  let assemblyFormat = "$function `(` $arguments `)` attr-dict";
}

//===-- Memory of the entry function, see include/weft/Artifact/Abi.h ----------//

def Kernel_OutputOp : Kernel_Op<"output", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "the caller's buffer of one of the model's outputs";
  let description = [{
    `sizes` are the dynamic extents. One op for each output in a run.
    ```mlir
    %y = kernel.output 0 (%rows) : memref<?x8xf32>
    ```
  }];
  let arguments = (ins I64Attr:$number, Variadic<Index>:$sizes);
  let results = (outs AnyStridedMemRef:$buffer);
  let assemblyFormat = "$number (`(` $sizes^ `)`)? attr-dict `:` type($buffer)";
}

def Kernel_ArenaOp : Kernel_Op<"arena", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "the block of at least `bytes` bytes that holds a run's temporaries";
  let arguments = (ins Index:$bytes);
  let results = (outs AnyStridedMemRef:$buffer);
  let assemblyFormat = "$bytes attr-dict `:` type($buffer)";
}

def Kernel_AllocateOp : Kernel_Op<"allocate", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "a block whose size is known only in the middle of a run";
  let arguments = (ins Index:$bytes);
  let results = (outs AnyStridedMemRef:$buffer);
  let assemblyFormat = "$bytes attr-dict `:` type($buffer)";
}

def Kernel_ReleaseOp : Kernel_Op<"release", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "gives the block that begins with `buffer` back";
  let description = [{
    Nothing of the block may be read or written from here on. Where no block
    begins there (an input, a part of the arena), nothing happens.
  }];
  let arguments = (ins AnyStridedMemRef:$buffer);
  let assemblyFormat = "$buffer attr-dict `:` type($buffer)";
}

#endif // WEFT_KERNEL_OPS
