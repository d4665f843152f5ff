// Which extents are equal, whatever a run brings.
#ifndef WEFT_DIALECT_GRAPH_ANALYSIS_DIMEQUALITY_H
#define WEFT_DIALECT_GRAPH_ANALYSIS_DIMEQUALITY_H

#include "weft/Dialect/Graph/Analysis/DimResolver.h"
#include "llvm/ADT/StringMap.h"
#include <map>
#include <vector>

namespace weft::graph {

/// Compares extents as polynomials over what cannot be looked into: extents of
/// arguments, elements of data, quotients, …. Creates index arithmetic while it
/// lives (see DimResolver), and removes what is unused at its end; tensors that
/// it was asked about must not be erased before.
class DimEquality {
public:
  explicit DimEquality(mlir::MLIRContext *context) : dims(context) {}
  ~DimEquality() { dims.eraseUnused(); }

  /// True where extent `i` of `a` is extent `j` of `b` in every run. False
  /// where that is not so or cannot be seen.
  bool sameDim(mlir::Value a, int64_t i, mlir::Value b, int64_t j) {
    return same(dims.dim(a, i), dims.dim(b, j));
  }
  /// The same of index or i64 scalars.
  bool same(mlir::OpFoldResult x, mlir::OpFoldResult y) {
    return x == y || of(x) == of(y);
  }
  /// True where an index or i64 scalar is never negative.
  bool isNonNegative(mlir::OpFoldResult x) { return isNonNegative(of(x)); }
  /// True where tensors of one rank have equal extents.
  bool sameShape(mlir::Value a, mlir::Value b);

  DimResolver &resolver() { return dims; }

private:
  /// Polynomials are numbered: equal numbers, equal values. A term is a sorted
  /// list of atoms and its coefficient.
  using Expr = unsigned;
  using Monomial = std::vector<unsigned>;
  using Poly = std::map<Monomial, int64_t>;

  Expr of(mlir::OpFoldResult scalar);
  Expr ofValue(mlir::Value value);
  Expr ofOp(mlir::Operation *op);
  Expr ofAffine(mlir::AffineExpr expr, llvm::ArrayRef<Expr> dims,
                llvm::ArrayRef<Expr> symbols);
  Expr number(const Poly &poly);
  Expr constant(int64_t value) {
    return number(value ? Poly{{{}, value}} : Poly());
  }
  /// Something that is equal only to what has the same text.
  Expr atom(const llvm::Twine &text, bool nonNegative);
  Expr add(Expr x, Expr y, int64_t scale = 1);
  Expr mul(Expr x, Expr y);
  Expr div(Expr x, Expr y, llvm::StringRef kind);
  Expr extremum(Expr x, Expr y, llvm::StringRef kind);
  bool isNonNegative(Expr x) const;
  std::optional<int64_t> constantOf(Expr x) const;

  DimResolver dims;
  std::vector<Poly> polys;
  std::map<Poly, Expr> numbers;
  llvm::StringMap<unsigned> atoms;
  std::vector<bool> atomIsNonNegative;
  /// max(x, 1) -> x.
  llvm::DenseMap<Expr, Expr> atLeastOne;
  llvm::DenseMap<mlir::Value, Expr> values;
};

} // namespace weft::graph

#endif // WEFT_DIALECT_GRAPH_ANALYSIS_DIMEQUALITY_H
