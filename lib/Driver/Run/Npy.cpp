// The .npy format: a header that is the text of a Python dictionary, then the
// elements. Only the three keys that NumPy writes are understood, in any order.
// Format: numpy.lib.format, NEP 1.
#include "Files.h"
#include "NpyStrings.h"
#include "weft/Driver/Arrays.h"

#include <cctype>
#include <cstring>

namespace weft {

namespace {

struct TypeRow {
  std::string_view descr;
  weft_type type;
};

// The first row of a type is the one that is written.
constexpr TypeRow kTypes[] = {
    {"<f4", WEFT_F32},  {"<f8", WEFT_F64},       {"<f2", WEFT_F16},
    {"|b1", WEFT_BOOL}, {"|i1", WEFT_I8},        {"|u1", WEFT_U8},
    {"<i2", WEFT_I16},  {"<u2", WEFT_U16},       {"<i4", WEFT_I32},
    {"<u4", WEFT_U32},  {"<i8", WEFT_I64},       {"<u8", WEFT_U64},
    {"<V2", WEFT_BF16}, {"bfloat16", WEFT_BF16}, {"?", WEFT_BOOL},
};

/// Reads the header's dictionary. Every function skips spaces first.
class HeaderParser {
public:
  HeaderParser(std::string_view text, const std::string &where)
      : text(text), where(where) {}

  void parse() {
    expect('{');
    while (!accept('}')) {
      std::string key = quoted();
      expect(':');
      if (key == "descr")
        type = typeOf(descr = quoted());
      else if (key == "fortran_order")
        isFortran = word() == "True";
      else if (key == "shape")
        parseShape();
      else
        fail("has an unknown key '" + key + "'");
      accept(',');
    }
  }

  weft_type type = WEFT_TYPE_IS_INT;
  std::string descr;
  bool isFortran = false;
  bool hasShape = false;
  std::vector<int64_t> shape;

private:
  [[noreturn]] void fail(const std::string &what) {
    throw UsersFault(where + ": its .npy header " + what);
  }
  void skip() {
    while (at < text.size() && std::isspace((unsigned char)text[at]))
      ++at;
  }
  bool accept(char c) {
    skip();
    bool found = at < text.size() && text[at] == c;
    at += found;
    return found;
  }
  void expect(char c) {
    if (!accept(c))
      fail(std::string("lacks a '") + c + "'");
  }
  std::string quoted() {
    skip();
    // A list of fields stands where a simple type would.
    if (at < text.size() && text[at] == '[')
      fail("describes a structured array, which is no tensor");
    char quote = at < text.size() ? text[at] : 0;
    if (quote != '\'' && quote != '"')
      fail("lacks a quoted word");
    size_t end = text.find(quote, ++at);
    if (end == std::string_view::npos)
      fail("ends inside a word");
    std::string word(text.substr(at, end - at));
    at = end + 1;
    return word;
  }
  std::string_view word() {
    skip();
    size_t begin = at;
    while (at < text.size() && std::isalnum((unsigned char)text[at]))
      ++at;
    return text.substr(begin, at - begin);
  }
  weft_type typeOf(const std::string &descr) {
    for (const TypeRow &row : kTypes)
      if (row.descr == descr)
        return row.type;
    if (npyStringBytes(descr))
      return WEFT_STRING;
    fail("says type '" + descr +
         "'; known are f2, f4, f8, i1 to i8, u1 to u8 "
         "and b1, all little-endian, U1 and more, S1 and more");
  }
  void parseShape() {
    hasShape = true;
    expect('(');
    while (!accept(')')) {
      std::string_view digits = word();
      if (digits.empty() || digits.size() > 18 || shape.size() >= 64)
        fail("has no usable shape");
      int64_t extent = 0;
      for (char c : digits) {
        if (c < '0' || c > '9')
          fail("has no usable shape");
        extent = extent * 10 + (c - '0');
      }
      shape.push_back(extent);
      accept(',');
    }
  }

  std::string_view text;
  const std::string &where;
  size_t at = 0;
};

/// The dense size, or no value when it does not fit.
bool sizeOf(const std::vector<int64_t> &shape, size_t elementBytes,
            int64_t &bytes) {
  bytes = int64_t(elementBytes);
  bool overflows = false, isEmpty = false;
  for (int64_t extent : shape) {
    isEmpty |= extent == 0;
    overflows |= __builtin_mul_overflow(bytes, extent, &bytes);
  }
  if (isEmpty)
    bytes = 0;
  return isEmpty || !overflows;
}

} // namespace

Array::Array(weft_type type, std::vector<int64_t> shape, std::string name,
             std::vector<int64_t> strides) {
  int64_t bytes;
  // Room to be used in place: aligned, and the last page not quite full.
  if (!sizeOf(shape, weft_type_size(type), bytes) || bytes > INT64_MAX / 2)
    throw std::bad_alloc();
  size_t room = (size_t(bytes) + 64 + 4095) / 4096 * 4096;
  memory.reset(static_cast<char *>(aligned_alloc(4096, room)));
  if (!memory)
    throw std::bad_alloc();
  tensor = TensorView(type, memory.get(), std::move(shape), std::move(name),
                      std::move(strides));
}

Array::Array(std::vector<std::string> given, std::vector<int64_t> shape,
             std::string name, std::vector<int64_t> strides)
    : Array(WEFT_STRING, std::move(shape), std::move(name),
            std::move(strides)) {
  texts = std::move(given);
  auto *elements = reinterpret_cast<weft_string *>(memory.get());
  for (size_t i = 0; i < texts.size(); ++i)
    elements[i] = {texts[i].data(), int64_t(texts[i].size())};
}

Array parseNpy(std::string_view bytes, const std::string &name,
               const std::string &where) {
  if (bytes.size() < 10 || bytes.substr(0, 6) != "\x93NUMPY")
    throw UsersFault(where + ": is not an .npy file");
  unsigned version = (unsigned char)bytes[6];
  size_t sizeBytes = version == 1 ? 2 : 4, textBytes = 0;
  if (version < 1 || version > 3 || bytes.size() < 8 + sizeBytes)
    throw UsersFault(where + ": has .npy version " + std::to_string(version) +
                     ", known are 1 to 3");
  std::memcpy(&textBytes, bytes.data() + 8, sizeBytes);
  bytes.remove_prefix(8 + sizeBytes);
  if (textBytes > bytes.size())
    throw UsersFault(where + ": ends inside its .npy header");
  HeaderParser header(bytes.substr(0, textBytes), where);
  header.parse();
  bytes.remove_prefix(textBytes);
  if (header.type == WEFT_TYPE_IS_INT || !header.hasShape)
    throw UsersFault(where + ": its .npy header names no type or no shape");

  int64_t expected;
  size_t elementBytes = header.type == WEFT_STRING
                            ? npyStringBytes(header.descr)
                            : weft_type_size(header.type);
  if (!sizeOf(header.shape, elementBytes, expected) ||
      uint64_t(expected) != bytes.size())
    throw UsersFault(where + ": holds " + std::to_string(bytes.size()) +
                     " bytes of data, which is not what its shape says");
  std::vector<int64_t> strides;
  if (header.isFortran) {
    int64_t stride = 1;
    for (int64_t extent : header.shape) {
      strides.push_back(stride);
      stride *= extent;
    }
  }
  if (header.type == WEFT_STRING)
    return stringsOfNpy(header.descr, bytes, header.shape, name,
                        std::move(strides), where);
  Array array(header.type, header.shape, name, std::move(strides));
  if (!bytes.empty())
    std::memcpy(array.bytes(), bytes.data(), bytes.size());
  return array;
}

Array readNpy(const std::string &path, const std::string &name) {
  return parseNpy(FileBytes(path).bytes(), name, path);
}

std::string npyHeader(weft_type type, const std::vector<int64_t> &shape) {
  for (const TypeRow &row : kTypes)
    if (row.type == type)
      return npyHeader(std::string(row.descr), shape);
  return npyHeader(std::string("|u1"), shape);
}

std::string npyHeader(const std::string &descr,
                      const std::vector<int64_t> &shape) {
  std::string text = "{'descr': '" + descr;
  text += "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  // A tuple of one needs its comma.
  text += shape.size() == 1 ? ",), }" : "), }";
  // Data starts at a multiple of 64; the header ends with a line break.
  size_t total = (10 + text.size() + 1 + 63) / 64 * 64;
  text.append(total - 10 - text.size() - 1, ' ');
  text += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += char(text.size() & 0xff);
  header += char(text.size() >> 8);
  return header + text;
}

} // namespace weft
