// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt %s --mlir-print-op-generic | weft-opt | FileCheck %s

// Every op is printed as it is read.

// CHECK-LABEL: func @elementwise
func.func @elementwise(%x: tensor<?x4xf32>, %y: tensor<4xf32>, %i: tensor<4xi32>, %u: tensor<4xui8>, %b: tensor<?x1xi1>) {
  // CHECK: graph.add %{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  %0 = graph.add %x, %y : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  // CHECK: graph.sub
  %1 = graph.sub %x, %y : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  // CHECK: graph.mul
  %2 = graph.mul %x, %y : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  // CHECK: graph.div
  %3 = graph.div %x, %y : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  // CHECK: graph.rem
  %4 = graph.rem %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
  // CHECK: graph.cos_quarters
  %quarters = graph.cos_quarters %x, %y : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  // CHECK: graph.pow
  %5 = graph.pow %x, %y : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  // CHECK: graph.max
  %6 = graph.max %u, %u : tensor<4xui8>, tensor<4xui8> -> tensor<4xui8>
  // CHECK: graph.min
  %7 = graph.min %x, %y : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  // CHECK: graph.compare le %{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xi1>
  %8 = graph.compare le %x, %y : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xi1>
  // CHECK: graph.select %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x1xi1>, tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  %9 = graph.select %b, %x, %y : tensor<?x1xi1>, tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  // CHECK: graph.clamp
  %10 = graph.clamp %x, %y, %y : tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<?x4xf32>
  // CHECK: graph.cast %{{.*}} to f16 : tensor<?x4xf32> -> tensor<?x4xf16>
  %11 = graph.cast %x to f16 : tensor<?x4xf32> -> tensor<?x4xf16>
  // CHECK: graph.is_nan
  %12 = graph.is_nan %x : tensor<?x4xf32> -> tensor<?x4xi1>
  // CHECK: graph.is_inf %{{.*}} {negative = false}
  %13 = graph.is_inf %x {negative = false} : tensor<?x4xf32> -> tensor<?x4xi1>
  // CHECK: graph.and
  %14 = graph.and %b, %b : tensor<?x1xi1>, tensor<?x1xi1> -> tensor<?x1xi1>
  // CHECK: graph.or
  %15 = graph.or %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
  // CHECK: graph.xor
  %16 = graph.xor %i, %i : tensor<4xi32>, tensor<4xi32> -> tensor<4xi32>
  // CHECK: graph.shl
  %17 = graph.shl %u, %u : tensor<4xui8>, tensor<4xui8> -> tensor<4xui8>
  // CHECK: graph.shr
  %18 = graph.shr %u, %u : tensor<4xui8>, tensor<4xui8> -> tensor<4xui8>
  // CHECK: graph.not
  %19 = graph.not %b : tensor<?x1xi1> -> tensor<?x1xi1>
  return
}

// CHECK-LABEL: func @unary
func.func @unary(%x: tensor<f32>) {
  // CHECK-COUNT-29: tensor<f32> -> tensor<f32>
  %0 = graph.neg %x : tensor<f32> -> tensor<f32>
  %1 = graph.abs %x : tensor<f32> -> tensor<f32>
  %2 = graph.sign %x : tensor<f32> -> tensor<f32>
  %3 = graph.exp %x : tensor<f32> -> tensor<f32>
  %4 = graph.log %x : tensor<f32> -> tensor<f32>
  %5 = graph.log1p %x : tensor<f32> -> tensor<f32>
  %6 = graph.sqrt %x : tensor<f32> -> tensor<f32>
  %7 = graph.rsqrt %x : tensor<f32> -> tensor<f32>
  %8 = graph.sin %x : tensor<f32> -> tensor<f32>
  %9 = graph.cos %x : tensor<f32> -> tensor<f32>
  %10 = graph.tan %x : tensor<f32> -> tensor<f32>
  %11 = graph.asin %x : tensor<f32> -> tensor<f32>
  %12 = graph.acos %x : tensor<f32> -> tensor<f32>
  %13 = graph.atan %x : tensor<f32> -> tensor<f32>
  %14 = graph.sinh %x : tensor<f32> -> tensor<f32>
  %15 = graph.cosh %x : tensor<f32> -> tensor<f32>
  %16 = graph.tanh %x : tensor<f32> -> tensor<f32>
  %17 = graph.asinh %x : tensor<f32> -> tensor<f32>
  %18 = graph.acosh %x : tensor<f32> -> tensor<f32>
  %19 = graph.atanh %x : tensor<f32> -> tensor<f32>
  %20 = graph.erf %x : tensor<f32> -> tensor<f32>
  %21 = graph.floor %x : tensor<f32> -> tensor<f32>
  %22 = graph.ceil %x : tensor<f32> -> tensor<f32>
  %23 = graph.round %x : tensor<f32> -> tensor<f32>
  %24 = graph.trunc %x : tensor<f32> -> tensor<f32>
  %25 = graph.sigmoid %x : tensor<f32> -> tensor<f32>
  %26 = graph.relu %x : tensor<f32> -> tensor<f32>
  %27 = graph.neg %1 : tensor<f32> -> tensor<f32>
  %28 = graph.abs %27 : tensor<f32> -> tensor<f32>
  return
}

// CHECK-LABEL: func @constants
func.func @constants(%n: index, %x: tensor<?x2xf32>) {
  // CHECK: graph.constant dense<[1, 2]> : tensor<2xi64>
  %0 = graph.constant dense<[1, 2]> : tensor<2xi64>
  // CHECK: graph.constant dense<> : tensor<0x3xf32>
  %1 = graph.constant dense<> : tensor<0x3xf32>
  // CHECK: graph.shape %{{.*}} : tensor<?x2xf32> -> tensor<2xi64>
  %2 = graph.shape %x : tensor<?x2xf32> -> tensor<2xi64>
  // CHECK: graph.iota 1(%{{.*}}) : tensor<2x?xi32>
  %3 = graph.iota 1(%n) : tensor<2x?xi32>
  return
}

// CHECK-LABEL: func @movement
func.func @movement(%x: tensor<?x8xf32>, %s: tensor<2xi64>, %p: tensor<4xi64>, %v: tensor<f32>, %i: tensor<3xi64>) {
  // CHECK: graph.reshape %{{.*}}, %{{.*}} {allow_zero} : tensor<?x8xf32>, tensor<2xi64> -> tensor<?x?xf32>
  %0 = graph.reshape %x, %s {allow_zero} : tensor<?x8xf32>, tensor<2xi64> -> tensor<?x?xf32>
  // CHECK: graph.unsqueeze %{{.*}} [0, 3]
  %1 = graph.unsqueeze %x [0, 3] : tensor<?x8xf32> -> tensor<1x?x8x1xf32>
  // CHECK: graph.squeeze %{{.*}} [0, 3]
  %2 = graph.squeeze %1 [0, 3] : tensor<1x?x8x1xf32> -> tensor<?x8xf32>
  // CHECK: graph.transpose %{{.*}} [1, 0]
  %3 = graph.transpose %x [1, 0] : tensor<?x8xf32> -> tensor<8x?xf32>
  // CHECK: graph.concat 0(%{{.*}}, %{{.*}})
  %4 = graph.concat 0(%x, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  // CHECK: graph.slice %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} axes [0, 1]
  %5 = graph.slice %x, %s, %s, %s axes [0, 1] : tensor<?x8xf32>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64> -> tensor<?x?xf32>
  // CHECK: graph.expand
  %6 = graph.expand %v, %s : tensor<f32>, tensor<2xi64> -> tensor<?x?xf32>
  // CHECK: graph.tile
  %7 = graph.tile %x, %s : tensor<?x8xf32>, tensor<2xi64> -> tensor<?x?xf32>
  // CHECK: graph.pad{{ +}}edge %{{.*}}, %{{.*}}, %{{.*}} axes [0, 1]
  %8 = graph.pad edge %x, %p, %v axes [0, 1] : tensor<?x8xf32>, tensor<4xi64>, tensor<f32> -> tensor<?x?xf32>
  // CHECK: graph.gather %{{.*}}, %{{.*}} axis 1
  %9 = graph.gather %x, %i axis 1 : tensor<?x8xf32>, tensor<3xi64> -> tensor<?x3xf32>
  // CHECK: graph.pack %{{.*}} axis 1 block 16
  %10 = graph.pack %x axis 1 block 16 : tensor<?x8xf32> -> tensor<?x1x16xf32>
  // CHECK: graph.unpack %{{.*}} axis 1 extent 8
  %11 = graph.unpack %10 axis 1 extent 8 : tensor<?x1x16xf32> -> tensor<?x8xf32>
  return
}

// CHECK-LABEL: func @reductions
func.func @reductions(%x: tensor<?x8xf32>, %s: tensor<8xf32>) {
  // CHECK: graph.reduce{{ +}}mean %{{.*}} [0] {keep_dims}
  %0 = graph.reduce mean %x [0] {keep_dims} : tensor<?x8xf32> -> tensor<1x8xf32>
  // CHECK: graph.arg_reduce{{ +}}max %{{.*}} 1 {select_last}
  %1 = graph.arg_reduce max %x 1 {select_last} : tensor<?x8xf32> -> tensor<?xi64>
  // CHECK: graph.cumsum %{{.*}} 1 {exclusive, reverse}
  %2 = graph.cumsum %x 1 {exclusive, reverse} : tensor<?x8xf32> -> tensor<?x8xf32>
  // CHECK: graph.softmax %{{.*}} 1 {log}
  %3 = graph.softmax %x 1 {log} : tensor<?x8xf32> -> tensor<?x8xf32>
  // CHECK: graph.layer_norm %{{.*}} scale %{{.*}} bias %{{.*}} axis 1 {epsilon = 1.000000e-05 : f64}
  %4 = graph.layer_norm %x scale %s bias %s axis 1 {epsilon = 1.0e-05 : f64} : (tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // CHECK: graph.pool{{ +}}max %{{.*}} axes [1] window [2] strides [2] pads [0, 1] dilations [1] {ceil_mode}
  %5 = graph.pool max %x axes [1] window [2] strides [2] pads [0, 1] dilations [1] {ceil_mode} : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @products
func.func @products(%a: tensor<?x3x4xf32>, %b: tensor<5x4xf32>, %x: tensor<1x4x8xf32>, %w: tensor<6x2x3xf32>, %t: tensor<4x2x3xf32>, %k: tensor<6xf32>) {
  // CHECK: graph.matmul %{{.*}}, %{{.*}} {transpose_rhs} : tensor<?x3x4xf32>, tensor<5x4xf32> -> tensor<?x3x5xf32>
  %0 = graph.matmul %a, %b {transpose_rhs} : tensor<?x3x4xf32>, tensor<5x4xf32> -> tensor<?x3x5xf32>
  // CHECK: graph.conv %{{.*}}, %{{.*}} bias %{{.*}} strides [2] pads [1, 1] dilations [1] groups 2
  %1 = graph.conv %x, %w bias %k strides [2] pads [1, 1] dilations [1] groups 2 : (tensor<1x4x8xf32>, tensor<6x2x3xf32>, tensor<6xf32>) -> tensor<1x6x4xf32>
  // CHECK: graph.conv_transpose %{{.*}}, %{{.*}} strides [2] pads [1, 1] dilations [1] output_padding [1] groups 1
  %2 = graph.conv_transpose %x, %t strides [2] pads [1, 1] dilations [1] output_padding [1] groups 1 : (tensor<1x4x8xf32>, tensor<4x2x3xf32>) -> tensor<1x2x16xf32>
  return
}

// CHECK-LABEL: func @recurrent
func.func @recurrent(%x: tensor<?x2x3xf32>, %w: tensor<1x16x3xf32>, %r: tensor<1x16x4xf32>, %l: tensor<2xi32>, %h: tensor<1x2x4xf32>,
                %wg: tensor<1x12x3xf32>, %rg: tensor<1x12x4xf32>, %wr: tensor<1x4x3xf32>, %rr: tensor<1x4x4xf32>, %b: tensor<1x8xf32>) {
  // CHECK: graph.lstm "forward"(%{{.*}}, %{{.*}}, %{{.*}} lengths %{{.*}} h %{{.*}} c %{{.*}})
  %y, %hn, %cn = graph.lstm "forward"(%x, %w, %r lengths %l h %h c %h) {activations = ["Sigmoid", "Tanh", "Tanh"], alphas = array<f32: 0.0, 0.0, 0.0>, betas = array<f32: 0.0, 0.0, 0.0>} : (tensor<?x2x3xf32>, tensor<1x16x3xf32>, tensor<1x16x4xf32>, tensor<2xi32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>) -> (tensor<?x1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>)
  // CHECK: graph.gru "reverse"(%{{.*}}, %{{.*}}, %{{.*}} h %{{.*}})
  %yg, %hg = graph.gru "reverse"(%x, %wg, %rg h %h) {activations = ["Sigmoid", "Tanh"], alphas = array<f32: 0.0, 0.0>, betas = array<f32: 0.0, 0.0>, linear_before_reset} : (tensor<?x2x3xf32>, tensor<1x12x3xf32>, tensor<1x12x4xf32>, tensor<1x2x4xf32>) -> (tensor<?x1x2x4xf32>, tensor<1x2x4xf32>)
  // CHECK: graph.rnn "forward"(%{{.*}}, %{{.*}}, %{{.*}} bias %{{.*}})
  %yr, %hr = graph.rnn "forward"(%x, %wr, %rr bias %b) {activations = ["Tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<?x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>, tensor<1x8xf32>) -> (tensor<?x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// CHECK-LABEL: func @fourier
func.func @fourier(%x: tensor<?x8xf32>, %w: tensor<1x8xf32>) {
  // CHECK: graph.butterfly(%{{.*}}, %{{.*}}) : (tensor<?x8xf32>, tensor<?x8xf32>) ->
  %0:4 = graph.butterfly(%x, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
  // CHECK: graph.butterfly(%{{.*}}, %{{.*}}) im(%{{.*}}, %{{.*}}) twiddles(%{{.*}}, %{{.*}}) inverse :
  %1:4 = graph.butterfly(%x, %x) im(%x, %x) twiddles(%w, %w) inverse : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<1x8xf32>, tensor<1x8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>)
  return
}

// CHECK-LABEL: func @indexing
func.func @indexing(%x: tensor<?x8xf32>, %at: tensor<?xi64>, %by: tensor<?x8xf32>, %k: tensor<1xi64>,
                    %boxes: tensor<1x?x4xf32>, %order: tensor<1x2x?xi64>, %count: tensor<1x2xi64>, %most: tensor<i64>,
                    %threshold: tensor<f32>, %m: tensor<?x3x3xf32>) {
  // CHECK: graph.scatter add %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?xi64>, tensor<?x8xf32> -> tensor<?x8xf32>
  %0 = graph.scatter add %x, %at, %by : tensor<?x8xf32>, tensor<?xi64>, tensor<?x8xf32> -> tensor<?x8xf32>
  // CHECK: graph.top_k %{{.*}}, %{{.*}} axis 1 largest : tensor<?x8xf32>, tensor<1xi64> -> tensor<?x?xi64>
  %1 = graph.top_k %x, %k axis 1 largest : tensor<?x8xf32>, tensor<1xi64> -> tensor<?x?xi64>
  // CHECK: graph.non_max_suppression
  %2 = graph.non_max_suppression %boxes, %order, %count, %most, %threshold : (tensor<1x?x4xf32>, tensor<1x2x?xi64>, tensor<1x2xi64>, tensor<i64>, tensor<f32>) -> tensor<1x2x?xi1>
  // CHECK: graph.det %{{.*}} : tensor<?x3x3xf32> -> tensor<?xf32>
  %3 = graph.det %m : tensor<?x3x3xf32> -> tensor<?xf32>
  // CHECK: graph.bit_cast %{{.*}} to i32 : tensor<?x8xf32> -> tensor<?x8xi32>
  %4 = graph.bit_cast %x to i32 : tensor<?x8xf32> -> tensor<?x8xi32>
  // CHECK: graph.quantize %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<ui8> -> tensor<?x8xui8>
  %zero = graph.constant dense<3> : tensor<ui8>
  %6 = graph.quantize %x, %zero : tensor<?x8xf32>, tensor<ui8> -> tensor<?x8xui8>
  // CHECK: graph.cumsum %{{.*}} 1 {exclusive, kind = #graph<reduce_kind prod>}
  %5 = graph.cumsum %x 1 {exclusive, kind = #graph<reduce_kind prod>} : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// CHECK-LABEL: func @trees
func.func @trees(%x: tensor<?x3xf32>, %n: tensor<3x2xi32>, %r: tensor<1xi32>, %l: tensor<2x2xf32>, %ids: tensor<2x2xi32>) {
  // CHECK: graph.tree_ensemble sum %{{.*}} targets 2 feature_bits 8 depth 1 :
  %0 = graph.tree_ensemble sum %x, %n, %r, %l targets 2 feature_bits 8 depth 1 : (tensor<?x3xf32>, tensor<3x2xi32>, tensor<1xi32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  // CHECK: graph.tree_ensemble max %{{.*}} ids %{{.*}} targets 9 feature_bits 8 depth 1 nan_right :
  %1 = graph.tree_ensemble max %x, %n, %r, %l ids %ids targets 9 feature_bits 8 depth 1 nan_right : (tensor<?x3xf32>, tensor<3x2xi32>, tensor<1xi32>, tensor<2x2xf32>, tensor<2x2xi32>) -> tensor<?x9xf32>
  return
}

// CHECK-LABEL: func @strings
func.func @strings(%x: tensor<?x3xi64>, %y: tensor<3xi64>) {
  // CHECK: graph.string concat(%{{.*}}, %{{.*}}) : (tensor<?x3xi64>, tensor<3xi64>) -> tensor<?x3xi64>
  %0 = graph.string concat(%x, %y) : (tensor<?x3xi64>, tensor<3xi64>) -> tensor<?x3xi64>
  return
}
