// Reductions along axes, and what ONNX builds from them.
#include "Equation.h"
#include "NamedAxes.h"

using namespace mlir;

namespace weft::onnx {

using graph::ReduceKind;

namespace {
struct ReduceArguments {
  Ints axes;
  bool keepDims = true;
  bool nothing = false; ///< the input is the result
  Value flags;          ///< the axes, where they are known at run time only
  int64_t count = 0;    ///< of these

  /// `x` combined along the axes, which stay as 1.
  Value reduced(NodeImport &n, ReduceKind kind, Value x) const {
    return flags ? reduceNamed(n, kind, x, flags)
                 : n.reduce(kind, x, axes, /*keepDims=*/true);
  }
  Value withoutAxes(NodeImport &n, Value x) const {
    if (keepDims)
      return x;
    return flags ? squeezeNamed(n, x, flags, count) : n.squeeze(x, axes);
  }
};
} // namespace

/// Axes that are data. A list that may be empty stands for all axes, or none.
static std::optional<ReduceArguments> namedArguments(NodeImport &n) {
  ReduceArguments result;
  result.keepDims = n.integer("keepdims", 1) != 0;
  result.flags = namedAxes(n, n.input(1), n.rank(0));
  if (n.type(1).isDynamicDim(0) && !n.integer("noop_with_empty_axes", 0)) {
    Num length(n, n.reshape(n.extent(n.input(1), 0), {}));
    result.flags = Num(n, result.flags) | (length == 0.0);
  }
  if (!result.keepDims) {
    auto count = axisCount(n, n.input(1), -1);
    if (!count)
      return {};
    result.count = *count;
  }
  return result;
}

static std::optional<ReduceArguments> arguments(NodeImport &n) {
  ReduceArguments result;
  result.keepDims = n.integer("keepdims", 1) != 0;
  Ints given;
  if (n.has(1)) {
    auto known = NodeImport::known(n.input(1));
    if (!known && n.rank(1) == 1 && n.rank(0) > 0)
      return namedArguments(n);
    if (!known)
      known = n.mustKnow(1, "axes");
    if (!known)
      return {};
    given = *known;
  }
  if (given.empty() && n.integer("noop_with_empty_axes", 0)) {
    result.nothing = true;
    return result;
  }
  if (given.empty())
    given = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
  auto axes = n.axes(given, n.rank(0));
  if (!axes)
    return {};
  result.axes = *axes;
  llvm::sort(result.axes);
  return result;
}

using Step = Value (*)(NodeImport &, Value);
static Value same(NodeImport &, Value x) { return x; }

/// after(reduce(before(x))).
template <ReduceKind kind, Step before = same, Step after = same>
static LogicalResult reduction(NodeImport &n) {
  auto args = arguments(n);
  if (!args)
    return failure();
  Value x = before(n, n.input(0));
  if (!args->nothing)
    x = args->flags ? args->withoutAxes(n, args->reduced(n, kind, x))
                    : n.reduce(kind, x, args->axes, args->keepDims);
  return n.result(after(n, x));
}

static Value abs(NodeImport &n, Value x) { return n.create<graph::AbsOp>(x); }
static Value square(NodeImport &n, Value x) {
  return n.create<graph::MulOp>(x, x);
}

/// `function` of x, through f64 where x has integers.
template <typename Op>
static Value asFloat(NodeImport &n, Value x) {
  if (!x)
    return nullptr;
  Type element = NodeImport::typeOf(x).getElementType();
  if (isa<FloatType>(element))
    return n.create<Op>(x);
  return n.cast(n.create<Op>(n.cast(x, n.b.getF64Type())), element);
}

/// log(sum(exp(x - m))) + m with the largest m, so that nothing overflows.
static LogicalResult logSumExp(NodeImport &n) {
  auto args = arguments(n);
  if (!args)
    return failure();
  Value x = n.input(0);
  Type element = n.type(0).getElementType();
  if (!isa<FloatType>(element))
    x = n.cast(x, n.b.getF64Type());
  if (args->nothing)
    return n.result(n.input(0));
  Value m = args->reduced(n, ReduceKind::max, x);
  // An infinite m would make inf - inf.
  Value finite = n.create<graph::SelectOp>(
      n.create<graph::IsInfOp>(m, true, true), n.scalarLike(0, m), m);
  Value sum =
      args->reduced(n, ReduceKind::sum,
                    n.create<graph::ExpOp>(n.create<graph::SubOp>(x, finite)));
  Value result = n.create<graph::AddOp>(n.create<graph::LogOp>(sum), finite);
  return n.result(n.cast(args->withoutAxes(n, result), element));
}

template <ReduceKind kind>
static LogicalResult argReduction(NodeImport &n) {
  auto axis = n.axis(n.integer("axis", 0), n.rank(0));
  if (!axis)
    return failure();
  return n.result(n.create<graph::ArgReduceOp>(
      kind, n.input(0), *axis, n.integer("keepdims", 1) != 0,
      n.integer("select_last_index", 0) != 0));
}

template <ReduceKind kind>
static LogicalResult cumulated(NodeImport &n) {
  bool exclusive = n.integer("exclusive", 0) != 0,
       reverse = n.integer("reverse", 0) != 0;
  auto along = [&](Value x, int64_t axis) {
    return n.create<graph::CumSumOp>(x, axis, exclusive, reverse, kind);
  };
  auto given = NodeImport::known(n.input(1));
  if (!given) {
    Value flags = namedAxes(n, n.reshape(n.input(1), {1}), n.rank(0));
    return n.result(
        forNamed(n, n.input(0), flags, /*changesExtent=*/false, along));
  }
  auto axis =
      given->size() == 1 ? n.axis(given->front(), n.rank(0)) : std::nullopt;
  return axis ? n.result(along(n.input(0), *axis)) : failure();
}

template <bool log>
static LogicalResult softmax(NodeImport &n) {
  auto axis = n.axis(n.integer("axis", -1), n.rank(0));
  if (!axis)
    return failure();
  return n.result(n.create<graph::SoftmaxOp>(n.input(0), *axis, log,
                                             /*masked=*/false));
}

/// 1 at the first largest element along the axis, 0 elsewhere.
static LogicalResult hardmax(NodeImport &n) {
  Value x = n.input(0);
  auto axis = n.axis(n.integer("axis", -1), n.rank(0));
  if (!axis)
    return failure();
  Value largest = n.create<graph::ArgReduceOp>(ReduceKind::max, x, *axis,
                                               /*keep_dims=*/true, false);
  Value position = n.iotaLike(x, *axis);
  return n.result(n.cast(n.compare(graph::Comparison::equal, position, largest),
                         n.type(0).getElementType()));
}

void addReductionRows(Table &table) {
  constexpr auto floats = Row::kFloats;
  table.add({
      {"ArgMax", 13, argReduction<ReduceKind::max>},
      {"ArgMin", 13, argReduction<ReduceKind::min>},
      {"CumProd", 26, cumulated<ReduceKind::prod>},
      {"CumSum", 14, cumulated<ReduceKind::sum>},
      {"Hardmax", 13, hardmax, floats},
      {"LogSoftmax", 13, softmax<true>, floats},
      {"ReduceL1", 18, reduction<ReduceKind::sum, abs>},
      {"ReduceL2", 18,
       reduction<ReduceKind::sum, square, asFloat<graph::SqrtOp>>},
      {"ReduceLogSum", 18,
       reduction<ReduceKind::sum, same, asFloat<graph::LogOp>>},
      {"ReduceLogSumExp", 18, logSumExp},
      {"ReduceMax", 20, reduction<ReduceKind::max>, Row::kAll},
      {"ReduceMean", 18, reduction<ReduceKind::mean>},
      {"ReduceMin", 20, reduction<ReduceKind::min>, Row::kAll},
      {"ReduceProd", 18, reduction<ReduceKind::prod>},
      {"ReduceSum", 13, reduction<ReduceKind::sum>},
      {"ReduceSumSquare", 18, reduction<ReduceKind::sum, square>},
      {"Softmax", 13, softmax<false>, floats},
  });
}

} // namespace weft::onnx
