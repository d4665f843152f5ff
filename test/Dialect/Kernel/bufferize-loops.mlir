// RUN: weft-opt %s --weft-bufferize | FileCheck %s


#id = affine_map<(i) -> (i)>

func.func private @neg(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {kernel.entry} {
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  } -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// What eight loops handed on is copied; the input, too, as nothing may write to it.
// CHECK-LABEL: func.func @main(
// CHECK:         linalg.copy
// CHECK-NOT:     linalg.copy
// CHECK-COUNT-8: scf.for
// CHECK:         linalg.copy
// CHECK:         scf.for
// CHECK-NOT:     linalg.copy
// CHECK:         return
func.func @main(%x0: tensor<4xf32>, %n: index) -> tensor<4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %x1 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x0) -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %u = kernel.launch @neg ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %u : tensor<4xf32>
  }
  %x2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x1) -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %u = kernel.launch @neg ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %u : tensor<4xf32>
  }
  %x3 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x2) -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %u = kernel.launch @neg ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %u : tensor<4xf32>
  }
  %x4 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x3) -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %u = kernel.launch @neg ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %u : tensor<4xf32>
  }
  %x5 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x4) -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %u = kernel.launch @neg ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %u : tensor<4xf32>
  }
  %x6 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x5) -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %u = kernel.launch @neg ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %u : tensor<4xf32>
  }
  %x7 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x6) -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %u = kernel.launch @neg ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %u : tensor<4xf32>
  }
  %x8 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x7) -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %u = kernel.launch @neg ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %u : tensor<4xf32>
  }
  %x9 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x8) -> (tensor<4xf32>) {
    %e = tensor.empty() : tensor<4xf32>
    %u = kernel.launch @neg ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %u : tensor<4xf32>
  }
  return %x9 : tensor<4xf32>
}
