// RUN: weft-opt %s --weft-bufferize --split-input-file | FileCheck %s

// What is copied into a larger buffer and read elsewhere too is computed there:
// the filling of the border moves up, and the other reader sees a part.
// CHECK-LABEL: func.func @main(
// CHECK:         %[[B:.*]] = memref.alloc() {{.*}} : memref<6xf32>
// CHECK:         %[[P:.*]] = memref.subview %[[B]][1] [4] [1]
// CHECK:         kernel.launch @border{{.*}} outs(%[[B]]
// CHECK:         %[[O:.*]] = memref.cast %[[P]]
// CHECK:         kernel.launch @neg{{.*}} outs(%[[O]]
// CHECK:         kernel.launch @neg{{.*}} ins(%{{.*}} outs(%alloc
// CHECK-NOT:     kernel.copy
// CHECK:         return
func.func private @neg(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %y = linalg.negf ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func private @border(%o: tensor<6xf32>) -> tensor<6xf32> attributes {kernel.entry} {
  %zero = arith.constant 0.0 : f32
  %y = linalg.fill ins(%zero : f32) outs(%o : tensor<6xf32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}
func.func private @copy(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %y = linalg.copy ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> (tensor<6xf32>, tensor<4xf32>) {
  %e = tensor.empty() : tensor<4xf32>
  %w = tensor.empty() : tensor<6xf32>
  %0 = kernel.launch @neg ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %1 = kernel.launch @border outs(%w : tensor<6xf32>) -> tensor<6xf32>
  %2 = kernel.launch @copy ins(%0 : tensor<4xf32>) outs(%e : tensor<4xf32>) {kernel.copy} -> tensor<4xf32>
  %3 = tensor.insert_slice %2 into %1[1] [4] [1] : tensor<4xf32> into tensor<6xf32>
  %4 = kernel.launch @neg ins(%0 : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %3, %4 : tensor<6xf32>, tensor<4xf32>
}

// -----

// One buffer cannot be in two places: the second is copied.
// CHECK-LABEL: func.func @main(
// CHECK:         kernel.launch @neg
// CHECK:         kernel.launch @copy{{.*}} {kernel.copy,
// CHECK-NOT:     kernel.copy
// CHECK:         return
func.func private @neg(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %y = linalg.negf ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func private @copy(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %y = linalg.copy ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func @main(%x: tensor<4xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %w = tensor.empty() : tensor<8xf32>
  %0 = kernel.launch @neg ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %1 = kernel.launch @copy ins(%0 : tensor<4xf32>) outs(%e : tensor<4xf32>) {kernel.copy} -> tensor<4xf32>
  %2 = tensor.insert_slice %1 into %w[0] [4] [1] : tensor<4xf32> into tensor<8xf32>
  %3 = kernel.launch @copy ins(%0 : tensor<4xf32>) outs(%e : tensor<4xf32>) {kernel.copy} -> tensor<4xf32>
  %4 = tensor.insert_slice %3 into %2[4] [4] [1] : tensor<4xf32> into tensor<8xf32>
  return %4 : tensor<8xf32>
}

// -----

// What is copied with dimensions merged is computed in a split view of its
// place.
// CHECK-LABEL: func.func @main(
// CHECK:         %[[B:.*]] = memref.alloc() {{.*}} : memref<8xf32>
// CHECK:         %[[P:.*]] = memref.subview %[[B]][4] [4] [1]
// CHECK:         %[[S:.*]] = memref.expand_shape %[[P]] {{\[\[}}0, 1]] output_shape [2, 2] : memref<4xf32, strided<[1], offset: 4>> into memref<2x2xf32, strided<[2, 1], offset: 4>>
// CHECK:         %[[O:.*]] = memref.cast %[[S]]
// CHECK:         kernel.launch @flip{{.*}} outs(%[[O]]
// CHECK-NOT:     kernel.copy
// CHECK:         return
func.func private @flip(%x: tensor<2x2xf32>, %o: tensor<2x2xf32>) -> tensor<2x2xf32> attributes {kernel.entry} {
  %y = linalg.transpose ins(%x : tensor<2x2xf32>) outs(%o : tensor<2x2xf32>) permutation = [1, 0]
  return %y : tensor<2x2xf32>
}
func.func private @neg(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %y = linalg.negf ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func private @copy(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %y = linalg.copy ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func @main(%x: tensor<2x2xf32>, %z: tensor<4xf32>) -> tensor<8xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %e2 = tensor.empty() : tensor<2x2xf32>
  %w = tensor.empty() : tensor<8xf32>
  %0 = kernel.launch @flip ins(%x : tensor<2x2xf32>) outs(%e2 : tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x2xf32> into tensor<4xf32>
  %2 = kernel.launch @neg ins(%z : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %3 = tensor.insert_slice %2 into %w[0] [4] [1] : tensor<4xf32> into tensor<8xf32>
  %4 = kernel.launch @copy ins(%1 : tensor<4xf32>) outs(%e : tensor<4xf32>) {kernel.copy} -> tensor<4xf32>
  %5 = tensor.insert_slice %4 into %3[4] [4] [1] : tensor<4xf32> into tensor<8xf32>
  return %5 : tensor<8xf32>
}
