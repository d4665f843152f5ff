// Elementwise ops on constants: the scalar program runs over blocks of the
// result, operands are read at their (broadcast) strides. Dimensions that all
// operands step through alike are merged first, so that rows are long.

#include "EvaluateFamilies.h"
#include "ScalarProgram.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;

namespace weft::graph {

namespace {

struct Source {
  Type type;
  const char *data;
  unsigned size;
  SmallVector<int64_t> strides; // of the merged dimensions
};

/// Strides of an operand along the result's dimensions; 0 where it repeats.
SmallVector<int64_t> broadcastStrides(const ConstantData &operand,
                                      ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 0);
  if (operand.isSplat())
    return strides;
  ArrayRef<int64_t> own = operand.type().getShape();
  SmallVector<int64_t> dense = rowMajorStrides(own);
  size_t offset = shape.size() - own.size();
  for (size_t i = 0; i < own.size(); ++i)
    strides[offset + i] = own[i] == 1 ? 0 : dense[i];
  return strides;
}

/// Drops extents of 1 and merges neighbours through which every source steps
/// at one stride. Leaves one dimension at least.
void mergeDims(SmallVectorImpl<int64_t> &shape,
               MutableArrayRef<Source> sources) {
  SmallVector<int64_t> merged;
  SmallVector<SmallVector<int64_t>> strides(sources.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1)
      continue;
    bool joins = !merged.empty();
    for (size_t s = 0; joins && s < sources.size(); ++s)
      joins = strides[s].back() == sources[s].strides[d] * shape[d];
    if (joins)
      merged.back() *= shape[d];
    else
      merged.push_back(shape[d]);
    for (size_t s = 0; s < sources.size(); ++s) {
      if (joins)
        strides[s].back() = sources[s].strides[d];
      else
        strides[s].push_back(sources[s].strides[d]);
    }
  }
  if (merged.empty()) {
    merged.push_back(1);
    for (auto &list : strides)
      list.push_back(0);
  }
  shape = std::move(merged);
  for (size_t s = 0; s < sources.size(); ++s)
    sources[s].strides = std::move(strides[s]);
}

/// Steps through the result in row-major order and loads blocks of operands.
class BlockReader {
public:
  BlockReader(ArrayRef<int64_t> shape, ArrayRef<Source> sources)
      : shape(shape), sources(sources), index(shape.size(), 0),
        offsets(sources.size(), 0) {}

  void load(ScalarProgram::Frame &frame, int64_t count) {
    for (int64_t done = 0; done < count;) {
      int64_t run = std::min(shape.back() - index.back(), count - done);
      for (size_t s = 0; s < sources.size(); ++s) {
        const Source &source = sources[s];
        loadLanes(source.type, source.data + offsets[s] * source.size,
                  source.strides.back(), run, lane(frame, s, done));
      }
      done += run;
      advance(run);
    }
  }

private:
  void *lane(ScalarProgram::Frame &frame, size_t s, int64_t done) {
    if (laneOf(sources[s].type) == Lane::F32)
      return frame.as<float>(s) + done;
    return frame.as<uint64_t>(s) + done;
  }

  void advance(int64_t run) {
    step(shape.size() - 1, run);
    for (size_t d = shape.size() - 1; d > 0 && index[d] == shape[d]; --d) {
      step(d, -shape[d]);
      step(d - 1, 1);
    }
  }
  void step(size_t d, int64_t by) {
    index[d] += by;
    for (size_t s = 0; s < sources.size(); ++s)
      offsets[s] += by * sources[s].strides[d];
  }

  ArrayRef<int64_t> shape;
  ArrayRef<Source> sources;
  SmallVector<int64_t> index, offsets;
};

} // namespace

ElementsAttr evaluateElementwise(ScalarBody op, ArrayRef<ConstantData> operands,
                                 RankedTensorType type) {
  Type element = type.getElementType();
  if (!laneOf(element))
    return {};
  std::optional<ScalarProgram> program = ScalarProgram::compile(op);
  if (!program)
    return {};
  bool splat = llvm::all_of(operands, [](auto &o) { return o.isSplat(); });
  SmallVector<int64_t> shape(type.getShape());
  if (splat)
    shape.assign({1});
  int64_t total = computeProduct(shape);
  SmallVector<Source> sources;
  for (const ConstantData &operand : operands) {
    Type from = operand.type().getElementType();
    SmallVector<int64_t> strides =
        splat ? SmallVector<int64_t>{0} : broadcastStrides(operand, shape);
    sources.push_back(
        {from, operand.bytes().data(), elementBytes(from), strides});
  }
  mergeDims(shape, sources);
  int64_t block = std::min(total, ScalarProgram::kBlock);
  ScalarProgram::Frame frame(*program, block);
  unsigned size = elementBytes(element);
  AsmResourceBlob blob;
  SmallVector<char, 8> one(size);
  char *to = one.data();
  if (!splat) {
    blob = allocateConstant(type);
    to = blob.getMutableData().data();
  }
  BlockReader reader(shape, sources);
  for (int64_t done = 0; done < total; done += block) {
    int64_t count = std::min(block, total - done);
    reader.load(frame, count);
    program->run(frame, count);
    storeLanes(element, frame.as<char>(program->resultRegister()), count,
               to + done * size);
  }
  if (splat)
    return makeConstant(type, one);
  return makeConstant(type, std::move(blob));
}

} // namespace weft::graph
