// Ops of the graph dialect that have loops or shapes of their own.
#ifndef WEFT_GRAPH_OPS
#define WEFT_GRAPH_OPS

include "weft/Dialect/Graph/IR/GraphBase.td"
include "weft/Dialect/Graph/IR/GraphElementwise.td"

//===-- Constants and shapes ---------------------------------------------------//

def Graph_ConstantOp : Graph_Op<"constant", [ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "a tensor known at compile time";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def Graph_ShapeOp : Graph_TypedOp<"shape"> {
  let summary = "the extents of a tensor";
  let arguments = (ins Graph_Tensor:$input);
  let results = (outs Graph_ShapeTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def Graph_IotaOp : Graph_Op<"iota", [DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>]> {
  let summary = "the position along one axis";
  let description = [{
    `result[i0, i1, …] = i_axis`. `extents` has one index for each dynamic
    dimension of the result, in order.
  }];
  let arguments = (ins Variadic<Index>:$extents, I64Attr:$axis);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$axis `(` $extents `)` attr-dict `:` type($result)";
  let hasVerifier = 1;
}

//===-- Views and movement of data ----------------------------------------------//

def Graph_ReshapeOp : Graph_TypedOp<"reshape"> {
  let summary = "the same elements, row-major, in another shape";
  let description = [{
    In `shape` one element may be -1 (what is left over) and, unless
    `allow_zero`, a 0 keeps the input's extent of the same position.
    ```mlir
    %y = graph.reshape %x, %shape : tensor<?x8xf32>, tensor<3xi64> -> tensor<?x2x4xf32>
    ```
  }];
  let arguments = (ins Graph_Tensor:$input, Graph_ShapeTensor:$shape, UnitAttr:$allow_zero);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input `,` $shape attr-dict `:` type($input) `,` type($shape) `->` type($result)";
  let hasFolder = 1;
}

def Graph_UnsqueezeOp : Graph_TypedOp<"unsqueeze"> {
  let summary = "inserts dimensions of extent 1 at `axes` of the result";
  let arguments = (ins Graph_Tensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input $axes attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def Graph_SqueezeOp : Graph_TypedOp<"squeeze"> {
  let summary = "drops the dimensions `axes`, whose extent is 1";
  let arguments = (ins Graph_Tensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input $axes attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def Graph_TransposeOp : Graph_TypedOp<"transpose"> {
  let summary = "result dimension i is input dimension permutation[i]";
  let arguments = (ins Graph_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input $permutation attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def Graph_ConcatOp : Graph_TypedOp<"concat"> {
  let summary = "joins tensors along one axis";
  let arguments = (ins Variadic<Graph_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$axis `(` $inputs `)` attr-dict `:` functional-type($inputs, $result)";
  let hasFolder = 1;
}

def Graph_SliceOp : Graph_TypedOp<"slice"> {
  let summary = "every step-th element from start to end, for each of `axes`";
  let description = [{
    As ONNX's Slice: negative starts and ends count from the end, both are
    clamped to the extent; a step may be negative but not 0.
  }];
  let arguments = (ins Graph_Tensor:$input, Graph_ShapeTensor:$starts, Graph_ShapeTensor:$ends,
                       Graph_ShapeTensor:$steps, DenseI64ArrayAttr:$axes);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $starts `,` $ends `,` $steps `axes` $axes attr-dict
    `:` type($input) `,` type($starts) `,` type($ends) `,` type($steps) `->` type($result)
  }];
  let hasFolder = 1;
}

def Graph_ExpandOp : Graph_TypedOp<"expand"> {
  let summary = "repeats extents of 1 so that the shape becomes input broadcast with `shape`";
  let arguments = (ins Graph_Tensor:$input, Graph_ShapeTensor:$shape);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input `,` $shape attr-dict `:` type($input) `,` type($shape) `->` type($result)";
  let hasFolder = 1;
}

def Graph_TileOp : Graph_TypedOp<"tile"> {
  let summary = "the input repeated repeats[i] times along each dimension i";
  let arguments = (ins Graph_Tensor:$input, Graph_ShapeTensor:$repeats);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input `,` $repeats attr-dict `:` type($input) `,` type($repeats) `->` type($result)";
}

def Graph_PadMode : I32EnumAttr<"PadMode", "what stands in the padding", [
    I32EnumAttrCase<"constant", 0>, I32EnumAttrCase<"reflect", 1>,
    I32EnumAttrCase<"edge", 2>, I32EnumAttrCase<"wrap", 3>]> {
  let cppNamespace = "::weft::graph";
  let genSpecializedAttr = 0;
}
def Graph_PadModeAttr : EnumAttr<Graph_Dialect, Graph_PadMode, "pad_mode">;

def Graph_PadOp : Graph_TypedOp<"pad"> {
  let summary = "elements added (or, where negative, removed) before and after each axis";
  let description = [{
    `pads` is [before of each of `axes` …, after of each …]. `value` (rank 0) is
    what constant padding inserts.
  }];
  let arguments = (ins Graph_Tensor:$input, Graph_ShapeTensor:$pads, Graph_Tensor:$value,
                       DenseI64ArrayAttr:$axes, Graph_PadModeAttr:$mode);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $mode $input `,` $pads `,` $value `axes` $axes attr-dict
    `:` type($input) `,` type($pads) `,` type($value) `->` type($result)
  }];
}

def Graph_GatherOp : Graph_TypedOp<"gather"> {
  let summary = "slices of `data` along one axis, chosen by indices";
  let description = [{
    The result has the shape of `indices` in place of `axis`. A negative index
    counts from the end; one out of range fails the run with the node's name.
  }];
  let arguments = (ins Graph_Tensor:$data, TensorOf<[I32, I64]>:$indices, I64Attr:$axis);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$data `,` $indices `axis` $axis attr-dict `:` type($data) `,` type($indices) `->` type($result)";
  let hasFolder = 1;
}

def Graph_PackOp : Graph_TypedOp<"pack"> {
  let summary = "splits an axis into blocks, the block innermost";
  let description = [{
    [.., E, ..] becomes [.., ceil(E / block), .., block]; what the last block
    has too much is 0. The layout pass introduces it; `unpack` undoes it.
  }];
  let arguments = (ins Graph_Tensor:$input, I64Attr:$axis, I64Attr:$block);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input `axis` $axis `block` $block attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

def Graph_UnpackOp : Graph_TypedOp<"unpack"> {
  let summary = "joins the blocks of an axis, dropping what pads the last";
  let arguments = (ins Graph_Tensor:$input, I64Attr:$axis, I64Attr:$extent);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input `axis` $axis `extent` $extent attr-dict `:` type($input) `->` type($result)";
  let hasFolder = 1;
}

//===-- Reductions, normalisation -----------------------------------------------//

def Graph_ReduceKind : I32EnumAttr<"ReduceKind", "how elements are combined", [
    I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"mean", 1>, I32EnumAttrCase<"max", 2>,
    I32EnumAttrCase<"min", 3>, I32EnumAttrCase<"prod", 4>]> {
  let cppNamespace = "::weft::graph";
  let genSpecializedAttr = 0;
}
def Graph_ReduceKindAttr : EnumAttr<Graph_Dialect, Graph_ReduceKind, "reduce_kind">;

def Graph_ReduceOp : Graph_TypedOp<"reduce"> {
  let summary = "combines all elements along `axes`";
  let description = [{
    Nothing to combine gives 0 (sum), 1 (prod), the least or greatest value of
    the type (max, min), NaN (mean). Max and min of a NaN are NaN.
  }];
  let arguments = (ins Graph_ReduceKindAttr:$kind, Graph_Tensor:$input, DenseI64ArrayAttr:$axes, UnitAttr:$keep_dims);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$kind $input $axes attr-dict `:` type($input) `->` type($result)";
}

def Graph_ArgReduceOp : Graph_TypedOp<"arg_reduce"> {
  let summary = "position (i64) of the largest or smallest element along an axis";
  let arguments = (ins Graph_ReduceKindAttr:$kind, Graph_Tensor:$input, I64Attr:$axis, UnitAttr:$keep_dims, UnitAttr:$select_last);
  let results = (outs TensorOf<[I64]>:$result);
  let assemblyFormat = "$kind $input $axis attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Graph_CumSumOp : Graph_TypedOp<"cumsum"> {
  let summary = "running sum along an axis, or product, …, of another `kind`";
  let arguments = (ins Graph_Tensor:$input, I64Attr:$axis, UnitAttr:$exclusive, UnitAttr:$reverse,
                       DefaultValuedAttr<Graph_ReduceKindAttr, "ReduceKind::sum">:$kind);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input $axis attr-dict `:` type($input) `->` type($result)";
}

def Graph_SoftmaxOp : Graph_TypedOp<"softmax"> {
  let summary = "exp(x - max) / sum(exp(x - max)) along an axis, or its logarithm";
  let description = [{ A line of nothing but -inf gives NaN or, with `masked`, 0. }];
  let arguments = (ins Graph_Tensor:$input, I64Attr:$axis, UnitAttr:$log, UnitAttr:$masked);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input $axis attr-dict `:` type($input) `->` type($result)";
}

def Graph_LayerNormOp : Graph_TypedOp<"layer_norm", [AttrSizedOperandSegments]> {
  let summary = "(x - mean) / sqrt(variance + epsilon) * scale + bias over the axes from `axis` on";
  let arguments = (ins Graph_Tensor:$input, Optional<Graph_Tensor>:$scale, Optional<Graph_Tensor>:$bias,
                       I64Attr:$axis, F64Attr:$epsilon);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $input (`scale` $scale^)? (`bias` $bias^)? `axis` $axis attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

//===-- Matrix products, convolution, windows --------------------------------------//

def Graph_MatMulOp : Graph_TypedOp<"matmul"> {
  let summary = "matrix product of the two last dimensions, the others broadcast";
  let description = [{
    Operands have rank 2 at least. The transpose flags swap the last two
    dimensions of an operand before the product.
    ```mlir
    %y = graph.matmul %a, %b : tensor<?x128x64xf32>, tensor<64x32xf32> -> tensor<?x128x32xf32>
    ```
  }];
  let arguments = (ins Graph_Tensor:$lhs, Graph_Tensor:$rhs, UnitAttr:$transpose_lhs, UnitAttr:$transpose_rhs);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
}

def Graph_ConvOp : Graph_TypedOp<"conv"> {
  let summary = "convolution over any number of spatial dimensions";
  let description = [{
    `input` [N, C, spatial…], `weight` [K, C / groups, window…], `bias` [K].
    `pads` is [before of each spatial dimension …, after of each …]. Output extent:
    floor((E + before + after - dilation * (window - 1) - 1) / stride) + 1.
  }];
  let arguments = (ins Graph_Tensor:$input, Graph_Tensor:$weight, Optional<Graph_Tensor>:$bias,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
                       I64Attr:$groups);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? `strides` $strides `pads` $pads `dilations` $dilations `groups` $groups attr-dict
    `:` functional-type(operands, results)
  }];
}

def Graph_ConvTransposeOp : Graph_TypedOp<"conv_transpose"> {
  let summary = "the transpose (gradient) of a convolution";
  let description = [{
    `input` [N, C, spatial…], `weight` [C, K / groups, window…], `bias` [K]. Output
    extent: stride * (E - 1) + output_padding + dilation * (window - 1) + 1 - before - after.
  }];
  let arguments = (ins Graph_Tensor:$input, Graph_Tensor:$weight, Optional<Graph_Tensor>:$bias,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations,
                       DenseI64ArrayAttr:$output_padding, I64Attr:$groups);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` $bias^)? `strides` $strides `pads` $pads `dilations` $dilations
    `output_padding` $output_padding `groups` $groups attr-dict
    `:` functional-type(operands, results)
  }];
}

def Graph_PoolOp : Graph_TypedOp<"pool"> {
  let summary = "combines the elements of a window that slides over `axes`";
  let description = [{
    `kind` is sum, mean or max. All lists have one entry for each of `axes`, `pads`
    two ([before …, after …]). Padding does not count in max and sum; in mean it
    counts as zeros with `count_include_pad`. With `ceil_mode` a last window that
    starts inside the input or its leading padding may hang over the end.
    The axes may be any, so that blocked layouts need no other op.
  }];
  let arguments = (ins Graph_ReduceKindAttr:$kind, Graph_Tensor:$input, DenseI64ArrayAttr:$axes,
                       DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations, UnitAttr:$ceil_mode, UnitAttr:$count_include_pad);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $kind $input `axes` $axes `window` $window `strides` $strides `pads` $pads `dilations` $dilations attr-dict
    `:` type($input) `->` type($result)
  }];
}

//===-- Recurrent ------------------------------------------------------------------//

def Graph_LstmOp : Graph_Op<"lstm", [AttrSizedOperandSegments]> {
  let summary = "long short-term memory, ONNX's LSTM";
  let description = [{
    `input` [time, batch, features], `weight` [directions, 4 * hidden, features],
    `recurrent` [directions, 4 * hidden, hidden], gates in the order input, output,
    forget, cell; `bias` [directions, 8 * hidden] (of weight, then of recurrent),
    `lengths` [batch] i32, `initial_h`, `initial_c` [directions, batch, hidden],
    `peephole` [directions, 3 * hidden] (input, output, forget).
    Results: all outputs [time, directions, batch, hidden], last h, last c.
    `directions` is "forward", "reverse" or "bidirectional"; `activations` three
    names for each direction (gates, cell, hidden), `alphas` and `betas` their
    parameters, NaN where a default holds; `clip` 0 means none.
  }];
  let arguments = (ins Graph_Tensor:$input, Graph_Tensor:$weight, Graph_Tensor:$recurrent,
                       Optional<Graph_Tensor>:$bias, Optional<Graph_Tensor>:$lengths,
                       Optional<Graph_Tensor>:$initial_h, Optional<Graph_Tensor>:$initial_c,
                       Optional<Graph_Tensor>:$peephole,
                       StrAttr:$direction, StrArrayAttr:$activations,
                       DenseF32ArrayAttr:$alphas, DenseF32ArrayAttr:$betas,
                       DefaultValuedAttr<F32Attr, "0.0">:$clip, UnitAttr:$input_forget);
  let results = (outs Graph_Tensor:$outputs, Graph_Tensor:$last_h, Graph_Tensor:$last_c);
  let assemblyFormat = [{
    $direction `(` $input `,` $weight `,` $recurrent (`bias` $bias^)? (`lengths` $lengths^)?
    (`h` $initial_h^)? (`c` $initial_c^)? (`peephole` $peephole^)? `)`
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graph_GruOp : Graph_Op<"gru", [AttrSizedOperandSegments]> {
  let summary = "gated recurrent unit, ONNX's GRU";
  let description = [{
    Operands as of `lstm` with 3 gates in the order update, reset, hidden: `weight`
    [directions, 3 * hidden, features], `recurrent` [directions, 3 * hidden,
    hidden], `bias` [directions, 6 * hidden]. `activations` are two names for each
    direction (gates, hidden). With `linear_before_reset` the reset gate scales
    the product with the state and its bias, else the state.
    Results: all outputs [time, directions, batch, hidden], last h.
  }];
  let arguments = (ins Graph_Tensor:$input, Graph_Tensor:$weight, Graph_Tensor:$recurrent,
                       Optional<Graph_Tensor>:$bias, Optional<Graph_Tensor>:$lengths,
                       Optional<Graph_Tensor>:$initial_h,
                       StrAttr:$direction, StrArrayAttr:$activations,
                       DenseF32ArrayAttr:$alphas, DenseF32ArrayAttr:$betas,
                       DefaultValuedAttr<F32Attr, "0.0">:$clip, UnitAttr:$linear_before_reset);
  let results = (outs Graph_Tensor:$outputs, Graph_Tensor:$last_h);
  let assemblyFormat = [{
    $direction `(` $input `,` $weight `,` $recurrent (`bias` $bias^)? (`lengths` $lengths^)?
    (`h` $initial_h^)? `)`
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graph_RnnOp : Graph_Op<"rnn", [AttrSizedOperandSegments]> {
  let summary = "plain recurrent layer, ONNX's RNN";
  let description = [{
    h' = f(x * weight^T + h * recurrent^T + bias). Operands as of `lstm` with one
    gate: `weight` [directions, hidden, features], `recurrent` [directions, hidden,
    hidden], `bias` [directions, 2 * hidden]; one activation for each direction.
    Results: all outputs [time, directions, batch, hidden], last h.
  }];
  let arguments = (ins Graph_Tensor:$input, Graph_Tensor:$weight, Graph_Tensor:$recurrent,
                       Optional<Graph_Tensor>:$bias, Optional<Graph_Tensor>:$lengths,
                       Optional<Graph_Tensor>:$initial_h,
                       StrAttr:$direction, StrArrayAttr:$activations,
                       DenseF32ArrayAttr:$alphas, DenseF32ArrayAttr:$betas,
                       DefaultValuedAttr<F32Attr, "0.0">:$clip);
  let results = (outs Graph_Tensor:$outputs, Graph_Tensor:$last_h);
  let assemblyFormat = [{
    $direction `(` $input `,` $weight `,` $recurrent (`bias` $bias^)? (`lengths` $lengths^)?
    (`h` $initial_h^)? `)`
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

include "weft/Dialect/Graph/IR/GraphIndexing.td"

// Has a header of its own; tools/gen_docs.sh wants all ops.
#ifdef WEFT_ALL_OPS
include "weft/Dialect/Graph/IR/GraphFourier.td"
#endif

#endif // WEFT_GRAPH_OPS
