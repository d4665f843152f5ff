#include "TensorData.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace llvm;
using namespace mlir;

namespace weft::onnx {

static constexpr int64_t kMaxElements = int64_t(1) << 40;
static constexpr int kMaxRank = 8;
/// Constants up to this many elements are printed and folded in place.
static constexpr int64_t kSmall = 64;

Type elementType(MLIRContext *context, int onnxType) {
  Builder b(context);
  auto integer = [&](unsigned width, bool isUnsigned) -> Type {
    return IntegerType::get(context, width,
                            isUnsigned ? IntegerType::Unsigned
                                       : IntegerType::Signless);
  };
  switch (onnxType) {
  case TensorProto::FLOAT:
    return b.getF32Type();
  case TensorProto::DOUBLE:
    return b.getF64Type();
  case TensorProto::FLOAT16:
    return b.getF16Type();
  case TensorProto::BFLOAT16:
    return b.getBF16Type();
  case TensorProto::BOOL:
    return b.getI1Type();
  case TensorProto::INT8:
    return integer(8, false);
  case TensorProto::INT16:
    return integer(16, false);
  case TensorProto::INT32:
    return integer(32, false);
  case TensorProto::INT64:
    return integer(64, false);
  case TensorProto::UINT8:
    return integer(8, true);
  case TensorProto::UINT16:
    return integer(16, true);
  case TensorProto::UINT32:
    return integer(32, true);
  case TensorProto::UINT64:
    return integer(64, true);
  case TensorProto::FLOAT8E4M3FN:
    return Float8E4M3FNType::get(context);
  case TensorProto::FLOAT8E4M3FNUZ:
    return Float8E4M3FNUZType::get(context);
  case TensorProto::FLOAT8E5M2:
    return Float8E5M2Type::get(context);
  case TensorProto::FLOAT8E5M2FNUZ:
    return Float8E5M2FNUZType::get(context);
  case TensorProto::FLOAT8E8M0:
    return Float8E8M0FNUType::get(context);
  case TensorProto::FLOAT4E2M1:
    return Float4E2M1FNType::get(context);
  case TensorProto::INT4:
    return integer(4, false);
  case TensorProto::UINT4:
    return integer(4, true);
  case TensorProto::INT2:
    return integer(2, false);
  case TensorProto::UINT2:
    return integer(2, true);
  default:
    return {};
  }
}

/// Only the importer has this type; see Strings.h.
Type stringType(MLIRContext *context) {
  return OpaqueType::get(StringAttr::get(context, "graph"), "string");
}

bool isString(Type element) { return isa<OpaqueType>(element); }

Type anyElementType(MLIRContext *context, int onnxType) {
  return onnxType == TensorProto::STRING ? stringType(context)
                                         : elementType(context, onnxType);
}

std::string typeName(int onnxType) {
  // Lite messages carry no names of enum values.
  static const char *const names[] = {
      "undefined",      "float",      "uint8",
      "int8",           "uint16",     "int16",
      "int32",          "int64",      "string",
      "bool",           "float16",    "double",
      "uint32",         "uint64",     "complex64",
      "complex128",     "bfloat16",   "float8e4m3fn",
      "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz",
      "uint4",          "int4",       "float4e2m1",
      "float8e8m0",     "uint2",      "int2"};
  if (onnxType >= 0 && onnxType < int(std::size(names)))
    return names[onnxType];
  return "type " + std::to_string(onnxType);
}

static unsigned elementBits(int onnxType) {
  switch (onnxType) {
  case TensorProto::INT2:
  case TensorProto::UINT2:
    return 2;
  case TensorProto::INT4:
  case TensorProto::UINT4:
  case TensorProto::FLOAT4E2M1:
    return 4;
  case TensorProto::BOOL:
  case TensorProto::INT8:
  case TensorProto::UINT8:
  case TensorProto::FLOAT8E4M3FN:
  case TensorProto::FLOAT8E4M3FNUZ:
  case TensorProto::FLOAT8E5M2:
  case TensorProto::FLOAT8E5M2FNUZ:
  case TensorProto::FLOAT8E8M0:
    return 8;
  case TensorProto::INT16:
  case TensorProto::UINT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return 16;
  case TensorProto::FLOAT:
  case TensorProto::INT32:
  case TensorProto::UINT32:
    return 32;
  case TensorProto::DOUBLE:
  case TensorProto::INT64:
  case TensorProto::UINT64:
    return 64;
  default:
    return 0;
  }
}

uint64_t packedBytes(int onnxType, int64_t count) {
  // At most 2^40 elements of 64 bits.
  return (uint64_t(count) * elementBits(onnxType) + 7) / 8;
}

static Error tensorError(const TensorProto &tensor, const Twine &text) {
  return modelError("tensor '" + Twine(tensor.name()) + "' " + text);
}

Expected<int64_t> elementCount(const TensorProto &tensor) {
  int64_t count = 1;
  bool tooLarge = false;
  for (int64_t extent : tensor.dims()) {
    if (extent < 0)
      return tensorError(tensor, "has a negative extent, " + Twine(extent));
    tooLarge |= extent && MulOverflow(count, extent, count);
    tooLarge |= count > kMaxElements;
    if (extent == 0)
      return 0;
  }
  if (tooLarge)
    return tensorError(tensor, "claims more than 2^40 elements");
  return count;
}

/// Elements in the field that is meant for tensors of this type.
static int64_t fieldSize(const TensorProto &tensor) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return tensor.float_data_size();
  case TensorProto::DOUBLE:
    return tensor.double_data_size();
  case TensorProto::INT64:
    return tensor.int64_data_size();
  case TensorProto::UINT32:
  case TensorProto::UINT64:
    return tensor.uint64_data_size();
  default:
    return tensor.int32_data_size();
  }
}

namespace {
struct ExternalRange {
  std::shared_ptr<MemoryBuffer> file;
  uint64_t offset = 0;
};
} // namespace

static Expected<ExternalRange> resolve(const TensorProto &tensor,
                                       uint64_t bytes, ExternalFolder &folder) {
  StringRef location;
  uint64_t offset = 0, length = bytes;
  for (const auto &entry : tensor.external_data()) {
    StringRef value = entry.value();
    if (entry.key() == "location")
      location = value;
    else if (entry.key() == "offset" && value.getAsInteger(10, offset))
      return tensorError(tensor, "has an external offset of '" + value + "'");
    else if (entry.key() == "length" && value.getAsInteger(10, length))
      return tensorError(tensor, "has an external length of '" + value + "'");
  }
  if (length != bytes)
    return tensorError(tensor, "needs " + Twine(bytes) +
                                   " bytes, its external length is " +
                                   Twine(length));
  auto file = folder.map(location);
  if (!file)
    return tensorError(tensor,
                       "has external data: " + toString(file.takeError()));
  uint64_t size = (*file)->getBufferSize();
  if (offset > size || bytes > size - offset)
    return tensorError(tensor, "needs " + Twine(bytes) + " bytes from " +
                                   Twine(offset) + " on of '" + location +
                                   "', which has " + Twine(size));
  return ExternalRange{std::move(*file), offset};
}

Error checkTensor(const TensorProto &tensor, ExternalFolder &folder) {
  unsigned width = elementBits(tensor.data_type());
  bool isText = tensor.data_type() == TensorProto::STRING;
  if (!width && !isText)
    return tensorError(tensor, "has type " + typeName(tensor.data_type()) +
                                   ", which is not supported");
  if (tensor.dims_size() > kMaxRank)
    return tensorError(tensor, "has rank " + Twine(tensor.dims_size()) +
                                   "; at most " + Twine(kMaxRank) +
                                   " is supported");
  if (tensor.has_segment())
    return tensorError(tensor, "is stored in segments, which is not supported");
  auto count = elementCount(tensor);
  if (!count)
    return count.takeError();
  if (isText) {
    if (tensor.data_location() == TensorProto::EXTERNAL ||
        tensor.has_raw_data())
      return tensorError(tensor, "is of strings, which cannot be raw data");
    if (tensor.string_data_size() == *count)
      return Error::success();
    return tensorError(tensor, "needs " + Twine(*count) +
                                   " strings, it holds " +
                                   Twine(tensor.string_data_size()));
  }
  uint64_t bytes = packedBytes(tensor.data_type(), *count);
  if (tensor.data_location() == TensorProto::EXTERNAL)
    return resolve(tensor, bytes, folder).takeError();
  if (tensor.has_raw_data()) {
    if (tensor.raw_data().size() == bytes)
      return Error::success();
    return tensorError(tensor, "needs " + Twine(bytes) + " bytes, it holds " +
                                   Twine(tensor.raw_data().size()));
  }
  // Several elements of less than a byte share one of the field.
  int64_t fields = width < 8 ? int64_t(bytes) : *count;
  if (fieldSize(tensor) == fields)
    return Error::success();
  return tensorError(tensor, "needs " + Twine(fields) + " elements, it holds " +
                                 Twine(fieldSize(tensor)));
}

template <typename T, typename Field>
static std::string narrowed(const Field &field) {
  std::string bytes(field.size() * sizeof(T), '\0');
  char *to = bytes.data();
  for (auto value : field) {
    T element = T(value);
    std::memcpy(to, &element, sizeof(T));
    to += sizeof(T);
  }
  return bytes;
}

static std::string fieldBytes(const TensorProto &tensor) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return narrowed<float>(tensor.float_data());
  case TensorProto::DOUBLE:
    return narrowed<double>(tensor.double_data());
  case TensorProto::INT64:
    return narrowed<int64_t>(tensor.int64_data());
  case TensorProto::UINT32:
    return narrowed<uint32_t>(tensor.uint64_data());
  case TensorProto::UINT64:
    return narrowed<uint64_t>(tensor.uint64_data());
  case TensorProto::INT32:
    return narrowed<int32_t>(tensor.int32_data());
  default:
    if (elementBits(tensor.data_type()) == 16)
      return narrowed<uint16_t>(tensor.int32_data());
    return narrowed<uint8_t>(tensor.int32_data());
  }
}

/// One byte for each element of less than a byte, the first in the low bits.
static TensorBytes unpacked(int onnxType, int64_t count,
                            ArrayRef<char> packed) {
  unsigned bits = elementBits(onnxType), each = 8 / bits;
  bool isSigned =
      onnxType == TensorProto::INT4 || onnxType == TensorProto::INT2;
  auto data = std::make_shared<std::string>(count, '\0');
  for (int64_t i = 0; i < count; ++i) {
    unsigned value =
        uint8_t(packed[i / each]) >> (i % each * bits) & ((1u << bits) - 1);
    (*data)[i] = char(isSigned ? llvm::SignExtend32(value, bits) : value);
  }
  return TensorBytes{ArrayRef(data->data(), data->size()), data};
}

Expected<TensorBytes> takeBytes(TensorProto &tensor, ExternalFolder &folder) {
  unsigned bits = elementBits(tensor.data_type());
  auto count = elementCount(tensor);
  if (!count)
    return count.takeError();
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    uint64_t bytes = packedBytes(tensor.data_type(), *count);
    auto range = resolve(tensor, bytes, folder);
    if (!range)
      return range.takeError();
    ArrayRef<char> data(range->file->getBufferStart() + range->offset, bytes);
    if (bits < 8)
      return unpacked(tensor.data_type(), *count, data);
    return TensorBytes{data, range->file};
  }
  auto data = std::make_shared<std::string>(
      tensor.has_raw_data() ? std::move(*tensor.mutable_raw_data())
                            : fieldBytes(tensor));
  tensor.clear_raw_data();
  tensor.clear_float_data();
  tensor.clear_int32_data();
  tensor.clear_int64_data();
  tensor.clear_double_data();
  tensor.clear_uint64_data();
  if (bits < 8)
    return unpacked(tensor.data_type(), *count,
                    ArrayRef(data->data(), data->size()));
  if (tensor.data_type() == TensorProto::BOOL)
    for (char &byte : *data)
      byte = byte != 0;
  return TensorBytes{ArrayRef(data->data(), data->size()), data};
}

ElementsAttr constantAttr(RankedTensorType type, TensorBytes data,
                          StringRef name) {
  if (type.getNumElements() <= kSmall) {
    if (!type.getElementType().isInteger(1))
      return DenseElementsAttr::getFromRawBuffer(type, data.bytes);
    SmallVector<bool> values(data.bytes.begin(), data.bytes.end());
    return DenseElementsAttr::get(type, ArrayRef<bool>(values));
  }
  // The blob keeps the owner alive; it never frees the bytes itself. External
  // data starts where its file says, so alignment is only what the address has.
  size_t alignment =
      size_t(1) << std::min<int>(
          6, llvm::countr_zero(reinterpret_cast<uintptr_t>(data.bytes.data())));
  AsmResourceBlob blob(
      data.bytes, alignment, [owner = data.owner](void *, size_t, size_t) {},
      /*dataIsMutable=*/false);
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}

} // namespace weft::onnx
