// A value with several uses, one of which is a place in a concatenation or in a
// padded tensor, is copied there as far as tensors can say: its other readers
// have it under another name. So are all but the first of the results of one
// kernel that are pieces of one tensor: that they are computed at once has no
// name among tensors. Once there are buffers, a copy of all of A into a part P
// of B is not needed if A can be P from the beginning:
//
//   - B and P can stand before the first use of A;
//   - from then on nothing else writes to P, and nothing to A after the copy;
//   - nothing reads from P before the copy, and after the first use of A.
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

/// An access to a buffer or a view of it.
struct Access {
  Operation *op; ///< in the block of the buffer
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
  /// Of buffers and copies in `block`.
  explicit Sharer(Block &block) : block(block) {}

  bool share(LaunchOp copy) {
    // A constant is copied by a launch that reads nothing.
    return copy.getInputs().size() == 1 &&
           share(copy, copy.getInputs()[0], copy.getOutputs()[0]);
  }
  bool share(memref::CopyOp copy) {
    return share(copy, copy.getSource(), copy.getTarget());
  }

private:
  bool share(Operation *copy, Value from, Value part);
  bool collect(Value buffer, const Part &part, SmallVectorImpl<Access> &found);
  bool isUnwritten(memref::AllocOp source, memref::AllocOp target,
                   const Part &place, Operation *copy,
                   SmallVectorImpl<Operation *> &first);
  using Operations = llvm::SmallPtrSet<Operation *, 16>;
  bool canHoist(Value value, Operation *before) const;
  bool canHoist(Value value, Operation *before, Operations &yes) const;
  void hoist(Value value, Operation *before);
  static MemRefType typeOfView(Operation *view, MemRefType type);
  static bool canRetype(Value buffer, MemRefType type);
  static void retype(Value buffer);

  Block &block;
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
    if (isa<memref::ExpandShapeOp, memref::CollapseShapeOp, memref::CastOp>(
            user)) {
      // A part of a view with other dimensions is not told in the buffer's.
      bool isCut = !isa<memref::CastOp>(user) &&
                   llvm::any_of(user->getUsers(), [](Operation *next) {
                     return isa<memref::SubViewOp, memref::ExpandShapeOp>(next);
                   });
      if (!collect(user->getResult(0), isCut ? Part() : part, found))
        return false;
      continue;
    }
    auto launch = dyn_cast<LaunchOp>(user);
    auto copy = dyn_cast<memref::CopyOp>(user);
    if (!launch && !copy && user != block.getTerminator())
      return false;
    found.push_back({block.findAncestorOpInBlock(*user), user, part,
                     (launch && launch.isDpsInit(&use)) ||
                         (copy && use.get() == copy.getTarget())});
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
  // What stands around the block is there before all of it.
  if (op->getBlock() != &block)
    return true;
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
  if (!op || op->getBlock() != &block || op->isBeforeInBlock(before))
    return;
  for (Value operand : op->getOperands())
    hoist(operand, before);
  op->moveBefore(before);
}

/// The type that `view` of a buffer has once the buffer's is `type`; null where
/// that cannot be viewed so, as rows that lie apart cannot be one.
MemRefType Sharer::typeOfView(Operation *view, MemRefType type) {
  if (auto part = dyn_cast<memref::SubViewOp>(view))
    return memref::SubViewOp::inferResultType(type, part.getMixedOffsets(),
                                              part.getMixedSizes(),
                                              part.getMixedStrides());
  if (auto split = dyn_cast<memref::ExpandShapeOp>(view)) {
    FailureOr<MemRefType> expanded = memref::ExpandShapeOp::computeExpandedType(
        type, split.getResultType().getShape(),
        split.getReassociationIndices());
    return succeeded(expanded) ? *expanded : MemRefType();
  }
  if (auto join = dyn_cast<memref::CollapseShapeOp>(view)) {
    auto groups = join.getReassociationIndices();
    return memref::CollapseShapeOp::isGuaranteedCollapsible(type, groups)
               ? memref::CollapseShapeOp::computeCollapsedType(type, groups)
               : MemRefType();
  }
  // A cast says what is known of extents, and keeps the layout.
  auto cast = llvm::cast<memref::CastOp>(view);
  auto to = dyn_cast<MemRefType>(cast.getType());
  return to && to.getLayout().isIdentity() && type.getLayout().isIdentity()
             ? to
             : MemRefType();
}

static bool isView(Operation *op) {
  return isa<memref::SubViewOp, memref::ExpandShapeOp, memref::CollapseShapeOp,
             memref::CastOp>(op);
}

/// Whether all views of `buffer` have a type if its own is `type`.
bool Sharer::canRetype(Value buffer, MemRefType type) {
  return llvm::all_of(buffer.getUsers(), [&](Operation *user) {
    if (!isView(user))
      return true;
    MemRefType found = typeOfView(user, type);
    return found && canRetype(user->getResult(0), found);
  });
}

/// Gives the views of `buffer` the types that follow from its own.
void Sharer::retype(Value buffer) {
  for (Operation *user : buffer.getUsers())
    if (isView(user)) {
      user->getResult(0).setType(
          typeOfView(user, cast<MemRefType>(buffer.getType())));
      retype(user->getResult(0));
    }
}

/// Checks the writes. `first` becomes what has to stand before A is written:
/// launches that read nothing, such as the filling of a border.
bool Sharer::isUnwritten(memref::AllocOp source, memref::AllocOp target,
                         const Part &place, Operation *copy,
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
    if (access.op == block.getTerminator() ||
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
    if (access.inner == copy || access.op->isBeforeInBlock(begin) ||
        access.part.isDisjoint(place))
      continue;
    if (!access.writes) {
      // Nobody reads a concatenation before it is whole.
      if (isa<memref::CopyOp>(copy) && access.op->isBeforeInBlock(copy))
        return false;
      continue;
    }
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

bool Sharer::share(Operation *copy, Value from, Value part) {
  auto source = from.getDefiningOp<memref::AllocOp>();
  if (!source)
    source = allocateCollapsed(from);
  if (!source || source->getBlock() != &block)
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
  if (!target || target == source || target->getBlock() != &block ||
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
  if (type.getShape() != source.getType().getShape() ||
      !canRetype(source, type))
    return false;
  hoist(part, source);
  for (Operation *op : first) {
    for (Value operand : op->getOperands())
      hoist(operand, source);
    if (!op->isBeforeInBlock(source))
      op->moveBefore(source);
  }
  copy->erase();
  source.getResult().replaceAllUsesWith(part);
  source.erase();
  retype(part);
  return true;
}

} // namespace

unsigned shareBuffers(func::FuncOp main) {
  SmallVector<Operation *> copies;
  main.walk([&](Operation *op) {
    if (isa<memref::CopyOp>(op) ||
        (isa<LaunchOp>(op) && op->hasAttr(kCopyAttr)))
      copies.push_back(op);
  });
  unsigned saved = 0;
  for (Operation *op : copies) {
    Sharer sharer(*op->getBlock());
    auto launch = dyn_cast<LaunchOp>(op);
    saved +=
        launch ? sharer.share(launch) : sharer.share(cast<memref::CopyOp>(op));
  }
  return saved;
}

} // namespace weft::kernel
