// RUN: weft-opt %s | weft-opt | FileCheck %s
//
// The form in which fusion and lowering hand kernels on, one of each family:
// tensors, destination style, upstream linalg or one packed product.

#id2 = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#col = affine_map<(i, j) -> (j)>

// A chain of elementwise ops is one linalg.generic that writes to the output.
// CHECK-LABEL: func.func private @add_relu_0
func.func private @add_relu_0(%x: tensor<?x64xf32>, %bias: tensor<64xf32>, %out: tensor<?x64xf32>) -> tensor<?x64xf32>
    attributes {kernel.entry} {
  %y = linalg.generic {indexing_maps = [#id2, #col, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x, %bias : tensor<?x64xf32>, tensor<64xf32>) outs(%out : tensor<?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %zero = arith.constant 0.0 : f32
    %s = arith.addf %a, %b : f32
    %r = arith.maximumf %s, %zero : f32
    linalg.yield %r : f32
  } -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// Row-wise ops are several generics; what stands between them has the type of
// a whole tensor here and is tiled to one row by weft-tile-kernels.
// CHECK-LABEL: func.func private @softmax_1
func.func private @softmax_1(%x: tensor<?x128xf32>, %out: tensor<?x128xf32>) -> tensor<?x128xf32>
    attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %least = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %rows = tensor.dim %x, %c0 : tensor<?x128xf32>
  %empty = tensor.empty(%rows) : tensor<?xf32>
  %whole = tensor.empty(%rows) : tensor<?x128xf32>
  %init = linalg.fill ins(%least : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  %max = linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x128xf32>) outs(%init : tensor<?xf32>) {
  ^bb0(%a: f32, %m: f32):
    %r = arith.maximumf %a, %m : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  %exp = linalg.generic {indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%x, %max : tensor<?x128xf32>, tensor<?xf32>) outs(%whole : tensor<?x128xf32>) {
  ^bb0(%a: f32, %m: f32, %o: f32):
    %d = arith.subf %a, %m : f32
    %r = math.exp %d : f32
    linalg.yield %r : f32
  } -> tensor<?x128xf32>
  %init1 = linalg.fill ins(%zero : f32) outs(%empty : tensor<?xf32>) -> tensor<?xf32>
  %sum = linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}
      ins(%exp : tensor<?x128xf32>) outs(%init1 : tensor<?xf32>) {
  ^bb0(%a: f32, %m: f32):
    %r = arith.addf %a, %m : f32
    linalg.yield %r : f32
  } -> tensor<?xf32>
  %y = linalg.generic {indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%exp, %sum : tensor<?x128xf32>, tensor<?xf32>) outs(%out : tensor<?x128xf32>) {
  ^bb0(%e: f32, %s: f32, %o: f32):
    %r = arith.divf %e, %s : f32
    linalg.yield %r : f32
  } -> tensor<?x128xf32>
  return %y : tensor<?x128xf32>
}

// Movement of data that no affine map expresses reads through tensor.extract;
// the index is checked and kept in range on its own, before it is used.
// CHECK-LABEL: func.func private @gather_2
func.func private @gather_2(%data: tensor<1000x64xf32>, %at: tensor<?xi64>, %out: tensor<?x64xf32>)
    -> tensor<?x64xf32> attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %at, %c0 : tensor<?xi64>
  %empty = tensor.empty(%n) : tensor<?xindex>
  %places = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                            iterator_types = ["parallel"]}
      ins(%at : tensor<?xi64>) outs(%empty : tensor<?xindex>) {
  ^bb0(%i: i64, %o: index):
    %zero = arith.constant 0 : index
    %extent = arith.constant 1000 : index
    %last = arith.constant 999 : index
    %raw = arith.index_cast %i : i64 to index
    %moved = arith.addi %raw, %extent : index
    %negative = arith.cmpi slt, %raw, %zero : index
    %from = arith.select %negative, %moved, %raw : index
    %ok = arith.cmpi ult, %from, %extent : index
    kernel.check %ok, "node 'pick' (Gather): index {0} is out of range for extent {1}" values %raw, %extent : index, index
    %low = arith.maxsi %from, %zero : index
    %safe = arith.minsi %low, %last : index
    linalg.yield %safe : index
  } -> tensor<?xindex>
  %y = linalg.generic {indexing_maps = [#row, #id2], iterator_types = ["parallel", "parallel"]}
      ins(%places : tensor<?xindex>) outs(%out : tensor<?x64xf32>) {
  ^bb0(%i: index, %o: f32):
    %j = linalg.index 1 : index
    %e = tensor.extract %data[%i, %j] : tensor<1000x64xf32>
    linalg.yield %e : f32
  } -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// A window slides over padded input; its extents come from an operand that is
// never read, as in linalg's own pooling ops.
// CHECK-LABEL: func.func private @pool_3
func.func private @pool_3(%x: tensor<?x4x114x114x16xf32>, %out: tensor<?x4x56x56x16xf32>)
    -> tensor<?x4x56x56x16xf32> attributes {kernel.entry} {
  %least = arith.constant 0xFF800000 : f32
  %window = tensor.empty() : tensor<3x3xf32>
  %init = linalg.fill ins(%least : f32) outs(%out : tensor<?x4x56x56x16xf32>) -> tensor<?x4x56x56x16xf32>
  %y = linalg.generic {
      indexing_maps = [affine_map<(n, c, h, w, b, kh, kw) -> (n, c, h * 2 + kh, w * 2 + kw, b)>,
                       affine_map<(n, c, h, w, b, kh, kw) -> (kh, kw)>,
                       affine_map<(n, c, h, w, b, kh, kw) -> (n, c, h, w, b)>],
      iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %window : tensor<?x4x114x114x16xf32>, tensor<3x3xf32>) outs(%init : tensor<?x4x56x56x16xf32>) {
  ^bb0(%a: f32, %k: f32, %m: f32):
    %r = arith.maximumf %m, %a : f32
    linalg.yield %r : f32
  } -> tensor<?x4x56x56x16xf32>
  return %y : tensor<?x4x56x56x16xf32>
}

// A product has its followers as epilogue; extras broadcast by their maps.
// CHECK-LABEL: func.func private @matmul_add_relu_4
func.func private @matmul_add_relu_4(%a: tensor<?x64xf32>, %b: tensor<3x64x16xf32>, %bias: tensor<40xf32>,
                                     %out: tensor<?x40xf32>) -> tensor<?x40xf32> attributes {kernel.entry} {
  %y = kernel.matmul packed lhs(%a) rhs(%b) extras(%bias) outs(%out) {extra_maps = [#col]} epilogue {
  ^bb0(%sum: f32, %x: f32):
    %zero = arith.constant 0.0 : f32
    %s = arith.addf %sum, %x : f32
    %r = arith.maximumf %s, %zero : f32
    kernel.yield %r : f32
  } : (tensor<?x64xf32>, tensor<3x64x16xf32>, tensor<40xf32>, tensor<?x40xf32>) -> tensor<?x40xf32>
  return %y : tensor<?x40xf32>
}

// CHECK-LABEL: func.func private @conv_add_relu_5
func.func private @conv_add_relu_5(%x: tensor<?x4x58x58x16xf32>, %w: tensor<4x4x3x3x16x16xf32>,
                                   %bias: tensor<4x16xf32>, %other: tensor<?x4x56x56x16xf32>,
                                   %out: tensor<?x4x56x56x16xf32>) -> tensor<?x4x56x56x16xf32>
    attributes {kernel.entry} {
  %y = kernel.conv input(%x) weight(%w) extras(%bias, %other) outs(%out)
      strides [1, 1] dilations [1, 1] groups 1
      {extra_maps = [affine_map<(n, k, h, w, kb) -> (k, kb)>, affine_map<(n, k, h, w, kb) -> (n, k, h, w, kb)>]}
      epilogue {
  ^bb0(%sum: f32, %b: f32, %r: f32):
    %zero = arith.constant 0.0 : f32
    %s = arith.addf %sum, %b : f32
    %t = arith.addf %s, %r : f32
    %u = arith.maximumf %t, %zero : f32
    kernel.yield %u : f32
  } : (tensor<?x4x58x58x16xf32>, tensor<4x4x3x3x16x16xf32>, tensor<4x16xf32>, tensor<?x4x56x56x16xf32>,
       tensor<?x4x56x56x16xf32>) -> tensor<?x4x56x56x16xf32>
  return %y : tensor<?x4x56x56x16xf32>
}

// The same by minimal filtering: the input is not padded, the weights are
// transformed to the 36 positions of a tile.
// CHECK-LABEL: func.func private @winograd_conv_add
func.func private @winograd_conv_add(%x: tensor<?x4x56x56x16xf32>, %w: tensor<4x36x64x16xf32>,
                                     %bias: tensor<4x16xf32>, %out: tensor<?x4x56x56x16xf32>) -> tensor<?x4x56x56x16xf32>
    attributes {kernel.entry} {
  // CHECK: kernel.winograd_conv input({{.*}}) weight({{.*}}) extras({{.*}}) outs({{.*}}) tile [4, 4] pads [1, 1] dilations [1, 1] groups 1
  %y = kernel.winograd_conv input(%x) weight(%w) extras(%bias) outs(%out) tile [4, 4] pads [1, 1] dilations [1, 1] groups 1
      {extra_maps = [affine_map<(n, k, h, w, kb) -> (k, kb)>]} epilogue {
  ^bb0(%sum: f32, %b: f32):
    %s = arith.addf %sum, %b : f32
    kernel.yield %s : f32
  } : (tensor<?x4x56x56x16xf32>, tensor<4x36x64x16xf32>, tensor<4x16xf32>, tensor<?x4x56x56x16xf32>)
      -> tensor<?x4x56x56x16xf32>
  return %y : tensor<?x4x56x56x16xf32>
}

// The first layer reads plain channels, seen with a unit dimension.
// CHECK-LABEL: func.func private @conv_6
func.func private @conv_6(%x: tensor<?x3x230x230x1xf32>, %w: tensor<4x3x7x7x1x16xf32>,
                          %out: tensor<?x4x112x112x16xf32>) -> tensor<?x4x112x112x16xf32>
    attributes {kernel.entry} {
  %y = kernel.conv input(%x) weight(%w) outs(%out) strides [2, 2] dilations [1, 1] groups 1 {extra_maps = []}
      epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<?x3x230x230x1xf32>, tensor<4x3x7x7x1x16xf32>, tensor<?x4x112x112x16xf32>) -> tensor<?x4x112x112x16xf32>
  return %y : tensor<?x4x112x112x16xf32>
}

// The entry function: launches, views and index arithmetic.
// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<?x64xf32> {graph.name = "x"}) -> (tensor<?x40xf32> {graph.name = "y"}) {
  %c0 = arith.constant 0 : index
  %bias = graph.constant dense<1.0> : tensor<64xf32>
  %panels = graph.constant dense<2.0> : tensor<3x64x16xf32>
  %bias1 = graph.constant dense<3.0> : tensor<40xf32>
  %n = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e0 = tensor.empty(%n) : tensor<?x64xf32>
  %0 = kernel.launch @add_relu_0 ins(%x, %bias : tensor<?x64xf32>, tensor<64xf32>)
      outs(%e0 : tensor<?x64xf32>) {kernel.nodes = ["add", "relu"]} -> tensor<?x64xf32>
  %e1 = tensor.empty(%n) : tensor<?x40xf32>
  %1 = kernel.launch @matmul_add_relu_4
      ins(%0, %panels, %bias1 : tensor<?x64xf32>, tensor<3x64x16xf32>, tensor<40xf32>)
      outs(%e1 : tensor<?x40xf32>) {kernel.nodes = ["gemm", "relu_1"]} -> tensor<?x40xf32>
  return %1 : tensor<?x40xf32>
}
