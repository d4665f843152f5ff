// The scalar body of an elementwise op as a program over blocks of elements:
// compiled once an op, then run at the speed of the loops it consists of.
#ifndef WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_SCALARPROGRAM_H
#define WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_SCALARPROGRAM_H

#include "weft/Dialect/Graph/IR/Graph.h"
#include <functional>

namespace weft::graph {

/// How elements are held in a block: floats up to 32 bits as float, f64 as
/// double, integers of any width zero-extended to 64 bits.
enum class Lane : uint8_t { F32, F64, Int };

/// The lane of an element type; nothing where no lane holds it exactly.
std::optional<Lane> laneOf(mlir::Type type);

/// Reads `count` elements of `type` that lie `stride` elements apart into
/// lanes; stride 0 repeats one. `type` must have a lane.
void loadLanes(mlir::Type type, const char *from, int64_t stride, int64_t count,
               void *to);
/// Writes lanes as consecutive elements of `type`.
void storeLanes(mlir::Type type, const void *from, int64_t count, char *to);

class ScalarProgram {
public:
  static constexpr int64_t kBlock = 512;

  /// Nothing where the body has an operation that the evaluator does not know.
  static std::optional<ScalarProgram> compile(ScalarBody op);

  /// The registers of one evaluation; registers of arguments come first.
  class Frame {
  public:
    Frame(const ScalarProgram &program, int64_t block);
    template <typename T>
    T *as(unsigned i) {
      return reinterpret_cast<T *>(memory.get() + i * block * 8);
    }

  private:
    std::unique_ptr<char[]> memory;
    int64_t block;
  };
  /// Runs over the first `count` elements of the argument registers.
  void run(Frame &frame, int64_t count) const {
    for (const Step &step : steps)
      step(frame, count);
  }
  unsigned resultRegister() const { return result; }

private:
  friend class Compiler;
  using Step = std::function<void(Frame &, int64_t)>;
  std::vector<Step> steps;
  /// Registers that hold one value throughout, as raw lanes.
  std::vector<std::pair<unsigned, uint64_t>> constants;
  unsigned registers = 0, result = 0;
  llvm::SmallVector<Lane> lanes;
};

} // namespace weft::graph

#endif // WEFT_LIB_DIALECT_GRAPH_TRANSFORMS_SCALARPROGRAM_H
