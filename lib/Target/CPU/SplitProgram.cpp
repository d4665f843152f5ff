// LLVM's code generator takes time that grows with the square of a function's
// length, once it has thousands of blocks in a row: each edge that it splits
// moves all that follow down in the tree of dominators. So a long program is
// cut before it becomes blocks, where values have types and a branch that fails
// is still an operation. Values cross from one function to another in slots of
// one frame: each is written once and read once by each function that needs it,
// so that what crosses grows with the program, not with its parts.

#include "SplitProgram.h"

#include "EntryAbi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace weft::cpu {
namespace {

/// What a slot holds: a scalar, or a memref whose pointer says where it begins.
bool fitsSlot(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref)
    return type.isIntOrIndexOrFloat() || isa<LLVM::LLVMPointerType>(type);
  int64_t offset;
  SmallVector<int64_t> strides;
  return succeeded(memref.getStridesAndOffset(strides, offset)) &&
         (offset == 0 || ShapedType::isDynamic(offset));
}

bool isConstant(Value value) {
  Operation *op = value.getDefiningOp();
  return op && op->getNumOperands() == 0 && op->getNumRegions() == 0 &&
         isPure(op);
}

/// Whether a function that needs `value` makes it anew: constants, weights and
/// views at a known place cost less than a slot; for others there is none.
bool isMadeAnew(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() != 0 || !isPure(op))
    return false;
  if (isConstant(value) || !fitsSlot(value.getType()))
    return true;
  return isa<MemRefType>(value.getType()) &&
         llvm::count_if(op->getOperands(),
                        [](Value operand) { return !isConstant(operand); }) < 2;
}

bool canCross(Value value) {
  if (isMadeAnew(value))
    return llvm::all_of(value.getDefiningOp()->getOperands(), canCross);
  return fitsSlot(value.getType());
}

/// Parts as they are made, and then what crosses between them.
class Splitter {
public:
  Splitter(func::FuncOp main, StringRef prefix, int64_t size)
      : main(main), prefix(prefix), size(size),
        b(main.getLoc(), main.getContext()), abi(b) {}

  SmallVector<func::FuncOp> run(Operation *begin);

private:
  struct Part {
    func::CallOp call;
    Operation *first;                     // of what was moved here
    llvm::DenseMap<Value, Value> entered; // from other functions
  };

  int64_t cut(Block &block, Operation *begin);
  void outline(Operation *begin, Operation *end);
  void connect(func::FuncOp function);
  Value enter(Value value, func::FuncOp function, Operation *user);
  unsigned slotOf(Value value);
  Value frameOf(func::FuncOp function);
  bool calls(func::FuncOp caller, func::FuncOp function);

  func::FuncOp main;
  StringRef prefix;
  int64_t size;
  ImplicitLocOpBuilder b;
  EntryAbi abi;
  Value frame; // of main
  unsigned slots = 0;
  llvm::DenseMap<Value, unsigned> slotOfValue;
  llvm::MapVector<Operation *, Part> parts; // by function
};

func::FuncOp functionOf(Value value) {
  Operation *parent = value.getParentBlock()->getParentOp();
  auto function = dyn_cast<func::FuncOp>(parent);
  return function ? function : parent->getParentOfType<func::FuncOp>();
}

/// Whether all that `block` reads from outside can cross.
bool canBeCut(Block &block) {
  WalkResult result = block.walk([&](Operation *op) {
    for (Value operand : op->getOperands()) {
      bool isOwnResult = isa<OpResult>(operand) &&
                         block.findAncestorOpInBlock(*operand.getDefiningOp());
      auto argument = dyn_cast<BlockArgument>(operand);
      bool isWithin =
          argument && argument.getOwner() != &block &&
          block.findAncestorOpInBlock(*argument.getOwner()->getParentOp());
      if (!isOwnResult && !isWithin && !canCross(operand))
        return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return !result.wasInterrupted();
}

/// Cuts what stands in `block` from `begin` on, what is nested first. Returns
/// how much is left.
int64_t Splitter::cut(Block &block, Operation *begin) {
  constexpr int64_t kCall = 8; // what takes the place of a part
  SmallVector<Operation *> ops;
  SmallVector<int64_t> weights;
  llvm::DenseMap<Operation *, size_t> places;
  int64_t total = 0;
  for (Operation &op : llvm::make_range(Block::iterator(begin), block.end())) {
    int64_t weight = 1 + op.getNumOperands();
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        weight += cut(inner, &inner.front());
    places[&op] = ops.size();
    ops.push_back(&op);
    weights.push_back(weight);
    total += weight;
  }
  if (total < 2 * size || !canBeCut(block))
    return total;
  // A part ends where nothing is alive that cannot cross.
  size_t first = 0, alive = 0;
  int64_t weight = 0;
  for (size_t i = 0; i + 1 < ops.size(); ++i) {
    weight += weights[i];
    for (Value result : ops[i]->getResults())
      if (!canCross(result))
        for (Operation *user : result.getUsers())
          alive =
              std::max(alive, places.at(block.findAncestorOpInBlock(*user)));
    if ((weight < size && i + 2 < ops.size()) || alive > i)
      continue;
    outline(ops[first], ops[i + 1]);
    total += kCall - weight;
    first = i + 1;
    weight = 0;
  }
  return total;
}

/// Moves what stands from `begin` to before `end` to a function of its own.
void Splitter::outline(Operation *begin, Operation *end) {
  b.setLoc(begin->getLoc());
  b.setInsertionPoint(main);
  Type pointer = abi.pointer();
  auto function = func::FuncOp::create(
      b, (prefix + Twine(parts.size())).str(),
      b.getFunctionType({pointer, pointer, pointer}, {b.getI32Type()}));
  function.setPrivate();
  Block *body = function.addEntryBlock();
  Block *block = begin->getBlock();
  body->getOperations().splice(body->end(), block->getOperations(),
                               begin->getIterator(), end->getIterator());
  b.setInsertionPointToEnd(body);
  func::ReturnOp::create(b);
  b.setInsertionPoint(end);
  ValueRange own = main.getArguments();
  auto call =
      func::CallOp::create(b, function, ValueRange{own[0], own[2], frame});
  Part &part = parts[function];
  part.call = call;
  part.first = begin;
  for (auto [outer, inner] :
       llvm::zip_equal(call.getOperands(), function.getArguments()))
    part.entered[outer] = inner;
}

/// Whether `function` is called by `caller`, at any depth.
bool Splitter::calls(func::FuncOp caller, func::FuncOp function) {
  for (func::FuncOp f = function; f != main;) {
    f = parts[f].call->getParentOfType<func::FuncOp>();
    if (f == caller)
      return true;
  }
  return false;
}

Value Splitter::frameOf(func::FuncOp function) {
  return function == main ? frame : Value(function.getArgument(2));
}

/// The slot of `value`, which is written where it is defined.
unsigned Splitter::slotOf(Value value) {
  auto [it, isNew] = slotOfValue.try_emplace(value, slots);
  if (!isNew)
    return it->second;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointAfterValue(value);
  unsigned slot = slots;
  packArgument(b, value, frameOf(functionOf(value)), slots);
  return slot;
}

/// `value` of another function in `function`: read once at the beginning; but
/// what a part makes that `function` itself calls, in front of its `user`.
Value Splitter::enter(Value value, func::FuncOp function, Operation *user) {
  if (functionOf(value) == function)
    return value;
  bool isLate = calls(function, functionOf(value));
  if (!isLate)
    if (Value known = parts[function].entered.lookup(value))
      return known;
  Operation *place = isLate ? user : parts[function].first;
  b.setLoc(value.getLoc());
  Value entered;
  if (isMadeAnew(value)) {
    IRMapping mapping;
    for (Value operand : value.getDefiningOp()->getOperands())
      mapping.map(operand, enter(operand, function, place));
    b.setInsertionPoint(place);
    b.clone(*value.getDefiningOp(), mapping);
    entered = mapping.lookup(value);
  } else {
    unsigned slot = slotOf(value);
    b.setInsertionPoint(place);
    entered = unpackArgument(b, value.getType(), frameOf(function), slot);
  }
  if (!isLate)
    parts[function].entered[value] = entered;
  return entered;
}

void Splitter::connect(func::FuncOp function) {
  SmallVector<OpOperand *> crossing;
  function.walk([&](Operation *op) {
    for (OpOperand &operand : op->getOpOperands())
      if (functionOf(operand.get()) != function)
        crossing.push_back(&operand);
  });
  for (OpOperand *operand : crossing)
    operand->set(enter(operand->get(), function, operand->getOwner()));
}

SmallVector<func::FuncOp> Splitter::run(Operation *begin) {
  b.setInsertionPointToStart(&main.front());
  auto words = arith::ConstantOp::create(b, b.getI64IntegerAttr(0));
  frame = LLVM::AllocaOp::create(b, abi.pointer(), b.getI64Type(), words,
                                 /*alignment=*/16);
  cut(main.front(), begin);
  SmallVector<func::FuncOp> functions;
  for (auto &[function, part] : parts)
    functions.push_back(cast<func::FuncOp>(function));
  if (functions.empty()) {
    frame.getDefiningOp()->erase();
    return functions;
  }
  connect(main);
  for (func::FuncOp function : functions)
    connect(function);
  words.setValueAttr(b.getI64IntegerAttr(std::max(slots, 1u)));
  return functions;
}

} // namespace

SmallVector<func::FuncOp> splitProgram(func::FuncOp main, Operation *begin,
                                       StringRef prefix, int64_t size) {
  return Splitter(main, prefix, size).run(begin);
}

} // namespace weft::cpu
