#include "Strings.h"
#include "NarrowTypes.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

using namespace mlir;
using weft::graph::StringFunction;

namespace weft::onnx {

bool holdsStrings(Type type) {
  if (auto tuple = dyn_cast<TupleType>(type))
    return llvm::any_of(tuple.getTypes(), holdsStrings);
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isString(tensor.getElementType());
}

Value toNumbers(NodeImport &n, Value strings) { return toBytes(n, strings); }

Value toStrings(NodeImport &n, Value numbers) {
  return fromBytes(n, numbers, stringType(n.b.getContext()));
}

//===- Constants ----------------------------------------------------------===//

Value stringConstant(Importer &importer, OpBuilder &b, Location loc,
                     ArrayRef<int64_t> shape, ArrayRef<StringRef> values) {
  SmallVector<int64_t> numbers;
  for (StringRef value : values)
    numbers.push_back(importer.numberOf(value));
  auto type = RankedTensorType::get(shape, b.getI64Type());
  return constantOfBytes(b, loc, type.clone(stringType(b.getContext())),
                         DenseElementsAttr::get(type, ArrayRef(numbers)));
}

Value stringVector(NodeImport &n, ArrayRef<StringRef> values) {
  return stringConstant(n.importer, n.b, n.loc, {int64_t(values.size())},
                        values);
}

Value stringScalar(NodeImport &n, StringRef value) {
  return stringConstant(n.importer, n.b, n.loc, {}, {value});
}

Value stringConstant(Importer &importer, OpBuilder &b, Location loc,
                     const TensorProto &tensor) {
  SmallVector<StringRef> values(tensor.string_data().begin(),
                                tensor.string_data().end());
  return stringConstant(
      importer, b, loc,
      ArrayRef<int64_t>(tensor.dims().data(), tensor.dims_size()), values);
}

//===- Functions ----------------------------------------------------------===//

Value stringFunction(NodeImport &n, StringFunction function,
                     ArrayRef<Value> arguments) {
  SmallVector<Value> numbers;
  for (Value argument : arguments) {
    if (!argument)
      return nullptr;
    numbers.push_back(holdsStrings(argument.getType()) ? toNumbers(n, argument)
                                                       : argument);
  }
  return n.create<graph::StringOp>(function, ValueRange(numbers));
}

Value placeAmong(NodeImport &n, Value strings, ArrayRef<int64_t> keys) {
  // The strings of a model have the first numbers.
  SmallVector<int64_t> places(1, -1);
  for (auto [i, number] : llvm::enumerate(keys)) {
    if (size_t(number) >= places.size())
      places.resize(number + 1, -1);
    places[number] = int64_t(i);
  }
  Value none = n.intScalar(int64_t(places.size()));
  places.push_back(-1);
  Value known = n.create<graph::MinOp>(toNumbers(n, strings), none);
  return n.create<graph::GatherOp>(n.ints(places), known, int64_t(0));
}

Value placeAmong(NodeImport &n, Value strings, ArrayRef<StringRef> keys) {
  SmallVector<int64_t> numbers;
  for (StringRef key : keys)
    numbers.push_back(n.importer.numberOf(key));
  return placeAmong(n, strings, numbers);
}

/// Fails the run unless `function` holds for all strings.
static void checkAll(NodeImport &n, StringFunction function, Value strings,
                     StringRef what) {
  int64_t rank = NodeImport::typeOf(strings).getRank();
  Value holds =
      n.cast(stringFunction(n, function, {strings}), n.b.getI32Type());
  Value least = n.reduce(graph::ReduceKind::min, holds,
                         llvm::to_vector(llvm::seq<int64_t>(0, rank)), false);
  if (!least)
    return;
  Value element = tensor::ExtractOp::create(n.b, n.loc, least, ValueRange());
  Value zero = arith::ConstantIntOp::create(n.b, n.loc, 0, 32);
  Value good = arith::CmpIOp::create(n.b, n.loc, arith::CmpIPredicate::ne,
                                     element, zero);
  kernel::CheckOp::create(
      n.b, n.loc, good, ValueRange(),
      n.b.getStringAttr(describeNode({n.node.name(), n.node.op_type()}) +
                        ": a string is no " + what));
}

Value stringsToNumbers(NodeImport &n, Value strings, Type element) {
  bool isInteger =
      isa<IntegerType>(element) && !element.isInteger(1) && strings;
  if (isInteger) {
    checkAll(n, StringFunction::is_integer, strings, "integer");
    return n.cast(stringFunction(n, StringFunction::to_integer, {strings}),
                  element);
  }
  if (!strings)
    return nullptr;
  checkAll(n, StringFunction::is_number, strings, "number");
  Value bits = stringFunction(n, StringFunction::to_number, {strings});
  Value real =
      n.create<graph::BitCastOp>(bits, TypeAttr::get(n.b.getF64Type()));
  return n.cast(real, element);
}

Value numbersToStrings(NodeImport &n, Value numbers) {
  if (!numbers)
    return nullptr;
  Type element = NodeImport::typeOf(numbers).getElementType();
  Type i64 = n.b.getI64Type();
  auto print = [&](StringFunction function, Value value) {
    return toStrings(n, stringFunction(n, function, {value}));
  };
  if (isNarrow(element)) {
    numbers = n.cast(numbers, isa<FloatType>(element) ? Type(n.b.getF32Type())
                                                      : n.b.getI32Type());
    return numbersToStrings(n, numbers);
  }
  if (isa<FloatType>(element)) {
    Value wide = n.cast(numbers, n.b.getF64Type());
    Value bits = n.create<graph::BitCastOp>(wide, TypeAttr::get(i64));
    return print(element.isF64() ? StringFunction::of_double
                                 : StringFunction::of_float,
                 bits);
  }
  return print(element.isUnsignedInteger() ? StringFunction::of_unsigned
                                           : StringFunction::of_integer,
               n.cast(numbers, i64));
}

} // namespace weft::onnx
