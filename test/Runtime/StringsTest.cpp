// The table of strings and its functions, with what no operator should give
// them.
#include "Runtime/Strings.h"
#include "weft/Artifact/Abi.h"
#include "gtest/gtest.h"
#include <cstring>

using namespace weft::runtime;

namespace {
struct Strings : testing::Test {
  Strings() : index(kSystemAllocator), table(index, kSystemAllocator) {
    index.add("", StringIndex::hash(""));
    index.add("own", StringIndex::hash("own"));
  }
  int64_t of(std::string_view text) { return table.intern(text); }
  std::string apply(weft_string_function function, std::string_view text) {
    return std::string(table[table.call(function, of(text), 0, 0, 0)]);
  }
  std::string part(std::string_view text, std::string_view separator,
                   int64_t most, int64_t i) {
    return std::string(
        table[table.call(WEFT_STRING_PART, of(text), of(separator), most, i)]);
  }
  StringIndex index;
  StringTable table;
};
} // namespace

TEST_F(Strings, EqualOnesHaveOneNumber) {
  EXPECT_EQ(of(""), 0);
  EXPECT_EQ(of("own"), 1);
  int64_t a = of("a");
  EXPECT_EQ(a, 2);
  EXPECT_EQ(of(std::string("a")), a);
  EXPECT_EQ(table.call(WEFT_STRING_CONCAT, of("o"), of("wn"), 0, 0), 1);
  EXPECT_NE(of({"a\0b", 3}), of("a"));
}

TEST_F(Strings, NumbersOfNothingAreEmpty) {
  EXPECT_EQ(table[-1], "");
  EXPECT_EQ(table[1000], "");
  EXPECT_EQ(table[INT64_MAX], "");
  EXPECT_EQ(table.call(WEFT_STRING_CONCAT, -5, 1 << 30, 0, 0), 0);
  EXPECT_EQ(table.call(99, 1, 1, 1, 1), 0);
}

TEST_F(Strings, ARunForgetsTheLast) {
  of("first");
  table.begin();
  EXPECT_EQ(of("second"), 2);
  EXPECT_EQ(table[3], "");
}

TEST_F(Strings, CaseIsUnicodesAndKeepsWhatIsNone) {
  EXPECT_EQ(apply(WEFT_STRING_LOWER, "ÄÖ ΩΜ ДОМ"), "äö ωμ дом");
  EXPECT_EQ(apply(WEFT_STRING_UPPER, "äß"), "Äß");
  // Longer in the other case; the number of bytes is not the string's.
  EXPECT_EQ(apply(WEFT_STRING_LOWER, "ȺȺ"), "ⱥⱥ");
  for (const char *bad : {"\xff", "a\xc3", "\xe2\x82", "\xc0\x80",
                          "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80\x80"})
    EXPECT_EQ(apply(WEFT_STRING_UPPER, bad)[0], bad[0] == 'a' ? 'A' : bad[0]);
}

TEST_F(Strings, PartsComeInAnyOrder) {
  EXPECT_EQ(part("a,b,,c", ",", -1, 3), "c");
  EXPECT_EQ(part("a,b,,c", ",", -1, 0), "a");
  EXPECT_EQ(part("a,b,,c", ",", -1, 2), "");
  EXPECT_EQ(part("a,b,,c", ",", 1, 1), "b,,c");
  EXPECT_EQ(part("a,b,,c", ",", -1, 4), "");
  EXPECT_EQ(part(" a  b ", "", -1, 1), "b");
  EXPECT_EQ(part(" a  b ", "", 1, 1), "b ");
  EXPECT_EQ(table.call(WEFT_STRING_PARTS, of(""), of(","), -1, 0), 1);
  EXPECT_EQ(table.call(WEFT_STRING_PARTS, of(" "), of(""), -1, 0), 0);
}

TEST_F(Strings, ManyPartsTakeTimeInProportion) {
  std::string text(1 << 20, ',');
  int64_t number = of(text), comma = of(",");
  for (int64_t i = 0; i <= 1 << 20; ++i)
    ASSERT_EQ(table.call(WEFT_STRING_PART, number, comma, -1, i), 0);
}

TEST_F(Strings, AutomataAreCheckedForTheirSize) {
  // Two states, one class: state 1 accepts and leads to 0.
  std::string automaton(8 + 256 + 2 + 8, '\0');
  automaton[0] = 2;
  automaton[4] = 1;
  automaton[8 + 256 + 1] = 1;
  auto matches = [&](std::string_view text) {
    return table.call(WEFT_STRING_MATCH, of(text), of(automaton), 0, 0);
  };
  EXPECT_EQ(matches(""), 1);
  EXPECT_EQ(matches("a"), 0);
  automaton[3] = '\x7f';
  EXPECT_EQ(matches("a"), 0);
  automaton = "short";
  EXPECT_EQ(matches("a"), 0);
}

TEST_F(Strings, TokensAreTheLongestPieces) {
  // Two classes, all but 'a' and 'a'; state 1 and 2 lead to 2 by an 'a'.
  std::string automaton(8 + 256 + 3 + 3 * 2 * 4, '\0');
  automaton[0] = 3;
  automaton[4] = 2;
  automaton[8 + 'a'] = 1;
  automaton[8 + 256 + 2] = 1;
  automaton[8 + 256 + 3 + (1 * 2 + 1) * 4] = 2;
  automaton[8 + 256 + 3 + (2 * 2 + 1) * 4] = 2;
  int64_t by = of(automaton), text = of("aa b aaa\xff"
                                        "a");
  EXPECT_EQ(table.call(WEFT_STRING_TOKENS, text, by, 1, 0), 3);
  EXPECT_EQ(table.call(WEFT_STRING_TOKENS, text, by, 2, 0), 2);
  EXPECT_EQ(table[table.call(WEFT_STRING_TOKEN, text, by, 2, 1)], "aaa");
  EXPECT_EQ(table[table.call(WEFT_STRING_TOKEN, text, by, 1, 2)], "a");
  EXPECT_EQ(table.call(WEFT_STRING_TOKEN, text, by, 1, 3), 0);
  EXPECT_EQ(table.call(WEFT_STRING_TOKENS, of(""), by, 1, 0), 0);
}

TEST_F(Strings, NumbersAreReadWhole) {
  auto isNumber = [&](std::string_view text) {
    return table.call(WEFT_STRING_IS_NUMBER, of(text), 0, 0, 0);
  };
  for (const char *good : {"1", "-1.5e3", "inf", "NaN", "0x1p3"})
    EXPECT_EQ(isNumber(good), 1) << good;
  for (std::string_view bad : {"", " 1", "1 ", "1,5", "one", "1e"})
    EXPECT_EQ(isNumber(bad), 0) << bad;
  EXPECT_EQ(isNumber({"1\0", 2}), 0);
  EXPECT_EQ(
      table.call(WEFT_STRING_IS_INTEGER, of("9223372036854775808"), 0, 0, 0),
      0);
  EXPECT_EQ(
      table.call(WEFT_STRING_TO_INTEGER, of("-9223372036854775808"), 0, 0, 0),
      INT64_MIN);
}

TEST_F(Strings, NoMemoryIsNoCrash) {
  weft_allocator none = {
      nullptr, [](void *, size_t, size_t) -> void * { return nullptr; },
      [](void *, void *, size_t) {}};
  StringTable poor(index, none);
  EXPECT_EQ(poor.intern("a"), 0);
  EXPECT_EQ(poor.failure(), StringTable::Failure::NoMemory);
  poor.begin();
  EXPECT_EQ(poor.failure(), StringTable::Failure::None);
  EXPECT_EQ(poor.intern("own"), 1);
}
