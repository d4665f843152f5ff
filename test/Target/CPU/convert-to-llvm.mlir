// RUN: weft-opt %s --weft-convert-to-llvm --canonicalize --cse | FileCheck %s

// The mask's lanes are compared with the number of elements that are left; the
// view's offset goes into the address.
// CHECK-LABEL: llvm.func @part(
// CHECK-NOT:     unrealized_conversion_cast
// CHECK:         %[[LANES:.*]] = llvm.mlir.constant(dense<[0, 1, 2, 3]> : vector<4xi32>)
// CHECK:         %[[MASK:.*]] = llvm.icmp "sgt" %{{.*}}, %[[LANES]]
// CHECK:         llvm.getelementptr
// CHECK:         llvm.intr.masked.load %{{.*}}, %[[MASK]]
// CHECK:         llvm.intr.exp
// CHECK:         llvm.intr.masked.store
func.func @part(%x: memref<?xf32>, %at: index, %left: index) {
  %c0 = arith.constant 0 : index
  %zeros = arith.constant dense<0.0> : vector<4xf32>
  %view = memref.subview %x[%at] [%left] [1] : memref<?xf32> to memref<?xf32, strided<[1], offset: ?>>
  %mask = vector.create_mask %left : vector<4xi1>
  %v = vector.maskedload %view[%c0], %mask, %zeros : memref<?xf32, strided<[1], offset: ?>>, vector<4xi1>, vector<4xf32> into vector<4xf32>
  %e = math.exp %v : vector<4xf32>
  vector.maskedstore %view[%c0], %mask, %e : memref<?xf32, strided<[1], offset: ?>>, vector<4xi1>, vector<4xf32>
  return
}

// A mask that is known is a constant.
// CHECK-LABEL: llvm.func @known(
// CHECK:         llvm.mlir.constant(dense<[true, true, true, false]> : vector<4xi1>)
func.func @known(%x: memref<4xf32>, %v: vector<4xf32>) {
  %c0 = arith.constant 0 : index
  %mask = vector.constant_mask [3] : vector<4xi1>
  vector.maskedstore %x[%c0], %mask, %v : memref<4xf32>, vector<4xi1>, vector<4xf32>
  return
}

// What weft-lower-to-entry makes of arguments: a descriptor seen as a memref.
// CHECK-LABEL: llvm.func @cast(
// CHECK-NOT:     unrealized_conversion_cast
// CHECK:         llvm.load %{{.*}} : !llvm.ptr -> f32
func.func @cast(%d: !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>) -> f32 {
  %c0 = arith.constant 0 : index
  %x = builtin.unrealized_conversion_cast %d : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> to memref<4xf32>
  %v = memref.load %x[%c0] : memref<4xf32>
  return %v : f32
}

// Divisions that round to one side are made of those that LLVM has.
// CHECK-LABEL: llvm.func @divide(
// CHECK:         llvm.sdiv
// CHECK:         llvm.select
func.func @divide(%x: index, %y: index) -> index {
  %q = arith.floordivsi %x, %y : index
  return %q : index
}

// A limit that is known is chosen by one comparison, which NaN does not pass;
// one that is not, or is NaN, is left to LLVM. Zeros are equal in both.
// CHECK-LABEL: llvm.func @clamp(
// CHECK-SAME:    %[[X:.*]]: vector<4xf32>, %[[Y:.*]]: vector<4xf32>)
// CHECK-DAG:     %[[ZERO:.*]] = llvm.mlir.constant(dense<0.000000e+00> : vector<4xf32>)
// CHECK-DAG:     %[[SIX:.*]] = llvm.mlir.constant(dense<6.000000e+00> : vector<4xf32>)
// CHECK:         %[[LESS:.*]] = llvm.fcmp "olt" %[[X]], %[[ZERO]]
// CHECK:         %[[LOW:.*]] = llvm.select %[[LESS]], %[[ZERO]], %[[X]]
// CHECK:         %[[MORE:.*]] = llvm.fcmp "ogt" %[[LOW]], %[[SIX]]
// CHECK:         %[[HIGH:.*]] = llvm.select %[[MORE]], %[[SIX]], %[[LOW]]
// CHECK:         %[[MAX:.*]] = llvm.intr.maximum(%[[HIGH]], %[[Y]]) {fastmathFlags = #llvm.fastmath<nsz>}
// CHECK:         llvm.intr.minimum(%[[MAX]], %{{.*}}) {fastmathFlags = #llvm.fastmath<nsz>}
func.func @clamp(%x: vector<4xf32>, %y: vector<4xf32>) -> vector<4xf32> {
  %zero = arith.constant dense<0.0> : vector<4xf32>
  %six = arith.constant dense<6.0> : vector<4xf32>
  %nan = arith.constant dense<0x7FC00000> : vector<4xf32>
  %low = arith.maximumf %zero, %x : vector<4xf32>
  %high = arith.minimumf %low, %six : vector<4xf32>
  %max = arith.maximumf %high, %y : vector<4xf32>
  %min = arith.minimumf %max, %nan : vector<4xf32>
  return %min : vector<4xf32>
}
