// What the operators of the attention family have in common, as graph ops:
// softmax(q · kᵀ * scale + bias, where a key may be seen) · v.
#ifndef WEFT_LIB_IMPORT_ONNX_ROWS_ATTENTIONPARTS_H
#define WEFT_LIB_IMPORT_ONNX_ROWS_ATTENTIONPARTS_H

#include "../Table.h"

namespace weft::onnx::attention {

/// [batch, sequence, heads * size] as [batch, heads, sequence, size].
mlir::Value splitHeads(NodeImport &n, mlir::Value x, int64_t heads);
/// The inverse.
mlir::Value joinHeads(NodeImport &n, mlir::Value x);

/// Row i of x · m of each head; head h of `x` [batch, heads, rows, size] meets
/// head h / (heads / groups) of `m` [batch, groups, …, …].
mlir::Value headProduct(NodeImport &n, mlir::Value x, mlir::Value m,
                        bool transposed);

/// Which keys a query may see, by position: i64 tensors that broadcast to
/// [batch, heads, queries, keys].
struct Positions {
  mlir::Value query, key;
};
/// 0, 1, … of `keys` and, `offset` later, of `queries`. `offset` is null for
/// none, or broadcasts to [batch, 1, queries, 1].
Positions positions(NodeImport &n, mlir::Value queries, mlir::Value keys,
                    mlir::Value offset);

/// `a` and `b`, of which null says nothing.
mlir::Value both(NodeImport &n, mlir::Value a, mlir::Value b);

/// `mask` with further columns of `value` up to as many as `keys` has along
/// axis 2.
mlir::Value widen(NodeImport &n, mlir::Value mask, mlir::Value keys,
                  double value);

struct Spec {
  mlir::Value query, key, value; ///< [batch, heads, sequence, size]
  mlir::Value bias;              ///< added; null for none
  mlir::Value visible;           ///< i1; null for all
  std::optional<double> scale;   ///< else 1 / sqrt(size)
  double softcap = 0;            ///< 0: none
  mlir::Type precision;          ///< of the softmax; null for the inputs'
};
struct Result {
  mlir::Value output;
  /// The product, then with softcap, then with bias and mask, then softmax.
  mlir::Value steps[4];
};
Result attend(NodeImport &n, const Spec &spec);

} // namespace weft::onnx::attention

#endif // WEFT_LIB_IMPORT_ONNX_ROWS_ATTENTIONPARTS_H
