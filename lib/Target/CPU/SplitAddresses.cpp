// The pixels of a register tile, or the rows of a matrix, lie a constant apart,
// but their indices are multiplied after the constant was added. Left so, each
// has a pointer of its own, more than there are registers; split, all are one
// pointer and the displacements that loads have room for. LLVM's own pass looks
// through additions only, and its strength reduction of loops takes apart what
// is one: where the next pixel is the next element too, it gave 14 pixels 14
// pointers, which were in memory and moved on one by one.

#include "SplitAddresses.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/PatternMatch.h"

using namespace llvm;
using namespace llvm::PatternMatch;

namespace weft::cpu {
namespace {

/// value = rest + constant, modulo 2^64; `rest` is null for 0.
struct Split {
  Value *rest = nullptr;
  uint64_t constant = 0;
};

class Splitter {
public:
  Split split(Value *value);

private:
  Split splitInstruction(Instruction *value);

  DenseMap<Value *, Split> known;
};

} // namespace

Split Splitter::split(Value *value) {
  if (auto number = dyn_cast<ConstantInt>(value))
    return {nullptr, number->getZExtValue()};
  auto instruction = dyn_cast<Instruction>(value);
  if (!instruction)
    return {value, 0};
  if (auto found = known.find(value); found != known.end())
    return found->second;
  Split result = splitInstruction(instruction);
  known[value] = result;
  return result;
}

Split Splitter::splitInstruction(Instruction *value) {
  // Behind the instruction all that it is made of is known.
  auto builder = [&] { return IRBuilder<>(value->getNextNode()); };
  Value *x, *y;
  const APInt *factor;
  if (match(value, m_Add(m_Value(x), m_Value(y)))) {
    Split a = split(x), b = split(y);
    if (a.constant == 0 && b.constant == 0)
      return {value, 0};
    uint64_t constant = a.constant + b.constant;
    if (!a.rest || !b.rest)
      return {a.rest ? a.rest : b.rest, constant};
    return {builder().CreateAdd(a.rest, b.rest), constant};
  }
  if (match(value, m_Sub(m_Value(x), m_Value(y)))) {
    Split a = split(x), b = split(y);
    if (a.constant == b.constant || !a.rest)
      return {value, 0};
    return {b.rest ? builder().CreateSub(a.rest, b.rest) : a.rest,
            a.constant - b.constant};
  }
  bool shifts = match(value, m_Shl(m_Value(x), m_APInt(factor))) &&
                factor->ult(factor->getBitWidth());
  if (shifts || match(value, m_Mul(m_Value(x), m_APInt(factor)))) {
    uint64_t times =
        shifts ? uint64_t(1) << factor->getZExtValue() : factor->getZExtValue();
    Split a = split(x);
    if (a.constant == 0)
      return {value, 0};
    Value *rest = a.rest
                      ? builder().CreateMul(a.rest, builder().getInt64(times))
                      : nullptr;
    return {rest, a.constant * times};
  }
  return {value, 0};
}

void splitAddresses(Function &function) {
  SmallVector<GetElementPtrInst *> addresses;
  for (Instruction &instruction : instructions(function))
    if (auto address = dyn_cast<GetElementPtrInst>(&instruction))
      if (address->getNumIndices() == 1 &&
          (*address->idx_begin())->getType()->isIntegerTy(64))
        addresses.push_back(address);
  Splitter splitter;
  for (GetElementPtrInst *address : addresses) {
    Split index = splitter.split(address->idx_begin()->get());
    if (!index.rest || index.constant == 0)
      continue;
    IRBuilder<> b(address);
    Type *element = address->getSourceElementType();
    Value *base =
        b.CreateGEP(element, address->getPointerOperand(), index.rest);
    address->replaceAllUsesWith(
        b.CreateGEP(element, base, b.getInt64(index.constant)));
    address->eraseFromParent();
  }
}

/// True if other addresses lie a constant ahead of `pointer`.
static bool isShared(const GetElementPtrInst &pointer) {
  auto displaced = llvm::count_if(pointer.users(), [](const User *user) {
    auto address = dyn_cast<GetElementPtrInst>(user);
    return address && address->hasAllConstantIndices();
  });
  return displaced > 1;
}

void shareAddresses(Function &function) {
  SmallVector<GetElementPtrInst *> pointers;
  for (Instruction &instruction : instructions(function))
    if (auto pointer = dyn_cast<GetElementPtrInst>(&instruction))
      if (!pointer->hasAllConstantIndices() && isShared(*pointer))
        pointers.push_back(pointer);
  // Nothing is poison here; the freeze is a name that scalar evolution does not
  // look behind, and no instruction.
  for (GetElementPtrInst *pointer : pointers) {
    Value *shared = IRBuilder<>(pointer->getNextNode()).CreateFreeze(pointer);
    pointer->replaceUsesWithIf(
        shared, [&](Use &use) { return use.getUser() != shared; });
  }
}

} // namespace weft::cpu
