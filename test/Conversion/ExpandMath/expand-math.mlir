// RUN: weft-opt %s --weft-expand-math | FileCheck %s

// A vector of f32 stays one: no call, no lane taken out.
// CHECK-LABEL: func @exponential(
// CHECK-NOT:     math.exp
// CHECK-COUNT-5: math.fma {{.*}} : vector<8xf32>
// CHECK-NOT:     vector.extract
func.func @exponential(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp %x : vector<8xf32>
  return %y : vector<8xf32>
}

// f16 is computed in f32.
// CHECK-LABEL: func @narrow(
// CHECK:         arith.extf %{{.*}} : f16 to f32
// CHECK:         arith.truncf %{{.*}} : f32 to f16
func.func @narrow(%x: f16) -> f16 {
  %y = math.tanh %x : f16
  return %y : f16
}

// LLVM has no code for what it would make of two roundings of a copysign.
// CHECK-LABEL: func @signed(
// CHECK:         %[[SIGNED:.*]] = math.copysign
// CHECK:         arith.truncf %[[SIGNED]] : f64 to f32
// CHECK:         %[[ODD:.*]] = arith.bitcast %{{.*}} : i32 to f32
// CHECK:         arith.truncf %[[ODD]] : f32 to f16
func.func @signed(%x: f64, %sign: f64) -> f16 {
  %y = math.copysign %x, %sign : f64
  %z = arith.truncf %y : f64 to f32
  %w = arith.truncf %z : f32 to f16
  return %w : f16
}

// What a machine has instructions for is left alone.
// CHECK-LABEL: func @native(
// CHECK:         math.sqrt
// CHECK:         math.floor
func.func @native(%x: f32) -> f32 {
  %y = math.sqrt %x : f32
  %z = math.floor %y : f32
  return %z : f32
}

// SiLU divides by 1 + exp(-x) itself, the sum and the last product of which are
// one operation.
// CHECK-LABEL: func @silu(
// CHECK-SAME:    %[[X:.*]]: vector<8xf32>)
// CHECK-NOT:     math.exp
// CHECK-NOT:     arith.addf
// CHECK:         arith.shli
// CHECK:         %[[ONE:.*]] = arith.constant dense<1.000000e+00>
// CHECK:         %[[SUM:.*]] = math.fma %{{.*}}, %{{.*}}, %[[ONE]]
// CHECK:         %[[Y:.*]] = arith.divf %[[X]], %[[SUM]]
// CHECK:         return %[[Y]]
func.func @silu(%x: vector<8xf32>) -> vector<8xf32> {
  %one = arith.constant dense<1.0> : vector<8xf32>
  %n = arith.negf %x : vector<8xf32>
  %e = math.exp %n : vector<8xf32>
  %s = arith.addf %e, %one : vector<8xf32>
  %q = arith.divf %one, %s : vector<8xf32>
  %y = arith.mulf %x, %q : vector<8xf32>
  return %y : vector<8xf32>
}

// GELU adds 1 to erf or tanh: one polynomial, or one exponential. Its argument
// is multiplied by a reciprocal.
// CHECK-LABEL: func @gelu(
// CHECK-SAME:    %[[X:.*]]: vector<8xf32>)
// CHECK:         %[[C:.*]] = arith.constant dense<0.707106769> : vector<8xf32>
// CHECK:         arith.mulf %[[X]], %[[C]]
// CHECK-NOT:     math.erf
// CHECK-COUNT-12: math.fma
// CHECK-NOT:     math.fma
func.func @gelu(%x: vector<8xf32>) -> vector<8xf32> {
  %one = arith.constant dense<1.0> : vector<8xf32>
  %root = arith.constant dense<1.41421354> : vector<8xf32>
  %a = arith.divf %x, %root : vector<8xf32>
  %e = math.erf %a : vector<8xf32>
  %y = arith.addf %e, %one : vector<8xf32>
  return %y : vector<8xf32>
}

// One multiplication scales, where a result below the normal numbers may be 0.
// CHECK-LABEL: func @softmax(
// CHECK-COUNT-1: arith.mulf
// CHECK-NOT:     arith.mulf
func.func @softmax(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp %x fastmath<afn> : vector<8xf32>
  return %y : vector<8xf32>
}
