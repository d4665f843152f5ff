// Slots and context fields by the offsets that the C compiler gives them.

#include "EntryAbi.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "weft/Artifact/Abi.h"
#include <cstddef>

using namespace mlir;

namespace weft::cpu {

static int64_t offsetOf(Field field) {
  switch (field) {
  case Field::WorkerCount:
    return offsetof(weft_context, worker_count);
  case Field::ParallelFor:
    return offsetof(weft_context, parallel_for);
  case Field::ReserveArena:
    return offsetof(weft_context, reserve_arena);
  case Field::Allocate:
    return offsetof(weft_context, allocate);
  case Field::Release:
    return offsetof(weft_context, release);
  case Field::Output:
    return offsetof(weft_context, output);
  case Field::Fail:
    return offsetof(weft_context, fail);
  case Field::Failed:
    return offsetof(weft_context, failed);
  case Field::Scratch:
    return offsetof(weft_context, scratch);
  case Field::ReserveScratch:
    return offsetof(weft_context, reserve_scratch);
  case Field::Profile:
    return offsetof(weft_context, profile);
  case Field::String:
    return offsetof(weft_context, string);
  }
  llvm_unreachable("all fields are listed");
}

Type EntryAbi::pointer() const {
  return LLVM::LLVMPointerType::get(b.getContext());
}

Value EntryAbi::i64(int64_t value) {
  return arith::ConstantIntOp::create(b, value, 64);
}

Value EntryAbi::toI64(Value value) {
  if (value.getType().isInteger(64))
    return value;
  if (value.getType().isIndex())
    return b.createOrFold<arith::IndexCastOp>(b.getI64Type(), value);
  return arith::ExtUIOp::create(b, b.getI64Type(), value);
}

Value EntryAbi::toIndex(Value value) {
  return b.createOrFold<arith::IndexCastOp>(b.getIndexType(), value);
}

Value EntryAbi::at(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(
      b, this->pointer(), b.getI8Type(), pointer,
      ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

Value EntryAbi::at(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(b, this->pointer(), b.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{bytes});
}

Value EntryAbi::load(Value pointer, Type type) {
  return LLVM::LoadOp::create(b, type, pointer);
}

Value EntryAbi::field(Value context, Field field, Type type) {
  return load(at(context, offsetOf(field)), type);
}

Value EntryAbi::call(Value context, Field field, Type result,
                     ArrayRef<Value> arguments) {
  Value callee = this->field(context, field, pointer());
  SmallVector<Value> operands{callee, context};
  llvm::append_range(operands, arguments);
  SmallVector<Type> types;
  for (Value value : ArrayRef(operands).drop_front())
    types.push_back(value.getType());
  Type returned = result ? result : LLVM::LLVMVoidType::get(b.getContext());
  auto call = LLVM::CallOp::create(
      b, LLVM::LLVMFunctionType::get(returned, types), operands);
  return result ? call.getResult() : Value();
}

/// What LLVMTypeConverter makes of a memref of `rank` dimensions. To ask it
/// would cost a converter for each of thousands of memrefs.
static Type descriptorType(Builder &b, int64_t rank) {
  Type pointer = LLVM::LLVMPointerType::get(b.getContext()),
       i64 = b.getI64Type();
  SmallVector<Type> fields{pointer, pointer, i64};
  if (rank > 0)
    fields.append(2, LLVM::LLVMArrayType::get(i64, rank));
  return LLVM::LLVMStructType::getLiteral(b.getContext(), fields);
}

Value EntryAbi::memref(MemRefType type, Value pointer, ArrayRef<Value> sizes,
                       ArrayRef<Value> strides) {
  Location loc = b.getLoc();
  auto descriptor =
      MemRefDescriptor::poison(b, loc, descriptorType(b, type.getRank()));
  descriptor.setAllocatedPtr(b, loc, pointer);
  descriptor.setAlignedPtr(b, loc, pointer);
  descriptor.setConstantOffset(b, loc, 0);
  SmallVector<int64_t> knownStrides;
  int64_t offset;
  (void)type.getStridesAndOffset(knownStrides, offset);
  bool isIdentity = type.getLayout().isIdentity();
  SmallVector<Value> extents;
  for (int64_t extent : type.getShape())
    extents.push_back(ShapedType::isDynamic(extent) ? sizes.front()
                                                    : i64(extent)),
        sizes = ShapedType::isDynamic(extent) ? sizes.drop_front() : sizes;
  SmallVector<Value> steps(extents.size());
  Value dense = i64(1);
  for (size_t d = extents.size(); d-- > 0;) {
    if (isIdentity) {
      steps[d] =
          ShapedType::isDynamic(knownStrides[d]) ? dense : i64(knownStrides[d]);
      dense = b.createOrFold<arith::MulIOp>(dense, extents[d]);
    }
  }
  for (size_t d = 0; d < extents.size(); ++d) {
    if (!isIdentity) {
      bool dynamic = ShapedType::isDynamic(knownStrides[d]);
      steps[d] = dynamic ? strides.front() : i64(knownStrides[d]);
      if (dynamic)
        strides = strides.drop_front();
    }
    descriptor.setSize(b, loc, d, extents[d]);
    descriptor.setStride(b, loc, d, steps[d]);
  }
  return UnrealizedConversionCastOp::create(b, TypeRange{type},
                                            ValueRange{Value(descriptor)})
      .getResult(0);
}

Value EntryAbi::address(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(
      b, metadata.getBaseBuffer());
  int64_t bytes = (std::max(8u, type.getElementTypeBitWidth()
                                    ? type.getElementType().isIndex()
                                          ? 64u
                                          : type.getElementTypeBitWidth()
                                    : 8u)) /
                  8;
  Value offset = arith::MulIOp::create(
      b, metadata.getOffset(), arith::ConstantIndexOp::create(b, bytes));
  return toI64(arith::AddIOp::create(b, base, offset));
}

//===-- Slots
//-----------------------------------------------------------------------//

/// Positions of the strides that a kernel must be told.
static SmallVector<unsigned> toldStrides(MemRefType type) {
  SmallVector<unsigned> positions;
  if (type.getLayout().isIdentity())
    return positions;
  auto [strides, offset] = type.getStridesAndOffset();
  (void)offset;
  for (auto [d, stride] : llvm::enumerate(strides))
    if (ShapedType::isDynamic(stride))
      positions.push_back(d);
  return positions;
}

unsigned slotsOf(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  return memref ? 1 + memref.getNumDynamicDims() + toldStrides(memref).size()
                : 1;
}

Value unpackArgument(ImplicitLocOpBuilder &b, Type type, Value block,
                     unsigned &slot) {
  EntryAbi abi(b);
  auto next = [&](Type as) {
    return abi.load(abi.at(block, 8 * static_cast<int64_t>(slot++)), as);
  };
  auto memref = dyn_cast<MemRefType>(type);
  if (type.isIndex())
    return abi.toIndex(next(b.getI64Type()));
  if (!memref)
    return next(type);
  Value pointer = next(abi.pointer());
  SmallVector<Value> sizes, strides;
  for (int64_t i = 0; i < memref.getNumDynamicDims(); ++i)
    sizes.push_back(next(b.getI64Type()));
  for (size_t i = 0; i < toldStrides(memref).size(); ++i)
    strides.push_back(next(b.getI64Type()));
  return abi.memref(memref, pointer, sizes, strides);
}

void packArgument(ImplicitLocOpBuilder &b, Value value, Value block,
                  unsigned &slot) {
  EntryAbi abi(b);
  auto put = [&](Value word) {
    LLVM::StoreOp::create(b, word,
                          abi.at(block, 8 * static_cast<int64_t>(slot++)));
  };
  auto type = dyn_cast<MemRefType>(value.getType());
  if (!type) {
    put(value.getType().isIndex() ? abi.toI64(value) : value);
    return;
  }
  put(abi.address(value));
  for (auto [d, extent] : llvm::enumerate(type.getShape()))
    if (ShapedType::isDynamic(extent))
      put(abi.toI64(memref::DimOp::create(b, value, d)));
  if (toldStrides(type).empty())
    return;
  auto metadata = memref::ExtractStridedMetadataOp::create(b, value);
  for (unsigned d : toldStrides(type))
    put(abi.toI64(metadata.getStrides()[d]));
}

} // namespace weft::cpu
