// Passes from the graph dialect to the graph dialect.
#ifndef WEFT_GRAPH_TRANSFORMS_PASSES
#define WEFT_GRAPH_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def FoldConstants : Pass<"weft-fold-constants", "::mlir::ModuleOp"> {
  let summary = "compute what depends on constants alone";
  let description = [{
    Elementwise bodies are compiled to loops over blocks, movement of data to
    strided copies, so that weights fold at the speed of memory. Splats stay
    splats. Nothing is folded whose result takes more than 1 MiB and more than
    four times its operands. The bytes of constants that lose their last use are
    freed at once.

    ```mlir
    %0 = graph.transpose %weight [1, 0] : tensor<64x32xf32> -> tensor<32x64xf32>
    %1 = graph.mul %0, %scale : tensor<32x64xf32>, tensor<64xf32> -> tensor<32x64xf32>
    ```
    =>
    ```mlir
    %1 = graph.constant dense_resource<c05af…> : tensor<32x64xf32>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
  let statistics = [Statistic<"folded", "folded", "Number of ops computed">];
}

def Simplify : Pass<"weft-simplify", "::mlir::ModuleOp"> {
  let summary = "rewrite by equations that hold on every target";
  let description = [{
    Scales and shifts by constants go into the weights before them; transposes,
    reshapes, slices, concats and pads merge with each other or with the op that
    follows; elementwise ops become cheaper ones. x * 0 and other equations that
    hold for finite numbers only are not applied to floats.

    ```mlir
    %0 = graph.conv %x, %w … : (tensor<?x3x8x8xf32>, tensor<16x3x3x3xf32>) -> tensor<?x16x8x8xf32>
    %1 = graph.mul %0, %scale : tensor<?x16x8x8xf32>, tensor<16x1x1xf32> -> tensor<?x16x8x8xf32>
    %2 = graph.add %1, %shift : tensor<?x16x8x8xf32>, tensor<16x1x1xf32> -> tensor<?x16x8x8xf32>
    ```
    =>
    ```mlir
    %2 = graph.conv %x, %scaled bias %b … : (…) -> tensor<?x16x8x8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def ScalarizeShapes : Pass<"weft-scalarize-shapes", "::mlir::ModuleOp"> {
  let summary = "turn tensors that describe shapes into scalars";
  let description = [{
    What is computed from extents, and what shape operands and tensor.extract
    need, becomes arith on scalars, as far as it has 64 elements at most: no
    kernel runs for it, and shapes reify to index arithmetic. Extents resolve to
    those of the function's arguments, of which dimensions that share a name in
    `graph.symbols` are one value.

    ```mlir
    %0 = graph.shape %x : tensor<?x8xf32> -> tensor<2xi64>
    %1 = graph.mul %0, %two : tensor<2xi64>, tensor<i64> -> tensor<2xi64>
    %2 = graph.expand %y, %1 : tensor<1x1xf32>, tensor<2xi64> -> tensor<?x?xf32>
    ```
    =>
    ```mlir
    %d = tensor.dim %x, %c0 : tensor<?x8xf32>
    %i = arith.index_cast %d : index to i64
    %e = arith.muli %i, %c2 : i64
    %1 = tensor.from_elements %e, %c16 : tensor<2xi64>
    %2 = graph.expand %y, %1 : tensor<1x1xf32>, tensor<2xi64> -> tensor<?x?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"];
}

def RefineShapes : Pass<"weft-refine-shapes", "::mlir::ModuleOp"> {
  let summary = "infer types anew where operands have become more static";
  let description = [{
    Runs the type rules in program order and keeps what they add; a tensor.cast
    serves users outside the dialect that need the old type, and casts that lose
    nothing are removed before ops that do not care. Results of scf.if get what
    both branches agree on, those of scf.for what the initial value and every
    iteration agree on. Function types stay: they are the model's interface.

    ```mlir
    %0 = tensor.cast %x : tensor<2x3xf32> to tensor<?x?xf32>
    %1 = graph.relu %0 : tensor<?x?xf32> -> tensor<?x?xf32>
    return %1 : tensor<?x?xf32>
    ```
    =>
    ```mlir
    %1 = graph.relu %x : tensor<2x3xf32> -> tensor<2x3xf32>
    %2 = tensor.cast %1 : tensor<2x3xf32> to tensor<?x?xf32>
    return %2 : tensor<?x?xf32>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def LegalizeBroadcast : Pass<"weft-legalize-broadcast", "::mlir::ModuleOp"> {
  let summary = "make broadcasting that only a run can decide explicit";
  let description = [{
    Afterwards every dynamic extent of an elementwise op's operand, and of a
    matrix product's batch, is the result's. Where that is not provable the
    operand is expanded, and a check fails the run with the node's name when its
    extent is neither equal nor 1. Reshape, expand, concat, scatter, matmul, conv
    and layer_norm get a check where extents that must agree are not provably equal.

    ```mlir
    %0 = graph.add %x, %y : tensor<?xf32>, tensor<8xf32> -> tensor<8xf32>
    ```
    =>
    ```mlir
    kernel.check %equalOrOne, "node 'sum' (Add): input 0 has {0} on axis 0 …" values %d, %c8
    %e = graph.expand %x, %shape : tensor<?xf32>, tensor<1xi64> -> tensor<8xf32>
    %0 = graph.add %e, %y : tensor<8xf32>, tensor<8xf32> -> tensor<8xf32>
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect", "::weft::kernel::KernelDialect"];
}

def MultiplyIntegers : Pass<"weft-multiply-integers", "::mlir::ModuleOp"> {
  let summary = "take the scales of quantised operands out of products";
  let description = [{
    Where both operands are bytes less a zero point times a scale, and one of them
    is constant, the integers are multiplied and the sum is scaled: exact sums
    in place of rounded ones. Sums that an i32 might not hold stay, and so do
    scales that vary along the sum. Comes before constants are folded, which
    would make floats of the weights.

    ```mlir
    %0 = graph.sub %bytes, %zero : tensor<?x64xi32>, tensor<i32> -> tensor<?x64xi32>
    %1 = graph.cast %0 to f32 : tensor<?x64xi32> -> tensor<?x64xf32>
    %2 = graph.mul %1, %scale : tensor<?x64xf32>, tensor<f32> -> tensor<?x64xf32>
    …
    %y = graph.matmul %2, %weight : tensor<?x64xf32>, tensor<64x32xf32> -> tensor<?x32xf32>
    ```
    =>
    ```mlir
    %1 = graph.matmul %0, %integers : tensor<?x64xi32>, tensor<64x32xi32> -> tensor<?x32xi32>
    %2 = graph.cast %1 to f32 : tensor<?x32xi32> -> tensor<?x32xf32>
    %y = graph.mul %2, %scales : tensor<?x32xf32>, tensor<32xf32> -> tensor<?x32xf32>
    ```
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def FuseAttention : Pass<"weft-fuse-attention", "::mlir::ModuleOp"> {
  let summary = "make one op of softmax(query * key^T) * value";
  let description = [{
    Elementwise ops between the first product and the softmax (scale, mask, bias)
    become the region of `kernel.attention`, transposes around the products its
    `swapped` operands, and a constant mask that hides all later positions
    `causal`. Scores that others use as well stay as they are, and so do types
    other than f32.

    ```mlir
    %0 = graph.matmul %q, %k {transpose_rhs} : tensor<1x12x?x64xf32>, tensor<1x12x?x64xf32> -> tensor<1x12x?x?xf32>
    %1 = graph.mul %0, %scale : tensor<1x12x?x?xf32>, tensor<f32> -> tensor<1x12x?x?xf32>
    %2 = graph.softmax %1 3 : tensor<1x12x?x?xf32> -> tensor<1x12x?x?xf32>
    %y = graph.matmul %2, %v : tensor<1x12x?x?xf32>, tensor<1x12x?x64xf32> -> tensor<1x12x?x64xf32>
    ```
    =>
    ```mlir
    %y = kernel.attention query(%q) key(%k) value(%v) outs(%e) {…} score {
    ^bb0(%product: f32):
      %s = arith.mulf %product, %c : f32
      kernel.yield %s : f32
    } : … -> tensor<1x12x?x64xf32>
    ```
  }];
  let statistics = [Statistic<"numFused", "fused", "attentions that became one op">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect", "::weft::kernel::KernelDialect"];
}

def ChooseLayout : Pass<"weft-choose-layout", "::mlir::ModuleOp"> {
  let summary = "pack convolutions and matrix products of f32 with constant weights";
  let description = [{
    A convolution becomes `kernel.conv` or `kernel.depthwise_conv` on blocks of 16
    channels, with its padding as an op of its own. Windows of 3 along the last
    one or two dimensions that move by 1 become `kernel.winograd_conv`, which
    pads for itself, where a model of the time says that this is faster. A matrix
    product becomes
    `kernel.matmul`, packed where its right side is constant. Few input channels
    are read plain. Weights are packed now. Other types, and convolutions whose
    weights are computed, stay as they are.

    ```mlir
    %y = graph.conv %x, %w strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1
      : (tensor<?x32x8x8xf32>, tensor<48x32x3x3xf32>) -> tensor<?x48x8x8xf32>
    ```
    =>
    ```mlir
    %0 = graph.pack %x axis 1 block 16 : tensor<?x32x8x8xf32> -> tensor<?x2x8x8x16xf32>
    %1 = graph.pad constant %0, %pads, %zero axes [2, 3] : … -> tensor<?x2x10x10x16xf32>
    %2 = kernel.conv input(%1) weight(%packed) outs(%e) strides [1, 1] dilations [1, 1] groups 1 …
    %y = graph.unpack %2 axis 1 extent 48 : tensor<?x3x8x8x16xf32> -> tensor<?x48x8x8xf32>
    ```
  }];
  let options = [
    Option<"block", "block", "int64_t", "16", "channels of a block; 0 leaves all as it is">,
    Option<"winograd", "winograd", "bool", "true", "convolve by minimal filtering where that is faster">,
    Option<"gigaflops", "gigaflops", "double", "115", "what one worker computes in a nanosecond">,
    Option<"gigabytes", "gigabytes", "double", "26", "what one worker reads from memory in a nanosecond">
  ];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::tensor::TensorDialect", "::weft::kernel::KernelDialect"];
}

def PropagateLayout : Pass<"weft-propagate-layout", "::mlir::ModuleOp"> {
  let summary = "move unpacks down until they meet packs and cancel";
  let description = [{
    Elementwise ops, pools, reductions and padding along other axes and
    concatenations of channels work on blocks as well. Small operands, such as
    one value for each channel, are packed instead. Packs and unpacks that only
    change a shape become reshapes.

    ```mlir
    %0 = graph.unpack %x axis 1 extent 32 : tensor<?x2x8x8x16xf32> -> tensor<?x32x8x8xf32>
    %1 = graph.relu %0 : tensor<?x32x8x8xf32> -> tensor<?x32x8x8xf32>
    %2 = graph.pack %1 axis 1 block 16 : tensor<?x32x8x8xf32> -> tensor<?x2x8x8x16xf32>
    ```
    =>
    ```mlir
    %2 = graph.relu %x : tensor<?x2x8x8x16xf32> -> tensor<?x2x8x8x16xf32>
    ```
  }];
  let statistics = [Statistic<"numLeft", "left", "packs and unpacks that remain">];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def FuseDepthwise : Pass<"weft-fuse-depthwise", "::mlir::ModuleOp"> {
  let summary = "make one op of a convolution and the depthwise one behind it";
  let description = [{
    Inverted residuals expand their channels, convolve each for itself, and
    reduce them again. The expanded tensor is the largest of the model; in one op
    it is computed in pieces and never stored whole. Elementwise ops between the
    two become the region `between`, padding with zeros `pads`. Comes after
    layout. What others read as well stays as it is, and so do groups and extents
    that are not known.

    ```mlir
    %0 = kernel.conv input(%x) weight(%w) … : … -> tensor<1x6x8x8x16xf32>
    %1 = graph.relu %0 : tensor<1x6x8x8x16xf32> -> tensor<1x6x8x8x16xf32>
    %2 = graph.pad constant %1, %ones, %zero axes [2, 3] : … -> tensor<1x6x10x10x16xf32>
    %y = kernel.depthwise_conv input(%2) weight(%d) … : … -> tensor<1x6x8x8x16xf32>
    ```
    =>
    ```mlir
    %y = kernel.conv_depthwise input(%x) weight(%w) … between {
    ^bb0(%sum: f32):
      %r = arith.maximumf %sum, %c0 : f32
      kernel.yield %r : f32
    } pads [1, 1, 1, 1] depthwise(%d) … : … -> tensor<1x6x8x8x16xf32>
    ```
  }];
  let statistics = [Statistic<"numFused", "fused", "pairs that became one op">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::weft::kernel::KernelDialect"];
}

def SplitPadding : Pass<"weft-split-padding", "::mlir::ModuleOp"> {
  let summary = "give pools an input that is padded already";
  let description = [{
    So their loops need no guard, and the op before can write into the padded
    tensor. Comes after layout. A mean that does not count padding is divided by
    constant counts.

    ```mlir
    %y = graph.pool max %x axes [2, 3] window [3, 3] strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1]
      : tensor<?x4x8x8xf32> -> tensor<?x4x4x4xf32>
    ```
    =>
    ```mlir
    %0 = graph.pad constant %x, %ones, %least axes [2, 3] : … -> tensor<?x4x10x10xf32>
    %y = graph.pool max %0 axes [2, 3] window [3, 3] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1]
      : tensor<?x4x10x10xf32> -> tensor<?x4x4x4xf32>
    ```
  }];
}

def DecomposeRecurrent : Pass<"weft-decompose-recurrent", "::mlir::ModuleOp"> {
  let summary = "turn LSTM, GRU and RNN into loops over time";
  let description = [{
    The product with the inputs is one matmul before the loop; an iteration
    multiplies the state, applies the cell and inserts its output.

    ```mlir
    %y, %h = graph.rnn "forward"(%x, %w, %r) … : (tensor<?x2x3xf32>, …) -> …
    ```
    =>
    ```mlir
    %p = graph.matmul %x, %w0 {transpose_rhs} : tensor<?x2x3xf32>, tensor<4x3xf32> -> tensor<?x2x4xf32>
    %y, %h = scf.for %t = … iter_args(%all = %empty, %state = %zero) {
      %xt = tensor.extract_slice %p[%t, 0, 0] [1, 2, 4] …
      %ht = graph.matmul %state, %r0 {transpose_rhs} …
      %sum = graph.add %xt, %ht …
      %next = graph.tanh %sum …
      %out = tensor.insert_slice %next into %all[%t, 0, 0, 0] …
      scf.yield %out, %next
    }
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
                           "::weft::kernel::KernelDialect"];
}

#endif // WEFT_GRAPH_TRANSFORMS_PASSES

