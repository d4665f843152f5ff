// Encoding and decoding of the manifest. One description of each record (the
// `fields` functions) drives both directions, so that they cannot drift apart.
// Numbers are little-endian, strings and lists carry their length; nothing is
// trusted before it is checked against the bytes that are left.
#include "weft/Artifact/Manifest.h"
#include "weft/Artifact/Abi.h"

#include <cstring>
#include <type_traits>

namespace weft::artifact {

namespace {

struct ElementRow {
  ElementType type;
  unsigned size;
  std::string_view name;
};

constexpr ElementRow kElements[] = {
    {ElementType::f32, 4, "f32"},
    {ElementType::u8, 1, "u8"},
    {ElementType::i8, 1, "i8"},
    {ElementType::u16, 2, "u16"},
    {ElementType::i16, 2, "i16"},
    {ElementType::i32, 4, "i32"},
    {ElementType::i64, 8, "i64"},
    {ElementType::string, 16, "string"},
    {ElementType::boolean, 1, "bool"},
    {ElementType::f16, 2, "f16"},
    {ElementType::f64, 8, "f64"},
    {ElementType::u32, 4, "u32"},
    {ElementType::u64, 8, "u64"},
    {ElementType::bf16, 2, "bf16"},
    {ElementType::f8e4m3fn, 1, "f8e4m3fn"},
    {ElementType::f8e4m3fnuz, 1, "f8e4m3fnuz"},
    {ElementType::f8e5m2, 1, "f8e5m2"},
    {ElementType::f8e5m2fnuz, 1, "f8e5m2fnuz"},
    {ElementType::u4, 1, "u4"},
    {ElementType::i4, 1, "i4"},
    {ElementType::f4e2m1fn, 1, "f4e2m1fn"},
    {ElementType::f8e8m0fnu, 1, "f8e8m0fnu"},
    {ElementType::u2, 1, "u2"},
    {ElementType::i2, 1, "i2"},
};

const ElementRow *findElement(ElementType type) {
  for (const ElementRow &row : kElements)
    if (row.type == type)
      return &row;
  return nullptr;
}

class Encoder {
public:
  template <typename T>
  std::enable_if_t<std::is_arithmetic_v<T>, bool> operator()(const char *,
                                                             T &value) {
    bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
    return true;
  }
  bool operator()(const char *, ElementType &value) {
    bytes.push_back(char(value));
    return true;
  }
  bool operator()(const char *, Role &value) {
    bytes.push_back(char(value));
    return true;
  }
  bool operator()(const char *field, std::string &value) {
    uint32_t size = value.size();
    (*this)(field, size);
    bytes += value;
    return true;
  }
  template <typename T>
  bool operator()(const char *field, std::vector<T> &list) {
    uint32_t size = list.size();
    (*this)(field, size);
    for (T &item : list)
      element(field, item);
    return true;
  }

  std::string bytes;

private:
  void element(const char *field, std::string &item) { (*this)(field, item); }
  template <typename T>
  void element(const char *, T &item) {
    fields(*this, item);
  }
};

class Decoder {
public:
  explicit Decoder(std::string_view bytes) : bytes(bytes) {}

  template <typename T>
  std::enable_if_t<std::is_arithmetic_v<T>, bool> operator()(const char *field,
                                                             T &value) {
    if (left() < sizeof value)
      return fail(field, "ends early");
    std::memcpy(&value, bytes.data() + at, sizeof value);
    at += sizeof value;
    return true;
  }
  bool operator()(const char *field, ElementType &value) {
    uint8_t number;
    if (!(*this)(field, number))
      return false;
    value = ElementType(number);
    return findElement(value) ||
           fail(field, std::to_string(number) + " is no element type");
  }
  bool operator()(const char *field, Role &value) {
    uint8_t number;
    if (!(*this)(field, number))
      return false;
    value = Role(number);
    return value <= Role::present ||
           fail(field, std::to_string(number) + " is no role");
  }
  bool operator()(const char *field, std::string &value) {
    uint32_t size;
    if (!(*this)(field, size))
      return false;
    if (size > left())
      return failLength(field, size);
    value.assign(bytes.data() + at, size);
    at += size;
    return true;
  }
  template <typename T>
  bool operator()(const char *field, std::vector<T> &list) {
    uint32_t size;
    if (!(*this)(field, size))
      return false;
    // Every item takes at least the four bytes of a length.
    if (size > left() / 4)
      return failLength(field, size);
    list.assign(size, T());
    for (T &item : list)
      if (!element(field, item))
        return false;
    return true;
  }

  bool fail(const char *field, const std::string &what) {
    if (error.empty())
      error = "manifest field '" + std::string(field) + "' at offset " +
              std::to_string(at) + ": " + what;
    return false;
  }
  size_t left() const { return bytes.size() - at; }

  std::string error;

private:
  bool failLength(const char *field, uint32_t size) {
    return fail(field, "length " + std::to_string(size) + " with " +
                           std::to_string(left()) + " bytes left");
  }
  bool element(const char *field, std::string &item) {
    return (*this)(field, item);
  }
  template <typename T>
  bool element(const char *field, T &item) {
    return fields(*this, item) || fail(field, "is damaged");
  }

  std::string_view bytes;
  size_t at = 0;
};

template <typename Io>
bool fields(Io &io, Dimension &dim) {
  return io("extent", dim.extent) && io("symbol", dim.symbol);
}

template <typename Io>
bool fields(Io &io, TensorInfo &tensor) {
  return io("tensor name", tensor.name) && io("type", tensor.type) &&
         io("shape", tensor.shape) && io("role", tensor.role);
}

template <typename Io>
bool fields(Io &io, CodeInfo &code) {
  return io("target", code.target) && io("entry", code.entrySymbol) &&
         io("features", code.cpuFeatures) &&
         io("scratch bytes", code.scratchBytes);
}

template <typename Io>
bool fields(Io &io, KernelInfo &kernel) {
  return io("kernel name", kernel.name) && io("operators", kernel.operators) &&
         io("flops", kernel.flops) && io("bytes", kernel.bytes);
}

template <typename Io>
bool fields(Io &io, Manifest &m) {
  return io("compiler", m.compilerVersion) && io("model", m.modelName) &&
         io("model hash", m.modelHash) && io("options hash", m.optionsHash) &&
         io("inputs", m.inputs) && io("outputs", m.outputs) &&
         io("code", m.code) && io("kernels", m.kernels) &&
         io("checks", m.checks) && io("strings", m.strings) &&
         io("weight bytes", m.weightBytes) && io("weight hash", m.weightHash) &&
         io("weight file", m.weightFile) && io("arena bytes", m.arenaBytes);
}

/// What the lengths cannot tell: values no compiler writes.
bool checkTensors(Decoder &io, const char *field,
                  const std::vector<TensorInfo> &tensors) {
  for (const TensorInfo &tensor : tensors) {
    if (tensor.shape.size() > WEFT_MAX_RANK)
      return io.fail(field, "'" + tensor.name + "' has rank " +
                                std::to_string(tensor.shape.size()) +
                                ", the limit is " +
                                std::to_string(WEFT_MAX_RANK));
    for (const Dimension &dim : tensor.shape)
      if (dim.extent < -1)
        return io.fail(field, "'" + tensor.name + "' has an extent of " +
                                  std::to_string(dim.extent));
  }
  return true;
}

} // namespace

unsigned elementSize(ElementType type) {
  const ElementRow *row = findElement(type);
  return row ? row->size : 0;
}

std::string_view elementName(ElementType type) {
  const ElementRow *row = findElement(type);
  return row ? row->name : std::string_view("unknown");
}

bool elementTypeOf(std::string_view name, ElementType &type) {
  for (const ElementRow &row : kElements)
    if (row.name == name) {
      type = row.type;
      return true;
    }
  return false;
}

std::string encode(const Manifest &manifest) {
  Encoder io;
  uint32_t version = kFormatVersion;
  io("version", version);
  // `fields` takes what it visits by reference to serve the decoder too.
  fields(io, const_cast<Manifest &>(manifest));
  return std::move(io.bytes);
}

bool decode(std::string_view bytes, Manifest &manifest, std::string &error) {
  Decoder io(bytes);
  uint32_t version = 0;
  Manifest result;
  bool ok = io("version", version);
  if (ok && version != kFormatVersion)
    ok = io.fail("version", "is " + std::to_string(version) +
                                ", this reader takes " +
                                std::to_string(kFormatVersion));
  ok = ok && fields(io, result);
  if (ok && io.left())
    ok = io.fail("arena bytes",
                 std::to_string(io.left()) + " bytes follow the last field");
  ok = ok && checkTensors(io, "inputs", result.inputs) &&
       checkTensors(io, "outputs", result.outputs);
  if (!ok) {
    error = io.error;
    return false;
  }
  manifest = std::move(result);
  return true;
}

} // namespace weft::artifact
