// Random values come from a generator of our own: those of the standard library
// differ between its implementations, and a seed should mean the same
// everywhere.
#include "Inputs.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <sys/stat.h>

namespace weft {

namespace {

/// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  /// In (0, 1].
  double uniform() { return double((next() >> 11) + 1) * 0x1p-53; }
  /// Mean 0, variance 1, by Box and Muller.
  double normal() {
    constexpr double kTwoPi = 6.283185307179586;
    double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(kTwoPi * uniform());
  }

private:
  uint64_t state;
};

/// The bits of `value` as f16, rounded to nearest even; values of a normal
/// distribution neither overflow nor need care about NaN.
uint16_t halfBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
  if (rest < 0x38800000) // below the smallest normal f16
    return uint16_t(sign | uint32_t(std::lrint(std::fabs(value) * 0x1p24f)));
  rest += 0xfff + (rest >> 13 & 1);
  return uint16_t(sign | (rest - 0x38000000) >> 13);
}

uint16_t bfloatBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

template <typename T, typename Make>
void fill(Array &array, Make make) {
  int64_t count = array.view().elementCount();
  for (int64_t i = 0; i < count; ++i) {
    T value = T(make());
    std::memcpy(array.bytes() + i * int64_t(sizeof value), &value,
                sizeof value);
  }
}

bool isFile(const std::string &path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0;
}

bool endsWith(const std::string &text, const char *tail) {
  size_t size = std::strlen(tail);
  return text.size() >= size &&
         text.compare(text.size() - size, size, tail) == 0;
}

/// NAME and what follows its "=". A name may hold "=", a file's rarely does.
std::pair<std::string, std::string> split(const std::string &option) {
  size_t equals = option.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == option.size())
    throw UsersFault("--input " + option +
                     ": is not of the form NAME=FILE.npy");
  return {option.substr(0, equals), option.substr(equals + 1)};
}

std::optional<weft_type> typeNamed(const std::string &name) {
  for (int i = 1; i < 32; ++i)
    if (weft_type_size(weft_type(i)) && name == weft_type_name(weft_type(i)))
      return weft_type(i);
  return std::nullopt;
}

} // namespace

std::optional<ShapeSpec> parseShapeSpec(const std::string &text) {
  ShapeSpec spec;
  size_t colon = std::min(text.find(':'), text.size());
  if (colon != text.size()) {
    spec.type = typeNamed(text.substr(colon + 1));
    if (!spec.type)
      return std::nullopt;
  }
  std::string shape = text.substr(0, colon);
  if (shape == "scalar" || (shape.empty() && spec.type))
    return spec;
  for (size_t at = 0; at <= shape.size();) {
    size_t end = std::min(shape.find('x', at), shape.size());
    std::string extent = shape.substr(at, end - at);
    if (extent.empty() || extent.size() > 12 ||
        extent.find_first_not_of("0123456789") != std::string::npos)
      return std::nullopt;
    spec.shape.push_back(std::stoll(extent));
    at = end + 1;
  }
  return spec;
}

Array randomArray(weft_type type, const std::vector<int64_t> &shape,
                  const std::string &name, uint64_t seed) {
  Array array(type, shape, name);
  Random random(seed);
  if (type == WEFT_STRING) {
    std::vector<std::string> texts(size_t(array.view().elementCount()));
    for (std::string &text : texts)
      for (uint64_t length = random.next() % 8 + 1; length-- > 0;)
        text += char('a' + random.next() % 26);
    return Array(std::move(texts), shape, name);
  }
  auto bit = [&] { return random.next() >> 63; };
  switch (type) {
  case WEFT_F32:
    fill<float>(array, [&] { return random.normal(); });
    break;
  case WEFT_F64:
    fill<double>(array, [&] { return random.normal(); });
    break;
  case WEFT_F16:
    fill<uint16_t>(array, [&] { return halfBits(float(random.normal())); });
    break;
  case WEFT_BF16:
    fill<uint16_t>(array, [&] { return bfloatBits(float(random.normal())); });
    break;
  case WEFT_I16:
  case WEFT_U16:
    fill<uint16_t>(array, bit);
    break;
  case WEFT_I32:
  case WEFT_U32:
    fill<uint32_t>(array, bit);
    break;
  case WEFT_I64:
  case WEFT_U64:
    fill<uint64_t>(array, bit);
    break;
  default:
    fill<uint8_t>(array, bit);
    break;
  }
  return array;
}

std::vector<Array> givenInputs(const RunRequest &request) {
  std::vector<Array> arrays;
  if (!request.inputsFile.empty())
    arrays = readNpz(request.inputsFile);
  for (const std::string &option : request.inputs) {
    auto [name, file] = split(option);
    arrays.push_back(readNpy(file, name));
  }
  return arrays;
}

/// Extents of symbols that are known, from arrays that are given.
static std::map<std::string, int64_t>
knownSymbols(const std::vector<Array> &arrays, const Model &model) {
  std::map<std::string, int64_t> symbols;
  for (size_t i = 0; i < model.inputCount(); ++i) {
    weft_tensor_info info = model.input(i);
    for (const Array &array : arrays)
      if (array.view().name() == info.name &&
          array.view().shape().size() == size_t(info.rank))
        for (int32_t axis = 0; axis < info.rank; ++axis)
          if (*info.symbols[axis])
            symbols[info.symbols[axis]] = array.view().shape()[size_t(axis)];
  }
  return symbols;
}

std::vector<Array> benchInputs(const RunRequest &request, const Model &model) {
  RunRequest files = request;
  files.inputs.clear();
  std::map<std::string, ShapeSpec> specs;
  for (const std::string &option : request.inputs) {
    auto [name, value] = split(option);
    auto spec = parseShapeSpec(value);
    if (spec && !endsWith(value, ".npy") && !isFile(value))
      specs[name] = *spec;
    else
      files.inputs.push_back(option);
  }
  std::vector<Array> arrays = givenInputs(files);
  auto isGiven = [&](const char *name) {
    return std::any_of(arrays.begin(), arrays.end(), [&](const Array &array) {
      return array.view().name() == name;
    });
  };
  // Shapes first, then what follows from them.
  uint64_t seed = request.seed * 1000003;
  for (const auto &[name, spec] : specs) {
    weft_type type = spec.type.value_or(WEFT_F32);
    for (size_t i = 0; i < model.inputCount() && !spec.type; ++i)
      if (model.input(i).name == name)
        type = model.input(i).type;
    arrays.push_back(randomArray(type, spec.shape, name, ++seed));
  }
  std::map<std::string, int64_t> symbols = knownSymbols(arrays, model);
  for (size_t i = 0; i < model.inputCount(); ++i) {
    weft_tensor_info info = model.input(i);
    if (isGiven(info.name))
      continue;
    std::vector<int64_t> shape(info.shape, info.shape + info.rank);
    for (int32_t axis = 0; axis < info.rank; ++axis)
      if (int64_t &extent = shape[size_t(axis)]; extent < 0) {
        auto known = symbols.find(info.symbols[axis]);
        extent = known == symbols.end() ? 1 : known->second;
      }
    arrays.push_back(randomArray(info.type, shape, info.name, ++seed));
  }
  return arrays;
}

} // namespace weft
