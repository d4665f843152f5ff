// Operators of strings: functions of the runtime, element by element, and what
// makes lists of them.
#include "../Strings.h"
#include "../Regex.h"
#include "Equation.h"
#include "Places.h"

using namespace mlir;
using weft::graph::StringFunction;

namespace weft::onnx {

static LogicalResult mustBeStrings(NodeImport &n) {
  for (auto [i, input] : llvm::enumerate(n.allInputs()))
    if (input && !holdsStrings(input.getType()))
      return n.error() << "input " << i << " holds no strings";
  return success();
}

static LogicalResult stringConcat(NodeImport &n) {
  if (failed(mustBeStrings(n)))
    return failure();
  return n.result(toStrings(
      n, stringFunction(n, StringFunction::concat, {n.input(0), n.input(1)})));
}

/// Parts along a new last axis, as many as the string with most of them has.
static LogicalResult stringSplit(NodeImport &n) {
  if (failed(mustBeStrings(n)))
    return failure();
  Value x = n.input(0);
  int64_t rank = n.rank(0);
  Value separator = stringScalar(n, n.text("delimiter", "")),
        most = n.intScalar(n.integer("maxsplit", -1));
  Value counts = stringFunction(n, StringFunction::parts, {x, separator, most});
  Num longest(n, n.reduce(graph::ReduceKind::max, counts,
                          llvm::to_vector(llvm::seq<int64_t>(0, rank)), false));
  Value places = n.iota(max(longest, 0.0));
  Value parts =
      stringFunction(n, StringFunction::part,
                     {n.unsqueeze(x, {rank}), separator, most, places});
  return n.results({toStrings(n, parts), counts});
}

/// Pieces that an expression matches, from the left and as long as can be,
/// filled up to the longest row and, if asked, between two marks.
static LogicalResult tokenizer(NodeImport &n) {
  if (!n.has(0))
    return n.error() << "has no input 0";
  if (failed(mustBeStrings(n)))
    return failure();
  // One separator that is empty stands for single characters.
  SmallVector<StringRef> separators = n.texts("separators");
  bool single = separators.size() == 1 && separators[0].empty();
  if (!single && !n.hasAttribute("tokenexp"))
    return n.error() << "separators are not supported; state what a token is "
                        "by tokenexp";
  auto automaton = automatonOf(single ? "(?s)." : n.text("tokenexp", ""));
  if (!automaton)
    return n.error() << llvm::toString(automaton.takeError());
  int64_t rank = n.rank(0);
  Value by = stringScalar(n, *automaton),
        least = n.intScalar(n.integer("mincharnum", 1));
  Value x = n.input(0);
  Value counts = stringFunction(n, StringFunction::tokens, {x, by, least});
  Num longest(n, n.reduce(graph::ReduceKind::max, counts,
                          llvm::to_vector(llvm::seq<int64_t>(0, rank)), false));
  longest = max(longest, 0.0);
  Value places = n.iota(longest);
  Value tokens =
      toStrings(n, stringFunction(n, StringFunction::token,
                                  {n.unsqueeze(x, {rank}), by, least, places}));
  Value isThere =
      n.compare(graph::Comparison::less, places, n.unsqueeze(counts, {rank}));
  Value y = n.create<graph::SelectOp>(isThere, tokens,
                                      stringScalar(n, n.text("pad_value", "")));
  if (n.integer("mark", 0) == 0)
    return n.result(y);
  auto marks = [&](StringRef mark) {
    Value shape = n.concat({n.shape(x), n.ints({1})}, 0);
    return n.create<graph::ExpandOp>(stringScalar(n, mark), shape);
  };
  y = n.concat({marks("\x02"), y, marks(n.text("pad_value", ""))}, rank);
  // The end stands behind the last token, and what pads behind the end.
  Num place(n, n.iota(longest + 2.0));
  y = n.create<graph::SelectOp>(place ==
                                    Num(n, n.unsqueeze(counts, {rank})) + 1.0,
                                stringScalar(n, "\x03"), y);
  // Nothing stands between the marks of nothing.
  Num end = select(longest > 0.0, longest + 2.0, longest);
  return n.result(n.create<graph::SliceOp>(y, n.ints({0}), n.reshape(end, {1}),
                                           n.ints({1}),
                                           ArrayRef<int64_t>{rank}));
}

static LogicalResult regexFullMatch(NodeImport &n) {
  if (failed(mustBeStrings(n)))
    return failure();
  auto automaton = automatonOf(n.text("pattern", ""));
  if (!automaton)
    return n.error() << llvm::toString(automaton.takeError());
  Value holds = stringFunction(n, StringFunction::match,
                               {n.input(0), stringScalar(n, *automaton)});
  return n.result(n.cast(holds, n.b.getI1Type()));
}

/// Whether each element of the vector `x` is none of `words`.
static Value isNone(NodeImport &n, Value x, Value words) {
  Value equal = n.compare(graph::Comparison::equal, n.unsqueeze(x, {1}), words);
  Num hits(n, n.reduce(graph::ReduceKind::max, n.cast(equal, n.b.getI32Type()),
                       {1}, false));
  return hits == 0.0;
}

/// The strings that `keep` names; one that is empty where it names none.
static Value kept(NodeImport &n, Value x, Value keep) {
  Num any(n, n.reduce(graph::ReduceKind::max, n.cast(keep, n.b.getI32Type()),
                      {0}, /*keepDims=*/true));
  Value flags = n.concat({keep, Value(any <= 0.0)}, 0);
  Value all = n.concat({x, stringVector(n, {""})}, 0);
  return n.create<graph::GatherOp>(all, truePositions(n, flags), int64_t(0));
}

static LogicalResult stringNormalizer(NodeImport &n) {
  if (failed(mustBeStrings(n)))
    return failure();
  StringRef action = n.text("case_change_action", "NONE"),
            locale = n.text("locale", "en_US");
  if (action != "NONE" && action != "LOWER" && action != "UPPER")
    return n.error() << "case_change_action is '" << action
                     << "'; NONE, LOWER or UPPER is needed";
  StringRef language = locale.take_while(llvm::isAlpha);
  if (action != "NONE" && llvm::is_contained({"tr", "az", "lt"}, language))
    return n.error() << "locale is '" << locale
                     << "', whose letters have a case of their own, which is "
                        "not supported";
  if (n.rank(0) != 1 && (n.rank(0) != 2 || n.type(0).getDimSize(0) != 1))
    return n.error() << "input has type " << n.type(0)
                     << " where a vector or one row is needed; pin an input's "
                        "extents with --input NAME=1x?";
  auto changed = [&](StringFunction function, Value x) {
    return toStrings(n, stringFunction(n, function, {x}));
  };
  Value x = n.reshape(n.input(0), {-1});
  Value result = action == "LOWER"   ? changed(StringFunction::lower, x)
                 : action == "UPPER" ? changed(StringFunction::upper, x)
                                     : x;
  SmallVector<StringRef> words = n.texts("stopwords");
  if (!words.empty()) {
    Value stop = stringVector(n, words);
    bool sensitive = n.integer("is_case_sensitive", 0) != 0;
    Value keep = sensitive ? isNone(n, x, stop)
                           : isNone(n, changed(StringFunction::lower, x),
                                    changed(StringFunction::lower, stop));
    result = kept(n, result, keep);
  }
  return n.result(n.rank(0) == 2 ? n.unsqueeze(result, {0}) : result);
}

void addStringRows(Table &table) {
  table.add({
      {"RegexFullMatch", 20, regexFullMatch, Row::kStrings},
      {"StringConcat", 20, stringConcat, Row::kStrings},
      {"StringNormalizer", 10, stringNormalizer, Row::kStrings},
      {"StringSplit", 20, stringSplit, Row::kStrings},
      {"com.microsoft.Tokenizer", 1, tokenizer, Row::kStrings},
  });
}

} // namespace weft::onnx
