// Every comparison becomes x <= threshold, which is all that the op knows:
// x < t is x <= the number before t, and an equality is two of them. Children
// stand side by side behind their parents; a node that two others lead to is
// written twice, but what is below it once.
#include "Forest.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

namespace {

/// x <= threshold goes right, all else left; NaN goes right with `nanRight`.
struct Test {
  int64_t feature = 0;
  double threshold = NAN; ///< NaN: a leaf
  bool nanRight = false;
  int64_t left = -1, right = -1; ///< tests
  int64_t leaf = -1;             ///< node of the spec
  int64_t pair = -1;             ///< where the children stand
  int64_t row = -1;              ///< of a leaf
};

class Flattener {
public:
  Flattener(NodeImport &n, const ForestSpec &spec, bool isDouble)
      : n(n), spec(spec), isDouble(isDouble) {}

  LogicalResult run();
  Value build(Value x);

private:
  double before(double x) const {
    return isDouble ? std::nextafter(x, -HUGE_VAL)
                    : std::nextafterf(float(x), -HUGE_VALF);
  }
  int64_t add(Test test) {
    tests.push_back(test);
    return tests.size() - 1;
  }
  void translate(int64_t node);
  int64_t equality(const ForestSpec::Node &node, double value, int64_t yes,
                   int64_t no, bool nanIsTrue);
  LogicalResult measure();
  std::vector<int64_t> waysTo() const;
  int64_t rows() const { return rowEnds.size() - 1; }
  void place();
  void mergeLeaves();
  Value list(ArrayRef<int32_t> values, ArrayRef<int64_t> shape);
  LogicalResult checkFeatures(Value x);
  void chooseWords();
  uint64_t thresholdOf(const Test &test) const;
  template <typename Word>
  DenseElementsAttr nodes() const;
  std::pair<Value, Value> leaves();

  NodeImport &n;
  const ForestSpec &spec;
  bool isDouble;
  std::vector<Test> tests; ///< the first ones are the spec's nodes
  int64_t depth = 0;
  std::vector<std::pair<int64_t, int64_t>> placed; ///< slot, test
  std::vector<int32_t> roots;
  /// What leaves add to which target, one entry a target; where those of each
  /// leaf end, with a 0 before all.
  std::vector<std::pair<int64_t, double>> entries;
  std::vector<int64_t> rowEnds = {0};
  int64_t mostFeature = 0, wordBits = 32, featureBits = 1;
  bool nanRight = false;
};

/// Tests for x == value; NaN goes to `no` unless `nanIsTrue`.
int64_t Flattener::equality(const ForestSpec::Node &node, double value,
                            int64_t yes, int64_t no, bool nanIsTrue) {
  int64_t below = add({node.feature, before(value), false, yes, no});
  return add({node.feature, value, nanIsTrue, no, below});
}

void Flattener::translate(int64_t number) {
  const ForestSpec::Node &node = spec.nodes[number];
  double value = isDouble ? node.value : double(float(node.value));
  Test test;
  test.feature = node.feature;
  switch (node.branch) {
  case Branch::leaf:
    test.leaf = number;
    break;
  case Branch::leq:
  case Branch::lt:
    test.threshold = node.branch == Branch::leq ? value : before(value);
    test.nanRight = node.nanIsTrue;
    test.left = node.no;
    test.right = node.yes;
    break;
  case Branch::gt:
  case Branch::gte:
    test.threshold = node.branch == Branch::gt ? value : before(value);
    test.nanRight = !node.nanIsTrue;
    test.left = node.yes;
    test.right = node.no;
    break;
  case Branch::eq:
    test = tests[equality(node, value, node.yes, node.no, node.nanIsTrue)];
    break;
  case Branch::neq: // NaN is unlike any number
    test = tests[equality(node, value, node.no, node.yes, false)];
    break;
  case Branch::member: {
    int64_t next = node.no;
    for (double member : llvm::reverse(node.members))
      next = equality(node, isDouble ? member : double(float(member)), node.yes,
                      next, node.nanIsTrue);
    if (next != node.no)
      test = tests[next];
    else // of nothing: never, by a threshold below all
      test = {node.feature, -HUGE_VAL, false, node.no, node.no};
    break;
  }
  }
  tests[number] = test;
}

/// The longest way down, by counting how many ways to a test are still open.
LogicalResult Flattener::measure() {
  std::vector<int64_t> open(tests.size(), 0), level(tests.size(), 0), ready;
  auto isLeaf = [&](int64_t test) { return tests[test].leaf >= 0; };
  for (const Test &test : tests)
    if (test.leaf < 0)
      ++open[test.left], ++open[test.right];
  for (size_t i = 0; i < tests.size(); ++i)
    if (!open[i])
      ready.push_back(i);
  size_t done = 0;
  while (!ready.empty()) {
    int64_t test = ready.back();
    ready.pop_back();
    ++done;
    depth = std::max(depth, level[test]);
    if (isLeaf(test))
      continue;
    for (int64_t child : {tests[test].left, tests[test].right}) {
      level[child] = std::max(level[child], level[test] + 1);
      if (--open[child] == 0)
        ready.push_back(child);
    }
  }
  if (done == tests.size())
    return success();
  // What is left stands on a cycle or below one, so ways up end on it.
  std::vector<int64_t> above(tests.size(), -1);
  for (size_t i = 0; i < tests.size(); ++i)
    if (open[i] && !isLeaf(i))
      above[tests[i].left] = above[tests[i].right] = i;
  int64_t node =
      llvm::find_if(open, [](int64_t ways) { return ways > 0; }) - open.begin();
  for (int64_t steps = tests.size();
       steps > 0 || node >= int64_t(spec.nodes.size()); --steps)
    node = above[node];
  return n.error() << "node " << node << " of the trees is below itself";
}

/// For each test how many places of the forest lead to it.
std::vector<int64_t> Flattener::waysTo() const {
  std::vector<int64_t> ways(tests.size(), 0),
      next(spec.roots.begin(), spec.roots.end());
  while (!next.empty()) {
    int64_t test = next.back();
    next.pop_back();
    if (ways[test]++ == 0 && tests[test].leaf < 0)
      next.insert(next.end(), {tests[test].left, tests[test].right});
  }
  return ways;
}

/// Gives every test a slot, level by level, so that the upper levels of a tree,
/// which every row passes, stand together. The last place that leads to a test
/// decides where its children stand: so no offset is negative.
void Flattener::place() {
  std::vector<int64_t> open = waysTo();
  int64_t slots = 0;
  for (int64_t root : spec.roots) {
    size_t next = placed.size();
    roots.push_back(int32_t(slots));
    placed.push_back({slots++, root});
    for (; next < placed.size(); ++next) {
      Test &test = tests[placed[next].second];
      if (--open[placed[next].second] > 0 || test.leaf >= 0)
        continue;
      test.pair = slots;
      slots += 2;
      placed.push_back({test.pair, test.left});
      placed.push_back({test.pair + 1, test.right});
    }
  }
}

/// Numbers the leaves in the order of their slots.
void Flattener::mergeLeaves() {
  std::vector<std::pair<int64_t, double>> row;
  std::vector<size_t> where(spec.targets, 0); // of a target in the row
  for (auto [slot, number] : placed) {
    Test &test = tests[number];
    if (test.leaf < 0 || test.row >= 0)
      continue;
    row.clear();
    for (auto [target, weight] : spec.leaves[test.leaf]) {
      size_t &at = where[target];
      if (at < row.size() && row[at].first == target) {
        row[at].second += weight;
      } else {
        at = row.size();
        row.push_back({target, weight});
      }
    }
    for (auto [target, weight] : row)
      if (weight != 0 || spec.kind != graph::ReduceKind::sum)
        entries.push_back({target, weight});
    test.row = rows();
    rowEnds.push_back(entries.size());
  }
}

LogicalResult Flattener::run() {
  constexpr size_t kMost = 1 << 28;
  int64_t count = spec.nodes.size();
  for (const ForestSpec::Node &node : spec.nodes)
    if (node.branch != Branch::leaf &&
        (node.yes < 0 || node.yes >= count || node.no < 0 || node.no >= count ||
         node.feature < 0 || node.feature > INT32_MAX))
      return n.error() << "a node leads to nodes " << node.yes << " and "
                       << node.no << " of " << count << " by feature "
                       << node.feature;
  for (int64_t root : spec.roots)
    if (root < 0 || root >= count)
      return n.error() << "a tree begins at node " << root << " of " << count;
  tests.resize(count);
  for (int64_t i = 0; i < count; ++i)
    translate(i);
  if (tests.size() > kMost)
    return n.error() << "has " << tests.size() << " nodes, " << kMost
                     << " at most are supported";
  if (failed(measure()))
    return failure();
  place();
  mergeLeaves();
  for (auto [slot, number] : placed) {
    mostFeature = std::max(mostFeature, tests[number].feature);
    nanRight |= tests[number].nanRight;
  }
  chooseWords();
  return success();
}

Value Flattener::list(ArrayRef<int32_t> values, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, n.b.getI32Type());
  return graph::ConstantOp::create(n.b, n.loc,
                                   DenseElementsAttr::get(type, values));
}

/// A constant of `values`, rounded to `element`.
static Value numbers(NodeImport &n, ArrayRef<double> values,
                     ArrayRef<int64_t> shape, Type element) {
  auto type = RankedTensorType::get(shape, element);
  if (element.isF64())
    return graph::ConstantOp::create(n.b, n.loc,
                                     DenseElementsAttr::get(type, values));
  std::vector<float> narrow(values.begin(), values.end());
  return graph::ConstantOp::create(
      n.b, n.loc, DenseElementsAttr::get(type, ArrayRef<float>(narrow)));
}

/// Fails the run, or the import where it is known, if rows are too short.
LogicalResult Flattener::checkFeatures(Value x) {
  int64_t extent = NodeImport::typeOf(x).getDimSize(1);
  if (!ShapedType::isDynamic(extent)) {
    if (mostFeature < extent)
      return success();
    return n.error() << "compares feature " << mostFeature
                     << " where rows have " << extent;
  }
  Value have = tensor::DimOp::create(n.b, n.loc, x, 1),
        need = arith::ConstantIndexOp::create(n.b, n.loc, mostFeature);
  Value fits =
      arith::CmpIOp::create(n.b, n.loc, arith::CmpIPredicate::ult, need, have);
  kernel::CheckOp::create(
      n.b, n.loc, fits, ValueRange{need, have},
      n.b.getStringAttr(describeNode({n.node.name(), n.node.op_type()}) +
                        ": compares feature {0} where rows have {1}"));
  return success();
}

/// Words of 32 bits serve floats, unless numbers need more.
void Flattener::chooseWords() {
  uint64_t offset = 0;
  for (auto [slot, number] : placed)
    if (tests[number].leaf < 0)
      offset = std::max<uint64_t>(offset, tests[number].pair - slot);
  int64_t offsetBits = llvm::bit_width(offset);
  featureBits =
      std::max(1, llvm::bit_width(uint64_t(mostFeature))) + int64_t(nanRight);
  bool fits = featureBits + offsetBits <= 32 &&
              rows() <= 1 << graph::TreeEnsembleOp::rowBits(32);
  wordBits = isDouble || !fits ? 64 : 32;
  // Whole bytes are read without a mask.
  if (int64_t bytes = llvm::alignTo(featureBits, 8);
      bytes + offsetBits <= wordBits)
    featureBits = bytes;
}

uint64_t Flattener::thresholdOf(const Test &test) const {
  if (wordBits == 32)
    return test.leaf < 0 ? llvm::bit_cast<uint32_t>(float(test.threshold))
                         : 0x7fc00000u | uint32_t(test.row);
  return test.leaf < 0 ? llvm::bit_cast<uint64_t>(test.threshold)
                       : 0x7ff8000000000000u | uint64_t(test.row);
}

template <typename Word>
DenseElementsAttr Flattener::nodes() const {
  std::vector<Word> words(2 * placed.size());
  for (auto [slot, number] : placed) {
    const Test &test = tests[number];
    words[2 * slot] = Word(thresholdOf(test));
    if (test.leaf < 0)
      words[2 * slot + 1] = Word(uint64_t(test.pair - slot) << featureBits |
                                 uint64_t(test.nanRight) << (featureBits - 1) |
                                 uint64_t(test.feature));
  }
  auto type = RankedTensorType::get({int64_t(placed.size()), 2},
                                    n.b.getIntegerType(wordBits));
  return DenseElementsAttr::get(type, ArrayRef<Word>(words));
}

/// The weights of leaves, and of which targets they are where few targets are
/// spoken of.
std::pair<Value, Value> Flattener::leaves() {
  // To add at a place that is read is slower than to add a whole row.
  constexpr int64_t kSparse = 4;
  int64_t count = rows(), columns = 1;
  for (int64_t i = 0; i < count; ++i)
    columns = std::max(columns, rowEnds[i + 1] - rowEnds[i]);
  bool sparse = kSparse * columns <= spec.targets;
  if (!sparse)
    columns = spec.targets;
  // A target that no leaf of a tree speaks of does not change there.
  double absent = spec.kind == graph::ReduceKind::max   ? -HUGE_VAL
                  : spec.kind == graph::ReduceKind::min ? HUGE_VAL
                                                        : 0;
  std::vector<double> weights(count * columns, absent);
  std::vector<int32_t> ids(sparse ? count * columns : 0, 0);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t k = rowEnds[i]; k < rowEnds[i + 1]; ++k) {
      auto [target, weight] = entries[k];
      int64_t at = i * columns + (sparse ? k - rowEnds[i] : target);
      weights[at] = weight;
      if (sparse)
        ids[at] = int32_t(target);
    }
  SmallVector<int64_t> shape = {count, columns};
  return {numbers(n, weights, shape, spec.weightType),
          sparse ? list(ids, shape) : nullptr};
}

Value Flattener::build(Value x) {
  if (failed(checkFeatures(x)))
    return nullptr;
  Value words = graph::ConstantOp::create(
      n.b, n.loc, wordBits == 32 ? nodes<uint32_t>() : nodes<uint64_t>());
  Value first = list(roots, {int64_t(roots.size())});
  auto [weights, ids] = leaves();
  OperationState state(n.loc, graph::TreeEnsembleOp::getOperationName());
  graph::TreeEnsembleOp::build(n.b, state, NoneType::get(n.b.getContext()),
                               spec.kind, x, words, first, weights, ids,
                               spec.targets, featureBits, depth, nanRight);
  return n.inferAndInsert(state);
}

} // namespace

Value buildForest(NodeImport &n, Value x, const ForestSpec &spec) {
  if (!x)
    return nullptr;
  Type element = NodeImport::typeOf(x).getElementType();
  if (!element.isF32() && !element.isF64())
    x = n.cast(x, n.b.getF32Type());
  Flattener flattener(n, spec, element.isF64());
  return failed(flattener.run()) ? nullptr : flattener.build(x);
}

} // namespace weft::onnx
