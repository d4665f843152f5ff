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

// -----

// All results of one kernel are computed in the tensor that they are pieces of,
// in a loop too.
// CHECK-LABEL: func.func @main(
// CHECK:         scf.for
// CHECK:           %[[B:.*]] = memref.alloc(%{{.*}}) {{.*}} : memref<?x3xf32>
// CHECK-NOT:       memref.alloc
// CHECK-DAG:       memref.subview %[[B]][0, 0]
// CHECK-DAG:       memref.subview %[[B]][0, 1]
// CHECK-DAG:       memref.subview %[[B]][0, 2]
// CHECK:           kernel.launch @three
// CHECK-NOT:       copy
// CHECK:           scf.yield
func.func private @three(%x: tensor<?x3xf32>, %o: tensor<?x1xf32>, %p: tensor<?x1xf32>, %q: tensor<?x1xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x3xf32>
  %0 = tensor.extract_slice %x[0, 0] [%n, 1] [1, 1] : tensor<?x3xf32> to tensor<?x1xf32>
  %a = linalg.negf ins(%0 : tensor<?x1xf32>) outs(%o : tensor<?x1xf32>) -> tensor<?x1xf32>
  %b = linalg.exp ins(%0 : tensor<?x1xf32>) outs(%p : tensor<?x1xf32>) -> tensor<?x1xf32>
  %c = linalg.abs ins(%0 : tensor<?x1xf32>) outs(%q : tensor<?x1xf32>) -> tensor<?x1xf32>
  return %a, %b, %c : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}
func.func @main(%x: tensor<?x3xf32>, %count: index) -> tensor<?x3xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?x3xf32>
  %y = scf.for %i = %c0 to %count step %c1 iter_args(%s = %x) -> tensor<?x3xf32> {
    %w = tensor.empty(%n) : tensor<?x3xf32>
    %e = tensor.empty(%n) : tensor<?x1xf32>
    %0:3 = kernel.launch @three ins(%s : tensor<?x3xf32>) outs(%e, %e, %e : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
    %1 = tensor.insert_slice %0#0 into %w[0, 0] [%n, 1] [1, 1] : tensor<?x1xf32> into tensor<?x3xf32>
    %2 = tensor.insert_slice %0#1 into %1[0, 1] [%n, 1] [1, 1] : tensor<?x1xf32> into tensor<?x3xf32>
    %3 = tensor.insert_slice %0#2 into %2[0, 2] [%n, 1] [1, 1] : tensor<?x1xf32> into tensor<?x3xf32>
    scf.yield %3 : tensor<?x3xf32>
  }
  return %y : tensor<?x3xf32>
}

// -----

// A piece of what its kernel reads is computed elsewhere.
// CHECK-LABEL: func.func @main(
// CHECK:         kernel.launch @reverse
// CHECK:         linalg.copy
// CHECK:         return
func.func private @neg(%x: tensor<8xf32>, %o: tensor<8xf32>) -> tensor<8xf32> attributes {kernel.entry} {
  %y = linalg.negf ins(%x : tensor<8xf32>) outs(%o : tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}
func.func private @reverse(%x: tensor<8xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (-i + 7)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : tensor<8xf32>) outs(%o : tensor<4xf32>) {
  ^bb0(%in: f32, %out: f32):
    linalg.yield %in : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func @main(%x: tensor<8xf32>) -> tensor<8xf32> {
  %w = tensor.empty() : tensor<8xf32>
  %e = tensor.empty() : tensor<4xf32>
  %0 = kernel.launch @neg ins(%x : tensor<8xf32>) outs(%w : tensor<8xf32>) -> tensor<8xf32>
  %1 = kernel.launch @reverse ins(%0 : tensor<8xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %2 = tensor.insert_slice %1 into %0[4] [4] [1] : tensor<4xf32> into tensor<8xf32>
  return %2 : tensor<8xf32>
}

// -----

// What another kernel reads as one row keeps its buffer where the piece has rows
// that lie apart, and is the piece where it has not.
// CHECK-LABEL: func.func @main(
// CHECK-DAG:     %[[APART:.*]] = memref.alloc() {{.*}} : memref<2x3xf32>
// CHECK-DAG:     memref.collapse_shape %[[APART]]
// CHECK-DAG:     memref.collapse_shape %{{.*}} : memref<2x3xf32, strided<[3, 1], offset: 6>> into memref<6xf32, strided<[1], offset: 6>>
// CHECK:         return
func.func private @neg(%x: tensor<2x3xf32>, %o: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {kernel.entry} {
  %y = linalg.negf ins(%x : tensor<2x3xf32>) outs(%o : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
func.func private @exp(%x: tensor<6xf32>, %o: tensor<6xf32>) -> tensor<6xf32> attributes {kernel.entry} {
  %y = linalg.exp ins(%x : tensor<6xf32>) outs(%o : tensor<6xf32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}
func.func private @copy(%x: tensor<2x3xf32>, %o: tensor<2x3xf32>) -> tensor<2x3xf32> attributes {kernel.entry} {
  return %x : tensor<2x3xf32>
}
func.func @main(%x: tensor<2x3xf32>) -> (tensor<2x6xf32>, tensor<4x3xf32>, tensor<6xf32>, tensor<6xf32>) {
  %e = tensor.empty() : tensor<2x3xf32>
  %f = tensor.empty() : tensor<6xf32>
  %v = tensor.empty() : tensor<2x6xf32>
  %w = tensor.empty() : tensor<4x3xf32>
  %0 = kernel.launch @neg ins(%x : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = kernel.launch @neg ins(%0 : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = kernel.launch @copy ins(%0 : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) {kernel.copy} -> tensor<2x3xf32>
  %3 = kernel.launch @copy ins(%1 : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) {kernel.copy} -> tensor<2x3xf32>
  %apart = tensor.insert_slice %2 into %v[0, 3] [2, 3] [1, 1] : tensor<2x3xf32> into tensor<2x6xf32>
  %along = tensor.insert_slice %3 into %w[2, 0] [2, 3] [1, 1] : tensor<2x3xf32> into tensor<4x3xf32>
  %4 = tensor.collapse_shape %0 [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
  %5 = tensor.collapse_shape %1 [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
  %6 = kernel.launch @exp ins(%4 : tensor<6xf32>) outs(%f : tensor<6xf32>) -> tensor<6xf32>
  %7 = kernel.launch @exp ins(%5 : tensor<6xf32>) outs(%f : tensor<6xf32>) -> tensor<6xf32>
  return %apart, %along, %6, %7 : tensor<2x6xf32>, tensor<4x3xf32>, tensor<6xf32>, tensor<6xf32>
}
