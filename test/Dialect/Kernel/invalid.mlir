// RUN: weft-opt %s --split-input-file --verify-diagnostics

func.func @ranks(%x: tensor<1x1x8x16xf32>, %w: tensor<1x36x16x16xf32>, %out: tensor<1x1x8x8x16xf32>) {
  // expected-error@+1 {{has ranks 4, 4 and 5 and 2 tile extents; spatial dimensions are 1 or 2}}
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
