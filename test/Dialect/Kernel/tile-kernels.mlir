// RUN: weft-opt %s --weft-tile-kernels | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// Whole rows while they fit; the number of tiles follows the extent.
// CHECK-LABEL: func.func private @rows(
// CHECK-SAME:    %[[X:.*]]: tensor<?x64xf32>, %[[O:.*]]: tensor<?x64xf32>)
func.func private @rows(%x: tensor<?x64xf32>, %o: tensor<?x64xf32>) -> tensor<?x64xf32> attributes {kernel.entry} {
  // CHECK: %[[Y:.*]] = scf.forall (%{{.*}}) in (%{{.*}}) shared_outs(%[[T:.*]] = %[[O]])
  // CHECK:   tensor.extract_slice %[[X]][%{{.*}}, 0] [%{{.*}}, 64]
  // CHECK:   linalg.generic
  // CHECK:   tensor.parallel_insert_slice %{{.*}} into %[[T]]
  // CHECK: return %[[Y]]
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x64xf32>) outs(%o : tensor<?x64xf32>) {
  ^bb0(%a: f32, %b: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  } -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// The sum of a row is fused into the tile, so columns cannot be divided; it is
// computed once for its two consumers.
// CHECK-LABEL: func.func private @normalize(
func.func private @normalize(%x: tensor<9x40000xf32>, %o: tensor<9x40000xf32>) -> tensor<9x40000xf32> attributes {kernel.entry} {
  // CHECK-NOT: linalg.generic
  // CHECK: scf.forall (%{{.*}}) in (9)
  // CHECK:   linalg.fill
  // CHECK:   linalg.generic {{.*}} iterator_types = ["parallel", "reduction"]{{.*}} tensor<1x40000xf32>
  // CHECK-NOT: "reduction"
  %c = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<9xf32>
  %f = linalg.fill ins(%c : f32) outs(%e : tensor<9xf32>) -> tensor<9xf32>
  %s = linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<9x40000xf32>) outs(%f : tensor<9xf32>) {
  ^bb0(%a: f32, %b: f32):
    %n = arith.addf %a, %b : f32
    linalg.yield %n : f32
  } -> tensor<9xf32>
  %t = tensor.empty() : tensor<9x40000xf32>
  %d = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : tensor<9x40000xf32>, tensor<9xf32>) outs(%t : tensor<9x40000xf32>) {
  ^bb0(%a: f32, %b: f32, %z: f32):
    %n = arith.divf %a, %b : f32
    linalg.yield %n : f32
  } -> tensor<9x40000xf32>
  %y = linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%d, %s : tensor<9x40000xf32>, tensor<9xf32>) outs(%o : tensor<9x40000xf32>) {
  ^bb0(%a: f32, %b: f32, %z: f32):
    %n = arith.addf %a, %b : f32
    linalg.yield %n : f32
  } -> tensor<9x40000xf32>
  return %y : tensor<9x40000xf32>
}

// Nothing to divide: a loop of one iteration.
// CHECK-LABEL: func.func private @total(
func.func private @total(%x: tensor<8xf32>, %o: tensor<f32>) -> tensor<f32> attributes {kernel.entry} {
  // CHECK: scf.forall (%{{.*}}) in (1)
  %y = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : tensor<8xf32>) outs(%o : tensor<f32>) {
  ^bb0(%a: f32, %b: f32):
    %n = arith.addf %a, %b : f32
    linalg.yield %n : f32
  } -> tensor<f32>
  return %y : tensor<f32>
}

// Loops of no iteration are not tiled.
// CHECK-LABEL: func.func private @sums_of_nothing(
func.func private @sums_of_nothing(%x: tensor<?x0x4xf32>, %o: tensor<?x4xf32>) -> tensor<?x4xf32> attributes {kernel.entry} {
  // CHECK: scf.forall (%{{.*}}) in (1)
  %y = linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (i, k, j)>, affine_map<(i, j, k) -> (i, j)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<?x0x4xf32>) outs(%o : tensor<?x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %n = arith.addf %a, %b : f32
    linalg.yield %n : f32
  } -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// Sums along vectors of channels: a tile of one channel would read all of them.
// CHECK-LABEL: func.func private @mean(
// CHECK: scf.forall (%{{.*}}) in (2)
// CHECK:   linalg.generic {{.*}} tensor<1x40000x16xf32>
func.func private @mean(%x: tensor<1x40000x32xf32>, %o: tensor<1x32xf32>) -> tensor<1x32xf32> attributes {kernel.entry} {
  %c = arith.constant 0.0 : f32
  %f = linalg.fill ins(%c : f32) outs(%o : tensor<1x32xf32>) -> tensor<1x32xf32>
  %s = linalg.generic {indexing_maps = [affine_map<(n, c, p) -> (n, p, c)>, affine_map<(n, c, p) -> (n, c)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x : tensor<1x40000x32xf32>) outs(%f : tensor<1x32xf32>) {
  ^bb0(%a: f32, %b: f32):
    %n = arith.addf %a, %b : f32
    linalg.yield %n : f32
  } -> tensor<1x32xf32>
  return %s : tensor<1x32xf32>
}

// A transposition's tiles are as wide as a vector along both of its loops.
// CHECK-LABEL: func.func private @turn(
// CHECK: scf.forall (%{{.*}}) in (40)
// CHECK:   tensor.extract_slice %{{.*}} [2000, 16]
func.func private @turn(%x: tensor<40000x32xf32>, %o: tensor<32x40000xf32>) -> tensor<32x40000xf32> attributes {kernel.entry} {
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<40000x32xf32>) outs(%o : tensor<32x40000xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<32x40000xf32>
  return %y : tensor<32x40000xf32>

}

// One element is changed after a copy: all that is one work item.
// CHECK-LABEL: func.func private @changed(
// CHECK: scf.forall (%{{.*}}) in (1)
// CHECK:   linalg.generic
// CHECK:   tensor.insert
// CHECK: return
func.func private @changed(%x: tensor<?xf32>, %o: tensor<?xf32>) -> tensor<?xf32> attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %copy = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : tensor<?xf32>) outs(%o : tensor<?xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<?xf32>
  %old = tensor.extract %copy[%c0] : tensor<?xf32>
  %new = arith.addf %old, %old : f32
  %y = tensor.insert %new into %copy[%c0] : tensor<?xf32>
  return %y : tensor<?xf32>
}

// So is a row that is put over one of a copy.
// CHECK-LABEL: func.func private @row_changed(
// CHECK: scf.forall (%{{.*}}) in (1)
// CHECK:   linalg.generic
// CHECK:   tensor.insert_slice
// CHECK: return
func.func private @row_changed(%x: tensor<?x32xf32>, %row: tensor<1x32xf32>, %at: index, %o: tensor<?x32xf32>) -> tensor<?x32xf32> attributes {kernel.entry} {
  %copy = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x32xf32>) outs(%o : tensor<?x32xf32>) {
  ^bb0(%a: f32, %b: f32):
    linalg.yield %a : f32
  } -> tensor<?x32xf32>
  %y = tensor.insert_slice %row into %copy[%at, 0] [1, 32] [1, 1] : tensor<1x32xf32> into tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
