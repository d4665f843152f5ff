// The header-only C++ wrapper, on the shared library alone.
#include "weft/runtime.hpp"
#include "gtest/gtest.h"
#include <fstream>
#include <iterator>

static std::string sample(const char *name) {
  return std::string(WEFT_SAMPLES "/") + name;
}

TEST(Wrapper, LoadsAndRuns) {
  weft::Session session(weft::Model(sample("affine.weft")), 2);
  EXPECT_EQ(session.threads(), 2);
  std::vector<float> x = {1, 1, 1, 2, 2, 2};
  auto outputs = session.run({weft::view(x, {2, 3}, "x")});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].name(), "y");
  EXPECT_EQ(outputs[0].shape(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(outputs[0].data<float>()[5], 36);
  EXPECT_EQ(outputs[0].byteSize(), 24u);
  EXPECT_THROW(outputs[0].data<int>(), weft::Error);
}

TEST(Wrapper, DescribesTheModel) {
  weft::Model model(sample("mix.weft"));
  EXPECT_EQ(model.inputCount(), 3u);
  EXPECT_EQ(model.outputCount(), 2u);
  EXPECT_STREQ(model.input(1).name, "b");
  EXPECT_EQ(model.output(1).rank, 0);
  EXPECT_STREQ(model.describe().target, "baseline");
  EXPECT_STREQ(weft::Model(sample("affine.weft")).kernel(0).name, "scale");
}

TEST(Wrapper, LoadsFromMemory) {
  std::ifstream file(sample("levels.weft"), std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  weft::Session session(weft::Model::fromMemory(bytes.data(), bytes.size()));
  EXPECT_EQ(*session.run({})[0].data<int64_t>(), 2);
}

TEST(Wrapper, BindsOutputs) {
  weft::Session session(weft::Model(sample("affine.weft")));
  std::vector<float> x(3), y(6);
  session.bindOutput(0,
                     weft::TensorView(WEFT_F32, y.data(), {1, 3}, "", {6, 2}));
  auto outputs = session.run({weft::view(x, {1, 3})});
  EXPECT_EQ(outputs[0].data(), y.data());
  EXPECT_EQ(outputs[0].strides(), (std::vector<int64_t>{6, 2}));
  EXPECT_EQ(y[4], 30);
  session.unbindOutput(0);
  EXPECT_NE(session.run({weft::view(x, {1, 3})})[0].data(), y.data());
}

TEST(Wrapper, ThrowsWhatTheRuntimeSays) {
  try {
    weft::Model model("/no/such.weft");
    FAIL();
  } catch (const weft::Error &error) {
    EXPECT_EQ(error.status(), WEFT_ERROR_FILE);
    EXPECT_STREQ(error.what(), "/no/such.weft: cannot be opened: No such file "
                               "or directory");
  }
}
