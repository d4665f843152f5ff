#include "Sample.h"
#include "gtest/gtest.h"

using namespace weft::artifact;

TEST(Manifest, RoundTrips) {
  Manifest in = sampleManifest(), out;
  std::string error, bytes = encode(in);
  ASSERT_TRUE(decode(bytes, out, error)) << error;
  EXPECT_EQ(encode(out), bytes);
  EXPECT_EQ(out.inputs[0].name, "data");
  EXPECT_EQ(out.inputs[0].shape[0].symbol, "N");
  EXPECT_EQ(out.inputs[0].shape[0].extent, -1);
  EXPECT_EQ(out.outputs[0].type, ElementType::bf16);
  EXPECT_EQ(out.code[1].cpuFeatures, in.code[1].cpuFeatures);
  EXPECT_EQ(out.code[0].scratchBytes, 65536);
  EXPECT_EQ(out.code[1].scratchBytes, -1);
  EXPECT_EQ(out.kernels[0].flops, in.kernels[0].flops);
  EXPECT_EQ(out.checks, in.checks);
  EXPECT_EQ(out.strings, in.strings);
  EXPECT_EQ(out.arenaBytes, in.arenaBytes);
}

TEST(Manifest, RejectsEveryTruncationAndExtension) {
  std::string bytes = encode(sampleManifest());
  for (size_t size = 0; size < bytes.size(); ++size) {
    Manifest out;
    std::string error;
    // A copy, so that a sanitizer sees a read past the end.
    std::string cut = bytes.substr(0, size);
    EXPECT_FALSE(decode(cut, out, error)) << size;
    EXPECT_NE(error.find("manifest field '"), std::string::npos) << error;
  }
  Manifest out;
  std::string error;
  EXPECT_FALSE(decode(bytes + "x", out, error));
  EXPECT_NE(error.find("1 bytes follow"), std::string::npos) << error;
}

TEST(Manifest, SurvivesEveryBitFlip) {
  std::string bytes = encode(sampleManifest());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] ^= char(1 << bit % 8);
    Manifest out;
    std::string error;
    if (decode(flipped, out, error))
      EXPECT_EQ(encode(out), flipped);
    else
      EXPECT_FALSE(error.empty());
  }
}

TEST(Manifest, NamesFieldAndValue) {
  auto errorOf = [](const Manifest &manifest) {
    Manifest out;
    std::string error;
    EXPECT_FALSE(decode(encode(manifest), out, error));
    return error;
  };
  Manifest manifest = sampleManifest();
  manifest.inputs[0].shape[1].extent = -2;
  EXPECT_EQ(errorOf(manifest).substr(0, 23), "manifest field 'inputs'");
  manifest = sampleManifest();
  manifest.outputs[0].shape.resize(9);
  EXPECT_NE(errorOf(manifest).find("'prob' has rank 9, the limit is 8"),
            std::string::npos);
  manifest = sampleManifest();
  manifest.inputs[0].type = ElementType(99);
  EXPECT_NE(errorOf(manifest).find("99 is no element type"), std::string::npos);
  manifest = sampleManifest();
  manifest.inputs[0].role = Role(4);
  EXPECT_NE(errorOf(manifest).find("4 is no role"), std::string::npos);
}

TEST(Manifest, RejectsOtherVersions) {
  std::string bytes = encode(sampleManifest()), error;
  bytes[0] = char(kFormatVersion + 1);
  Manifest out;
  EXPECT_FALSE(decode(bytes, out, error));
  EXPECT_EQ(error, "manifest field 'version' at offset 4: is " +
                       std::to_string(kFormatVersion + 1) +
                       ", this reader takes " + std::to_string(kFormatVersion));
}

TEST(ElementType, NamesAndSizesAgree) {
  for (int i = 0; i < 256; ++i) {
    ElementType type = ElementType(i), back;
    if (!elementSize(type))
      continue;
    ASSERT_TRUE(elementTypeOf(elementName(type), back));
    EXPECT_EQ(back, type);
  }
  ElementType type;
  EXPECT_FALSE(elementTypeOf("float", type));
  EXPECT_EQ(elementSize(ElementType::boolean), 1u);
  EXPECT_EQ(elementSize(ElementType::bf16), 2u);
}
