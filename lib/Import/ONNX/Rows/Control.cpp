// If, Loop and Scan as scf on tensors. Subgraphs see the values around them as
// they are: a region may use what dominates it.
#include "../Sequences.h"
#include "../Table.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Verifier.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Diagnostics.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft::onnx {

/// The only element of a tensor as a scalar.
static Value element(NodeImport &n, Value tensor) {
  SmallVector<Value> zeros(NodeImport::typeOf(tensor).getRank(),
                           arith::ConstantIndexOp::create(n.b, n.loc, 0));
  return tensor::ExtractOp::create(n.b, n.loc, tensor, zeros);
}

/// The type that two tensors of one rank can be cast to.
static Type joined(Type a, Type b) {
  auto x = cast<RankedTensorType>(a), y = cast<RankedTensorType>(b);
  SmallVector<int64_t> shape(x.getShape());
  for (auto [extent, other] : llvm::zip(shape, y.getShape()))
    if (extent != other)
      extent = ShapedType::kDynamic;
  return x.clone(shape);
}

static SmallVector<Value> castTo(NodeImport &n, ValueRange values,
                                 TypeRange types) {
  SmallVector<Value> result;
  for (auto [value, type] : llvm::zip(values, types))
    result.push_back(value.getType() == type
                         ? value
                         : tensor::CastOp::create(n.b, n.loc, type, value));
  return result;
}

//===- If -----------------------------------------------------------------===//

namespace {
/// A branch imported into a block of its own, and why that failed if it did.
/// The block stands where the If will: its ops use the values around it, which
/// the verifier has to find.
struct Branch {
  explicit Branch(NodeImport &n)
      : place(scf::ExecuteRegionOp::create(n.b, n.loc, TypeRange())) {
    place.getRegion().emplaceBlock();
  }
  ~Branch() { place.erase(); }
  Branch(const Branch &) = delete;

  scf::ExecuteRegionOp place;
  SmallVector<Value> results;
  SmallVector<Type> types; ///< of the results before they are taken apart
  std::vector<Diagnostic> errors;
  bool valid = false;

  Block &block() { return place.getRegion().front(); }
};
} // namespace

static void importBranch(NodeImport &n, const GraphProto &graph,
                         Branch &branch) {
  Block &block = branch.block();
  OpBuilder::InsertionGuard guard(n.b);
  n.b.setInsertionPointToStart(&block);
  ScopedDiagnosticHandler collect(n.b.getContext(), [&](Diagnostic &error) {
    branch.errors.push_back(std::move(error));
  });
  branch.valid =
      succeeded(n.importer.importSubgraph(graph, n.scope, {}, branch.results));
  for (Operation &op : block)
    branch.valid = branch.valid && succeeded(verify(&op));
}

/// Moves what the branch computes to the builder's place, without a condition.
static LogicalResult take(NodeImport &n, Branch &branch) {
  n.b.getInsertionBlock()->getOperations().splice(
      n.b.getInsertionPoint(), branch.block().getOperations());
  return n.results(branch.results);
}

/// Regions give tensors: takes sequences and optionals apart, alike in both.
static LogicalResult takeApart(NodeImport &n, Branch &one, Branch &other) {
  for (auto [a, b] : llvm::zip(one.results, other.results))
    if (isOptional(b.getType()) || isSequence(b.getType())) {
      OpBuilder::InsertionGuard guard(n.b);
      n.b.setInsertionPointToEnd(&one.block());
      a = coerced(n.b, n.loc, a, b.getType());
    }
  for (Branch *branch : {&one, &other}) {
    OpBuilder::InsertionGuard guard(n.b);
    n.b.setInsertionPointToEnd(&branch->block());
    branch->types = llvm::to_vector(ValueRange(branch->results).getTypes());
    branch->results = flattened(n.b, n.loc, branch->results);
  }
  if (one.results.size() != other.results.size())
    return n.error()
           << "one branch gives a sequence where the other gives none";
  return success();
}

/// What takeApart took apart.
static LogicalResult putTogether(NodeImport &n, ArrayRef<Type> types) {
  return n.results(assembled(n.b, n.loc, types, SmallVector<Value>(n.outputs)));
}

/// A run fails where the condition is not what the model was imported for.
static void check(NodeImport &n, Value condition, bool expected,
                  const Twine &why) {
  Value holds = element(n, condition);
  if (!expected) {
    Value yes = arith::ConstantIntOp::create(n.b, n.loc, 1, 1);
    holds = arith::XOrIOp::create(n.b, n.loc, holds, yes);
  }
  std::string node = describeNode({n.node.name(), n.node.op_type()});
  kernel::CheckOp::create(n.b, n.loc, holds, ValueRange(),
                          n.b.getStringAttr(node + ": " + why));
}

static LogicalResult buildIf(NodeImport &n, Value condition, Branch &yes,
                             Branch &no) {
  SmallVector<Type> types;
  for (auto [a, b] : llvm::zip(yes.results, no.results))
    types.push_back(joined(a.getType(), b.getType()));
  auto op = scf::IfOp::create(n.b, n.loc, types, element(n, condition),
                              /*withElseRegion=*/true);
  auto fill = [&](Region &region, Branch &branch) {
    OpBuilder::InsertionGuard guard(n.b);
    region.takeBody(branch.place.getRegion());
    n.b.setInsertionPointToEnd(&region.front());
    scf::YieldOp::create(n.b, n.loc, castTo(n, branch.results, types));
  };
  fill(op.getThenRegion(), yes);
  fill(op.getElseRegion(), no);
  return n.results(SmallVector<Value>(op.getResults()));
}

/// True where the condition asks whether something is 1: the special case, as
/// of an extent that nothing is divided among.
static bool isEqualToOne(Value condition) {
  auto compare = condition.getDefiningOp<graph::CompareOp>();
  if (!compare || compare.getRelation() != graph::Comparison::equal)
    return false;
  return llvm::any_of(compare->getOperands(), [](Value operand) {
    auto known = NodeImport::known(operand);
    return known && known->size() == 1 && known->front() == 1;
  });
}

static LogicalResult importIf(NodeImport &n) {
  const GraphProto *graphs[] = {n.graph("else_branch"), n.graph("then_branch")};
  Value condition = n.input(0);
  if (!graphs[0] || !graphs[1] ||
      graphs[0]->output_size() != graphs[1]->output_size())
    return n.error() << "needs two branches with as many outputs each";
  if (auto known = NodeImport::known(condition)) {
    SmallVector<Value> results;
    if (known->size() != 1 ||
        failed(n.importer.importSubgraph(*graphs[known->front() != 0], n.scope,
                                         {}, results)))
      return failure();
    return n.results(results);
  }
  Branch branches[] = {Branch(n), Branch(n)};
  for (auto [branch, graph] : llvm::zip_equal(branches, graphs))
    importBranch(n, *graph, branch);
  if (!branches[0].valid && !branches[1].valid) {
    for (Diagnostic &error : branches[1].errors)
      n.b.getContext()->getDiagEngine().emit(std::move(error));
    return failure();
  }
  for (bool chosen : {false, true})
    if (!branches[!chosen].valid) {
      Diagnostic &error = branches[!chosen].errors.front();
      if (!n.importer.mayDropBranches()) {
        n.b.getContext()->getDiagEngine().emit(std::move(error));
        return failure();
      }
      check(n, condition, chosen,
            "the other branch does not fit the model's shapes (" +
                formatDiagnostic(error, "") + ")");
      return take(n, branches[chosen]);
    }
  if (llvm::any_of(
          llvm::concat<Value>(branches[0].results, branches[1].results),
          [](Value v) { return isa<TupleType>(v.getType()); })) {
    // A second pass makes optionals of what is one in the first branch alone.
    for (auto [a, b] : llvm::zip(branches[1].results, branches[0].results)) {
      OpBuilder::InsertionGuard guard(n.b);
      n.b.setInsertionPointToEnd(&branches[1].block());
      if (isOptional(b.getType()))
        a = coerced(n.b, n.loc, a, b.getType());
    }
    if (failed(takeApart(n, branches[0], branches[1])) ||
        failed(buildIf(n, condition, branches[1], branches[0])))
      return failure();
    return putTogether(n, branches[0].types);
  }
  bool sameRank = true;
  for (auto [a, b] : llvm::zip(branches[0].results, branches[1].results)) {
    RankedTensorType x = NodeImport::typeOf(a), y = NodeImport::typeOf(b);
    if (x.getElementType() != y.getElementType())
      return n.error() << "the branches give " << y << " and " << x;
    sameRank &= x.getRank() == y.getRank();
  }
  if (sameRank)
    return buildIf(n, condition, branches[1], branches[0]);
  // Results have one rank each, so one of the branches is assumed, the first
  // that fits what follows, beginning with the more likely.
  bool chosen = n.importer.assumeBranch() != isEqualToOne(condition);
  check(n, condition, chosen,
        "its branches give tensors of different rank, and the model was "
        "compiled for the one that is not taken here; fix the input shapes "
        "with --input");
  return take(n, branches[chosen]);
}

void addControlRows(Table &table) {
  table.add({
      {"If", 25, importIf, Row::kAny, Row::AnyValue},
  });
}

} // namespace weft::onnx
