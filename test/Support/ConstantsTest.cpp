// Constants made from bytes read back as the same bytes, whichever attribute
// holds them, and resources that nothing uses are freed.
#include "weft/Support/Constants.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace weft;

namespace {

struct ConstantsTest : testing::Test {
  MLIRContext context{MLIRContext::Threading::DISABLED};
  Builder b{&context};

  template <typename T>
  ElementsAttr make(ArrayRef<int64_t> shape, Type element, ArrayRef<T> values) {
    return makeConstant(RankedTensorType::get(shape, element),
                        ArrayRef(reinterpret_cast<const char *>(values.data()),
                                 values.size() * sizeof(T)));
  }
};

TEST_F(ConstantsTest, SmallIsInlineAndBigIsAResource) {
  SmallVector<float> values;
  for (int i = 0; i < 100; ++i)
    values.push_back(i * 0.5f);
  auto small =
      make<float>({64}, b.getF32Type(), ArrayRef(values).take_front(64));
  auto big = make<float>({10, 10}, b.getF32Type(), values);
  EXPECT_TRUE(isa<DenseElementsAttr>(small));
  EXPECT_TRUE(isa<DenseResourceElementsAttr>(big));
  auto data = ConstantData::get(big);
  ASSERT_TRUE(data);
  EXPECT_FALSE(data->isSplat());
  EXPECT_EQ(data->at<float>(99), 49.5f);
  EXPECT_EQ(data->floatAt(3), 1.5);
}

TEST_F(ConstantsTest, EqualElementsAreASplat) {
  SmallVector<double> values(1000, 2.5);
  auto attr = make<double>({1000}, b.getF64Type(), values);
  auto data = ConstantData::get(attr);
  ASSERT_TRUE(data && data->isSplat());
  EXPECT_EQ(data->bytes().size(), 8u);
  EXPECT_EQ(data->floatAt(999), 2.5);
}

TEST_F(ConstantsTest, EqualContentsAreOneAttribute) {
  SmallVector<int64_t> values;
  for (int i = 0; i < 100; ++i)
    values.push_back(i - 50);
  Type i64 = b.getI64Type();
  auto first = make<int64_t>({100}, i64, values);
  EXPECT_EQ(first, make<int64_t>({100}, i64, values));
  values[99] = 7;
  EXPECT_NE(first, make<int64_t>({100}, i64, values));
  EXPECT_EQ(ConstantData::get(first)->intAt(0), -50);
}

TEST_F(ConstantsTest, BooleansAreBytes) {
  SmallVector<char> values(70, 0);
  values[1] = values[69] = 1;
  for (int64_t count : {9, 70}) {
    auto attr =
        make<char>({count}, b.getI1Type(), ArrayRef(values).take_front(count));
    auto data = ConstantData::get(attr);
    ASSERT_TRUE(data);
    EXPECT_EQ(data->bytes(), ArrayRef(values).take_front(count));
    EXPECT_EQ(data->intAt(1), 1);
  }
  SmallVector<char> ones(70, 1);
  auto data = ConstantData::get(make<char>({70}, b.getI1Type(), ones));
  EXPECT_TRUE(data->isSplat());
  EXPECT_EQ(data->intAt(5), 1);
}

TEST_F(ConstantsTest, IntegersExtendAsTheirTypeSays) {
  SmallVector<uint8_t> values = {255, 1};
  Type ui8 = IntegerType::get(&context, 8, IntegerType::Unsigned);
  EXPECT_EQ(ConstantData::get(make<uint8_t>({2}, ui8, values))->intAt(0), 255);
  EXPECT_EQ(
      ConstantData::get(make<uint8_t>({2}, b.getI8Type(), values))->intAt(0),
      -1);
}

TEST_F(ConstantsTest, HalvesAndEmptyTensors) {
  SmallVector<uint16_t> values = {0x3c00, 0x7e00};
  auto data = ConstantData::get(make<uint16_t>({2}, b.getF16Type(), values));
  EXPECT_EQ(data->floatAt(0), 1.0);
  EXPECT_TRUE(std::isnan(data->floatAt(1)));
  auto empty = ConstantData::get(make<float>({0, 3}, b.getF32Type(), {}));
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->numElements(), 0);
}

TEST_F(ConstantsTest, UnusedResourcesAreFreed) {
  SmallVector<float> values(100, 0);
  values[1] = 1;
  auto kept = make<float>({100}, b.getF32Type(), values);
  values[1] = 2;
  auto dropped = make<float>({100}, b.getF32Type(), values);
  OwningOpRef<ModuleOp> module = ModuleOp::create(b.getUnknownLoc());
  (*module)->setAttr("test.value", kept);
  freeUnusedConstants(*module);
  EXPECT_TRUE(ConstantData::get(kept));
  EXPECT_FALSE(ConstantData::get(dropped));
  // What was freed can come back.
  EXPECT_EQ(make<float>({100}, b.getF32Type(), values), dropped);
  EXPECT_EQ(ConstantData::get(dropped)->at<float>(1), 2);
}

TEST_F(ConstantsTest, SizesThatOverflowAreNone) {
  EXPECT_EQ(
      tensorBytes(RankedTensorType::get({int64_t(1) << 62, 4}, b.getF32Type())),
      std::nullopt);
  EXPECT_EQ(tensorBytes(RankedTensorType::get({int64_t(1) << 62, 4, 0},
                                              b.getF32Type())),
            0);
}

} // namespace
