// NumPy's files: what is read, what is refused, and that what is written can be
// read again. numpy.test checks the same against NumPy itself.
#include "weft/Driver/Arrays.h"
#include "gtest/gtest.h"
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace weft;

static std::string npy(const std::string &dictionary, const std::string &data,
                       char version = 1) {
  std::string bytes("\x93NUMPY", 6);
  bytes += version;
  bytes += '\0';
  uint32_t size = uint32_t(dictionary.size());
  bytes.append(reinterpret_cast<char *>(&size), version == 1 ? 2 : 4);
  return bytes + dictionary + data;
}

static std::string errorOf(const std::string &bytes) {
  try {
    parseNpy(bytes, "x", "file");
  } catch (const UsersFault &fault) {
    return fault.what();
  }
  return "";
}

static const std::string
    kFloats("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }\n");

TEST(Npy, ReadsWhatNumPyWrites) {
  for (char version : {1, 2, 3}) {
    Array array =
        parseNpy(npy(kFloats, std::string(8, '\0'), version), "x", "");
    EXPECT_EQ(array.view().type(), WEFT_F32);
    EXPECT_EQ(array.view().shape(), (std::vector<int64_t>{2, 1}));
    EXPECT_TRUE(array.view().strides().empty());
  }
  Array scalar = parseNpy(
      npy("{\"shape\":(),\"descr\":\"|b1\",\"fortran_order\":False}", "\1"),
      "s", "");
  EXPECT_EQ(scalar.view().type(), WEFT_BOOL);
  EXPECT_TRUE(scalar.view().shape().empty());
  Array empty = parseNpy(
      npy("{'descr':'<i8','fortran_order':False,'shape':(0,5),}", ""), "e", "");
  EXPECT_EQ(empty.view().elementCount(), 0);
}

TEST(Npy, ColumnsFirstBecomesStrides) {
  Array array = parseNpy(
      npy("{'descr':'<u2','fortran_order':True,'shape':(2,3)}", "aabbccddeeff"),
      "x", "");
  EXPECT_EQ(array.view().strides(), (std::vector<int64_t>{1, 2}));
}

TEST(Npy, WritesWhatItReads) {
  for (auto shape : {std::vector<int64_t>{}, {3}, {2, 3, 4}}) {
    std::string header = npyHeader(WEFT_I16, shape);
    EXPECT_EQ(header.size() % 64, 0u);
    int64_t count = 1;
    for (int64_t extent : shape)
      count *= extent;
    Array array =
        parseNpy(header + std::string(size_t(count) * 2, 'x'), "", "");
    EXPECT_EQ(array.view().shape(), shape);
    EXPECT_EQ(array.view().type(), WEFT_I16);
  }
}

TEST(Npy, SaysWhatIsWrong) {
  EXPECT_EQ(errorOf("PK\3\4 something else"), "file: is not an .npy file");
  EXPECT_EQ(errorOf(npy(kFloats, "1234567")),
            "file: holds 7 bytes of data, which is not what its shape says");
  EXPECT_EQ(errorOf(npy(kFloats, "123456789")),
            "file: holds 9 bytes of data, which is not what its shape says");
  auto contains = [](const std::string &bytes, const char *text) {
    EXPECT_NE(errorOf(bytes).find(text), std::string::npos) << errorOf(bytes);
  };
  auto dict = [](const std::string &descr, const std::string &shape) {
    return npy("{'descr': " + descr +
                   ", 'fortran_order': False, 'shape': " + shape + "}",
               "");
  };
  contains(dict("'|O'", "(1,)"), "says type '|O'");
  contains(dict("'>f4'", "(1,)"), "says type '>f4'");
  contains(dict("[('a', '<f4')]", "(1,)"), "structured array");
  contains(dict("'<f4'", "(-1,)"), "no usable shape");
  contains(dict("'<f4'", "(99999999999999999999,)"), "no usable shape");
  contains(dict("'<f4'", "(461168601842738790, 400)"),
           "not what its shape says");
  contains(npy("{'descr': '<f4'}", ""), "names no type or no shape");
  contains(npy("{'evil': '<f4'}", ""), "unknown key 'evil'");
  contains(npy("{'descr': '<f4", ""), "ends inside a word");
  contains(npy(kFloats, "", 9), "has .npy version 9");
  for (size_t size = 0; size < kFloats.size() + 10; ++size)
    EXPECT_NE(errorOf(npy(kFloats, "").substr(0, size)), "") << size;
}

TEST(Npy, RefusesCharactersThatUnicodeLacks) {
  auto text = [](std::initializer_list<uint32_t> characters) {
    std::string data(reinterpret_cast<const char *>(characters.begin()),
                     characters.size() * 4);
    return npy("{'descr': '<U2', 'fortran_order': False, 'shape': (" +
                   std::to_string(characters.size() / 2) + ",)}",
               data);
  };
  EXPECT_EQ(errorOf(text({0xe4, 0x10ffff})), "");
  EXPECT_EQ(errorOf(text({'a', 'b', 'c', 0xd800})),
            "file: element 1: character 1 is 0xd800, which is none of "
            "Unicode's");
  EXPECT_EQ(errorOf(text({0x110000, 0})),
            "file: element 0: character 0 is 0x110000, which is none of "
            "Unicode's");
}

namespace {
struct Npz : testing::Test {
  Npz() {
    std::string name = std::filesystem::temp_directory_path() / "weft-XXXXXX";
    folder = mkdtemp(name.data());
    path = folder + "/x.npz";
  }
  ~Npz() override { std::filesystem::remove_all(folder); }

  std::string sample() {
    writeNpz(path, {view(floats, {3}, "a"), view(flags, {2, 1}, "b/c"),
                    TensorView(WEFT_F32, nullptr, {0}, "none")});
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// What reading `bytes` throws; "" when it does not.
  std::string errorOf(const std::string &bytes) {
    try {
      parseNpz(bytes, "x.npz");
    } catch (const UsersFault &fault) {
      return fault.what();
    }
    return "";
  }
  std::string folder, path;
  float floats[3] = {1, 2, 3};
  bool flags[2] = {true, false};
};
} // namespace

TEST_F(Npz, RoundTrips) {
  std::string bytes = sample();
  std::vector<Array> arrays = readNpz(path);
  ASSERT_EQ(arrays.size(), 3u);
  EXPECT_EQ(arrays[0].view().name(), "a");
  EXPECT_EQ(arrays[0].view().data<float>()[2], 3);
  EXPECT_EQ(arrays[1].view().name(), "b/c");
  EXPECT_EQ(arrays[1].view().type(), WEFT_BOOL);
  EXPECT_EQ(arrays[2].view().shape()[0], 0);
  EXPECT_EQ(sample(), bytes) << "same content, same bytes";
}

TEST_F(Npz, WritesBfloatAsFloat) {
  uint16_t bits[2] = {0x3f80, 0xc000};
  writeNpz(path, {TensorView(WEFT_BF16, bits, {2}, "x")});
  std::vector<Array> arrays = readNpz(path);
  EXPECT_EQ(arrays[0].view().data<float>()[0], 1);
  EXPECT_EQ(arrays[0].view().data<float>()[1], -2);
}

TEST_F(Npz, RefusesEveryTruncation) {
  std::string bytes = sample();
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(errorOf(bytes.substr(0, size)), "") << size;
  EXPECT_EQ(errorOf(""), "x.npz: is not an .npz file");
}

// Some flips go unnoticed (a time, say); none may crash or make up data.
TEST_F(Npz, SurvivesEveryBitFlip) {
  std::string bytes = sample();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] ^= char(1 << bit % 8);
    if (errorOf(flipped).empty())
      for (const Array &array : parseNpz(flipped, ""))
        EXPECT_LE(array.view().byteSize(), 12u);
  }
}

TEST_F(Npz, WritesStringsOfUtf8Only) {
  auto write = [&](std::string text) -> std::string {
    try {
      writeNpz(path, {Array({"whole", text}, {2}, "y").view()});
    } catch (const UsersFault &fault) {
      return fault.what();
    }
    return "";
  };
  EXPECT_EQ(write("ä𝄞"), "");
  // Cut off, alone, overlong, half of UTF-16, above the last.
  for (const char *bad : {"a\xe2\x82", "a\x80", "a\xc0\x80", "a\xed\xa0\x80",
                          "a\xf4\x90\x80\x80"})
    EXPECT_EQ(write(bad), path + ": 'y': element 1 is no UTF-8 at byte 1, and "
                                 "NumPy's strings are characters");
}

TEST_F(Npz, RefusesOverlapsAndBombs) {
  // The second entry's data is where the first one's is: its offset, the last
  // field of its record in the directory, is made that of the first.
  std::string bytes = sample();
  size_t second = bytes.find("PK\1\2", bytes.find("PK\1\2") + 1);
  size_t offset = second + 46 + std::strlen("b/c.npy") + 4 + 16;
  std::memset(&bytes[offset], 0, 8);
  EXPECT_NE(errorOf(bytes).find("inside another"), std::string::npos);
  // An entry that says it is deflated, and to what.
  bytes = sample();
  size_t first = bytes.find("PK\1\2");
  bytes[first + 10] = 8;
  uint64_t size = uint64_t(1) << 50;
  std::memcpy(&bytes[first + 46 + std::strlen("a.npy") + 4], &size, 8);
  EXPECT_NE(errorOf(bytes).find("claims 1125899906842624 bytes in"),
            std::string::npos);
  // Two entries of one name.
  writeNpz(path, {view(floats, {3}, "a"), view(floats, {3}, "a")});
  EXPECT_THROW(readNpz(path), UsersFault);
}

TEST_F(Npz, LeavesNothingWhenItCannotWrite) {
  EXPECT_THROW(writeNpz(folder + "/no/x.npz", {view(floats, {3}, "a")}),
               UsersFault);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}
