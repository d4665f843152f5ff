#include "NarrowTypes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace mlir;

namespace weft::onnx {

//===- Types --------------------------------------------------------------===//

bool isNarrow(Type element) {
  if (isa<FloatType>(element))
    return element.getIntOrFloatBitWidth() <= 8;
  auto integer = dyn_cast<IntegerType>(element);
  return integer && integer.getWidth() > 1 && integer.getWidth() < 8;
}

Type storageType(Type element) {
  if (isString(element))
    return IntegerType::get(element.getContext(), 64);
  if (!isNarrow(element))
    return element;
  bool isSigned = element.isSignlessInteger();
  return IntegerType::get(element.getContext(), 8,
                          isSigned ? IntegerType::Signless
                                   : IntegerType::Unsigned);
}

std::string narrowName(Type element) {
  if (isString(element))
    return "string";
  std::string name;
  llvm::raw_string_ostream(name) << element;
  name = StringRef(name).lower();
  // Signed integers are signless in IR, so only unsigned ones need a change.
  return StringRef(name).starts_with("ui") ? name.substr(0, 1) + name.substr(2)
                                           : name;
}

static Value castElements(OpBuilder &b, Location loc, Value value,
                          Type element) {
  Type type = NodeImport::typeOf(value).clone(element);
  return UnrealizedConversionCastOp::create(b, loc, type, value).getResult(0);
}

Value toBytes(NodeImport &n, Value narrow) {
  if (!narrow)
    return nullptr;
  return castElements(n.b, n.loc, narrow,
                      storageType(NodeImport::typeOf(narrow).getElementType()));
}

Value fromBytes(NodeImport &n, Value bytes, Type element) {
  return bytes ? castElements(n.b, n.loc, bytes, element) : nullptr;
}

Value constantOfBytes(OpBuilder &b, Location loc, RankedTensorType type,
                      ElementsAttr attr) {
  Value bytes = graph::ConstantOp::create(b, loc, attr);
  Type element = type.getElementType();
  return storageType(element) == element ? bytes
                                         : castElements(b, loc, bytes, element);
}

//===- Formats ------------------------------------------------------------===//

namespace {
/// A narrow float type by its numbers: those of code 0, 1, … up to the largest
/// finite one are non-negative and ascend.
class Format {
public:
  explicit Format(Type element)
      : semantics(cast<FloatType>(element).getFloatSemantics()),
        width(element.getIntOrFloatBitWidth()),
        hasSign(APFloat::semanticsHasSignedRepr(semantics)) {
    APFloat largest = APFloat::getLargest(semantics);
    largestCode = largest.bitcastToAPInt().getZExtValue();
    hasNan = APFloat::semanticsHasNaN(semantics);
    if (hasNan)
      nanCode = APFloat::getNaN(semantics).bitcastToAPInt().getZExtValue();
    hasInfinity = APFloat::semanticsHasInf(semantics);
    overflowCode =
        hasInfinity ? APFloat::getInf(semantics).bitcastToAPInt().getZExtValue()
                    : nanCode;
    // Where the sign of zero means NaN there is no negative zero.
    hasNegativeZero = hasSign && nanCode != signBit();
  }

  unsigned signBit() const { return 1u << (width - 1); }
  double value(unsigned code) const {
    APFloat f(semantics, APInt(width, code));
    bool inexact;
    f.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
    return f.convertToDouble();
  }

  /// The least number of the wider type that becomes code + 1 and not code.
  template <typename Wide>
  Wide threshold(unsigned code, NarrowRounding::Direction direction) const {
    double low = value(code);
    // Behind the largest number the ruler goes on at the same distance.
    double high =
        code < largestCode ? value(code + 1) : 2 * low - value(code - 1);
    constexpr Wide most = std::numeric_limits<Wide>::infinity();
    if (direction == NarrowRounding::Down)
      return Wide(high);
    if (direction == NarrowRounding::Up)
      return std::nextafter(Wide(low), most);
    auto middle = Wide((low + high) / 2);
    return code % 2 ? middle : std::nextafter(middle, most);
  }

  const llvm::fltSemantics &semantics;
  unsigned width, largestCode, nanCode = 0, overflowCode = 0;
  bool hasSign, hasNan = false, hasInfinity = false, hasNegativeZero = false;
};
} // namespace

template <typename T>
static Value table(NodeImport &n, ArrayRef<T> values) {
  Type element = std::is_same_v<T, float> ? Type(n.b.getF32Type())
                                          : Type(n.b.getF64Type());
  auto type = RankedTensorType::get({int64_t(values.size())}, element);
  return graph::ConstantOp::create(n.b, n.loc,
                                   DenseElementsAttr::get(type, values));
}

//===- Decoding -----------------------------------------------------------===//

Value decodeNarrow(NodeImport &n, Value narrow) {
  if (!narrow)
    return nullptr;
  Type element = NodeImport::typeOf(narrow).getElementType();
  Value bytes = toBytes(n, narrow);
  if (!isa<FloatType>(element))
    return bytes;
  Format format(element);
  SmallVector<float> values;
  for (unsigned code = 0; code < 1u << format.width; ++code)
    values.push_back(float(format.value(code)));
  return n.create<graph::GatherOp>(table<float>(n, values),
                                   n.cast(bytes, n.b.getI64Type()), 0);
}

//===- Encoding -----------------------------------------------------------===//

/// The low bits of integers, with the sign of the highest of them.
static Value wrapped(NodeImport &n, Value x, IntegerType element) {
  Type storage = storageType(element);
  Value bytes =
      n.cast(x, IntegerType::get(n.b.getContext(), 8, IntegerType::Unsigned));
  unsigned width = element.getWidth();
  Value low =
      n.create<graph::AndOp>(bytes, n.scalarLike((1 << width) - 1, bytes));
  if (element.isUnsigned())
    return low;
  // (low ^ s) - s moves the sign bit s into all bits above it.
  Value sign = n.scalarLike(1 << (width - 1), low);
  Value extended =
      n.create<graph::SubOp>(n.create<graph::XorOp>(low, sign), sign);
  return n.cast(extended, storage);
}

static Value encodeInteger(NodeImport &n, Value x, IntegerType element) {
  // Floats are cut off first; what lies outside is undefined and wraps.
  if (isa<FloatType>(NodeImport::typeOf(x).getElementType()))
    x = n.cast(x, n.b.getI32Type());
  return wrapped(n, x, element);
}

/// Finds by halving how many thresholds are at or below each element of
/// `size`: that is the code.
template <typename Wide>
static Value searchCode(NodeImport &n, Value size, const Format &format,
                        NarrowRounding::Direction direction) {
  SmallVector<Wide> thresholds;
  for (unsigned code = 0; code < format.largestCode; ++code)
    thresholds.push_back(format.threshold<Wide>(code, direction));
  unsigned steps = llvm::Log2_32_Ceil(format.largestCode + 1);
  // Nothing is at or above NaN.
  thresholds.resize((size_t(1) << steps) - 1,
                    std::numeric_limits<Wide>::quiet_NaN());
  Value all = table<Wide>(n, thresholds);
  Value code = n.intScalar(0);
  for (unsigned step = steps; step-- > 0;) {
    int64_t width = int64_t(1) << step;
    Value probe = n.create<graph::GatherOp>(
        all, n.create<graph::AddOp>(code, n.intScalar(width - 1)), 0);
    Value above = n.compare(graph::Comparison::greaterOrEqual, size, probe);
    code = n.create<graph::SelectOp>(
        above, n.create<graph::AddOp>(code, n.intScalar(width)), code);
  }
  return code;
}

template <typename Wide>
static Value encodeFloat(NodeImport &n, Value x, const Format &format,
                         NarrowRounding rounding) {
  using graph::Comparison;
  auto chosen = [&](Value condition, int64_t yes, Value no) {
    return n.create<graph::SelectOp>(condition, n.intScalar(yes), no);
  };
  Value size = format.hasSign ? n.create<graph::AbsOp>(x) : x;
  Value code = searchCode<Wide>(n, size, format, rounding.direction);
  bool mayOverflow =
      !rounding.saturate && (format.hasNan || format.hasInfinity);
  if (mayOverflow) {
    Wide bound = format.threshold<Wide>(format.largestCode, rounding.direction);
    Value isLarge = n.compare(Comparison::greaterOrEqual, size,
                              n.scalarLike(double(bound), size));
    code = chosen(isLarge, format.overflowCode, code);
  }
  Value zero = n.scalarLike(0, x);
  if (format.hasSign) {
    // The sign of a zero is that of its inverse.
    Value isZero = n.compare(Comparison::equal, x, zero);
    Value inverse = n.create<graph::DivOp>(n.scalarLike(1, x), x);
    Value shown = n.create<graph::SelectOp>(isZero, inverse, x);
    Value isNegative = n.compare(Comparison::less, shown, zero);
    if (!format.hasNegativeZero)
      isNegative = n.create<graph::AndOp>(
          isNegative, n.compare(Comparison::notEqual, code, n.intScalar(0)));
    Value signedCode =
        n.create<graph::OrOp>(code, n.intScalar(format.signBit()));
    code = n.create<graph::SelectOp>(isNegative, signedCode, code);
  } else {
    code = chosen(n.compare(Comparison::less, x, zero), format.nanCode, code);
  }
  // Without a NaN it becomes -0, as in ONNX's reference.
  int64_t nan = format.hasNan ? format.nanCode : format.signBit();
  code = chosen(n.create<graph::IsNanOp>(x), nan, code);
  return n.cast(code,
                IntegerType::get(n.b.getContext(), 8, IntegerType::Unsigned));
}

Value encodeNarrow(NodeImport &n, Value x, Type element,
                   NarrowRounding rounding) {
  if (!x)
    return nullptr;
  if (auto integer = dyn_cast<IntegerType>(element))
    return fromBytes(n, encodeInteger(n, x, integer), element);
  Type from = NodeImport::typeOf(x).getElementType();
  // All integers up to 16 bits are f32 numbers; of the others, those that a
  // narrow float can tell apart are.
  bool isWide = from.isF64() || from.isInteger(32) || from.isInteger(64);
  x = n.cast(x, isWide ? Type(n.b.getF64Type()) : Type(n.b.getF32Type()));
  Format format(element);
  return fromBytes(n,
                   isWide ? encodeFloat<double>(n, x, format, rounding)
                          : encodeFloat<float>(n, x, format, rounding),
                   element);
}

//===- Storing ------------------------------------------------------------===//

Value canonicalBytes(OpBuilder &b, Location loc, Value narrow) {
  Type element = NodeImport::typeOf(narrow).getElementType();
  if (!isNarrow(element) || element.getIntOrFloatBitWidth() == 8)
    return narrow;
  Value bytes = castElements(b, loc, narrow, storageType(element));
  auto type = NodeImport::typeOf(bytes);
  unsigned rest = 8 - element.getIntOrFloatBitWidth();
  auto scalar = [&](int64_t value) {
    auto attr = DenseElementsAttr::get(
        RankedTensorType::get({}, type.getElementType()),
        Attribute(IntegerAttr::get(type.getElementType(), value)));
    return graph::ConstantOp::create(b, loc, attr);
  };
  Value low = graph::AndOp::create(b, loc, type, bytes, scalar(0xff >> rest));
  if (element.isSignlessInteger()) {
    Value sign = scalar(0x80 >> rest);
    low = graph::XorOp::create(b, loc, type, low, sign);
    low = graph::SubOp::create(b, loc, type, low, sign);
  }
  return castElements(b, loc, low, element);
}

static Type stored(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? Type(tensor.clone(storageType(tensor.getElementType())))
                : type;
}

/// The bytes of a constant that a row made of a narrow type by itself.
static ElementsAttr storedConstant(ElementsAttr attr) {
  auto type = cast<RankedTensorType>(attr.getShapedType());
  Type element = type.getElementType(), storage = storageType(element);
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (storage == element || !dense)
    return attr;
  auto byteOf = [&](APInt bits) {
    return element.isSignlessInteger() ? bits.sext(8) : bits.zext(8);
  };
  if (isa<FloatType>(element))
    return cast<DenseElementsAttr>(dense.mapValues(
        storage, [&](const APFloat &f) { return byteOf(f.bitcastToAPInt()); }));
  return cast<DenseElementsAttr>(dense.mapValues(storage, byteOf));
}

void storeNarrowTypes(Operation *root) {
  SmallVector<UnrealizedConversionCastOp> casts;
  root->walk([&](Operation *op) {
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          argument.setType(stored(argument.getType()));
    if (auto constant = dyn_cast<graph::ConstantOp>(op))
      constant.setValueAttr(storedConstant(constant.getValue()));
    for (Value result : op->getResults())
      result.setType(stored(result.getType()));
    if (auto cast = dyn_cast<UnrealizedConversionCastOp>(op))
      casts.push_back(cast);
  });
  for (UnrealizedConversionCastOp cast : casts) {
    cast.getResult(0).replaceAllUsesWith(cast.getOperand(0));
    cast.erase();
  }
  root->walk([](func::FuncOp function) {
    SmallVector<Type> inputs, results;
    for (Type type : function.getArgumentTypes())
      inputs.push_back(stored(type));
    for (Type type : function.getResultTypes())
      results.push_back(stored(type));
    function.setType(FunctionType::get(function.getContext(), inputs, results));
  });
}

} // namespace weft::onnx
