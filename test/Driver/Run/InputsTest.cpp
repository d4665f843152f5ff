#include "Driver/Run/Inputs.h"
#include "Driver/Run/Report.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace weft;

TEST(ShapeSpec, Parses) {
  auto spec = parseShapeSpec("2x3x8:f16");
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->shape, (std::vector<int64_t>{2, 3, 8}));
  EXPECT_EQ(spec->type, WEFT_F16);
  EXPECT_FALSE(parseShapeSpec("7")->type);
  EXPECT_TRUE(parseShapeSpec("scalar:i64")->shape.empty());
  for (const char *bad : {"", "x", "2x", "x2", "2x-1", "?x3", "2x3:float",
                          "a.npy", "99999999999999999999"})
    EXPECT_FALSE(parseShapeSpec(bad)) << bad;
}

TEST(Random, SeedsDecide) {
  auto values = [](uint64_t seed) {
    Array array = randomArray(WEFT_F32, {1000}, "x", seed);
    auto *data = array.view().data<float>();
    return std::vector<float>(data, data + 1000);
  };
  EXPECT_EQ(values(1), values(1));
  EXPECT_NE(values(1), values(2));
  double sum = 0, squares = 0;
  for (float value : values(3)) {
    sum += value;
    squares += value * value;
  }
  EXPECT_LT(std::fabs(sum / 1000), 0.2);
  EXPECT_LT(std::fabs(squares / 1000 - 1), 0.2);
}

TEST(Random, EveryTypeHasValues) {
  for (int i = 1; i <= 16; ++i) {
    if (!weft_type_size(weft_type(i)))
      continue;
    Array array = randomArray(weft_type(i), {64}, "x", 5);
    std::string line = summary(array.view());
    EXPECT_EQ(line.find("finite"), std::string::npos) << line;
    EXPECT_EQ(line.find("min 0, max 0"), std::string::npos) << line;
  }
}

// 16-bit floats come from the same normal distribution.
TEST(Random, HalvesAreWhatFloatsAre) {
  std::string wide = summary(randomArray(WEFT_F32, {2}, "x", 9).view());
  std::string half = summary(randomArray(WEFT_F16, {2}, "x", 9).view());
  double a, b;
  ASSERT_EQ(std::sscanf(wide.c_str(), "x: f32[2] %lf", &a), 1);
  ASSERT_EQ(std::sscanf(half.c_str(), "x: f16[2] %lf", &b), 1);
  EXPECT_NEAR(a, b, std::fabs(a) / 1000);
}

TEST(BenchInputs, SymbolsAgreeAndTheRestIsOne) {
  Model model(WEFT_SAMPLES "/mix.weft");
  RunRequest request;
  for (const Array &array : benchInputs(request, model))
    EXPECT_EQ(array.view().shape()[0], 1);
  request.inputs = {"a=5x2"};
  std::vector<Array> arrays = benchInputs(request, model);
  ASSERT_EQ(arrays.size(), 3u);
  for (const Array &array : arrays)
    EXPECT_EQ(array.view().shape()[0], 5);
  EXPECT_EQ(arrays[0].view().type(), WEFT_F32) << "as the model says";
  request.inputs = {"a=file-that-is-not-there"};
  EXPECT_THROW(benchInputs(request, model), UsersFault);
  request.inputs = {"a"};
  EXPECT_THROW(benchInputs(request, model), UsersFault);
}

TEST(Summary, CountsWhatIsNotFinite) {
  float values[10] = {NAN, INFINITY, 1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(summary(view(values, {10}, "y")),
            "y: f32[10], min 1, max 8, mean 4.5, 2 not finite, first nan inf 1 "
            "2 3 4 5 6");
  EXPECT_EQ(summary(view(values + 2, {}, "s")), "s: f32[] 1");
}
