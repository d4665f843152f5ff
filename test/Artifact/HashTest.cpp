#include "weft/Artifact/Hash.h"
#include "gtest/gtest.h"
#include <string>

using weft::artifact::Hasher;
using weft::artifact::hashOf;

static std::string counting(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i)
    bytes[i] = char(i * 7 + 1);
  return bytes;
}

// Values of `xxhsum -H64`.
TEST(Hash, IsXxh64) {
  EXPECT_EQ(hashOf("", 0), 0xEF46DB3751D8E999u);
  EXPECT_EQ(hashOf("a", 1), 0xD24EC4F1A98C6E5Bu);
  EXPECT_EQ(hashOf("abc", 3), 0x44BC2CF5AD770999u);
}

TEST(Hash, DoesNotDependOnHowBytesAreCut) {
  std::string bytes = counting(200);
  for (size_t size = 0; size <= bytes.size(); ++size)
    for (size_t cut = 0; cut <= size; cut += 5) {
      Hasher hasher;
      hasher.add(bytes.data(), cut);
      hasher.add(bytes.data() + cut, size - cut);
      ASSERT_EQ(hasher.value(), hashOf(bytes.data(), size)) << size << cut;
    }
}
