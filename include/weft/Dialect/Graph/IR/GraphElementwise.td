// Elementwise ops: each is its scalar body. Adding one here is all that
// folding, fusion, lowering and vectorising need.
#ifndef WEFT_GRAPH_ELEMENTWISE
#define WEFT_GRAPH_ELEMENTWISE

include "weft/Dialect/Graph/IR/GraphBase.td"

//===-- Arithmetic -----------------------------------------------------------//

def Graph_AddOp : Graph_BinaryOp<"add", [{ return scalar::add(b, x, y); }], [Commutative]> {
  let summary = "x + y";
}
def Graph_SubOp : Graph_BinaryOp<"sub", [{ return scalar::sub(b, x, y); }]> {
  let summary = "x - y";
}
def Graph_MulOp : Graph_BinaryOp<"mul", [{ return scalar::mul(b, x, y); }], [Commutative]> {
  let summary = "x * y";
}
def Graph_DivOp : Graph_BinaryOp<"div", [{ return scalar::div(b, x, y, isUnsigned(getX())); }]> {
  let summary = "x / y; integers truncate towards zero";
  let description = [{ An integer division by zero gives 0, never a trap. }];
}
def Graph_RemOp : Graph_BinaryOp<"rem", [{ return scalar::rem(b, x, y, isUnsigned(getX())); }]> {
  let summary = "remainder with the sign of x (C's fmod and %)";
  let description = [{ An integer remainder by zero gives 0. }];
}
def Graph_PowOp : Graph_BinaryOp<"pow", [{ return scalar::pow(b, x, y); }]> {
  let summary = "x to the power of y; y may have another type than x";
}
def Graph_MaxOp : Graph_BinaryOp<"max", [{ return scalar::max(b, x, y, isUnsigned(getX())); }], [Commutative]> {
  let summary = "the larger of both; NaN if one is NaN";
}
def Graph_MinOp : Graph_BinaryOp<"min", [{ return scalar::min(b, x, y, isUnsigned(getX())); }], [Commutative]> {
  let summary = "the smaller of both; NaN if one is NaN";
}
def Graph_NegOp : Graph_UnaryOp<"neg", [{ return scalar::neg(b, x); }]> {
  let summary = "-x";
}
def Graph_AbsOp : Graph_UnaryOp<"abs", [{ return scalar::abs(b, x, isUnsigned(getX())); }]> {
  let summary = "|x|";
}
def Graph_SignOp : Graph_UnaryOp<"sign", [{ return scalar::sign(b, x, isUnsigned(getX())); }]> {
  let summary = "-1, 0 or 1; NaN for NaN";
}

def Graph_CopyOp : Graph_ElementwiseOp<"copy"> {
  let summary = "x in a place of its own";
  let description = [{
    Keeps a piece of a concatenation apart from the value it is a copy of, which
    others use as well. Introduced by fusion; never folds.
  }];
  let arguments = (ins Graph_Tensor:$x);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
}

//===-- Functions of floats ---------------------------------------------------//

class Graph_MathOp<string mnemonic, string op> : Graph_UnaryOp<mnemonic, "return ::mlir::math::" # op # "::create(b, x);">;

def Graph_ExpOp : Graph_MathOp<"exp", "ExpOp"> { let summary = "e to the power of x"; }
def Graph_LogOp : Graph_MathOp<"log", "LogOp"> { let summary = "natural logarithm"; }
def Graph_Log1pOp : Graph_MathOp<"log1p", "Log1pOp"> { let summary = "log(1 + x), exact near 0"; }
def Graph_SqrtOp : Graph_MathOp<"sqrt", "SqrtOp"> { let summary = "square root"; }
def Graph_RsqrtOp : Graph_UnaryOp<"rsqrt", [{
  return ::mlir::arith::DivFOp::create(b, scalar::constant(b, x.getType(), 1.0), ::mlir::math::SqrtOp::create(b, x));
}]> {
  let summary = "1 / sqrt(x)";
}
def Graph_SinOp : Graph_MathOp<"sin", "SinOp"> { let summary = "sine, x in radians"; }
def Graph_CosOp : Graph_MathOp<"cos", "CosOp"> { let summary = "cosine, x in radians"; }
def Graph_CosQuartersOp : Graph_BinaryOp<"cos_quarters", [{ return scalar::cosQuarters(b, x, y); }]> {
  let summary = "cos(pi / 2 * x / y), the cosine of x parts of a quarter of the circle";
  let description = [{
    x and y are integers, y > 0, and |x| is at most 4 y, all below a quarter of
    what their type counts exactly. Angles are reduced before they are rounded, so
    that results are exact on the axes, as those of roots of unity must be.
  }];
}
def Graph_TanOp : Graph_MathOp<"tan", "TanOp"> { let summary = "tangent, x in radians"; }
def Graph_AsinOp : Graph_MathOp<"asin", "AsinOp"> { let summary = "inverse sine"; }
def Graph_AcosOp : Graph_MathOp<"acos", "AcosOp"> { let summary = "inverse cosine"; }
def Graph_AtanOp : Graph_MathOp<"atan", "AtanOp"> { let summary = "inverse tangent"; }
def Graph_SinhOp : Graph_MathOp<"sinh", "SinhOp"> { let summary = "hyperbolic sine"; }
def Graph_CoshOp : Graph_MathOp<"cosh", "CoshOp"> { let summary = "hyperbolic cosine"; }
def Graph_TanhOp : Graph_MathOp<"tanh", "TanhOp"> { let summary = "hyperbolic tangent"; }
def Graph_AsinhOp : Graph_MathOp<"asinh", "AsinhOp"> { let summary = "inverse hyperbolic sine"; }
def Graph_AcoshOp : Graph_MathOp<"acosh", "AcoshOp"> { let summary = "inverse hyperbolic cosine"; }
def Graph_AtanhOp : Graph_MathOp<"atanh", "AtanhOp"> { let summary = "inverse hyperbolic tangent"; }
def Graph_ErfOp : Graph_MathOp<"erf", "ErfOp"> { let summary = "error function"; }
def Graph_FloorOp : Graph_MathOp<"floor", "FloorOp"> { let summary = "largest integer not above x"; }
def Graph_CeilOp : Graph_MathOp<"ceil", "CeilOp"> { let summary = "smallest integer not below x"; }
def Graph_RoundOp : Graph_MathOp<"round", "RoundEvenOp"> { let summary = "nearest integer, halves to even"; }
def Graph_TruncOp : Graph_MathOp<"trunc", "TruncOp"> { let summary = "integer part"; }

def Graph_SigmoidOp : Graph_UnaryOp<"sigmoid", [{
  ::mlir::Value e = ::mlir::math::ExpOp::create(b, scalar::neg(b, x));
  ::mlir::Value one = scalar::constant(b, x.getType(), 1.0);
  return ::mlir::arith::DivFOp::create(b, one, scalar::add(b, one, e));
}]> {
  let summary = "1 / (1 + exp(-x))";
}
def Graph_ReluOp : Graph_UnaryOp<"relu", [{
  return scalar::max(b, x, scalar::constant(b, x.getType(), 0.0), isUnsigned(getX()));
}]> {
  let summary = "max(x, 0)";
}

//===-- Logic, bits, comparison ------------------------------------------------//

def Graph_AndOp : Graph_BinaryOp<"and", [{ return ::mlir::arith::AndIOp::create(b, x, y); }], [Commutative]> {
  let summary = "bits of both; logical and of i1";
}
def Graph_OrOp : Graph_BinaryOp<"or", [{ return ::mlir::arith::OrIOp::create(b, x, y); }], [Commutative]> {
  let summary = "bits of either; logical or of i1";
}
def Graph_XorOp : Graph_BinaryOp<"xor", [{ return ::mlir::arith::XOrIOp::create(b, x, y); }], [Commutative]> {
  let summary = "bits of exactly one; logical xor of i1";
}
def Graph_NotOp : Graph_UnaryOp<"not", [{ return scalar::bitNot(b, x); }]> {
  let summary = "all bits inverted; logical not of i1";
}
def Graph_ShlOp : Graph_BinaryOp<"shl", [{ return scalar::shift(b, x, y, /*left=*/true); }]> {
  let summary = "x shifted left by y bits; 0 from the type's width on";
}
def Graph_ShrOp : Graph_BinaryOp<"shr", [{ return scalar::shift(b, x, y, /*left=*/false); }]> {
  let summary = "x shifted right by y bits, zeros shifted in; 0 from the type's width on";
}
def Graph_IsNanOp : Graph_ElementwiseOp<"is_nan"> {
  let summary = "true where x is NaN";
  let arguments = (ins Graph_Tensor:$x);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
}
def Graph_IsInfOp : Graph_ElementwiseOp<"is_inf"> {
  let summary = "true where x is infinite, of the asked signs";
  let arguments = (ins Graph_Tensor:$x, DefaultValuedAttr<BoolAttr, "true">:$positive,
                       DefaultValuedAttr<BoolAttr, "true">:$negative);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
}

def Graph_Comparison : I32EnumAttr<"Comparison", "relation of two numbers", [
    I32EnumAttrCase<"equal", 0, "eq">, I32EnumAttrCase<"notEqual", 1, "ne">,
    I32EnumAttrCase<"less", 2, "lt">, I32EnumAttrCase<"lessOrEqual", 3, "le">,
    I32EnumAttrCase<"greater", 4, "gt">, I32EnumAttrCase<"greaterOrEqual", 5, "ge">]> {
  let cppNamespace = "::weft::graph";
  let genSpecializedAttr = 0;
}
def Graph_ComparisonAttr : EnumAttr<Graph_Dialect, Graph_Comparison, "comparison">;

def Graph_CompareOp : Graph_ElementwiseOp<"compare"> {
  let summary = "relation of x and y as i1; false if either is NaN, but `ne`";
  let description = [{
    ```mlir
    %less = graph.compare lt %x, %y : tensor<4xf32>, tensor<f32> -> tensor<4xi1>
    ```
  }];
  let arguments = (ins Graph_ComparisonAttr:$relation, Graph_Tensor:$x, Graph_Tensor:$y);
  let assemblyFormat = "$relation $x `,` $y attr-dict `:` type($x) `,` type($y) `->` type($result)";
  let hasFolder = 1;
}
def Graph_SelectOp : Graph_ElementwiseOp<"select"> {
  let summary = "x where the condition holds, y elsewhere";
  let arguments = (ins TensorOf<[I1]>:$condition, Graph_Tensor:$x, Graph_Tensor:$y);
  let assemblyFormat = "$condition `,` $x `,` $y attr-dict `:` type($condition) `,` type($x) `,` type($y) `->` type($result)";
  let hasFolder = 1;
}
def Graph_ClampOp : Graph_ElementwiseOp<"clamp"> {
  let summary = "min(max(x, low), high); NaN stays NaN";
  let arguments = (ins Graph_Tensor:$x, Graph_Tensor:$low, Graph_Tensor:$high);
  let assemblyFormat = "$x `,` $low `,` $high attr-dict `:` type($x) `,` type($low) `,` type($high) `->` type($result)";
  let hasFolder = 1;
}
def Graph_CastOp : Graph_ElementwiseOp<"cast"> {
  let summary = "conversion of the element type";
  let description = [{
    Float to integer truncates and saturates (NaN gives 0); anything to i1 is
    `x != 0`; integers wrap; float to a narrower float rounds to nearest even.
  }];
  let arguments = (ins Graph_Tensor:$x, TypeAttr:$to);
  let assemblyFormat = "$x `to` $to attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
}

def Graph_QuantizeOp : Graph_ElementwiseOp<"quantize"> {
  let summary = "the nearest integer to x plus `zero`, saturated";
  let description = [{
    Halves round to even; NaN gives the least value of the type, which is that of
    `zero`. Scales are divided by before.
    ```mlir
    %q = graph.quantize %x, %zero : tensor<?x8xf32>, tensor<ui8> -> tensor<?x8xui8>
    ```
  }];
  let arguments = (ins TensorOf<[F32]>:$x, TensorOf<[I8, UI8, I16, UI16]>:$zero);
  let assemblyFormat = "$x `,` $zero attr-dict `:` type($x) `,` type($zero) `->` type($result)";
  let hasFolder = 1;
}

def Graph_BitCastOp : Graph_ElementwiseOp<"bit_cast"> {
  let summary = "the same bits as another element type of the same width";
  let arguments = (ins Graph_Tensor:$x, TypeAttr:$to);
  let assemblyFormat = "$x `to` $to attr-dict `:` type($x) `->` type($result)";
}

//===-- Strings -----------------------------------------------------------------//

// The numbers are those of weft_string_function in Artifact/Abi.h.
def Graph_StringFunction : I32EnumAttr<"StringFunction", "what is done with strings", [
    I32EnumAttrCase<"concat", 0>, I32EnumAttrCase<"lower", 1>, I32EnumAttrCase<"upper", 2>,
    I32EnumAttrCase<"parts", 3>, I32EnumAttrCase<"part", 4>, I32EnumAttrCase<"match", 5>,
    I32EnumAttrCase<"is_number", 6>, I32EnumAttrCase<"to_number", 7>, I32EnumAttrCase<"is_integer", 8>,
    I32EnumAttrCase<"to_integer", 9>, I32EnumAttrCase<"of_float", 10>, I32EnumAttrCase<"of_double", 11>,
    I32EnumAttrCase<"of_integer", 12>, I32EnumAttrCase<"of_unsigned", 13>,
    I32EnumAttrCase<"tokens", 14>, I32EnumAttrCase<"token", 15>]> {
  let cppNamespace = "::weft::graph";
  let genSpecializedAttr = 0;
}
def Graph_StringFunctionAttr : EnumAttr<Graph_Dialect, Graph_StringFunction, "string_function">;

def Graph_StringOp : Graph_ElementwiseOp<"string"> {
  let summary = "a function of strings, which are numbers in a table that grows during a run";
  let description = [{
    Equal strings have equal numbers. `concat` x y; `lower` x, `upper` x; `parts` x
    separator most, how many parts of x there are; `part` x separator most i, the
    i-th of them or the empty string; `match` x automaton, 0 or 1; `is_number`,
    `is_integer` x, 0 or 1, and `to_number` x, the bits of an f64, `to_integer` x;
    `of_float`, `of_double` bits of an f64; `of_integer`, `of_unsigned` x; `tokens` x
    automaton least, how many pieces of x the automaton accepts that have `least`
    characters, and `token` x automaton least i, the i-th of them.
    ```mlir
    %y = graph.string concat(%a, %b) : (tensor<?xi64>, tensor<?xi64>) -> tensor<?xi64>
    ```
  }];
  let arguments = (ins Graph_StringFunctionAttr:$function, Variadic<TensorOf<[I64]>>:$arguments);
  let assemblyFormat = "$function `(` $arguments `)` attr-dict `:` functional-type($arguments, $result)";
}

#endif // WEFT_GRAPH_ELEMENTWISE
