// Every comparison becomes x <= threshold, which is all that the op knows:
// x < t is x <= the number before t, and an equality is two of them. Children
// stand side by side; a node that two others lead to is written twice, but what
// is below it once.
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
  void place();
  void write(int64_t slot, int64_t test);
  Value list(ArrayRef<int32_t> values);
  LogicalResult checkFeatures(Value x);

  NodeImport &n;
  const ForestSpec &spec;
  bool isDouble;
  std::vector<Test> tests; ///< the first ones are the spec's nodes
  int64_t depth = 0;
  std::vector<int32_t> features, children, roots;
  std::vector<double> thresholds;
  std::vector<char> nanRight;
  std::vector<int64_t> leafOf;
};

/// Tests for x == value; NaN goes to `no` unless `nanIsTrue`.
int64_t Flattener::equality(const ForestSpec::Node &node, double value,
                            int64_t yes, int64_t no, bool nanIsTrue) {
  int64_t below = add({node.feature, before(value), false, yes, no, -1, -1});
  return add({node.feature, value, nanIsTrue, no, below, -1, -1});
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
      test = {node.feature, -HUGE_VAL, false, node.no, node.no, -1, -1};
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
  if (done != tests.size())
    return n.error() << "a node of a tree is below itself";
  return success();
}

void Flattener::write(int64_t slot, int64_t number) {
  const Test &test = tests[number];
  features[slot] = int32_t(test.feature);
  thresholds[slot] = test.threshold;
  children[slot] = int32_t(test.leaf >= 0 ? slot : test.pair);
  nanRight[slot] = test.nanRight;
  leafOf[slot] = test.leaf;
}

/// Gives every test a slot, level by level, so that the upper levels of a tree,
/// which every row passes, stand together.
void Flattener::place() {
  std::vector<std::pair<int64_t, int64_t>> placed; // slot, test
  int64_t slots = 0;
  for (int64_t root : spec.roots) {
    size_t next = placed.size();
    roots.push_back(int32_t(slots));
    placed.push_back({slots++, root});
    for (; next < placed.size(); ++next) {
      Test &test = tests[placed[next].second];
      if (test.leaf >= 0 || test.pair >= 0)
        continue;
      test.pair = slots;
      slots += 2;
      placed.push_back({test.pair, test.left});
      placed.push_back({test.pair + 1, test.right});
    }
  }
  features.resize(slots);
  thresholds.resize(slots);
  children.resize(slots);
  nanRight.resize(slots);
  leafOf.resize(slots);
  for (auto [slot, test] : placed)
    write(slot, test);
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
  return success();
}

Value Flattener::list(ArrayRef<int32_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, n.b.getI32Type());
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
  int64_t most = 0, extent = NodeImport::typeOf(x).getDimSize(1);
  for (int32_t feature : features)
    most = std::max<int64_t>(most, feature);
  if (!ShapedType::isDynamic(extent)) {
    if (most < extent)
      return success();
    return n.error() << "compares feature " << most << " where rows have "
                     << extent;
  }
  Value have = tensor::DimOp::create(n.b, n.loc, x, 1),
        need = arith::ConstantIndexOp::create(n.b, n.loc, most);
  Value fits =
      arith::CmpIOp::create(n.b, n.loc, arith::CmpIPredicate::ult, need, have);
  kernel::CheckOp::create(
      n.b, n.loc, fits, ValueRange{need, have},
      n.b.getStringAttr(describeNode({n.node.name(), n.node.op_type()}) +
                        ": compares feature {0} where rows have {1}"));
  return success();
}

Value Flattener::build(Value x) {
  if (failed(checkFeatures(x)))
    return nullptr;
  int64_t slots = features.size(), targets = spec.targets;
  // A target that no leaf of a tree speaks of does not change there.
  double absent = spec.kind == graph::ReduceKind::max   ? -HUGE_VAL
                  : spec.kind == graph::ReduceKind::min ? HUGE_VAL
                                                        : 0;
  std::vector<double> weights(slots * targets, absent);
  for (int64_t slot = 0; slot < slots; ++slot) {
    if (leafOf[slot] < 0)
      continue;
    std::vector<bool> seen(targets, false);
    for (auto [target, weight] : spec.leaves[leafOf[slot]]) {
      double &sum = weights[slot * targets + target];
      sum = seen[target] ? sum + weight : weight;
      seen[target] = true;
    }
  }
  Value nan;
  if (llvm::is_contained(nanRight, char(1))) {
    SmallVector<bool> flags(nanRight.begin(), nanRight.end());
    nan = graph::ConstantOp::create(
        n.b, n.loc,
        DenseElementsAttr::get(RankedTensorType::get({slots}, n.b.getI1Type()),
                               ArrayRef<bool>(flags)));
  }
  Type element = NodeImport::typeOf(x).getElementType();
  OperationState state(n.loc, graph::TreeEnsembleOp::getOperationName());
  graph::TreeEnsembleOp::build(
      n.b, state, NoneType::get(n.b.getContext()), spec.kind, x, list(features),
      numbers(n, thresholds, {slots}, element), list(children), list(roots),
      numbers(n, weights, {slots, targets}, spec.weightType), nan, depth);
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
