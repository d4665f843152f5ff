func.func @main(%x: tensor<1x16x20x20xf32> {graph.name = "x"}) -> (tensor<1x16x20x20xf32> {graph.name = "y"}) {
  %w = graph.constant dense<1.0> : tensor<16x16x3x3xf32>
  %y = graph.conv %x, %w strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1
    : (tensor<1x16x20x20xf32>, tensor<16x16x3x3xf32>) -> tensor<1x16x20x20xf32>
  return %y : tensor<1x16x20x20xf32>
}
