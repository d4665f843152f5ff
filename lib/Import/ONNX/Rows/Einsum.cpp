// Einsum as transposes, matrix products and sums. Terms are joined from left to
// right; what no later term and not the result needs is summed away at once.
#include "../KnownElements.h"
#include "../Table.h"
#include "llvm/ADT/StringExtras.h"
#include <map>

using namespace mlir;

namespace weft::onnx {

namespace {
/// A tensor and the label of each of its dimensions. The dimensions that an
/// ellipsis stands for have labels of their own, counted from the last.
struct Term {
  Value value;
  SmallVector<int> labels;
};
} // namespace

static constexpr int kEllipsis = 256;

static bool has(ArrayRef<int> labels, int label) {
  return llvm::is_contained(labels, label);
}

/// The labels of one term of the equation; `rank` -1 takes as many dimensions
/// for an ellipsis as `ellipsis` says.
static std::optional<SmallVector<int>>
parseLabels(NodeImport &n, StringRef text, int64_t rank, int64_t ellipsis) {
  SmallVector<int> labels;
  int64_t letters =
      llvm::count_if(text, [](char c) { return c != '.' && c != ' '; });
  if (rank >= 0)
    ellipsis = rank - letters;
  bool dots = text.contains("...");
  if (rank >= 0 && (ellipsis < 0 || (ellipsis > 0 && !dots))) {
    n.error() << "term '" << text
              << "' of the equation does not fit an input of rank " << rank;
    return {};
  }
  while (!text.empty()) {
    if (text.consume_front("...")) {
      for (int64_t i = ellipsis; i > 0; --i)
        labels.push_back(kEllipsis + int(i));
      continue;
    }
    char c = text.front();
    text = text.drop_front();
    if (c == ' ')
      continue;
    if (!llvm::isAlpha(c)) {
      n.error() << "the equation has '" << StringRef(&c, 1)
                << "', which is no label";
      return {};
    }
    labels.push_back(c);
  }
  return labels;
}

/// A label that a term has twice selects a diagonal: elsewhere is 0, and one of
/// the dimensions is summed away.
static void takeDiagonals(NodeImport &n, Term &term) {
  for (size_t i = 0; i < term.labels.size(); ++i)
    for (size_t j = i + 1; j < term.labels.size();) {
      if (term.labels[i] != term.labels[j]) {
        ++j;
        continue;
      }
      Value same =
          n.compare(graph::Comparison::equal, n.iotaLike(term.value, i),
                    n.iotaLike(term.value, j));
      Value kept = n.create<graph::SelectOp>(same, term.value,
                                             n.scalarLike(0, term.value));
      term.value = n.reduce(graph::ReduceKind::sum, kept, {int64_t(j)}, false);
      term.labels.erase(term.labels.begin() + j);
    }
}

/// Sums over the labels that are not in `kept`.
static void sumAway(NodeImport &n, Term &term, ArrayRef<int> kept) {
  Ints axes;
  SmallVector<int> labels;
  for (auto [i, label] : llvm::enumerate(term.labels)) {
    if (has(kept, label))
      labels.push_back(label);
    else
      axes.push_back(i);
  }
  if (!axes.empty())
    term.value = n.reduce(graph::ReduceKind::sum, term.value, axes, false);
  term.labels = labels;
}

static Value inOrder(NodeImport &n, const Term &term, ArrayRef<int> labels) {
  Ints order;
  for (int label : labels)
    order.push_back(llvm::find(term.labels, label) - term.labels.begin());
  if (llvm::is_sorted(order))
    return term.value;
  return n.transpose(term.value, order);
}

/// Reshapes to the extents in `target`, a shape tensor; one that is not known
/// is written as what is left over, so that the others are static.
static Value reshaped(NodeImport &n, Value value, Value target) {
  if (!value || !target)
    return nullptr;
  Ints shape;
  for (int64_t i = 0; i < NodeImport::typeOf(target).getDimSize(0); ++i)
    shape.push_back(knownElement(target, i).value_or(-1));
  if (llvm::count(shape, -1) > 1 || llvm::is_contained(shape, 0))
    return n.create<graph::ReshapeOp>(value, target, true);
  return n.reshape(value, shape);
}

/// `term` as [batch…, rows, columns], the groups of labels made one dimension
/// each. A batch label that the term lacks gets extent 1.
static Value asMatrix(NodeImport &n, const Term &term, ArrayRef<int> batch,
                      ArrayRef<int> rows, ArrayRef<int> columns) {
  SmallVector<int> present;
  SmallVector<Value> shape;
  for (int label : batch)
    if (has(term.labels, label))
      present.push_back(label);
  size_t batches = present.size();
  llvm::append_range(present, rows);
  llvm::append_range(present, columns);
  Value value = inOrder(n, term, present);
  if (batches == batch.size() && rows.size() == 1 && columns.size() == 1)
    return value;
  size_t next = 0;
  for (int label : batch)
    shape.push_back(has(term.labels, label) ? n.extent(value, int64_t(next++))
                                            : n.ints({1}));
  auto group = [&](size_t from, size_t to) {
    return from == to ? n.ints({1})
                      : n.reduce(graph::ReduceKind::prod,
                                 n.slice(n.shape(value), 0, int64_t(from),
                                         int64_t(to)),
                                 {0}, true);
  };
  shape.push_back(group(batches, batches + rows.size()));
  shape.push_back(group(batches + rows.size(), present.size()));
  return reshaped(n, value, n.concat(shape, 0));
}

/// The product of two terms, summed over what is not in `kept`.
static Term join(NodeImport &n, Term a, Term b, ArrayRef<int> kept) {
  auto neededBy = [&](const Term &other) {
    SmallVector<int> labels(kept);
    llvm::append_range(labels, other.labels);
    return labels;
  };
  sumAway(n, a, neededBy(b));
  sumAway(n, b, neededBy(a));
  SmallVector<int> batch, left, right, summed;
  for (int label : a.labels) {
    // Dimensions of an ellipsis broadcast, which only batches can.
    bool shared = has(b.labels, label);
    (label > kEllipsis || (shared && has(kept, label)) ? batch
     : shared                                          ? summed
                                                       : left)
        .push_back(label);
  }
  for (int label : b.labels)
    if (!has(a.labels, label))
      (label > kEllipsis ? batch : right).push_back(label);
  Value product = n.create<graph::MatMulOp>(
      asMatrix(n, a, batch, left, summed), asMatrix(n, b, batch, summed, right),
      false, false);
  if (!product)
    return {};
  Term result{nullptr, batch};
  llvm::append_range(result.labels, left);
  llvm::append_range(result.labels, right);
  SmallVector<Value> shape;
  for (size_t i = 0; i < batch.size(); ++i)
    shape.push_back(n.extent(product, int64_t(i)));
  auto extentOf = [&](const Term &term, int label) {
    return n.extent(term.value,
                    llvm::find(term.labels, label) - term.labels.begin());
  };
  for (int label : left)
    shape.push_back(extentOf(a, label));
  for (int label : right)
    shape.push_back(extentOf(b, label));
  Value target = shape.empty() ? n.ints({}) : n.concat(shape, 0);
  bool same = left.size() == 1 && right.size() == 1;
  result.value = same ? product : reshaped(n, product, target);
  return result;
}

static LogicalResult einsum(NodeImport &n) {
  StringRef equation = n.text("equation", "");
  auto [left, right] = equation.split("->");
  SmallVector<StringRef> texts;
  left.split(texts, ',');
  if (texts.size() != n.inputCount())
    return n.error() << "the equation '" << equation << "' has " << texts.size()
                     << " terms for " << n.inputCount() << " inputs";
  SmallVector<Term> terms;
  int64_t ellipsis = 0;
  std::map<int, int> uses;
  for (auto [i, text] : llvm::enumerate(texts)) {
    auto labels = parseLabels(n, text, n.rank(i), 0);
    if (!labels)
      return failure();
    ellipsis = std::max<int64_t>(
        ellipsis, llvm::count_if(*labels, [](int l) { return l > kEllipsis; }));
    for (int label : *labels)
      ++uses[label];
    terms.push_back({n.input(i), *labels});
    takeDiagonals(n, terms.back());
  }
  SmallVector<int> output;
  if (equation.contains("->")) {
    auto labels = parseLabels(n, right, -1, ellipsis);
    if (!labels)
      return failure();
    output = *labels;
  } else {
    // Implicit: the ellipsis, then what occurs once, in alphabetical order.
    for (int64_t i = ellipsis; i > 0; --i)
      output.push_back(kEllipsis + int(i));
    for (auto [label, count] : uses)
      if (label < kEllipsis && count == 1)
        output.push_back(label);
  }
  for (int label : output)
    if (!uses.count(label) || llvm::count(output, label) > 1)
      return n.error() << "the result of '" << equation
                       << "' has a label that no input has, or one twice";
  Term result = terms[0];
  for (size_t i = 1; i < terms.size() && result.value; ++i) {
    SmallVector<int> kept = output;
    for (const Term &later : ArrayRef(terms).drop_front(i + 1))
      llvm::append_range(kept, later.labels);
    result = join(n, result, terms[i], kept);
  }
  if (!result.value)
    return failure();
  sumAway(n, result, output);
  return n.result(inOrder(n, result, output));
}

void addEinsumRows(Table &table) {
  table.add({
      {"Einsum", 12, einsum},
  });
}

} // namespace weft::onnx
