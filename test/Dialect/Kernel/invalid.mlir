// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @ranks(%x: tensor<1x1x8x16xf32>, %w: tensor<1x36x16x16xf32>, %out: tensor<1x1x8x8x16xf32>) {
  // expected-error@+1 {{has ranks 4, 4 and 5 and 2 tile extents; spatial dimensions are 1, 2 or 3}}
  %y = kernel.winograd_conv input(%x) weight(%w) outs(%out) tile [4, 4] pads [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<1x1x8x16xf32>, tensor<1x36x16x16xf32>, tensor<1x1x8x8x16xf32>) -> tensor<1x1x8x8x16xf32>
  return
}

// -----

func.func @dimensions(%x: tensor<1x1x8x8x16xf32>, %w: tensor<1x36x16x16xf32>, %out: tensor<1x1x8x8x16xf32>) {
  // expected-error@+1 {{has 1 pads and 2 dilations for 2 spatial dimensions}}
  %y = kernel.winograd_conv input(%x) weight(%w) outs(%out) tile [4, 4] pads [1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<1x1x8x8x16xf32>, tensor<1x36x16x16xf32>, tensor<1x1x8x8x16xf32>) -> tensor<1x1x8x8x16xf32>
  return
}

// -----

func.func @extent(%x: tensor<1x1x8x8x16xf32>, %w: tensor<1x36x16x16xf32>, %out: tensor<1x1x8x8x16xf32>) {
  // expected-error@+1 {{has a tile extent of 3, a pad of 1 and a dilation of 1; extents are 1, 2 or 4, pads 0 and dilations 1 at least}}
  %y = kernel.winograd_conv input(%x) weight(%w) outs(%out) tile [4, 3] pads [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<1x1x8x8x16xf32>, tensor<1x36x16x16xf32>, tensor<1x1x8x8x16xf32>) -> tensor<1x1x8x8x16xf32>
  return
}

// -----

func.func @positions(%x: tensor<1x1x8x8x16xf32>, %w: tensor<1x36x16x16xf32>, %out: tensor<1x1x8x8x16xf32>) {
  // expected-error@+1 {{'tensor<1x36x16x16xf32>' and output 'tensor<1x1x8x8x16xf32>' do not fit 1 groups and 24 positions}}
  %y = kernel.winograd_conv input(%x) weight(%w) outs(%out) tile [4, 2] pads [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<1x1x8x8x16xf32>, tensor<1x36x16x16xf32>, tensor<1x1x8x8x16xf32>) -> tensor<1x1x8x8x16xf32>
  return
}

// -----

func.func @planes(%x: tensor<1x2x4x8x8x16xf32>, %w: tensor<1x36x80x16xf32>, %out: tensor<1x1x4x8x8x16xf32>) {
  // expected-error@+1 {{'tensor<1x36x80x16xf32>' and output 'tensor<1x1x4x8x8x16xf32>' do not fit 1 groups and 36 positions}}
  %y = kernel.winograd_conv input(%x) weight(%w) outs(%out) tile [1, 4, 4] pads [1, 1, 1] dilations [1, 1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<1x2x4x8x8x16xf32>, tensor<1x36x80x16xf32>, tensor<1x1x4x8x8x16xf32>) -> tensor<1x1x4x8x8x16xf32>
  return
}

// -----

func.func @first(%x: tensor<1x1x4x8x8x16xf32>, %w: tensor<1x36x48x16xf32>, %out: tensor<1x1x4x8x8x16xf32>) {
  // expected-error@+1 {{has a tile extent of 4 along the first of three dimensions}}
  %y = kernel.winograd_conv input(%x) weight(%w) outs(%out) tile [4, 1, 4] pads [1, 1, 1] dilations [1, 1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<1x1x4x8x8x16xf32>, tensor<1x36x48x16xf32>, tensor<1x1x4x8x8x16xf32>) -> tensor<1x1x4x8x8x16xf32>
  return
}

// -----

func.func @pads(%x: tensor<1x1x8x8x16xf32>, %w: tensor<2x1x1x1x16x16xf32>, %d: tensor<2x3x3x16xf32>, %out: tensor<1x2x8x8x16xf32>) {
  // expected-error@+1 {{needs strides and dilations for 2 spatial dimensions, and twice as many pads}}
  %y = kernel.conv_depthwise input(%x) weight(%w) strides [1, 1] dilations [1, 1] between {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } pads [1, 1] depthwise(%d) outs(%out) strides [1, 1] dilations [1, 1] {between_maps = [], extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<1x1x8x8x16xf32>, tensor<2x1x1x1x16x16xf32>, tensor<2x3x3x16xf32>, tensor<1x2x8x8x16xf32>) -> tensor<1x2x8x8x16xf32>
  return
}

// -----

func.func @rows(%x: tensor<1x1x8x8x16xf32>, %w: tensor<2x1x1x1x16x16xf32>, %d: tensor<2x3x3x16xf32>, %out: tensor<1x2x8x8x16xf32>) {
  // expected-error@+1 {{depthwise 'tensor<2x3x3x16xf32>' and output 'tensor<1x2x8x8x16xf32>' do not fit}}
  %y = kernel.conv_depthwise input(%x) weight(%w) strides [1, 1] dilations [1, 1] between {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } pads [1, 1, 0, 1] depthwise(%d) outs(%out) strides [1, 1] dilations [1, 1] {between_maps = [], extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<1x1x8x8x16xf32>, tensor<2x1x1x1x16x16xf32>, tensor<2x3x3x16xf32>, tensor<1x2x8x8x16xf32>) -> tensor<1x2x8x8x16xf32>
  return
}

// -----

func.func @unknown(%x: tensor<1x1x?x8x16xf32>, %w: tensor<2x1x1x1x16x16xf32>, %d: tensor<2x3x3x16xf32>, %out: tensor<1x2x?x8x16xf32>) {
  // expected-error@+1 {{needs static extents behind the batch}}
  %y = kernel.conv_depthwise input(%x) weight(%w) strides [1, 1] dilations [1, 1] between {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } pads [1, 1, 1, 1] depthwise(%d) outs(%out) strides [1, 1] dilations [1, 1] {between_maps = [], extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<1x1x?x8x16xf32>, tensor<2x1x1x1x16x16xf32>, tensor<2x3x3x16xf32>, tensor<1x2x?x8x16xf32>) -> tensor<1x2x?x8x16xf32>
  return
}

// -----

func.func @between(%x: tensor<1x1x8x8x16xf32>, %w: tensor<2x1x1x1x16x16xf32>, %d: tensor<2x3x3x16xf32>, %b: tensor<2x16xf32>, %out: tensor<1x2x8x8x16xf32>) {
  // expected-error@+1 {{between takes 1 scalars where 2 are passed}}
  %y = kernel.conv_depthwise input(%x) weight(%w) extras(%b) strides [1, 1] dilations [1, 1] between {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } pads [1, 1, 1, 1] depthwise(%d) outs(%out) strides [1, 1] dilations [1, 1]
    {between_maps = [affine_map<(n, k, y, x, b) -> (k, b)>], extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (tensor<1x1x8x8x16xf32>, tensor<2x1x1x1x16x16xf32>, tensor<2x3x3x16xf32>, tensor<2x16xf32>, tensor<1x2x8x8x16xf32>) -> tensor<1x2x8x8x16xf32>
  return
}
