// Bufferized kernels as the shared passes hand them to a GPU target.

#mn_n = affine_map<(m, n) -> (n)>
#id1 = affine_map<(i) -> (i)>
#id2 = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#strided2 = strided<[?, 1], offset: ?>

// gelu(a * b + bias), all extents dynamic, a with rows that are not dense.
func.func private @matmul_bias_gelu(%a: memref<?x?xf32, #strided2>, %b: memref<?x?xf32>, %bias: memref<?xf32>,
                                    %c: memref<?x?xf32>) attributes {kernel.entry} {
  kernel.matmul lhs(%a) rhs(%b) extras(%bias) outs(%c) {extra_maps = [#mn_n]} epilogue {
  ^bb0(%sum: f32, %x: f32):
    %s = arith.addf %sum, %x : f32
    %half = arith.constant 0.5 : f32
    %one = arith.constant 1.0 : f32
    %root = arith.constant 0.70710678118654752 : f32
    %scaled = arith.mulf %s, %root : f32
    %erf = math.erf %scaled : f32
    %two = arith.addf %erf, %one : f32
    %halved = arith.mulf %s, %half : f32
    %r = arith.mulf %halved, %two : f32
    kernel.yield %r : f32
  } : (memref<?x?xf32, #strided2>, memref<?x?xf32>, memref<?xf32>, memref<?x?xf32>) -> ()
  return
}

// A batch of products with one right side, which is in panels of 16 columns.
func.func private @matmul_packed(%a: memref<?x?x20xf32>, %b: memref<2x20x16xf32>, %c: memref<?x?x19xf32>)
    attributes {kernel.entry} {
  kernel.matmul packed lhs(%a) rhs(%b) outs(%c) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<?x?x20xf32>, memref<2x20x16xf32>, memref<?x?x19xf32>) -> ()
  return
}

// A batch whose right side has a batch of 1; sums of f64.
func.func private @matmul_f64(%a: memref<3x5x7xf64>, %b: memref<1x7x9xf64>, %c: memref<3x5x9xf64>) attributes {kernel.entry} {
  kernel.matmul lhs(%a) rhs(%b) outs(%c) {extra_maps = []} epilogue {
  ^bb0(%sum: f64):
    kernel.yield %sum : f64
  } : (memref<3x5x7xf64>, memref<1x7x9xf64>, memref<3x5x9xf64>) -> ()
  return
}

func.func private @softmax(%x: memref<?x?xf32>, %y: memref<?x?xf32>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %rows = memref.dim %x, %c0 : memref<?x?xf32>
  %columns = memref.dim %x, %c1 : memref<?x?xf32>
  scf.forall (%i) in (%rows) {
    %least = arith.constant 0xFF800000 : f32
    %zero = arith.constant 0.0 : f32
    %in = memref.subview %x[%i, 0] [1, %columns] [1, 1] : memref<?x?xf32> to memref<1x?xf32, #strided2>
    %out = memref.subview %y[%i, 0] [1, %columns] [1, 1] : memref<?x?xf32> to memref<1x?xf32, #strided2>
    %one = memref.alloc() : memref<1xf32>
    %exp = memref.alloc(%columns) : memref<1x?xf32>
    linalg.fill ins(%least : f32) outs(%one : memref<1xf32>)
    linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}
        ins(%in : memref<1x?xf32, #strided2>) outs(%one : memref<1xf32>) {
    ^bb0(%v: f32, %acc: f32):
      %r = arith.maximumf %v, %acc : f32
      linalg.yield %r : f32
    }
    linalg.generic {indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]}
        ins(%in, %one : memref<1x?xf32, #strided2>, memref<1xf32>) outs(%exp : memref<1x?xf32>) {
    ^bb0(%v: f32, %max: f32, %o: f32):
      %d = arith.subf %v, %max : f32
      %r = math.exp %d : f32
      linalg.yield %r : f32
    }
    linalg.fill ins(%zero : f32) outs(%one : memref<1xf32>)
    linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]}
        ins(%exp : memref<1x?xf32>) outs(%one : memref<1xf32>) {
    ^bb0(%v: f32, %acc: f32):
      %r = arith.addf %v, %acc : f32
      linalg.yield %r : f32
    }
    linalg.generic {indexing_maps = [#id2, #row, #id2], iterator_types = ["parallel", "parallel"]}
        ins(%exp, %one : memref<1x?xf32>, memref<1xf32>) outs(%out : memref<1x?xf32, #strided2>) {
    ^bb0(%v: f32, %s: f32, %o: f32):
      %r = arith.divf %v, %s : f32
      linalg.yield %r : f32
    }
  }
  return
}

// tanh(x) * sigmoid(y), 1000 elements for an item.
func.func private @chain(%x: memref<?xf32>, %y: memref<?xf32>, %z: memref<?xf32>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %items = affine.apply affine_map<()[s0] -> (s0 ceildiv 1000)>()[%n]
  scf.forall (%i) in (%items) {
    %at = affine.apply affine_map<(d0) -> (d0 * 1000)>(%i)
    %size = affine.min affine_map<(d0)[s0] -> (1000, s0 - d0)>(%at)[%n]
    %xs = memref.subview %x[%at] [%size] [1] : memref<?xf32> to memref<?xf32, strided<[1], offset: ?>>
    %ys = memref.subview %y[%at] [%size] [1] : memref<?xf32> to memref<?xf32, strided<[1], offset: ?>>
    %zs = memref.subview %z[%at] [%size] [1] : memref<?xf32> to memref<?xf32, strided<[1], offset: ?>>
    linalg.generic {indexing_maps = [#id1, #id1, #id1], iterator_types = ["parallel"]}
        ins(%xs, %ys : memref<?xf32, strided<[1], offset: ?>>, memref<?xf32, strided<[1], offset: ?>>)
        outs(%zs : memref<?xf32, strided<[1], offset: ?>>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %one = arith.constant 1.0 : f32
      %t = math.tanh %a : f32
      %n1 = arith.negf %b : f32
      %e = math.exp %n1 : f32
      %d = arith.addf %e, %one : f32
      %s = arith.divf %t, %d : f32
      linalg.yield %s : f32
    }
  }
  return
}

// Sums of f64 and of i16 along rows, several rows an item: a warp for each.
func.func private @row_sums(%x: memref<5x?xf64>, %y: memref<5x?xi16>, %sx: memref<5xf64>, %sy: memref<5xi16>)
    attributes {kernel.entry} {
  %one = arith.constant 1 : index
  scf.forall (%i) in (%one) {
    %zero = arith.constant 0.0 : f64
    %none = arith.constant 0 : i16
    linalg.fill ins(%zero : f64) outs(%sx : memref<5xf64>)
    linalg.fill ins(%none : i16) outs(%sy : memref<5xi16>)
    linalg.generic {indexing_maps = [#id2, #id2, #row, #row], iterator_types = ["parallel", "reduction"]}
        ins(%x, %y : memref<5x?xf64>, memref<5x?xi16>) outs(%sx, %sy : memref<5xf64>, memref<5xi16>) {
    ^bb0(%a: f64, %b: i16, %sa: f64, %sb: i16):
      %r = arith.addf %sa, %a : f64
      %q = arith.addi %b, %sb : i16
      linalg.yield %r, %q : f64, i16
    }
  }
  return
}

// Sums along columns: a thread for each.
func.func private @column_sums(%x: memref<?x?xf32>, %s: memref<?xf32>) attributes {kernel.entry} {
  %one = arith.constant 1 : index
  scf.forall (%i) in (%one) {
    %zero = arith.constant 0.0 : f32
    linalg.fill ins(%zero : f32) outs(%s : memref<?xf32>)
    linalg.generic {indexing_maps = [affine_map<(j, i) -> (i, j)>, affine_map<(j, i) -> (j)>], iterator_types = ["parallel", "reduction"]}
        ins(%x : memref<?x?xf32>) outs(%s : memref<?xf32>) {
    ^bb0(%a: f32, %sum: f32):
      %r = arith.addf %sum, %a : f32
      linalg.yield %r : f32
    }
  }
  return
}

// Position of the largest element: two outputs that depend on each other.
func.func private @argmax(%x: memref<?x?xf32>, %max: memref<?xf32>, %at: memref<?xi64>) attributes {kernel.entry} {
  %one = arith.constant 1 : index
  scf.forall (%i) in (%one) {
    %least = arith.constant 0xFF800000 : f32
    %none = arith.constant 0 : i64
    linalg.fill ins(%least : f32) outs(%max : memref<?xf32>)
    linalg.fill ins(%none : i64) outs(%at : memref<?xi64>)
    linalg.generic {indexing_maps = [#id2, #row, #row], iterator_types = ["parallel", "reduction"]}
        ins(%x : memref<?x?xf32>) outs(%max, %at : memref<?xf32>, memref<?xi64>) {
    ^bb0(%a: f32, %m: f32, %p: i64):
      %j = linalg.index 1 : index
      %here = arith.index_cast %j : index to i64
      %more = arith.cmpf ogt, %a, %m : f32
      %r = arith.select %more, %a, %m : f32
      %q = arith.select %more, %here, %p : i64
      linalg.yield %r, %q : f32, i64
    }
  }
  return
}

// Running sums, whose output is read in the next step.
func.func private @cumulative_sum(%x: memref<4x?xf32>, %y: memref<4x?xf32>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.forall (%i) in (%c1) {
    linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "reduction"]}
        ins(%x : memref<4x?xf32>) outs(%y : memref<4x?xf32>) {
    ^bb0(%a: f32, %o: f32):
      %r = linalg.index 0 : index
      %j = linalg.index 1 : index
      %first = arith.cmpi eq, %j, %c0 : index
      %minus = arith.subi %j, %c1 : index
      %safe = arith.select %first, %j, %minus : index
      %before = memref.load %y[%r, %safe] : memref<4x?xf32>
      %zero = arith.constant 0.0 : f32
      %last = arith.select %first, %zero, %before : f32
      %s = arith.addf %last, %a : f32
      linalg.yield %s : f32
    }
  }
  return
}

// Rows picked by an index that is computed first, in a buffer of the item.
func.func private @gather(%data: memref<?x6xf32>, %at: memref<?xi64>, %out: memref<?x6xf32>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %at, %c0 : memref<?xi64>
  %extent = memref.dim %data, %c0 : memref<?x6xf32>
  scf.forall (%i) in (%c1) {
    %places = memref.alloc(%n) : memref<?xindex>
    linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]}
        ins(%at : memref<?xi64>) outs(%places : memref<?xindex>) {
    ^bb0(%v: i64, %o: index):
      %raw = arith.index_cast %v : i64 to index
      %moved = arith.addi %raw, %extent : index
      %negative = arith.cmpi slt, %raw, %c0 : index
      %from = arith.select %negative, %moved, %raw : index
      linalg.yield %from : index
    }
    linalg.generic {indexing_maps = [#row, #id2], iterator_types = ["parallel", "parallel"]}
        ins(%places : memref<?xindex>) outs(%out : memref<?x6xf32>) {
    ^bb0(%p: index, %o: f32):
      %j = linalg.index 1 : index
      %e = memref.load %data[%p, %j] : memref<?x6xf32>
      linalg.yield %e : f32
    }
  }
  return
}

// The largest of each window.
func.func private @pool(%x: memref<?x9x9xf32>, %y: memref<?x4x4xf32>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x9x9xf32>
  scf.forall (%i) in (%n) {
    %least = arith.constant 0xFF800000 : f32
    %window = memref.alloc() : memref<3x3xf32>
    %in = memref.subview %x[%i, 0, 0] [1, 9, 9] [1, 1, 1] : memref<?x9x9xf32> to memref<1x9x9xf32, strided<[81, 9, 1], offset: ?>>
    %out = memref.subview %y[%i, 0, 0] [1, 4, 4] [1, 1, 1] : memref<?x4x4xf32> to memref<1x4x4xf32, strided<[16, 4, 1], offset: ?>>
    linalg.fill ins(%least : f32) outs(%out : memref<1x4x4xf32, strided<[16, 4, 1], offset: ?>>)
    linalg.generic {
        indexing_maps = [affine_map<(n, h, w, kh, kw) -> (n, h * 2 + kh, w * 2 + kw)>,
                         affine_map<(n, h, w, kh, kw) -> (kh, kw)>, affine_map<(n, h, w, kh, kw) -> (n, h, w)>],
        iterator_types = ["parallel", "parallel", "parallel", "reduction", "reduction"]}
        ins(%in, %window : memref<1x9x9xf32, strided<[81, 9, 1], offset: ?>>, memref<3x3xf32>)
        outs(%out : memref<1x4x4xf32, strided<[16, 4, 1], offset: ?>>) {
    ^bb0(%a: f32, %k: f32, %m: f32):
      %r = arith.maximumf %m, %a : f32
      linalg.yield %r : f32
    }
  }
  return
}

func.func private @conv(%x: memref<?x2x7x9x16xf32>, %w: memref<4x1x3x2x16x16xf32>, %y: memref<?x4x3x7x16xf32>)
    attributes {kernel.entry} {
  kernel.conv input(%x) weight(%w) outs(%y) strides [2, 1] dilations [1, 2] groups 2 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<?x2x7x9x16xf32>, memref<4x1x3x2x16x16xf32>, memref<?x4x3x7x16xf32>) -> ()
  return
}

func.func private @depthwise(%x: memref<?x2x6x6x16xf32>, %w: memref<2x3x3x16xf32>, %y: memref<?x2x2x2x16xf32>)
    attributes {kernel.entry} {
  kernel.depthwise_conv input(%x) weight(%w) outs(%y) strides [2, 2] dilations [1, 1] {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<?x2x6x6x16xf32>, memref<2x3x3x16xf32>, memref<?x2x2x2x16xf32>) -> ()
  return
}

// One work item needs no loop: one block divides by the sum.
func.func private @one(%x: memref<300xf32>, %y: memref<300xf32>) attributes {kernel.entry} {
  %zero = arith.constant 0.0 : f32
  %sum = memref.alloc() : memref<f32>
  linalg.fill ins(%zero : f32) outs(%sum : memref<f32>)
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : memref<300xf32>) outs(%sum : memref<f32>) {
  ^bb0(%v: f32, %before: f32):
    %after = arith.addf %before, %v : f32
    linalg.yield %after : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>, affine_map<(i) -> (i)>],
                  iterator_types = ["parallel"]}
      ins(%x, %sum : memref<300xf32>, memref<f32>) outs(%y : memref<300xf32>) {
  ^bb0(%v: f32, %all: f32, %out: f32):
    %part = arith.divf %v, %all : f32
    linalg.yield %part : f32
  }
  return
}

// Follows %x from each item on up to a number that is not less than 9.
func.func private @search(%x: memref<?xi64>, %y: memref<?xi64>) attributes {kernel.entry} {
  %c0 = arith.constant 0 : index
  %c9 = arith.constant 9 : i64
  %items = memref.dim %y, %c0 : memref<?xi64>
  scf.forall (%i) in (%items) {
    %first = arith.index_cast %i : index to i64
    %last = scf.while (%at = %first) : (i64) -> i64 {
      %place = arith.index_cast %at : i64 to index
      %next = memref.load %x[%place] : memref<?xi64>
      %more = arith.cmpi ult, %next, %c9 : i64
      scf.condition(%more) %next : i64
    } do {
    ^bb0(%next: i64):
      scf.yield %next : i64
    }
    memref.store %last, %y[%i] : memref<?xi64>
  }
  return
}
