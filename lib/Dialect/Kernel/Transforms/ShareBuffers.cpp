// A value with several uses, one of which is a place in a concatenation or in a
// padded tensor, is copied there as far as tensors can say: its other readers
// have it under another name. Once there are buffers, a copy of all of A into a
// part P of B is not needed if A can be P from the beginning:
//
//   - B and P can stand before the first use of A;
//   - from then on nothing else writes to P, and nothing to A after the copy.
//
// Chains work out, as in densely connected nets: the small concatenation lies
// in the next larger one, and that in the largest. What is copied may be A with
// dimensions merged (the transposed convolution writes pixels as 128x2x128x2):
// the buffer is then the merged one, and A is a view of it that splits them.

#include "ShareBuffers.h"

#include "Extents.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

using namespace mlir;

namespace weft::kernel {
namespace {

/// What is known of the part of a buffer that a view shows: [begin, end) on
/// each dimension.
struct Part {
  struct Range {
    int64_t begin, end;
  };
  SmallVector<std::optional<Range>> ranges;

  static Part all(MemRefType type) {
    Part part;
    for (int64_t extent : type.getShape())
      part.ranges.push_back(ShapedType::isDynamic(extent)
                                ? std::nullopt
                                : std::optional<Range>({0, extent}));
    return part;
  }

  /// The part of this part that `view`, which drops no dimension, shows.
  Part within(memref::SubViewOp view) const {
    Part part;
    for (auto [i, outer] : llvm::enumerate(ranges)) {
      auto offset = getConstantIntValue(view.getMixedOffsets()[i]),
           size = getConstantIntValue(view.getMixedSizes()[i]);
      bool known = outer && offset && size;
      part.ranges.push_back(
          known ? std::optional<Range>(
                      {outer->begin + *offset, outer->begin + *offset + *size})
                : std::nullopt);
    }
    return part;
  }

  bool isDisjoint(const Part &other) const {
    return llvm::any_of(llvm::zip(ranges, other.ranges), [](auto pair) {
      auto [x, y] = pair;
      return x && y && (x->end <= y->begin || y->end <= x->begin);
    });
  }
};

/// An access to a buffer or a view of it by an op of the entry block.
struct Access {
  Operation *op; ///< in the entry block
  Operation *inner;
  Part part;
  bool writes;
};

/// A view that keeps its dimensions and steps from element to element.
bool isPlain(memref::SubViewOp view) {
  return view.getDroppedDims().none() &&
         llvm::all_of(view.getMixedStrides(), [](OpFoldResult stride) {
           return isConstantIntValue(stride, 1);
         });
}

class Sharer {
public:
  explicit Sharer(func::FuncOp main) : entry(main.getBody().front()) {}

  bool share(LaunchOp copy);

private:
  bool collect(Value buffer, const Part &part, SmallVectorImpl<Access> &found);
  bool isUnwritten(memref::AllocOp source, memref::AllocOp target,
                   const Part &place, LaunchOp copy,
                   SmallVectorImpl<Operation *> &first);
  using Operations = llvm::SmallPtrSet<Operation *, 16>;
  bool canHoist(Value value, Operation *before) const;
  bool canHoist(Value value, Operation *before, Operations &yes) const;
  void hoist(Value value, Operation *before);
  static void retype(Value buffer);

  Block &entry;
};

/// Lets the collapsed form of a buffer be the buffer, and the buffer its
/// expanded form. Returns the one that is now allocated, null if `value` is not
/// of that form.
memref::AllocOp allocateCollapsed(Value value) {
  auto collapse = value.getDefiningOp<memref::CollapseShapeOp>();
  auto buffer = collapse ? collapse.getSrc().getDefiningOp<memref::AllocOp>()
                         : memref::AllocOp();
  if (!buffer || !collapse.getResultType().hasStaticShape() ||
      !buffer.getType().getLayout().isIdentity())
    return nullptr;
  OpBuilder b(buffer);
  auto whole =
      memref::AllocOp::create(b, buffer.getLoc(), collapse.getResultType(),
                              ValueRange(), buffer.getAlignmentAttr());
  Value split =
      memref::ExpandShapeOp::create(b, buffer.getLoc(), buffer.getType(), whole,
                                    collapse.getReassociationIndices());
  collapse.replaceAllUsesWith(whole.getResult());
  collapse.erase();
  buffer.replaceAllUsesWith(split);
  buffer.erase();
  return whole;
}

/// Appends all accesses to `buffer`; false where an alias cannot be followed.
bool Sharer::collect(Value buffer, const Part &part,
                     SmallVectorImpl<Access> &found) {
  for (OpOperand &use : buffer.getUses()) {
    Operation *user = use.getOwner();
    if (isa<memref::DimOp>(user))
      continue;
    if (auto view = dyn_cast<memref::SubViewOp>(user)) {
      if (!isPlain(view) || !collect(view, part.within(view), found))
        return false;
      continue;
    }
    if (auto split = dyn_cast<memref::ExpandShapeOp>(user)) {
      // A part of the split view is not told in the buffer's dimensions.
      bool isCut =
          llvm::any_of(split->getUsers(), llvm::IsaPred<memref::SubViewOp>);
      if (isCut || !collect(split, part, found))
        return false;
      continue;
    }
    auto launch = dyn_cast<LaunchOp>(user);
    if (!launch && user != entry.getTerminator())
      return false;
    found.push_back({entry.findAncestorOpInBlock(*user), user, part,
                     launch && launch.isDpsInit(&use)});
  }
  return true;
}

/// True where `value` is available before `before`, or pure index arithmetic
/// and views make it so.
bool Sharer::canHoist(Value value, Operation *before) const {
  Operations yes;
  return canHoist(value, before, yes);
}

/// `yes`: ops of which that is known.
bool Sharer::canHoist(Value value, Operation *before, Operations &yes) const {
  Operation *op = value.getDefiningOp();
  if (!op)
    return true;
  if (op->getBlock() != &entry)
    return false;
  if (op->isBeforeInBlock(before) || yes.contains(op))
    return true;
  bool found = (mayComeEarlier(op) || isa<memref::AllocOp>(op)) &&
               op->getNumRegions() == 0 &&
               llvm::all_of(op->getOperands(), [&](Value operand) {
                 return canHoist(operand, before, yes);
               });
  if (found)
    yes.insert(op);
  return found;
}

void Sharer::hoist(Value value, Operation *before) {
  Operation *op = value.getDefiningOp();
  if (!op || op->isBeforeInBlock(before))
    return;
  for (Value operand : op->getOperands())
    hoist(operand, before);
  op->moveBefore(before);
}

/// Gives the views of `buffer` the types that follow from its own.
void Sharer::retype(Value buffer) {
  for (Operation *user : buffer.getUsers())
    if (auto view = dyn_cast<memref::SubViewOp>(user)) {
      view.getResult().setType(memref::SubViewOp::inferResultType(
          cast<MemRefType>(buffer.getType()), view.getMixedOffsets(),
          view.getMixedSizes(), view.getMixedStrides()));
      retype(view);
    } else if (auto split = dyn_cast<memref::ExpandShapeOp>(user)) {
      FailureOr<MemRefType> type = memref::ExpandShapeOp::computeExpandedType(
          cast<MemRefType>(buffer.getType()), split.getResultType().getShape(),
          split.getReassociationIndices());
      assert(succeeded(type) && "dimensions can always be split");
      split.getResult().setType(*type);
      retype(split);
    }
}

/// Checks the writes. `first` becomes what has to stand before A is written:
/// launches that read nothing, such as the filling of a border.
bool Sharer::isUnwritten(memref::AllocOp source, memref::AllocOp target,
                         const Part &place, LaunchOp copy,
                         SmallVectorImpl<Operation *> &first) {
  SmallVector<Access> ofSource, ofTarget;
  if (!collect(source, Part::all(source.getType()), ofSource) ||
      !collect(target, Part::all(target.getType()), ofTarget))
    return false;
  Operation *begin = nullptr, *end = nullptr;
  for (const Access &access : ofSource) {
    if (access.inner == copy)
      continue;
    // What is returned becomes one of the caller's buffers.
    if (access.op == entry.getTerminator() ||
        (access.writes && copy->isBeforeInBlock(access.op)))
      return false;
    if (!begin || access.op->isBeforeInBlock(begin))
      begin = access.op;
    if (!end || end->isBeforeInBlock(access.op))
      end = access.op;
  }
  if (!begin || !begin->isBeforeInBlock(copy))
    return false;
  for (const Access &access : ofTarget) {
    if (!access.writes || access.inner == copy ||
        access.op->isBeforeInBlock(begin) || access.part.isDisjoint(place))
      continue;
    auto launch = dyn_cast<LaunchOp>(access.op);
    bool readsNothing =
        launch && launch.getOutputs().size() == 1 &&
        llvm::none_of(launch.getInputs().getTypes(), llvm::IsaPred<MemRefType>);
    bool isFirst = llvm::none_of(ofTarget, [&](const Access &other) {
      return other.writes && other.op->isBeforeInBlock(access.op);
    });
    if (readsNothing && isFirst && access.op->isBeforeInBlock(copy))
      first.push_back(access.op);
    else if (!end->isBeforeInBlock(access.op))
      return false;
  }
  return true;
}

bool Sharer::share(LaunchOp copy) {
  // A constant is copied by a launch that reads nothing.
  if (copy->getBlock() != &entry || copy.getInputs().size() != 1)
    return false;
  auto source = copy.getInputs()[0].getDefiningOp<memref::AllocOp>();
  if (!source)
    source = allocateCollapsed(copy.getInputs()[0]);
  Value part = copy.getOutputs()[0];
  if (!source || source->getBlock() != &entry)
    return false;
  SmallVector<memref::SubViewOp> views;
  Value root = part;
  while (auto view = root.getDefiningOp<memref::SubViewOp>()) {
    if (!isPlain(view))
      return false;
    views.push_back(view);
    root = view.getSource();
  }
  auto target = root.getDefiningOp<memref::AllocOp>();
  if (!target || target == source || target->getBlock() != &entry ||
      target.getType().getMemorySpace() != source.getType().getMemorySpace())
    return false;
  Part place = Part::all(target.getType());
  for (memref::SubViewOp view : llvm::reverse(views))
    place = place.within(view);
  SmallVector<Operation *> first;
  if (!canHoist(part, source) ||
      !isUnwritten(source, target, place, copy, first))
    return false;
  for (Operation *op : first)
    for (Value operand : op->getOperands())
      if (!canHoist(operand, source))
        return false;
  // Extents that only the run knows need not be told by the same values.
  auto type = cast<MemRefType>(part.getType());
  if (type.getShape() != source.getType().getShape())
    return false;
  hoist(part, source);
  for (Operation *op : first) {
    for (Value operand : op->getOperands())
      hoist(operand, source);
    if (!op->isBeforeInBlock(source))
      op->moveBefore(source);
  }
  copy.erase();
  source.getResult().replaceAllUsesWith(part);
  source.erase();
  retype(part);
  return true;
}

} // namespace

unsigned shareBuffers(func::FuncOp main) {
  SmallVector<LaunchOp> copies;
  main.walk([&](LaunchOp launch) {
    if (launch->hasAttr(kCopyAttr))
      copies.push_back(launch);
  });
  Sharer sharer(main);
  unsigned saved = 0;
  for (LaunchOp copy : copies)
    saved += sharer.share(copy);
  return saved;
}

} // namespace weft::kernel
