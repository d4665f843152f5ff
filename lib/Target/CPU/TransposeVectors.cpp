// At each stage pairs of rows exchange every other run of lanes, of 1, 2, 4 and
// so on.

#include "TransposeVectors.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace weft::cpu {

SmallVector<Value> transposeVectors(ImplicitLocOpBuilder &b,
                                    ArrayRef<Value> rows) {
  SmallVector<Value> now(rows);
  int64_t n = rows.size();
  for (int64_t run = 1; run < n; run *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < n; ++lane) {
      bool exchanges = lane & run;
      low.push_back(exchanges ? n + lane - run : lane);
      high.push_back(exchanges ? n + lane : lane + run);
    }
    for (int64_t i = 0; i < n; ++i) {
      if (i & run)
        continue;
      Value x = now[i], y = now[i + run];
      now[i] = vector::ShuffleOp::create(b, x, y, low);
      now[i + run] = vector::ShuffleOp::create(b, x, y, high);
    }
  }
  return now;
}

} // namespace weft::cpu
