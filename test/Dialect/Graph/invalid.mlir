// RUN: weft-opt %s -verify-diagnostics -split-input-file

// Every message of the type rules and verifiers, in the order of the sources.

func.func @f(%x: tensor<2x3xf32>, %y: tensor<3xi32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input 1 is of 'i32' where input 0 is of 'f32'}}
  %0 = graph.add %x, %y : tensor<2x3xf32>, tensor<3xi32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input 1 has 4 on axis 0 where the inputs before it have 3; extents must be equal or 1}}
  %0 = graph.add %x, %y : tensor<2x3xf32>, tensor<4xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<3xi32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{compares 'f32' with 'i32'}}
  %0 = graph.compare eq %x, %y : tensor<2x3xf32>, tensor<3xi32> -> tensor<2x3xi1>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<3xi32>, %c: tensor<i1>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{chooses between 'f32' and 'i32'}}
  %0 = graph.select %c, %x, %y : tensor<i1>, tensor<2x3xf32>, tensor<3xi32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<2x3xf32>' are incompatible with return type(s) of operation 'tensor<2x4xf32>'}}
  %0 = graph.relu %x : tensor<2x3xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{axis 2 is out of range for rank 1}}
  %0 = graph.iota 2() : tensor<3xi32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{has 0 extents where the result has 1 dynamic dimensions}}
  %0 = graph.iota 0() : tensor<?xi32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %s: tensor<?xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the rank of the new shape is not known at compile time}}
  %0 = graph.reshape %x, %s : tensor<2x3xf32>, tensor<?xi64> -> tensor<6xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  %s = graph.constant dense<[-1, -1]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the new shape has -1 at positions 0 and 1}}
  %0 = graph.reshape %x, %s : tensor<2x3xf32>, tensor<2xi64> -> tensor<?x?xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  %s = graph.constant dense<[2, 3, 0]> : tensor<3xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the new shape copies extent 2 of an input of rank 2}}
  %0 = graph.reshape %x, %s : tensor<2x3xf32>, tensor<3xi64> -> tensor<2x3x?xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  %s = graph.constant dense<[-2, 3]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the new shape has -2 at position 0}}
  %0 = graph.reshape %x, %s : tensor<2x3xf32>, tensor<2xi64> -> tensor<?x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  %s = graph.constant dense<[4611686018427387904, 4]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the new shape has more than 2^63 elements}}
  %0 = graph.reshape %x, %s : tensor<2x3xf32>, tensor<2xi64> -> tensor<?x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  %s = graph.constant dense<[2, 4]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the input's 6 elements do not fit the new shape's 8}}
  %0 = graph.reshape %x, %s : tensor<2x3xf32>, tensor<2xi64> -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  %s = graph.constant dense<[4, -1]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the input's 6 elements are no multiple of the new shape's 4}}
  %0 = graph.reshape %x, %s : tensor<2x3xf32>, tensor<2xi64> -> tensor<4x?xf32>
  return
}

// -----

func.func @f(%x: tensor<4611686018427387904x4xf32>) {
  %s = graph.constant dense<[1, -1]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the input has more than 2^63 elements}}
  %0 = graph.reshape %x, %s : tensor<4611686018427387904x4xf32>, tensor<2xi64> -> tensor<1x?xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 3 is out of range for rank 3}}
  %0 = graph.unsqueeze %x [3] : tensor<2x3xf32> -> tensor<2x3x1xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 0 is named twice}}
  %0 = graph.unsqueeze %x [0, 0] : tensor<2x3xf32> -> tensor<1x1x2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 2 is out of range for rank 2}}
  %0 = graph.squeeze %x [2] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 1 has extent 3; only 1 can be dropped}}
  %0 = graph.squeeze %x [1] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{is no permutation of 2 dimensions}}
  %0 = graph.transpose %x [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @f() {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{concatenates nothing; one input is needed at least}}
  %0 = graph.concat 0() : () -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 2 is out of range for rank 2}}
  %0 = graph.concat 2(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<2x3xi32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input 1 is of 'i32' where input 0 is of 'f32'}}
  %0 = graph.concat 0(%x, %y) : (tensor<2x3xf32>, tensor<2x3xi32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input 1 has rank 1 where input 0 has 2}}
  %0 = graph.concat 0(%x, %y) : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<2x5xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input 1 has 5 on axis 1 where input 0 has 3}}
  %0 = graph.concat 0(%x, %y) : (tensor<2x3xf32>, tensor<2x5xf32>) -> tensor<4x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %s: tensor<2xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{starts has 2 entries where 1 axes are sliced}}
  %0 = graph.slice %x, %s, %s, %s axes [0] : tensor<2x3xf32>, tensor<2xi64>, tensor<2xi64>, tensor<2xi64> -> tensor<?x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %s: tensor<1xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 2 is out of range for rank 2}}
  %0 = graph.slice %x, %s, %s, %s axes [2] : tensor<2x3xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  %s = graph.constant dense<0> : tensor<1xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{step of axis 1 is 0}}
  %0 = graph.slice %x, %s, %s, %s axes [1] : tensor<2x3xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<2x?xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %s: tensor<?xi64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the rank of the new shape is not known at compile time}}
  %0 = graph.expand %x, %s : tensor<2x3xf32>, tensor<?xi64> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %v: tensor<f32>, %i: tensor<i32>) {
  %s = graph.constant dense<[2, -1]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the new shape has -1 at position 1}}
  %0 = graph.expand %x, %s : tensor<2x3xf32>, tensor<2xi64> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %v: tensor<f32>, %i: tensor<i32>) {
  %s = graph.constant dense<[2, 4]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{extent 3 of axis 1 cannot be repeated to 4}}
  %0 = graph.expand %x, %s : tensor<2x3xf32>, tensor<2xi64> -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %v: tensor<f32>, %i: tensor<i32>) {
  %s = graph.constant dense<[2]> : tensor<1xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{repeats has 1 entries where the input has rank 2}}
  %0 = graph.tile %x, %s : tensor<2x3xf32>, tensor<1xi64> -> tensor<4x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %v: tensor<f32>, %i: tensor<i32>) {
  %s = graph.constant dense<[-2, 1]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{repeats is -2 on axis 0}}
  %0 = graph.tile %x, %s : tensor<2x3xf32>, tensor<2xi64> -> tensor<?x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %v: tensor<f32>, %i: tensor<i32>) {
  %s = graph.constant dense<[1, 9223372036854775807]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{3 repeated 9223372036854775807 times exceeds 2^63}}
  %0 = graph.tile %x, %s : tensor<2x3xf32>, tensor<2xi64> -> tensor<2x?xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %v: tensor<f32>, %i: tensor<i32>) {
  %s = graph.constant dense<[1, 2, 3]> : tensor<3xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{pads has 3 entries where 1 axes need 2}}
  %0 = graph.pad constant %x, %s, %v axes [0] : tensor<2x3xf32>, tensor<3xi64>, tensor<f32> -> tensor<?x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %v: tensor<f32>, %i: tensor<i32>) {
  %s = graph.constant dense<[1, 2]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{where a scalar of 'f32' is needed}}
  %0 = graph.pad constant %x, %s, %i axes [0] : tensor<2x3xf32>, tensor<2xi64>, tensor<i32> -> tensor<5x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %v: tensor<f32>, %i: tensor<i32>) {
  %s = graph.constant dense<[1, 2]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 2 is out of range for rank 2}}
  %0 = graph.pad constant %x, %s, %v axes [2] : tensor<2x3xf32>, tensor<2xi64>, tensor<f32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %v: tensor<f32>, %i: tensor<i32>) {
  %s = graph.constant dense<[9223372036854775807, 0]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{pads of axis 0 exceed 2^63}}
  %0 = graph.pad constant %x, %s, %v axes [0] : tensor<2x3xf32>, tensor<2xi64>, tensor<f32> -> tensor<?x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %v: tensor<f32>, %i: tensor<i32>) {
  %s = graph.constant dense<[-1, -2]> : tensor<2xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{pads -1 and -2 remove more than the 2 elements of axis 0}}
  %0 = graph.pad constant %x, %s, %v axes [0] : tensor<2x3xf32>, tensor<2xi64>, tensor<f32> -> tensor<?x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %i: tensor<i64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 2 is out of range for rank 2}}
  %0 = graph.gather %x, %i axis 2 : tensor<2x3xf32>, tensor<i64> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 2 is out of range for rank 2}}
  %0 = graph.pack %x axis 2 block 4 : tensor<2x3xf32> -> tensor<2x3x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{block is 0; it must be 1 at least}}
  %0 = graph.pack %x axis 1 block 0 : tensor<2x3xf32> -> tensor<2x3x1xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 1 is out of range for rank 1}}
  %0 = graph.unpack %x axis 1 extent 4 : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{extent 7 does not fit 2 blocks of 3}}
  %0 = graph.unpack %x axis 0 extent 7 : tensor<2x3xf32> -> tensor<7xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 2 is out of range for rank 2}}
  %0 = graph.reduce sum %x [2] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 1 is named twice}}
  %0 = graph.reduce sum %x [1, 1] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{finds the position of max or min, not of sum}}
  %0 = graph.arg_reduce sum %x 1 : tensor<2x3xf32> -> tensor<2xi64>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 2 is out of range for rank 2}}
  %0 = graph.cumsum %x 2 : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis -1 is out of range for rank 2}}
  %0 = graph.softmax %x -1 : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %s: tensor<4x2x3xf32>) {
  // expected-error @+1 {{scale is 'tensor<4x2x3xf32>', which does not broadcast to the input's 'tensor<2x3xf32>'}}
  %0 = graph.layer_norm %x scale %s axis 1 {epsilon = 1.0 : f64} : (tensor<2x3xf32>, tensor<4x2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<3x4xf16>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{multiplies 'f32' by 'f16'}}
  %0 = graph.matmul %x, %y : tensor<2x3xf32>, tensor<3x4xf16> -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{matrix product of ranks 2 and 1; both must be 2 at least}}
  %0 = graph.matmul %x, %y : tensor<2x3xf32>, tensor<3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %y: tensor<4x5xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input 0 has 3 columns where input 1 has 4 rows}}
  %0 = graph.matmul %x, %y : tensor<2x3xf32>, tensor<4x5xf32> -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%x: tensor<2x1x1xf32>, %y: tensor<3x1x1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{batch extents 2 and 3 do not broadcast}}
  %0 = graph.matmul %x, %y : tensor<2x1x1xf32>, tensor<3x1x1xf32> -> tensor<2x1x1xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4xf32>, %w: tensor<6x4xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input has rank 2; a convolution needs 3 at least}}
  %0 = graph.conv %x, %w strides [] pads [] dilations [] groups 1 : (tensor<1x4xf32>, tensor<6x4xf32>) -> tensor<1x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{weight has rank 4 where the input has 3}}
  %0 = graph.conv %x, %w strides [1] pads [0, 0] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<6x4x3x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf16>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input is of 'f32' where the weight is of 'f16'}}
  %0 = graph.conv %x, %w strides [1] pads [0, 0] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<6x4x3xf16>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{groups is 0; it must be 1 at least}}
  %0 = graph.conv %x, %w strides [1] pads [0, 0] dilations [1] groups 0 : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input has 4 channels, which 3 groups do not divide}}
  %0 = graph.conv %x, %w strides [1] pads [0, 0] dilations [1] groups 3 : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{weight has 4 on axis 1 where the input's 4 channels in 2 groups need 2}}
  %0 = graph.conv %x, %w strides [1] pads [0, 0] dilations [1] groups 2 : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<5x2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{weight has 5 outputs, which 2 groups do not divide}}
  %0 = graph.conv %x, %w strides [1] pads [0, 0] dilations [1] groups 2 : (tensor<1x4x8xf32>, tensor<5x2x3xf32>) -> tensor<1x5x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>, %b: tensor<5xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{bias is 'tensor<5xf32>' where 6 values are needed}}
  %0 = graph.conv %x, %w bias %b strides [1] pads [0, 0] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<6x4x3xf32>, tensor<5xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{strides has 2 entries where 1 are needed}}
  %0 = graph.conv %x, %w strides [1, 1] pads [0, 0] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{strides is 0; it must be between 1 and 2147483648}}
  %0 = graph.conv %x, %w strides [0] pads [0, 0] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{pads has 1 entries where 2 are needed}}
  %0 = graph.conv %x, %w strides [1] pads [0] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{pads is -1; it must be between 0 and 2147483648}}
  %0 = graph.conv %x, %w strides [1] pads [-1, 0] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{dilations is 0; it must be between 1 and 2147483648}}
  %0 = graph.conv %x, %w strides [1] pads [0, 0] dilations [0] groups 1 : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x0xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{window extent is 0; it must be between 1 and 2147483648}}
  %0 = graph.conv %x, %w strides [1] pads [0, 0] dilations [1] groups 1 : (tensor<1x4x8xf32>, tensor<6x4x0xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<6x4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{window of 3 (dilation 4) is larger than the padded input extent of 8 on axis 2}}
  %0 = graph.conv %x, %w strides [1] pads [0, 0] dilations [4] groups 1 : (tensor<1x4x8xf32>, tensor<6x4x3xf32>) -> tensor<1x6x6xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<4x2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{output_padding has 2 entries where 1 are needed}}
  %0 = graph.conv_transpose %x, %w strides [1] pads [0, 0] dilations [1] output_padding [0, 0] groups 1 : (tensor<1x4x8xf32>, tensor<4x2x3xf32>) -> tensor<1x2x10xf32>
  return
}

// -----

func.func @f(%x: tensor<1x4x8xf32>, %w: tensor<4x2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{output extent would be -10 on axis 2; the pads are too large}}
  %0 = graph.conv_transpose %x, %w strides [1] pads [10, 10] dilations [1] output_padding [0] groups 1 : (tensor<1x4x8xf32>, tensor<4x2x3xf32>) -> tensor<1x2x10xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{window has 2 entries where 1 are needed}}
  %0 = graph.pool max %x axes [1] window [1, 1] strides [1] pads [0, 0] dilations [1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{axis 2 is out of range for rank 2}}
  %0 = graph.pool max %x axes [2] window [1] strides [1] pads [0, 0] dilations [1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{window of 5 is larger than the padded input extent of 4 on axis 1}}
  %0 = graph.pool max %x axes [1] window [5] strides [1] pads [1, 0] dilations [1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) {
  // expected-error @+1 {{direction is 'backward'; it must be forward, reverse or bidirectional}}
  %y, %l = graph.rnn "backward"(%x, %w, %r) {activations = ["Tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) {
  // expected-error @+1 {{has 2 activations where 1 are needed}}
  %y, %l = graph.rnn "forward"(%x, %w, %r) {activations = ["Tanh", "Tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) {
  // expected-error @+1 {{has 2 alphas where 1 are needed}}
  %y, %l = graph.rnn "forward"(%x, %w, %r) {activations = ["Tanh"], alphas = array<f32: 0.0, 0.0>, betas = array<f32: 0.0, 0.0>} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<5x2xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) {
  // expected-error @+1 {{input has rank 2 where 3 (time, batch, features) is needed}}
  %y, %l = graph.rnn "forward"(%x, %w, %r) {activations = ["Tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x?xf32>) {
  // expected-error @+1 {{recurrent weight is 'tensor<1x4x?xf32>'; it needs rank 3 and a static hidden size}}
  %y, %l = graph.rnn "forward"(%x, %w, %r) {activations = ["Tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x?xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<5x2x3xf32>, %w: tensor<1x5x3xf32>, %r: tensor<1x4x4xf32>) {
  // expected-error @+1 {{weight is 'tensor<1x5x3xf32>' where 'tensor<1x4x3xf32>' is needed}}
  %y, %l = graph.rnn "forward"(%x, %w, %r) {activations = ["Tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<1x5x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<5x2x3xf32>, %w: tensor<1x12x3xf32>, %r: tensor<1x4x4xf32>) {
  // expected-error @+1 {{recurrent weight is 'tensor<1x4x4xf32>' where 'tensor<1x12x4xf32>' is needed}}
  %y, %l = graph.gru "forward"(%x, %w, %r) {activations = ["Tanh", "Tanh"], alphas = array<f32: 0.0, 0.0>, betas = array<f32: 0.0, 0.0>} : (tensor<5x2x3xf32>, tensor<1x12x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>, %b: tensor<1x4xf32>) {
  // expected-error @+1 {{bias is 'tensor<1x4xf32>' where 'tensor<1x8xf32>' is needed}}
  %y, %l = graph.rnn "forward"(%x, %w, %r bias %b) {activations = ["Tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>, tensor<1x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>, %h: tensor<1x3x4xf32>) {
  // expected-error @+1 {{initial_h is 'tensor<1x3x4xf32>' where 'tensor<1x2x4xf32>' is needed}}
  %y, %l = graph.rnn "forward"(%x, %w, %r h %h) {activations = ["Tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>, tensor<1x3x4xf32>) -> (tensor<5x1x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<5x2x3xf32>, %w: tensor<1x4x3xf32>, %r: tensor<1x4x4xf32>) {
  // expected-error @+1 {{outputs is 'tensor<5x2x2x4xf32>' where 'tensor<5x1x2x4xf32>' is needed}}
  %y, %l = graph.rnn "forward"(%x, %w, %r) {activations = ["Tanh"], alphas = array<f32: 0.0>, betas = array<f32: 0.0>} : (tensor<5x2x3xf32>, tensor<1x4x3xf32>, tensor<1x4x4xf32>) -> (tensor<5x2x2x4xf32>, tensor<1x2x4xf32>)
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %i: tensor<4xi64>, %u: tensor<4x2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the extent of updates is 2 where that of data is 3}}
  %0 = graph.scatter set %x, %i, %u : tensor<2x3xf32>, tensor<4xi64>, tensor<4x2xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %i: tensor<4xi64>, %u: tensor<5x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the number of updates is 5 where that of indices is 4}}
  %0 = graph.scatter set %x, %i, %u : tensor<2x3xf32>, tensor<4xi64>, tensor<5x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<6xf32>, %i: tensor<4xi64>, %u: tensor<4x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{data has rank 1 where 2 is needed}}
  %0 = graph.scatter set %x, %i, %u : tensor<6xf32>, tensor<4xi64>, tensor<4x3xf32> -> tensor<6xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %i: tensor<4xi64>, %u: tensor<4x3xi32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{updates are of 'i32' where data is of 'f32'}}
  %0 = graph.scatter add %x, %i, %u : tensor<2x3xf32>, tensor<4xi64>, tensor<4x3xi32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  %k = graph.constant dense<4> : tensor<1xi64>
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{k is 4 where axis 1 has 3 elements}}
  %0 = graph.top_k %x, %k axis 1 : tensor<2x3xf32>, tensor<1xi64> -> tensor<2x4xi64>
  return
}

// -----

func.func @f(%b: tensor<1x6x4xf32>, %o: tensor<1x2x5xi64>, %c: tensor<1x2xi64>, %m: tensor<i64>, %t: tensor<f32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the number of boxes is 6 where that of scores is 5}}
  %0 = graph.non_max_suppression %b, %o, %c, %m, %t : (tensor<1x6x4xf32>, tensor<1x2x5xi64>, tensor<1x2xi64>, tensor<i64>, tensor<f32>) -> tensor<1x2x5xi1>
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the radix is 6; 2, 4 and odd ones up to 31 are supported}}
  %y:12 = graph.butterfly(%x, %x, %x, %x, %x, %x) : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{there are 1 imaginary parts where 2 or none are needed}}
  %y:4 = graph.butterfly(%x, %x) im(%x) : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @f(%x: tensor<2xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{there are 1 twiddles where 2 or none are needed}}
  %y:4 = graph.butterfly(%x, %x) twiddles(%x) : (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @f(%x: tensor<2xf32>, %z: tensor<2xf64>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input 1 is 'tensor<2xf64>' where input 0 is 'tensor<2xf32>'}}
  %y:4 = graph.butterfly(%x, %z) : (tensor<2xf32>, tensor<2xf64>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @f(%x: tensor<2xf32>, %z: tensor<3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input 1 has 3 on axis 0 where those before have 2}}
  %y:4 = graph.butterfly(%x, %z) : (tensor<2xf32>, tensor<3xf32>) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the number of rows is 2 where that of columns is 3}}
  %0 = graph.det %x : tensor<2x3xf32> -> tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<2x2xi32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{input is 'tensor<2x2xi32>'; matrices of floats are needed}}
  %0 = graph.det %x : tensor<2x2xi32> -> tensor<i32>
  return
}

// -----

func.func @f(%x: tensor<2x2xi32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{takes 32 bits of 'i32' for 64 bits of 'f64'}}
  %0 = graph.bit_cast %x to f64 : tensor<2x2xi32> -> tensor<2x2xf64>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %n: tensor<5x3xi32>, %r: tensor<1xi32>, %l: tensor<3x1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the number of words of a node is 3 where what is needed is 2}}
  %0 = graph.tree_ensemble sum %x, %n, %r, %l targets 1 feature_bits 8 depth 2 : (tensor<2x3xf32>, tensor<5x3xi32>, tensor<1xi32>, tensor<3x1xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %n: tensor<5x2xi32>, %r: tensor<1xi32>, %l: tensor<3x1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{combines leaves by sum, max or min, not by mean}}
  %0 = graph.tree_ensemble mean %x, %n, %r, %l targets 1 feature_bits 8 depth 2 : (tensor<2x3xf32>, tensor<5x2xi32>, tensor<1xi32>, tensor<3x1xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf64>, %n: tensor<5x2xi32>, %r: tensor<1xi32>, %l: tensor<3x1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{compares elements of 'f64' with thresholds of 32 bits}}
  %0 = graph.tree_ensemble sum %x, %n, %r, %l targets 1 feature_bits 8 depth 2 : (tensor<2x3xf64>, tensor<5x2xi32>, tensor<1xi32>, tensor<3x1xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %n: tensor<5x2xi32>, %r: tensor<1xi32>, %l: tensor<3x1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{a feature has 32 bits of a word of 32}}
  %0 = graph.tree_ensemble sum %x, %n, %r, %l targets 1 feature_bits 32 depth 2 : (tensor<2x3xf32>, tensor<5x2xi32>, tensor<1xi32>, tensor<3x1xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %n: tensor<5x2xi32>, %r: tensor<1xi32>, %l: tensor<3x1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{a feature has 1 bits of a word of 32}}
  %0 = graph.tree_ensemble sum %x, %n, %r, %l targets 1 feature_bits 1 depth 2 nan_right : (tensor<2x3xf32>, tensor<5x2xi32>, tensor<1xi32>, tensor<3x1xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %n: tensor<5x2xi32>, %r: tensor<?xi32>, %l: tensor<3x1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the number of roots is not known}}
  %0 = graph.tree_ensemble sum %x, %n, %r, %l targets 1 feature_bits 8 depth 2 : (tensor<2x3xf32>, tensor<5x2xi32>, tensor<?xi32>, tensor<3x1xf32>) -> tensor<2x1xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %n: tensor<5x2xi32>, %r: tensor<1xi32>, %l: tensor<3x1xf32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{the number of columns of leaves is 1 where that of targets is 4}}
  %0 = graph.tree_ensemble sum %x, %n, %r, %l targets 4 feature_bits 8 depth 2 : (tensor<2x3xf32>, tensor<5x2xi32>, tensor<1xi32>, tensor<3x1xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3xf32>, %n: tensor<5x2xi32>, %r: tensor<1xi32>, %l: tensor<3x1xf32>, %i: tensor<3x2xi32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{extent 1 of target_ids is 2 where that of leaves is 1}}
  %0 = graph.tree_ensemble sum %x, %n, %r, %l ids %i targets 4 feature_bits 8 depth 2 : (tensor<2x3xf32>, tensor<5x2xi32>, tensor<1xi32>, tensor<3x1xf32>, tensor<3x2xi32>) -> tensor<2x4xf32>
  return
}
