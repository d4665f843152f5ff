// An output in one line.
#include "Report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace weft {

namespace {

double halfValue(uint16_t bits) {
  double sign = bits & 0x8000 ? -1 : 1;
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  if (exponent == 31)
    return fraction ? NAN : sign * INFINITY;
  if (exponent == 0)
    return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

template <typename T>
T elementAt(const TensorView &tensor, int64_t index) {
  T value;
  std::memcpy(&value,
              static_cast<const char *>(tensor.data()) +
                  index * int64_t(sizeof value),
              sizeof value);
  return value;
}

/// Element `index` of a dense tensor. Large 64-bit integers lose digits.
double valueAt(const TensorView &tensor, int64_t index) {
  switch (tensor.type()) {
  case WEFT_F32:
    return elementAt<float>(tensor, index);
  case WEFT_F64:
    return elementAt<double>(tensor, index);
  case WEFT_F16:
    return halfValue(elementAt<uint16_t>(tensor, index));
  case WEFT_BF16: {
    uint32_t bits = uint32_t(elementAt<uint16_t>(tensor, index)) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  case WEFT_I8:
    return elementAt<int8_t>(tensor, index);
  case WEFT_I16:
    return elementAt<int16_t>(tensor, index);
  case WEFT_U16:
    return elementAt<uint16_t>(tensor, index);
  case WEFT_I32:
    return elementAt<int32_t>(tensor, index);
  case WEFT_U32:
    return elementAt<uint32_t>(tensor, index);
  case WEFT_I64:
    return double(elementAt<int64_t>(tensor, index));
  case WEFT_U64:
    return double(elementAt<uint64_t>(tensor, index));
  default:
    return elementAt<uint8_t>(tensor, index);
  }
}

std::string text(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", value);
  return buffer;
}

/// " 'red' 'green'"; long ones are cut.
std::string firstTexts(const TensorView &strings, int64_t count, bool more) {
  constexpr size_t kLongest = 40;
  std::string line = more ? ", first" : "";
  auto *texts = static_cast<const weft_string *>(strings.data());
  for (int64_t i = 0; i < count; ++i) {
    std::string text(texts[i].length ? texts[i].data : "",
                     std::min(size_t(texts[i].length), kLongest));
    for (char &c : text)
      if ((unsigned char)c < 0x20 || c == 0x7f)
        c = '?';
    bool isCut = size_t(texts[i].length) > kLongest;
    line += " '" + text + (isCut ? "…'" : "'");
  }
  return line;
}

} // namespace

std::string summary(const TensorView &tensor) {
  std::string line = tensor.name() + ": " + weft_type_name(tensor.type()) + "[";
  for (size_t i = 0; i < tensor.shape().size(); ++i)
    line += (i ? ", " : "") + std::to_string(tensor.shape()[i]);
  line += "]";
  int64_t count = tensor.elementCount(), special = 0;
  constexpr int64_t kFirst = 8;
  if (tensor.type() == WEFT_STRING)
    return line + firstTexts(tensor, std::min(count, kFirst), count > kFirst);
  if (count > kFirst) {
    double low = INFINITY, high = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; ++i) {
      double value = valueAt(tensor, i);
      if (!std::isfinite(value)) {
        ++special;
        continue;
      }
      low = std::min(low, value);
      high = std::max(high, value);
      sum += value;
    }
    if (special < count)
      line += ", min " + text(low) + ", max " + text(high) + ", mean " +
              text(sum / double(count - special));
    if (special)
      line += ", " + std::to_string(special) + " not finite";
  }
  line += count > kFirst ? ", first" : "";
  for (int64_t i = 0; i < std::min(count, kFirst); ++i)
    line += " " + text(valueAt(tensor, i));
  return line;
}

} // namespace weft
