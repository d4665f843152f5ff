// Ops that go where their data says: order, scatter, decisions. Included by
// GraphOps.td.
#ifndef WEFT_GRAPH_INDEXING
#define WEFT_GRAPH_INDEXING

def Graph_ScatterKind : I32EnumAttr<"ScatterKind", "what becomes of the element that an update meets", [
    I32EnumAttrCase<"set", 0>, I32EnumAttrCase<"add", 1>, I32EnumAttrCase<"mul", 2>,
    I32EnumAttrCase<"max", 3>, I32EnumAttrCase<"min", 4>]> {
  let cppNamespace = "::weft::graph";
  let genSpecializedAttr = 0;
}
def Graph_ScatterKindAttr : EnumAttr<Graph_Dialect, Graph_ScatterKind, "scatter_kind">;

def Graph_ScatterOp : Graph_TypedOp<"scatter"> {
  let summary = "rows of a matrix replaced by others, or combined with them";
  let description = [{
    `data` [N, R], `indices` [M], `updates` [M, R]: the result is `data`, in which
    row indices[i] was set to (or added to, …) updates[i], for one i after another.
    A negative index counts from the end; one out of range fails the run with the
    node's name.
    ```mlir
    %y = graph.scatter add %x, %at, %by : tensor<?x8xf32>, tensor<?xi64>, tensor<?x8xf32> -> tensor<?x8xf32>
    ```
  }];
  let arguments = (ins Graph_ScatterKindAttr:$kind, Graph_Tensor:$data, TensorOf<[I64]>:$indices, Graph_Tensor:$updates);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $kind $data `,` $indices `,` $updates attr-dict
    `:` type($data) `,` type($indices) `,` type($updates) `->` type($result)
  }];
}

def Graph_TopKOp : Graph_TypedOp<"top_k"> {
  let summary = "positions (i64) of the k first elements of each line in sorted order";
  let description = [{
    Sorted descending with `largest`, else ascending; the first of equal elements
    comes first, and NaN counts as larger than any number. `k` is at most the
    extent of `axis`: more fails the run. With `k` the extent this is a stable sort.
    ```mlir
    %at = graph.top_k %x, %k axis 1 largest : tensor<?x8xf32>, tensor<1xi64> -> tensor<?x?xi64>
    ```
  }];
  let arguments = (ins Graph_Tensor:$input, Graph_ShapeTensor:$k, I64Attr:$axis, UnitAttr:$largest);
  let results = (outs TensorOf<[I64]>:$result);
  let assemblyFormat = [{
    $input `,` $k `axis` $axis (`largest` $largest^)? attr-dict `:` type($input) `,` type($k) `->` type($result)
  }];
}

def Graph_NonMaxSuppressionOp : Graph_TypedOp<"non_max_suppression"> {
  let summary = "which boxes of a list, best first, overlap no better one too much";
  let description = [{
    `boxes` [batch, N, 4] hold y1, x1, y2, x2 with y1 <= y2, x1 <= x2; `order`
    [batch, classes, N] the positions of a class's boxes by decreasing score;
    `candidates` [batch, classes] how many of them, from the first on, may be kept;
    `most` how many are kept at most. One is kept unless its intersection with
    one kept before is more than `threshold` of their union. The result says it
    for each entry of `order`.
  }];
  let arguments = (ins TensorOf<[F32]>:$boxes, TensorOf<[I64]>:$order, TensorOf<[I64]>:$candidates,
                       TensorOf<[I64]>:$most, TensorOf<[F32]>:$threshold);
  let results = (outs TensorOf<[I1]>:$result);
  let assemblyFormat = [{
    $boxes `,` $order `,` $candidates `,` $most `,` $threshold attr-dict `:` functional-type(operands, $result)
  }];
}

def Graph_DetOp : Graph_TypedOp<"det"> {
  let summary = "determinant of the matrices in the last two dimensions";
  let arguments = (ins Graph_Tensor:$input);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
}

def Graph_TreeEnsembleOp : Graph_TypedOp<"tree_ensemble"> {
  let summary = "what a forest of decision trees gives for each row";
  let description = [{
    `input` [N, features]. A node is two words of `nodes` [nodes, 2]: first the bits of its threshold, a float as wide
    as a word, then its feature, plus its offset shifted left by `feature_bits`. From node i a walk goes to node
    i + offset + 1 where element `feature` of the row is less or equal to the threshold, else, and where it is NaN, to
    i + offset; with `nan_right` the highest of the feature's bits is none of it, but sends a NaN the former way. A leaf
    has offset 0 and a NaN as threshold whose lowest bits (22, or 51 of 64) are the number of its row in `leaves`.

    From each of `roots`, whose number is known, `depth` steps at most lead to a leaf. The result [N, `targets`]
    combines (`kind`: sum, min, max) the rows of leaves so reached, in the order of the roots. Column c of a row is of
    target c, or with `target_ids` [leaves, columns] of target target_ids[row, c].
  }];
  let arguments = (ins Graph_ReduceKindAttr:$kind, Graph_Tensor:$input, TensorOf<[I32, I64]>:$nodes,
                       TensorOf<[I32]>:$roots, Graph_Tensor:$leaves, Optional<TensorOf<[I32]>>:$target_ids,
                       I64Attr:$targets, I64Attr:$feature_bits, I64Attr:$depth, UnitAttr:$nan_right);
  let results = (outs Graph_Tensor:$result);
  let assemblyFormat = [{
    $kind $input `,` $nodes `,` $roots `,` $leaves (`ids` $target_ids^)? `targets` $targets
    `feature_bits` $feature_bits `depth` $depth (`nan_right` $nan_right^)? attr-dict
    `:` functional-type(operands, $result)
  }];
  let extraClassDeclaration = [{
    /// Bits of a leaf's threshold that are its row.
    static int64_t rowBits(int64_t wordBits) { return wordBits == 32 ? 22 : 51; }
  }];
}

#endif // WEFT_GRAPH_INDEXING
