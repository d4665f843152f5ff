// Functions of floats as polynomials.
#ifndef WEFT_EXPAND_MATH_PASSES
#define WEFT_EXPAND_MATH_PASSES

include "mlir/Pass/PassBase.td"

def ExpandMath : Pass<"weft-expand-math"> {
  let summary = "writes exp, tanh, sin and the like with arithmetic alone";
  let description = [{
    Code that a target runs must not call a mathematical library: there is none
    on a GPU, and on a CPU a call stops vectorising. Works on scalars and vectors
    of f32 and f64; f16 and bf16 are computed in f32.

    Errors in units in the last place, f32 / f64, over the whole range of the
    function: exp 2 / 2, log 2 / 2, tanh 3 / 4, erf 2 / 8, sin and cos 2 / 3 (for
    |x| up to 2^30), pow 1 / -, others 6. NaN stays NaN, infinities and signed
    zeros as IEEE 754 recommends. Conversions to bf16, and of f64 to f16, round
    once, to nearest even, subnormal numbers included.
    ```mlir
    %y = math.exp %x : vector<8xf32>
    ```
    ⇒ a rounding to the nearest multiple of ln 2, a polynomial of degree 6 and a
    scaling by a power of two.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

#endif // WEFT_EXPAND_MATH_PASSES
