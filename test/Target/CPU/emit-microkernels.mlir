// RUN: weft-opt %s --weft-emit-microkernels --cse | FileCheck %s
// RUN: weft-opt %s --weft-emit-microkernels=level=x86-64-v4 --cse | FileCheck %s --check-prefix=WIDE
// RUN: weft-opt %s --weft-emit-microkernels=level=sapphirerapids --cse | FileCheck %s --check-prefix=WIDE
// RUN: weft-opt %s --weft-emit-microkernels=level=znver5 --cse | FileCheck %s --check-prefix=WIDE

// 100 rows are 15 tiles of 6 and 2 of 5, each over one panel of 16 columns. The
// epilogue runs on the registers.
// CHECK-LABEL: func.func private @matmul(
// CHECK-SAME:    %[[A:.*]]: memref<100x64xf32>, %[[B:.*]]: memref<3x64x16xf32>, %[[BIAS:.*]]: memref<48xf32>, %[[OUT:.*]]: memref<100x48xf32>)
// CHECK:       scf.forall
// CHECK:         scf.for %[[K:.*]] = %c0{{.*}} to %c64{{.*}} iter_args({{.*}}) -> (vector<8xf32>, {{.*}})
// CHECK-COUNT-2:   vector.load %[[B]][%{{.*}}, %[[K]], %{{.*}}] : memref<3x64x16xf32>, vector<8xf32>
// CHECK-COUNT-12:  vector.fma
// CHECK:         %[[X:.*]] = vector.load %[[BIAS]]
// CHECK:         %[[Y:.*]] = arith.addf %{{.*}}, %[[X]] : vector<8xf32>
// CHECK:         vector.store %[[Y]], %[[OUT]]
// CHECK-NOT:     kernel.matmul
// WIDE-LABEL: func.func private @matmul(
// WIDE:          scf.for {{.*}} -> (vector<16xf32>, vector<16xf32>
func.func private @matmul(%a: memref<100x64xf32>, %b: memref<3x64x16xf32>, %bias: memref<48xf32>, %out: memref<100x48xf32>)
    attributes {kernel.entry} {
  kernel.matmul packed lhs(%a) rhs(%b) extras(%bias) outs(%out) {extra_maps = [affine_map<(m, n) -> (n)>]} epilogue {
  ^bb0(%sum: f32, %x: f32):
    %s = arith.addf %sum, %x : f32
    kernel.yield %s : f32
  } : (memref<100x64xf32>, memref<3x64x16xf32>, memref<48xf32>, memref<100x48xf32>) -> ()
  return
}

// Five tiles of six rows ask for the next panel together: four of them for a
// quarter of it each, which is a quarter of a line at each step.
// CHECK-LABEL: func.func private @together
// CHECK-SAME:    %[[B:[a-z0-9]+]]: memref<8x64x16xf32>
// CHECK:         scf.for %[[TILE:.*]] = %c0
// CHECK:           %[[SLOT:.*]] = arith.remui %{{.*}}, %c4
// CHECK:           %[[QUARTER:.*]] = arith.remui %[[SLOT]], %c4
// CHECK:           %[[PLACE:.*]] = arith.muli %[[QUARTER]], %c16
// CHECK:           %[[BEGIN:.*]] = arith.addi %{{.*}}, %[[PLACE]]
// CHECK:           scf.for %[[K:.*]] = %c0
// CHECK:             %[[AT:.*]] = arith.muli %[[K]], %c4
// CHECK:             memref.prefetch %[[B]][%{{.*}}, %[[BEGIN]], %[[AT]]], read, locality<2>, data
func.func private @together(%a: memref<30x64xf32>, %b: memref<8x64x16xf32>, %out: memref<30x128xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%a) rhs(%b) outs(%out) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<30x64xf32>, memref<8x64x16xf32>, memref<30x128xf32>) -> ()
  return
}

// Rows 3 KiB apart have their lines in four sets of L1, rows 4 KiB apart in one,
// which holds eight.
// WIDE-LABEL: func.func private @apart
// WIDE-SAME:    panels = 3 : i64, rows = 9 : i64
// WIDE-LABEL: func.func private @aligned
// WIDE-SAME:    panels = 4 : i64, rows = 6 : i64
func.func private @apart(%a: memref<128x768xf32>, %b: memref<48x768x16xf32>, %out: memref<128x768xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%a) rhs(%b) outs(%out) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<128x768xf32>, memref<48x768x16xf32>, memref<128x768xf32>) -> ()
  return
}
func.func private @aligned(%a: memref<128x1024xf32>, %b: memref<48x1024x16xf32>, %out: memref<128x768xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%a) rhs(%b) outs(%out) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<128x1024xf32>, memref<48x1024x16xf32>, memref<128x768xf32>) -> ()
  return
}

// The number of rows is known at run time: whole tiles of six, then one of what
// is left.
// CHECK-LABEL: func.func private @rows
// CHECK:         scf.for
// CHECK:           %{{.*}}:12 = scf.for
// CHECK:         %{{.*}}:2 = scf.for
// CHECK:         %{{.*}}:4 = scf.for
// CHECK:         %{{.*}}:6 = scf.for
// CHECK:         %{{.*}}:8 = scf.for
// CHECK:         %{{.*}}:10 = scf.for
func.func private @rows(%a: memref<?x8xf32>, %b: memref<1x8x16xf32>, %out: memref<?x16xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%a) rhs(%b) outs(%out) {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<?x8xf32>, memref<1x8x16xf32>, memref<?x16xf32>) -> ()
  return
}

// Rows of the whole batch are rows of one product, where the extras run through
// the batch as the rows do, or not at all.
// CHECK-LABEL: func.func private @batch(
// CHECK-SAME:    %[[A:.*]]: memref<25x4x64xf32>
// CHECK-DAG:     memref.collapse_shape %[[A]] {{.*}} into memref<100x64xf32>
// CHECK-DAG:     memref.collapse_shape %{{.*}} : memref<25x4x16xf32> into memref<100x16xf32>
// CHECK:         %{{.*}}:12 = scf.for
func.func private @batch(%a: memref<25x4x64xf32>, %b: memref<1x64x16xf32>, %bias: memref<16xf32>,
                         %old: memref<25x4x16xf32>, %out: memref<25x4x16xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%a) rhs(%b) extras(%bias, %old) outs(%out)
      {extra_maps = [affine_map<(b, m, n) -> (n)>, affine_map<(b, m, n) -> (b, m, n)>]} epilogue {
  ^bb0(%sum: f32, %x: f32, %y: f32):
    %s = arith.addf %sum, %x : f32
    %t = arith.addf %s, %y : f32
    kernel.yield %t : f32
  } : (memref<25x4x64xf32>, memref<1x64x16xf32>, memref<16xf32>, memref<25x4x16xf32>, memref<25x4x16xf32>) -> ()
  return
}

// One scalar for each element of the batch cannot be found by the row's number.
// CHECK-LABEL: func.func private @scaled(
// CHECK-NOT:     memref.collapse_shape
func.func private @scaled(%a: memref<25x4x64xf32>, %b: memref<1x64x16xf32>, %scale: memref<25xf32>,
                          %out: memref<25x4x16xf32>) attributes {kernel.entry} {
  kernel.matmul packed lhs(%a) rhs(%b) extras(%scale) outs(%out)
      {extra_maps = [affine_map<(b, m, n) -> (b)>]} epilogue {
  ^bb0(%sum: f32, %x: f32):
    %s = arith.mulf %sum, %x : f32
    kernel.yield %s : f32
  } : (memref<25x4x64xf32>, memref<1x64x16xf32>, memref<25xf32>, memref<25x4x16xf32>) -> ()
  return
}

// A 1x1 convolution takes all pixels of an image as one row.
// CHECK-LABEL: func.func private @pointwise
// CHECK:         scf.forall
// CHECK:         memref.collapse_shape {{.*}} memref<1x2x6x6x16xf32> into memref<1x2x36x16xf32>
// CHECK-NOT:     memref.prefetch
// CHECK:         vector.fma
func.func private @pointwise(%x: memref<1x2x6x6x16xf32>, %w: memref<4x2x1x1x16x16xf32>, %out: memref<1x4x6x6x16xf32>)
    attributes {kernel.entry} {
  kernel.conv input(%x) weight(%w) outs(%out) strides [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x2x6x6x16xf32>, memref<4x2x1x1x16x16xf32>, memref<1x4x6x6x16xf32>) -> ()
  return
}

// Weights that L1 does not hold are asked for one group of blocks ahead; those
// of the function above are not, and one pixel uses its weights but once. Each
// tile asks for its share before it computes.
// CHECK-LABEL: func.func private @ahead
// CHECK-SAME:    %[[W:[a-z0-9]+]]: memref<8x8x1x1x16x16xf32>
// CHECK:         memref.prefetch %[[W]][%{{.*}}], read, locality<2>, data
// CHECK:         scf.for %{{.*}} iter_args
// CHECK-NOT:     memref.prefetch
// CHECK:         vector.fma
// CHECK-LABEL: func.func private @one_pixel
// CHECK-NOT:     memref.prefetch
func.func private @ahead(%x: memref<1x8x6x6x16xf32>, %w: memref<8x8x1x1x16x16xf32>, %out: memref<1x8x6x6x16xf32>)
    attributes {kernel.entry} {
  kernel.conv input(%x) weight(%w) outs(%out) strides [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x8x6x6x16xf32>, memref<8x8x1x1x16x16xf32>, memref<1x8x6x6x16xf32>) -> ()
  return
}
func.func private @one_pixel(%x: memref<1x8x1x1x16xf32>, %w: memref<8x8x1x1x16x16xf32>, %out: memref<1x8x1x1x16xf32>)
    attributes {kernel.entry} {
  kernel.conv input(%x) weight(%w) outs(%out) strides [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x8x1x1x16xf32>, memref<8x8x1x1x16x16xf32>, memref<1x8x1x1x16xf32>) -> ()
  return
}

// Five output blocks: two pairs, and one that is left over.
// WIDE-LABEL:  func.func private @rest
// WIDE:          scf.for %[[P:.*]] = %{{.*}} to %{{.*}} step %c2
// WIDE-COUNT-28:   vector.fma
// WIDE-NOT:        vector.fma
// WIDE:          scf.for
// WIDE-COUNT-14:   vector.fma
// WIDE-NOT:        vector.fma
// WIDE:          return
func.func private @rest(%x: memref<1x1x14x14x16xf32>, %w: memref<5x1x1x1x16x16xf32>, %out: memref<1x5x14x14x16xf32>)
    attributes {kernel.entry} {
  kernel.conv input(%x) weight(%w) outs(%out) strides [1, 1] dilations [1, 1] groups 1
    {extra_maps = [], kernel.tile = {rows = 14, panels = 2, item_panels = 6}} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x1x14x14x16xf32>, memref<5x1x1x1x16x16xf32>, memref<1x5x14x14x16xf32>) -> ()
  return
}

// Ten pixels and three taps: a row of the window loads 12 vectors of input and 3
// of weights for 30 multiply-adds.
// CHECK-LABEL: func.func private @depthwise
// CHECK-SAME:    %[[X:.*]]: memref<1x1x12x12x16xf32>, %[[W:.*]]: memref<1x3x3x16xf32>
// CHECK:         scf.forall
// CHECK:         scf.for %{{.*}} = %c0{{.*}} to %c3{{.*}} iter_args
// CHECK-COUNT-3:   vector.load %[[W]]
// CHECK-COUNT-12:  vector.load %[[X]]
// CHECK:         scf.yield
func.func private @depthwise(%x: memref<1x1x12x12x16xf32>, %w: memref<1x3x3x16xf32>, %out: memref<1x1x10x10x16xf32>)
    attributes {kernel.entry} {
  kernel.depthwise_conv input(%x) weight(%w) outs(%out) strides [1, 1] dilations [1, 1] {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x1x12x12x16xf32>, memref<1x3x3x16xf32>, memref<1x1x10x10x16xf32>) -> ()
  return
}

// What is between is a buffer of the item with its zeros around; both
// convolutions are loops within.
// CHECK-LABEL: func.func private @conv_depthwise
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<1x1x8x8x16xf32>, %[[W:[a-z0-9]+]]: memref<4x1x1x1x16x16xf32>, %[[D:[a-z0-9]+]]: memref<4x3x3x16xf32>
// CHECK:         scf.forall (%[[ITEM:.*]]) in (2)
// CHECK:           %[[BUFFER:.*]] = memref.alloc() {alignment = 64 : i64} : memref<1x2x10x10x16xf32>
// CHECK:           vector.store %{{.*}}, %[[BUFFER]]
// CHECK-DAG:       %[[INSIDE:.*]] = memref.subview %[[BUFFER]][0, 0, 1, 1, 0] [1, 2, 8, 8, 16]
// CHECK:           vector.fma
// CHECK:           arith.maximumf
// CHECK:           vector.store %{{.*}}, %[[INSIDE]]
// CHECK:           vector.fma
// CHECK-NOT:     scf.forall
func.func private @conv_depthwise(%x: memref<1x1x8x8x16xf32>, %w: memref<4x1x1x1x16x16xf32>, %d: memref<4x3x3x16xf32>,
                                  %out: memref<1x4x8x8x16xf32>) attributes {kernel.entry} {
  %zero = arith.constant 0.0 : f32
  kernel.conv_depthwise input(%x) weight(%w) strides [1, 1] dilations [1, 1] between {
  ^bb0(%sum: f32):
    %r = arith.maximumf %sum, %zero : f32
    kernel.yield %r : f32
  } pads [1, 1, 1, 1] depthwise(%d) outs(%out) strides [1, 1] dilations [1, 1]
    {between_maps = [], extra_maps = [], kernel.tile = {item_panels = 2, panels = 2}} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x1x8x8x16xf32>, memref<4x1x1x1x16x16xf32>, memref<4x3x3x16xf32>, memref<1x4x8x8x16xf32>) -> ()
  return
}

// Four tiles of 4x4 outputs, and 36 sums of products at each. The input is
// transformed where the tiles are new to the worker, through a patch where they
// hang over its edge.
// CHECK-LABEL: func.func private @winograd(
// CHECK-SAME:    %[[X:.*]]: memref<1x1x8x8x16xf32>, %[[W:.*]]: memref<1x36x16x16xf32>, %[[OUT:.*]]: memref<1x1x8x8x16xf32>)
// CHECK:       %[[T:.*]] = memref.alloc() {alignment = 64 : i64} : memref<36x5x48xf32>
// CHECK:       scf.forall
// CHECK:         scf.if
// CHECK:           scf.if
// CHECK:             vector.load %[[X]]
// CHECK:           } else {
// CHECK:             vector.load %[[X]]
// CHECK:             vector.store %{{.*}}, %[[T]]
// CHECK:         scf.for %{{.*}} = %c0{{.*}} to %c36
// CHECK:           scf.for %[[C:.*]] = %c0{{.*}} to %c16{{.*}} iter_args
// CHECK-NOT:         memref.prefetch %[[X]]
// CHECK:             vector.load %[[W]][%{{.*}}, %{{.*}}, %[[C]], %{{.*}}] : memref<1x36x16x16xf32>, vector<8xf32>
// CHECK:             memref.load %[[T]]
// CHECK:             vector.fma
// CHECK:         vector.store %{{.*}}, %[[OUT]]
func.func private @winograd(%x: memref<1x1x8x8x16xf32>, %w: memref<1x36x16x16xf32>, %out: memref<1x1x8x8x16xf32>)
    attributes {kernel.entry} {
  kernel.winograd_conv input(%x) weight(%w) outs(%out) tile [4, 4] pads [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x1x8x8x16xf32>, memref<1x36x16x16xf32>, memref<1x1x8x8x16xf32>) -> ()
  return
}

// 16 tiles are passes of 6, 5 and 5: the buffer has no place for three of 6.
// CHECK-LABEL: func.func private @winograd_of_uneven_passes(
// CHECK:       memref.alloc() {alignment = 64 : i64} : memref<36x17x48xf32>
func.func private @winograd_of_uneven_passes(%x: memref<1x1x16x16x16xf32>, %w: memref<1x36x16x16xf32>, %out: memref<1x1x16x16x16xf32>)
    attributes {kernel.entry} {
  kernel.winograd_conv input(%x) weight(%w) outs(%out) tile [4, 4] pads [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x1x16x16x16xf32>, memref<1x36x16x16xf32>, memref<1x1x16x16x16xf32>) -> ()
  return
}

// L2 does not hold the image: the products' steps ask for what the next item
// transforms.
// CHECK-LABEL: func.func private @winograd_of_large_image(
// CHECK-SAME:    %[[X:.*]]: memref<1x1x160x160x16xf32>, %[[W:.*]]: memref<1x36x16x16xf32>
// CHECK:           scf.for %[[C:.*]] = %c0{{.*}} to %c16{{.*}} iter_args
// CHECK:             memref.prefetch %[[X]][%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %c0], read, locality<2>, data
// CHECK:             vector.fma
func.func private @winograd_of_large_image(%x: memref<1x1x160x160x16xf32>, %w: memref<1x36x16x16xf32>, %out: memref<1x1x160x160x16xf32>)
    attributes {kernel.entry} {
  kernel.winograd_conv input(%x) weight(%w) outs(%out) tile [4, 4] pads [1, 1] dilations [1, 1] groups 1 {extra_maps = []} epilogue {
  ^bb0(%sum: f32):
    kernel.yield %sum : f32
  } : (memref<1x1x160x160x16xf32>, memref<1x36x16x16xf32>, memref<1x1x160x160x16xf32>) -> ()
  return
}
