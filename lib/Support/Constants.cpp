// Reading and making constants. Equal contents get equal names, so that equal
// constants are one attribute and CSE sees it. Nothing here interprets ops.
#include "weft/Support/Constants.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"
#include <mutex>

using namespace mlir;

namespace weft {

/// Alignment of big constants: that of weights in an artifact.
static constexpr size_t kAlignment = 64;

unsigned elementBytes(Type elementType) {
  if (isa<IndexType>(elementType))
    return 8;
  if (!elementType.isIntOrFloat())
    return 0;
  return llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8);
}

std::optional<int64_t> tensorBytes(ShapedType type) {
  if (!type.hasRank() || !type.hasStaticShape())
    return std::nullopt;
  int64_t bytes = elementBytes(type.getElementType());
  bool overflow = false;
  for (int64_t extent : type.getShape())
    // An extent of 0 later on makes an overflow before it meaningless.
    overflow |= llvm::MulOverflow(bytes, extent, bytes) != 0;
  if (llvm::is_contained(type.getShape(), 0))
    return 0;
  return overflow ? std::nullopt : std::optional(bytes);
}

std::optional<ConstantData> ConstantData::get(Attribute attr) {
  auto elements = dyn_cast_or_null<ElementsAttr>(attr);
  auto type = elements ? dyn_cast<RankedTensorType>(elements.getType())
                       : RankedTensorType();
  if (!type || !elementBytes(type.getElementType()))
    return std::nullopt;
  ConstantData result;
  result.tensor = type;
  if (auto dense = dyn_cast<DenseElementsAttr>(attr)) {
    result.splat = dense.isSplat();
    result.data = dense.getRawData();
    if (type.getElementType().isInteger(1)) {
      // MLIR packs bits; everyone else reads a byte an element.
      if (result.splat)
        result.owned.push_back(dense.getSplatValue<bool>());
      else
        llvm::append_range(result.owned, dense.getValues<bool>());
    }
    return result;
  }
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    const AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    std::optional<int64_t> size = tensorBytes(type);
    if (!blob || !size || static_cast<int64_t>(blob->getData().size()) < *size)
      return std::nullopt;
    result.data = blob->getData().take_front(*size);
    return result;
  }
  return std::nullopt;
}

std::optional<ConstantData> ConstantData::get(Value value) {
  Attribute attr;
  if (!matchPattern(value, m_Constant(&attr)))
    return std::nullopt;
  return get(attr);
}

int64_t ConstantData::intAt(int64_t i) const {
  Type type = tensor.getElementType();
  unsigned width =
      isa<IndexType>(type) ? 64 : cast<IntegerType>(type).getWidth();
  uint64_t raw = 0;
  std::memcpy(&raw, element(i).data(), element(i).size());
  if (width < 64)
    raw &= (uint64_t(1) << width) - 1;
  // Booleans are 0 and 1.
  if (type.isUnsignedInteger() || width == 1)
    return raw;
  return llvm::SignExtend64(raw, width);
}

double ConstantData::floatAt(int64_t i) const {
  Type type = tensor.getElementType();
  auto floatType = dyn_cast<FloatType>(type);
  if (!floatType) {
    int64_t value = intAt(i);
    return type.isUnsignedInteger()
               ? static_cast<double>(static_cast<uint64_t>(value))
               : static_cast<double>(value);
  }
  if (type.isF32())
    return at<float>(i);
  if (type.isF64())
    return at<double>(i);
  uint64_t raw = 0;
  std::memcpy(&raw, element(i).data(), element(i).size());
  APFloat value(floatType.getFloatSemantics(),
                APInt(floatType.getWidth(), raw));
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

/// True where `bytes` repeats its first `size` bytes.
static bool repeats(ArrayRef<char> bytes, size_t size) {
  return bytes.size() <= size || std::memcmp(bytes.data(), bytes.data() + size,
                                             bytes.size() - size) == 0;
}

static ElementsAttr makeDense(RankedTensorType type, ArrayRef<char> bytes) {
  if (!type.getElementType().isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  SmallVector<bool> values(bytes.begin(), bytes.end());
  return DenseElementsAttr::get(type, values);
}

/// Takes the place of getFromRawBuffer where `bytes` is known to be one
/// element for many.
static bool makesSplat(RankedTensorType type, ArrayRef<char> bytes) {
  return type.getNumElements() != 0 &&
         repeats(bytes, elementBytes(type.getElementType()));
}

ElementsAttr makeConstant(RankedTensorType type, ArrayRef<char> bytes) {
  unsigned size = elementBytes(type.getElementType());
  if (makesSplat(type, bytes))
    return makeDense(type, bytes.take_front(size));
  if (type.getNumElements() <= kInlineElements)
    return makeDense(type, bytes);
  AsmResourceBlob blob = allocateConstant(type);
  std::memcpy(blob.getMutableData().data(), bytes.data(), bytes.size());
  return makeConstant(type, std::move(blob));
}

AsmResourceBlob allocateConstant(RankedTensorType type) {
  return HeapAsmResourceBlob::allocate(*tensorBytes(type), kAlignment);
}

using Entry = DialectResourceBlobManager::BlobEntry;

/// A freed entry keeps a blob without bytes.
static bool holdsBytes(const Entry &entry) {
  return entry.getBlob() && !entry.getBlob()->getData().empty();
}

/// The entry whose bytes equal `blob`'s, which it takes over if it is new.
static DenseResourceElementsHandle shareBlob(MLIRContext *context,
                                             AsmResourceBlob blob) {
  // Looking up and inserting must be one step.
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  auto &interface = DenseResourceElementsHandle::getManagerInterface(context);
  ArrayRef<char> bytes = blob.getData();
  std::string name =
      "c" + llvm::utohexstr(llvm::xxh3_64bits(ArrayRef(
                                reinterpret_cast<const uint8_t *>(bytes.data()),
                                bytes.size())),
                            /*LowerCase=*/true, /*Width=*/16);
  Entry *entry = interface.getBlobManager().lookup(name);
  if (!entry)
    return interface.insert(name, std::move(blob));
  DenseResourceElementsHandle handle(
      entry, cast<BuiltinDialect>(interface.getDialect()));
  if (!holdsBytes(*entry)) // Freed before.
    entry->setBlob(std::move(blob));
  else if (entry->getBlob()->getData() != bytes)
    return interface.insert(name, std::move(blob));
  return handle;
}

ElementsAttr makeConstant(RankedTensorType type, AsmResourceBlob blob,
                          StringRef name) {
  MLIRContext *context = type.getContext();
  if (!name.empty()) {
    auto &interface = DenseResourceElementsHandle::getManagerInterface(context);
    return DenseResourceElementsAttr::get(
        type, interface.insert(name, std::move(blob)));
  }
  ArrayRef<char> bytes = blob.getData();
  if (type.getNumElements() <= kInlineElements || makesSplat(type, bytes))
    return makeConstant(type, bytes);
  return DenseResourceElementsAttr::get(type,
                                        shareBlob(context, std::move(blob)));
}

ElementsAttr retypeConstant(ElementsAttr attr, RankedTensorType type) {
  auto from = cast<ShapedType>(attr.getType());
  if (!type.hasStaticShape() || !from.hasStaticShape() ||
      from.getNumElements() != type.getNumElements() ||
      elementBytes(from.getElementType()) !=
          elementBytes(type.getElementType()))
    return {};
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (dense && from.getElementType() == type.getElementType())
    return dense.reshape(type);
  if (dense && !from.getElementType().isInteger(1) &&
      !type.getElementType().isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, dense.getRawData());
  return {};
}

void freeConstant(ElementsAttr attr) {
  if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(attr))
    if (Entry *entry = resource.getRawHandle().getResource();
        entry && holdsBytes(*entry))
      entry->setBlob(AsmResourceBlob());
}

void freeUnusedConstants(Operation *root) {
  llvm::DenseSet<const void *> used;
  root->walk([&](Operation *op) {
    op->getAttrDictionary().walk([&](DenseResourceElementsAttr attr) {
      used.insert(attr.getRawHandle().getResource());
    });
  });
  SmallVector<Entry *> unused;
  auto &manager =
      DenseResourceElementsHandle::getManagerInterface(root->getContext())
          .getBlobManager();
  manager.getBlobMap([&](const llvm::StringMap<Entry> &blobs) {
    for (const auto &entry : blobs)
      if (!used.contains(&entry.second) && holdsBytes(entry.second))
        unused.push_back(const_cast<Entry *>(&entry.second));
  });
  for (Entry *entry : unused)
    entry->setBlob(AsmResourceBlob());
}

} // namespace weft
