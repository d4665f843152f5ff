// RUN: weft-opt %s --weft-legalize-broadcast --split-input-file | FileCheck %s

// What is the same extent needs nothing: one argument, one name, the same
// computation.
// CHECK-LABEL: func @provable
// CHECK-NOT: kernel.check
// CHECK-NOT: graph.expand
// CHECK: return
func.func @provable(%x: tensor<?x4xf32> {graph.symbols = ["N", ""]}, %y: tensor<?x1xf32> {graph.symbols = ["N", ""]}) -> tensor<?x4xf32> {
  %0 = graph.relu %x : tensor<?x4xf32> -> tensor<?x4xf32>
  %1 = graph.add %0, %y : tensor<?x4xf32>, tensor<?x1xf32> -> tensor<?x4xf32>
  %2 = graph.concat 0(%0, %1) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %3 = graph.concat 0(%1, %x) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %4 = graph.mul %2, %3 : tensor<?x4xf32>, tensor<?x4xf32> -> tensor<?x4xf32>
  return %4 : tensor<?x4xf32>
}

// -----

// CHECK-LABEL: func @repeated
// CHECK-SAME: (%[[X:.*]]: tensor<?xf32>, %[[Y:.*]]: tensor<8xf32>)
func.func @repeated(%x: tensor<?xf32>, %y: tensor<8xf32>) -> tensor<8xf32> {
  // CHECK: %[[D:.*]] = tensor.dim %[[X]]
  // CHECK: kernel.check %{{.*}}, "node 'sum' (Add): input 0 has {0} on axis 0 where the result has {1}; extents must be equal or 1" values %[[D]], %{{.*}} : index, index
  // CHECK: %[[E:.*]] = graph.expand %[[X]], %{{.*}} : tensor<?xf32>, tensor<1xi64> -> tensor<8xf32>
  // CHECK: graph.add %[[E]], %[[Y]] : tensor<8xf32>, tensor<8xf32>
  %0 = graph.add %x, %y : tensor<?xf32>, tensor<8xf32> -> tensor<8xf32> loc(fused<"Add">["sum"])
  return %0 : tensor<8xf32>
}

// -----

// Two unknown extents: both are brought to the larger one; what comes after is
// known to agree.
// CHECK-LABEL: func @both
func.func @both(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  // CHECK-COUNT-2: kernel.check
  // CHECK: graph.sub
  // CHECK-NOT: kernel.check
  // CHECK-NOT: graph.expand
  // CHECK: graph.mul
  %0 = graph.sub %x, %y : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  %1 = graph.exp %0 : tensor<?xf32> -> tensor<?xf32>
  %2 = graph.mul %0, %1 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
  return %2 : tensor<?xf32>
}

// -----

// CHECK-LABEL: func @matmul
func.func @matmul(%x: tensor<?x3x?xf32>, %y: tensor<5x?x4xf32>) -> tensor<5x3x4xf32> {
  // CHECK: kernel.check %{{.*}}, "input 0 has {0} on axis 0 where the result has {1}; extents must be equal or 1"
  // CHECK: graph.expand %{{.*}} -> tensor<5x3x?xf32>
  // CHECK: kernel.check %{{.*}}, "input 0 has {0} columns where input 1 has {1} rows"
  %0 = graph.matmul %x, %y : tensor<?x3x?xf32>, tensor<5x?x4xf32> -> tensor<5x3x4xf32>
  return %0 : tensor<5x3x4xf32>
}

// -----

// The rest of a reshape is what is left over, unless that is 0 of 0. A size that
// comes from data is checked.
// CHECK-LABEL: func @reshapes
func.func @reshapes(%x: tensor<?x?x4xf32>, %n: i64) -> (tensor<?x?xf32>, tensor<?x?x4xf32>) {
  // CHECK: graph.reshape
  // CHECK: kernel.check %{{.*}}, "extent 1 is left over by the others, whose product is {0}"
  // CHECK-NOT: kernel.check
  // CHECK: graph.reshape
  // CHECK: kernel.check %{{.*}}, "the input's {0} elements do not fit the new shape's {1}"
  // CHECK-NOT: kernel.check
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : i64
  %rest = arith.constant -1 : i64
  %d = tensor.dim %x, %c0 : tensor<?x?x4xf32>
  %i = arith.index_cast %d : index to i64
  %s = tensor.from_elements %i, %rest : tensor<2xi64>
  %0 = graph.reshape %x, %s {allow_zero} : tensor<?x?x4xf32>, tensor<2xi64> -> tensor<?x?xf32>
  %t = tensor.from_elements %n, %i, %c4 : tensor<3xi64>
  %1 = graph.reshape %x, %t {allow_zero} : tensor<?x?x4xf32>, tensor<3xi64> -> tensor<?x?x4xf32>
  return %0, %1 : tensor<?x?xf32>, tensor<?x?x4xf32>
}

// -----

// CHECK-LABEL: func @others
func.func @others(%x: tensor<2x?xf32>, %y: tensor<1x?xf32>, %i: tensor<1x?x8xf32>, %w: tensor<2x3x1xf32>) -> (tensor<3x?xf32>, tensor<1x2x8xf32>) {
  // CHECK: kernel.check %{{.*}}, "input 1 has {0} on axis 1 where input 0 has {1}"
  // CHECK: kernel.check %{{.*}}, "input has {0} channels where the weight is for {1}"
  %0 = graph.concat 0(%x, %y) : (tensor<2x?xf32>, tensor<1x?xf32>) -> tensor<3x?xf32>
  %1 = graph.conv %i, %w strides [1] pads [0, 0] dilations [1] groups 1 : (tensor<1x?x8xf32>, tensor<2x3x1xf32>) -> tensor<1x2x8xf32>
  return %0, %1 : tensor<3x?xf32>, tensor<1x2x8xf32>
}

// -----

// Updates are read row by row, as many as there are indices.
// CHECK-LABEL: func @scatter
func.func @scatter(%x: tensor<?x?xf32>, %i: tensor<?xi64>, %u: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // CHECK: kernel.check %{{.*}}, "has {0} updates for {1} indices"
  // CHECK: kernel.check %{{.*}}, "an update has {0} elements where one place of the data has {1}"
  // CHECK: graph.scatter
  %0 = graph.scatter set %x, %i, %u : tensor<?x?xf32>, tensor<?xi64>, tensor<?x?xf32> -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// A norm's result has the input's shape, whatever is known of scale and bias.
// CHECK-LABEL: func @norm
func.func @norm(%x: tensor<?x?xf32>, %s: tensor<8xf32>, %t: tensor<?xf32>) -> tensor<?x?xf32> {
  // CHECK: kernel.check %{{.*}}, "input 1 has {0} on axis 0 where the result has {1}; extents must be equal or 1"
  // CHECK: kernel.check %{{.*}}, "input 2 has {0} on axis 0 where the result has {1}; extents must be equal or 1"
  // CHECK: graph.expand
  // CHECK: graph.layer_norm
  %0 = graph.layer_norm %x scale %s bias %t axis 1 {epsilon = 1.0 : f64} : (tensor<?x?xf32>, tensor<8xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func @expansion
func.func @expansion(%x: tensor<?x1xf32>, %n: tensor<2xi64>) -> tensor<?x?xf32> {
  // CHECK: kernel.check %{{.*}}, "extent {0} cannot be repeated to {1}, which position 0 of the shape asks for"
  // CHECK: kernel.check %{{.*}}, "extent {0} cannot be repeated to {1}, which position 1 of the shape asks for"
  // CHECK: graph.expand
  %0 = graph.expand %x, %n : tensor<?x1xf32>, tensor<2xi64> -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

// What an extent or a constant asks for is a number of elements.
// CHECK-LABEL: func @expansion_to_extents
func.func @expansion_to_extents(%x: tensor<1x1xf32>, %y: tensor<?xf32>) -> tensor<?x4xf32> {
  // CHECK-NOT: kernel.check
  // CHECK: graph.expand
  %c0 = arith.constant 0 : index
  %four = arith.constant 4 : i64
  %d = tensor.dim %y, %c0 : tensor<?xf32>
  %i = arith.index_cast %d : index to i64
  %s = tensor.from_elements %i, %four : tensor<2xi64>
  %0 = graph.expand %x, %s : tensor<1x1xf32>, tensor<2xi64> -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
