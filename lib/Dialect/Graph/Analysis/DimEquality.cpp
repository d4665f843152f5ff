// Sums and products of extents are brought to one form; what is no polynomial
// (quotients, maxima, choices) becomes an atom named by its operands' numbers,
// so that it equals itself. Overflow of coefficients makes an atom too few, not
// a wrong equality: both sides wrap alike.

#include "weft/Dialect/Graph/Analysis/DimEquality.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace weft::graph {

DimEquality::Expr DimEquality::number(const Poly &poly) {
  auto [entry, isNew] = numbers.try_emplace(poly, polys.size());
  if (isNew)
    polys.push_back(poly);
  return entry->second;
}

DimEquality::Expr DimEquality::atom(const Twine &text, bool nonNegative) {
  auto [entry, isNew] = atoms.try_emplace(text.str(), atoms.size());
  if (isNew)
    atomIsNonNegative.push_back(nonNegative);
  return number(Poly{{{entry->second}, 1}});
}

std::optional<int64_t> DimEquality::constantOf(Expr x) const {
  const Poly &poly = polys[x];
  if (poly.empty())
    return 0;
  if (poly.size() == 1 && poly.begin()->first.empty())
    return poly.begin()->second;
  return std::nullopt;
}

bool DimEquality::isNonNegative(Expr x) const {
  return llvm::all_of(polys[x], [&](const auto &term) {
    return term.second >= 0 && llvm::all_of(term.first, [&](unsigned atom) {
             return atomIsNonNegative[atom];
           });
  });
}

DimEquality::Expr DimEquality::add(Expr x, Expr y, int64_t scale) {
  Poly sum = polys[x];
  for (const auto &[monomial, coefficient] : polys[y]) {
    int64_t &own = sum[monomial];
    own = uint64_t(own) + uint64_t(coefficient) * uint64_t(scale);
    if (own == 0)
      sum.erase(monomial);
  }
  return number(sum);
}

DimEquality::Expr DimEquality::mul(Expr x, Expr y) {
  Poly product;
  for (const auto &[m, a] : polys[x])
    for (const auto &[n, c] : polys[y]) {
      Monomial joined(m);
      joined.insert(joined.end(), n.begin(), n.end());
      llvm::sort(joined);
      int64_t &own = product[joined];
      own = uint64_t(own) + uint64_t(a) * uint64_t(c);
      if (own == 0)
        product.erase(joined);
    }
  return number(product);
}

DimEquality::Expr DimEquality::div(Expr x, Expr y, StringRef kind) {
  // A reshape divides by max(y, 1); where y is 0 it has failed the run.
  auto safe = atLeastOne.find(y);
  const Poly &divisor = polys[safe == atLeastOne.end() ? y : safe->second];
  // A term that divides every term leaves an exact quotient.
  if (kind != "mod" && divisor.size() == 1) {
    auto [monomial, coefficient] = *divisor.begin();
    Poly quotient;
    for (const auto &[m, c] : polys[x]) {
      Monomial rest;
      if (c % coefficient ||
          !std::includes(m.begin(), m.end(), monomial.begin(), monomial.end()))
        break;
      std::set_difference(m.begin(), m.end(), monomial.begin(), monomial.end(),
                          std::back_inserter(rest));
      quotient[rest] = c / coefficient;
    }
    if (quotient.size() == polys[x].size())
      return number(quotient);
  }
  bool nonNegative = isNonNegative(x) && isNonNegative(y);
  // Of what is not negative, truncation is rounding down.
  StringRef name = kind == "trunc" && nonNegative ? "floor" : kind;
  return atom(Twine(name) + "(" + Twine(x) + "," + Twine(y) + ")", nonNegative);
}

DimEquality::Expr DimEquality::extremum(Expr x, Expr y, StringRef kind) {
  if (x == y)
    return x;
  auto a = constantOf(x), c = constantOf(y);
  if (a && c)
    return constant(kind == "max" ? std::max(*a, *c) : std::min(*a, *c));
  if (kind == "max" && c && *c <= 0 && isNonNegative(x))
    return x;
  if (kind == "max" && a && *a <= 0 && isNonNegative(y))
    return y;
  bool nonNegative = kind == "max" ? isNonNegative(x) || isNonNegative(y)
                                   : isNonNegative(x) && isNonNegative(y);
  Expr result = atom(kind + "(" + Twine(std::min(x, y)) + "," +
                         Twine(std::max(x, y)) + ")",
                     nonNegative);
  if (kind == "max" && c == 1 && isNonNegative(x))
    atLeastOne[result] = x;
  return result;
}

DimEquality::Expr DimEquality::ofAffine(AffineExpr expr, ArrayRef<Expr> dims,
                                        ArrayRef<Expr> symbols) {
  if (auto constantExpr = dyn_cast<AffineConstantExpr>(expr))
    return constant(constantExpr.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Expr x = ofAffine(binary.getLHS(), dims, symbols);
  Expr y = ofAffine(binary.getRHS(), dims, symbols);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return add(x, y);
  case AffineExprKind::Mul:
    return mul(x, y);
  case AffineExprKind::FloorDiv:
    return div(x, y, "floor");
  case AffineExprKind::CeilDiv:
    return div(x, y, "ceil");
  default:
    return div(x, y, "mod");
  }
}

DimEquality::Expr DimEquality::ofOp(Operation *op) {
  auto x = [&](unsigned i) { return ofValue(op->getOperand(i)); };
  auto opaque = [&] {
    return atom("value " + Twine(reinterpret_cast<uintptr_t>(
                               op->getResult(0).getAsOpaquePointer())),
                false);
  };
  if (op->getNumResults() != 1)
    return opaque();
  return TypeSwitch<Operation *, Expr>(op)
      .Case([&](arith::IndexCastOp) { return x(0); })
      .Case([&](arith::AddIOp) { return add(x(0), x(1)); })
      .Case([&](arith::SubIOp) { return add(x(0), x(1), -1); })
      .Case([&](arith::MulIOp) { return mul(x(0), x(1)); })
      .Case([&](arith::DivSIOp) { return div(x(0), x(1), "trunc"); })
      .Case([&](arith::FloorDivSIOp) { return div(x(0), x(1), "floor"); })
      .Case([&](arith::CeilDivSIOp) { return div(x(0), x(1), "ceil"); })
      .Case([&](arith::MaxSIOp) { return extremum(x(0), x(1), "max"); })
      .Case([&](arith::MinSIOp) { return extremum(x(0), x(1), "min"); })
      .Case([&](arith::CmpIOp compare) {
        return atom("cmp" + Twine(static_cast<int>(compare.getPredicate())) +
                        "(" + Twine(x(0)) + "," + Twine(x(1)) + ")",
                    true);
      })
      .Case([&](arith::SelectOp) {
        Expr condition = x(0), a = x(1), c = x(2);
        if (a == c)
          return a;
        return atom("select(" + Twine(condition) + "," + Twine(a) + "," +
                        Twine(c) + ")",
                    isNonNegative(a) && isNonNegative(c));
      })
      .Case([&](affine::AffineApplyOp apply) {
        SmallVector<Expr> operands;
        for (Value operand : apply.getMapOperands())
          operands.push_back(ofValue(operand));
        AffineMap map = apply.getAffineMap();
        return ofAffine(map.getResult(0),
                        ArrayRef(operands).take_front(map.getNumDims()),
                        ArrayRef(operands).drop_front(map.getNumDims()));
      })
      .Case([&](tensor::DimOp dim) {
        std::optional<int64_t> index = dim.getConstantIndex();
        if (!index || !isa<RankedTensorType>(dim.getSource().getType()))
          return opaque();
        OpFoldResult resolved = dims.dim(dim.getSource(), *index);
        if (auto value = dyn_cast<Value>(resolved))
          if (auto own = value.getDefiningOp<tensor::DimOp>();
              own && own.getSource() == dim.getSource())
            return atom("dim " + Twine(*index) + " of " +
                            Twine(reinterpret_cast<uintptr_t>(
                                dim.getSource().getAsOpaquePointer())),
                        true);
        return of(resolved);
      })
      .Case([&](tensor::ExtractOp extract) {
        std::string text = "element";
        for (Value index : extract.getIndices())
          text += " " + std::to_string(ofValue(index));
        return atom(text + " of " +
                        Twine(reinterpret_cast<uintptr_t>(
                            extract.getTensor().getAsOpaquePointer())),
                    false);
      })
      .Default([&](Operation *) { return opaque(); });
}

DimEquality::Expr DimEquality::ofValue(Value value) {
  if (auto known = values.find(value); known != values.end())
    return known->second;
  Expr expr;
  if (std::optional<int64_t> known = getConstantIntValue(value))
    expr = constant(*known);
  else if (Operation *op = value.getDefiningOp())
    expr = ofOp(op);
  else
    expr =
        atom("argument " +
                 Twine(reinterpret_cast<uintptr_t>(value.getAsOpaquePointer())),
             false);
  return values[value] = expr;
}

DimEquality::Expr DimEquality::of(OpFoldResult scalar) {
  if (std::optional<int64_t> known = getConstantIntValue(scalar))
    return constant(*known);
  return ofValue(cast<Value>(scalar));
}

bool DimEquality::sameShape(Value a, Value b) {
  int64_t rank = tensorType(a).getRank();
  if (rank != tensorType(b).getRank())
    return false;
  return llvm::all_of(llvm::seq<int64_t>(0, rank),
                      [&](int64_t i) { return sameDim(a, i, b, i); });
}

} // namespace weft::graph
