// The tree ensembles of ai.onnx.ml.
#include "Equation.h"
#include "Forest.h"
#include "PostTransform.h"
#include "TensorAttribute.h"
#include <cmath>
#include <map>
#include <set>

using namespace mlir;

namespace weft::onnx {

/// A tensor attribute's elements, or those of the list of the same meaning.
static std::optional<std::vector<double>>
numbersOf(NodeImport &n, StringRef list, StringRef tensor) {
  std::vector<double> result;
  if (const AttributeProto *found = n.attribute(tensor)) {
    if (!found->has_t() || !readReals(found->t(), result)) {
      n.error() << tensor << " is no tensor of floats or integers";
      return {};
    }
    return result;
  }
  SmallVector<float> floats = n.reals(list);
  return std::vector<double>(floats.begin(), floats.end());
}

static std::optional<graph::ReduceKind> kindOf(NodeImport &n, StringRef name) {
  if (name == "SUM" || name == "AVERAGE")
    return graph::ReduceKind::sum;
  if (name == "MIN")
    return graph::ReduceKind::min;
  if (name == "MAX")
    return graph::ReduceKind::max;
  n.error() << "aggregate_function is '" << name
            << "'; SUM, AVERAGE, MIN or MAX is needed";
  return {};
}

/// What is left once the trees were combined: a mean, and targets of which no
/// leaf spoke.
static Value finished(NodeImport &n, Value scores, const ForestSpec &spec,
                      bool average) {
  if (!scores)
    return nullptr;
  Num y(n, scores);
  if (average && !spec.roots.empty())
    y = y / double(spec.roots.size());
  if (spec.kind != graph::ReduceKind::sum)
    y = select(abs(y) == HUGE_VAL, 0.0, y);
  return y;
}

//===- TreeEnsemble 5 -----------------------------------------------------===//

static LogicalResult readMembers(NodeImport &n, ForestSpec &spec) {
  auto members = numbersOf(n, "", "membership_values");
  if (!members)
    return failure();
  auto next = members->begin();
  for (ForestSpec::Node &node : spec.nodes) {
    if (node.branch != Branch::member)
      continue;
    while (next != members->end() && !std::isnan(*next))
      node.members.push_back(*next++);
    if (next == members->end())
      return n.error() << "membership_values has no NaN behind the values of "
                          "each node with mode 6";
    ++next;
  }
  return success();
}

static LogicalResult readTrees(NodeImport &n, ForestSpec &spec) {
  Ints features = n.integers("nodes_featureids"),
       yes = n.integers("nodes_truenodeids"),
       no = n.integers("nodes_falsenodeids"),
       yesLeaf = n.integers("nodes_trueleafs"),
       noLeaf = n.integers("nodes_falseleafs"),
       nan = n.integers("nodes_missing_value_tracks_true"),
       targets = n.integers("leaf_targetids"), roots = n.integers("tree_roots");
  auto splits = numbersOf(n, "", "nodes_splits"),
       modes = numbersOf(n, "", "nodes_modes"),
       weights = numbersOf(n, "", "leaf_weights");
  if (!splits || !modes || !weights)
    return failure();
  size_t count = features.size();
  for (size_t size :
       {yes.size(), no.size(), yesLeaf.size(), noLeaf.size(), splits->size(),
        modes->size(), nan.empty() ? count : nan.size()})
    if (size != count)
      return n.error() << "has " << count << " features of nodes and " << size
                       << " of something else of them";
  if (targets.size() != weights->size())
    return n.error() << "has " << targets.size() << " targets and "
                     << weights->size() << " weights of leaves";
  int64_t leaves = targets.size();
  spec.targets = n.integer("n_targets", 1);
  auto child = [&](int64_t id, bool isLeaf) {
    // Leaves are numbered behind the nodes.
    if (id < 0 || id >= (isLeaf ? leaves : int64_t(count)))
      return int64_t(-1);
    return isLeaf ? id + int64_t(count) : id;
  };
  for (size_t i = 0; i < count; ++i) {
    ForestSpec::Node node;
    if ((*modes)[i] < 0 || (*modes)[i] > 6)
      return n.error() << "mode " << (*modes)[i] << " of node " << i
                       << " is not between 0 and 6";
    node.branch = Branch(int((*modes)[i]));
    node.feature = features[i];
    node.value = (*splits)[i];
    node.nanIsTrue = !nan.empty() && nan[i];
    node.yes = child(yes[i], yesLeaf[i]);
    node.no = child(no[i], noLeaf[i]);
    spec.nodes.push_back(node);
  }
  spec.leaves.resize(count + leaves);
  spec.nodes.resize(count + leaves);
  for (int64_t i = 0; i < leaves; ++i) {
    if (targets[i] < 0 || targets[i] >= spec.targets)
      return n.error() << "leaf " << i << " has target " << targets[i] << " of "
                       << spec.targets;
    spec.leaves[count + i].push_back({targets[i], (*weights)[i]});
  }
  spec.roots.assign(roots.begin(), roots.end());
  // A tree that is a leaf is stated as a node both of whose ways lead there.
  return readMembers(n, spec);
}

static LogicalResult treeEnsemble(NodeImport &n) {
  if (n.rank(0) != 2)
    return n.error() << "input has rank " << n.rank(0) << " where 2 is needed";
  static constexpr StringRef kinds[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  static constexpr StringRef transforms[] = {"NONE", "SOFTMAX", "LOGISTIC",
                                             "SOFTMAX_ZERO", "PROBIT"};
  int64_t kind = n.integer("aggregate_function", 1),
          transform = n.integer("post_transform", 0);
  if (kind < 0 || kind > 3 || transform < 0 || transform > 4)
    return n.error() << "aggregate_function is " << kind
                     << " and post_transform " << transform
                     << "; 0 to 3 and 0 to 4 are needed";
  ForestSpec spec;
  Type element = n.type(0).getElementType();
  spec.weightType = element.isF64() ? element : n.b.getF32Type();
  spec.kind = *kindOf(n, kinds[kind]);
  if (failed(readTrees(n, spec)))
    return failure();
  Value y = finished(n, buildForest(n, n.input(0), spec), spec, kind == 0);
  return n.result(n.cast(postTransform(n, transforms[transform], y), element));
}

//===- Older forms --------------------------------------------------------===//

static std::optional<Branch> branchOf(StringRef mode) {
  return llvm::StringSwitch<std::optional<Branch>>(mode)
      .Case("BRANCH_LEQ", Branch::leq)
      .Case("BRANCH_LT", Branch::lt)
      .Case("BRANCH_GTE", Branch::gte)
      .Case("BRANCH_GT", Branch::gt)
      .Case("BRANCH_EQ", Branch::eq)
      .Case("BRANCH_NEQ", Branch::neq)
      .Case("LEAF", Branch::leaf)
      .Default(std::nullopt);
}

/// Trees as lists of nodes that name their tree and their number in it;
/// `prefix` begins the names of the leaves' lists.
static LogicalResult readNodes(NodeImport &n, StringRef prefix,
                               ForestSpec &spec) {
  Ints trees = n.integers("nodes_treeids"), ids = n.integers("nodes_nodeids"),
       features = n.integers("nodes_featureids"),
       yes = n.integers("nodes_truenodeids"),
       no = n.integers("nodes_falsenodeids"),
       nan = n.integers("nodes_missing_value_tracks_true");
  SmallVector<StringRef> modes = n.texts("nodes_modes");
  auto values = numbersOf(n, "nodes_values", "nodes_values_as_tensor");
  if (!values)
    return failure();
  size_t count = trees.size();
  for (size_t size :
       {ids.size(), features.size(), yes.size(), no.size(), modes.size(),
        values->size(), nan.empty() ? count : nan.size()})
    if (size != count)
      return n.error() << "has " << count << " trees of nodes and " << size
                       << " of something else of them";
  std::map<std::pair<int64_t, int64_t>, int64_t> number;
  std::set<int64_t> known;
  for (size_t i = 0; i < count; ++i) {
    if (!number.insert({{trees[i], ids[i]}, int64_t(i)}).second)
      return n.error() << "tree " << trees[i] << " has two nodes " << ids[i];
    // The first node of a tree is its root.
    if (known.insert(trees[i]).second)
      spec.roots.push_back(i);
  }
  for (size_t i = 0; i < count; ++i) {
    auto branch = branchOf(modes[i]);
    if (!branch)
      return n.error() << "mode '" << modes[i] << "' of node " << ids[i]
                       << " is not known";
    ForestSpec::Node node;
    node.branch = *branch;
    node.feature = features[i];
    node.value = (*values)[i];
    node.nanIsTrue = !nan.empty() && nan[i];
    auto find = [&](int64_t id) {
      auto found = number.find({trees[i], id});
      return found == number.end() ? -1 : found->second;
    };
    node.yes = find(yes[i]);
    node.no = find(no[i]);
    spec.nodes.push_back(node);
  }
  std::string p = prefix.str();
  Ints leafTrees = n.integers(p + "_treeids"),
       leafIds = n.integers(p + "_nodeids"), targets = n.integers(p + "_ids");
  auto weights = numbersOf(n, p + "_weights", p + "_weights_as_tensor");
  if (!weights)
    return failure();
  if (leafIds.size() != leafTrees.size() ||
      targets.size() != leafTrees.size() || weights->size() != leafTrees.size())
    return n.error() << "has " << leafTrees.size() << " trees, "
                     << leafIds.size() << " nodes, " << targets.size()
                     << " targets and " << weights->size()
                     << " weights of leaves";
  spec.leaves.resize(count);
  for (size_t i = 0; i < leafTrees.size(); ++i) {
    auto found = number.find({leafTrees[i], leafIds[i]});
    if (found == number.end() || targets[i] < 0 || targets[i] >= spec.targets)
      return n.error() << "a weight is of node " << leafIds[i] << " of tree "
                       << leafTrees[i] << " for target " << targets[i] << " of "
                       << spec.targets;
    spec.leaves[found->second].push_back({targets[i], (*weights)[i]});
  }
  return success();
}

/// Scores with what the model starts from; one number serves all.
static Value withBase(NodeImport &n, Value scores, int64_t targets) {
  auto base = numbersOf(n, "base_values", "base_values_as_tensor");
  if (!base)
    return nullptr;
  if (base->empty())
    return scores;
  if (int64_t(base->size()) != targets && base->size() != 1) {
    n.error() << "has " << base->size() << " base_values for " << targets
              << " targets";
    return nullptr;
  }
  std::vector<float> values(base->begin(), base->end());
  return n.create<graph::AddOp>(
      scores,
      n.cast(floats(n, values), NodeImport::typeOf(scores).getElementType()));
}

static LogicalResult treeEnsembleRegressor(NodeImport &n) {
  if (n.rank(0) != 2)
    return n.error() << "input has rank " << n.rank(0) << " where 2 is needed";
  StringRef aggregate = n.text("aggregate_function", "SUM");
  auto kind = kindOf(n, aggregate);
  ForestSpec spec;
  spec.targets = n.integer("n_targets", 1);
  spec.weightType = n.type(0).getElementType().isF64() ? n.b.getF64Type()
                                                       : Type(n.b.getF32Type());
  if (!kind || failed(readNodes(n, "target", spec)))
    return failure();
  spec.kind = *kind;
  Value y = finished(n, buildForest(n, n.input(0), spec), spec,
                     aggregate == "AVERAGE");
  if (!y)
    return failure();
  y = postTransform(n, n.text("post_transform", "NONE"),
                    withBase(n, y, spec.targets));
  return n.result(n.cast(y, n.b.getF32Type()));
}

static LogicalResult treeEnsembleClassifier(NodeImport &n) {
  if (n.rank(0) != 2)
    return n.error() << "input has rank " << n.rank(0) << " where 2 is needed";
  ClassLabels labels(n, "classlabels_int64s", "classlabels_strings");
  if (labels.empty())
    return n.error() << "has no labels of classes";
  ForestSpec spec;
  spec.targets = labels.size();
  spec.weightType = n.type(0).getElementType().isF64() ? n.b.getF64Type()
                                                       : Type(n.b.getF32Type());
  if (failed(readNodes(n, "class", spec)))
    return failure();
  StringRef transform = n.text("post_transform", "NONE");
  Value scores = buildForest(n, n.input(0), spec);
  Ints ids = n.integers("class_ids");
  std::set<int64_t> distinct(ids.begin(), ids.end());
  if (!scores)
    return failure();
  if (labels.size() != 2 || distinct.size() != 1) {
    scores = withBase(n, scores, spec.targets);
    Value label = bestLabel(n, scores, labels);
    return n.results(
        {label, n.cast(postTransform(n, transform, scores), n.b.getF32Type())});
  }
  // One score tells two classes apart.
  int64_t id = *distinct.begin();
  Num score(n, n.slice(scores, 1, id, id + 1));
  auto base = numbersOf(n, "base_values", "base_values_as_tensor");
  if (!base)
    return failure();
  if (!base->empty())
    score = score + base->back();
  auto weights = numbersOf(n, "class_weights", "class_weights_as_tensor");
  bool positive = weights && llvm::all_of(*weights, [](double weight) {
                    return weight >= 0;
                  });
  Num isSecond = score > (positive ? 0.5 : 0.0);
  Value label = n.create<graph::SelectOp>(n.squeeze(isSecond, {1}),
                                          labels.at(n, 1), labels.at(n, 0));
  Num other = positive && (transform == "NONE" || transform == "PROBIT")
                  ? 1.0 - score
                  : 0.0 - score;
  Value both = n.concat({other, score}, 1);
  return n.results(
      {label, n.cast(postTransform(n, transform, both), n.b.getF32Type())});
}

void addTreeRows(Table &table) {
  table.add({
      {"ai.onnx.ml.TreeEnsemble", 5, treeEnsemble, Row::kFloats},
      {"ai.onnx.ml.TreeEnsembleClassifier", 1, treeEnsembleClassifier},
      {"ai.onnx.ml.TreeEnsembleRegressor", 1, treeEnsembleRegressor},
  });
}

} // namespace weft::onnx
