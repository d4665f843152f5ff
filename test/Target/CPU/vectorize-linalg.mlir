// RUN: weft-opt %s --pass-pipeline="builtin.module(func.func(weft-vectorize-linalg{width=8}))" | FileCheck %s

#id = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#col = affine_map<(i, j) -> (j)>

// Whole vectors, then what is left under a mask. Contiguous loops are one.
// CHECK-LABEL: func @negate(
// CHECK:         memref.collapse_shape %{{.*}} {{\[}}[0, 1]]
// CHECK:         scf.for
// CHECK:           vector.load %{{.*}} vector<8xf32>
// CHECK:           arith.negf {{.*}} : vector<8xf32>
// CHECK:           vector.store
// CHECK:         scf.for
// CHECK:           vector.create_mask
// CHECK:           vector.maskedload
// CHECK:           vector.maskedstore
func.func @negate(%x: memref<?x7xf32>, %y: memref<?x7xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<?x7xf32>) outs(%y : memref<?x7xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  }
  return
}

// A column that is broadcast stops the merging; a row needs no remainder.
// CHECK-LABEL: func @scale_rows(
// CHECK-NOT:     collapse_shape
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             vector.load %{{.*}} vector<8xf32>
// CHECK:             %[[S:.*]] = memref.load
// CHECK:             vector.broadcast %[[S]]
// CHECK-NOT:     vector.maskedload
func.func @scale_rows(%x: memref<?x64xf32>, %s: memref<?xf32>, %y: memref<?x64xf32>) {
  linalg.generic {indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : memref<?x64xf32>, memref<?xf32>) outs(%y : memref<?x64xf32>) {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %r = arith.mulf %a, %b : f32
    linalg.yield %r : f32
  }
  return
}

// A sum along memory keeps four vectors in flight and joins them as a tree.
// CHECK-LABEL: func @row_sums(
// CHECK:         scf.for {{.*}} iter_args(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK:         vector.shuffle {{.*}} [4, 5, 6, 7]
// CHECK:         memref.store
func.func @row_sums(%x: memref<?x512xf32>, %y: memref<?xf32>) {
  linalg.generic {indexing_maps = [#id, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x512xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  }
  return
}

// One element of a buffer of rank 0 is the same for all lanes.
// CHECK-LABEL: func @add_scalar(
// CHECK:         scf.for
// CHECK:           vector.load %{{.*}} vector<8xf32>
// CHECK:           %[[S:.*]] = memref.load %{{.*}}[] : memref<f32>
// CHECK:           vector.broadcast %[[S]]
func.func @add_scalar(%x: memref<?x64xf32>, %s: memref<f32>, %y: memref<?x64xf32>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<?x64xf32>) outs(%y : memref<?x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %b = memref.load %s[] : memref<f32>
    %r = arith.addf %a, %b : f32
    linalg.yield %r : f32
  }
  return
}

// A sum across rows keeps its vectors in registers while the rows go by.
// CHECK-LABEL: func @column_sums(
// CHECK:         scf.for
// CHECK:           vector.load %{{.*}} vector<8xf32>
// CHECK:           scf.for {{.*}} iter_args
// CHECK:             arith.addf {{.*}} : vector<8xf32>
// CHECK:           vector.store
func.func @column_sums(%x: memref<512x64xf32>, %y: memref<64xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<512x64xf32>) outs(%y : memref<64xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %a, %o : f32
    linalg.yield %r : f32
  }
  return
}

// The steps of a small window stand one after another.
// CHECK-LABEL: func @window(
// CHECK:         scf.for
// CHECK-NOT:       iter_args
// CHECK-COUNT-18:  arith.addf {{.*}} : vector<8xf32>
// CHECK-NOT:       arith.addf
// CHECK:           vector.store
func.func @window(%x: memref<3x3x16xf32>, %y: memref<16xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j, k) -> (j, k, i)>, affine_map<(i, j, k) -> (i)>],
                  iterator_types = ["parallel", "reduction", "reduction"]}
      ins(%x : memref<3x3x16xf32>) outs(%y : memref<16xf32>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.addf %o, %a : f32
    linalg.yield %r : f32
  }
  return
}

// Rows picked by an index are read as vectors: only the row depends on it.
// CHECK-LABEL: func @pick_rows(
// CHECK:         memref.load %{{.*}} : memref<?xindex>
// CHECK:         vector.load %{{.*}} : memref<?x64xf32>, vector<8xf32>
func.func @pick_rows(%x: memref<?x64xf32>, %at: memref<?xindex>, %y: memref<?x64xf32>) {
  linalg.generic {indexing_maps = [#row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%at : memref<?xindex>) outs(%y : memref<?x64xf32>) {
  ^bb0(%i: index, %o: f32):
    %j = linalg.index 1 : index
    %e = memref.load %x[%i, %j] : memref<?x64xf32>
    linalg.yield %e : f32
  }
  return
}

// A byte in memory is one i1, so these are stored one by one.
// CHECK-LABEL: func @is_negative(
// CHECK:         arith.cmpf olt, {{.*}} : vector<8xf32>
// CHECK:         vector.extract
// CHECK:         memref.store {{.*}} : memref<64xi1>
func.func @is_negative(%x: memref<64xf32>, %y: memref<64xi1>) {
  %zero = arith.constant 0.0 : f32
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%x : memref<64xf32>) outs(%y : memref<64xi1>) {
  ^bb0(%a: f32, %o: i1):
    %r = arith.cmpf olt, %a, %zero : f32
    linalg.yield %r : i1
  }
  return
}

// Merged with the extent of 1, the columns would no longer be known to lie side
// by side.
// CHECK-LABEL: func @one_row(
// CHECK-NOT:     collapse_shape
// CHECK:         arith.negf {{.*}} : vector<8xf32>
func.func @one_row(%x: memref<1x?xf32, strided<[3072, 1], offset: ?>>,
                   %y: memref<1x?xf32, strided<[3072, 1], offset: ?>>) {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<1x?xf32, strided<[3072, 1], offset: ?>>)
      outs(%y : memref<1x?xf32, strided<[3072, 1], offset: ?>>) {
  ^bb0(%a: f32, %o: f32):
    %r = arith.negf %a : f32
    linalg.yield %r : f32
  }
  return
}

// What is scattered along the vectors is contiguous along another loop: squares
// of 8 x 8 are transposed by 24 shuffles, rows that are left are loaded lane by
// lane.
// CHECK-LABEL: func @turn(
// CHECK-SAME:    %[[X:.*]]: memref<64x20xf32>, %[[Y:.*]]: memref<20x64xf32>)
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK-COUNT-8:     vector.load %[[X]]{{.*}} vector<8xf32>
// CHECK-COUNT-24:    vector.shuffle
// CHECK-COUNT-8:     vector.store %{{.*}}, %[[Y]]
// CHECK:         scf.for
// CHECK:           vector.from_elements
func.func @turn(%x: memref<64x20xf32>, %y: memref<20x64xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<64x20xf32>) outs(%y : memref<20x64xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// Blocks of channels are split off, and pixels become one loop.
// CHECK-LABEL: func @blocks(
// CHECK:         memref.expand_shape {{.*}} memref<16x4x4xf32> into memref<2x8x4x4xf32>
// CHECK-COUNT-8: vector.load {{.*}} vector<8xf32>
// CHECK-COUNT-24: vector.shuffle
// CHECK-NOT:     vector.from_elements
func.func @blocks(%x: memref<16x4x4xf32>, %y: memref<2x4x4x8xf32>) {
  linalg.generic {indexing_maps = [affine_map<(b, h, w, c) -> (b * 8 + c, h, w)>, affine_map<(b, h, w, c) -> (b, h, w, c)>],
                  iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
      ins(%x : memref<16x4x4xf32>) outs(%y : memref<2x4x4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// Five channels are a square without its last columns.
// CHECK-LABEL: func @few(
// CHECK-COUNT-8: vector.maskedload {{.*}} vector<8xf32>
// CHECK-COUNT-5: vector.store
// CHECK-NOT:     vector.from_elements
func.func @few(%x: memref<16x5xf32>, %y: memref<5x16xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<16x5xf32>) outs(%y : memref<5x16xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}
