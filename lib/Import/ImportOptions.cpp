#include "weft/Import/ImportOptions.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;

namespace weft {

static Error pinError(StringRef text, const Twine &why) {
  return createStringError(inconvertibleErrorCode(),
                           "--input " + text + ": " + why);
}

static bool isTypeName(StringRef name) {
  static const StringRef names[] = {"f32", "f64", "f16", "bf16", "i8",
                                    "i16", "i32", "i64", "u8",   "u16",
                                    "u32", "u64", "bool"};
  return llvm::is_contained(names, name);
}

Expected<InputPin> parseInputPin(StringRef text) {
  // Names may contain '=' and ':', so both are looked for from the end.
  auto [name, rest] = text.rsplit('=');
  if (name.empty() || name.size() == text.size())
    return pinError(text, "expected NAME=2x?x8:f32");
  InputPin pin;
  pin.name = name.str();
  auto [shape, type] = rest.split(':');
  if (!type.empty() && !isTypeName(type))
    return pinError(text,
                    "'" + type +
                        "' is no type; one of f32, f64, f16, "
                        "bf16, i8, i16, i32, i64, u8, u16, u32, u64, bool");
  pin.type = type.str();
  if (shape.empty()) {
    if (type.empty())
      return pinError(text, "neither shape nor type is given");
    return pin;
  }
  pin.shape.emplace();
  if (shape == "scalar")
    return pin;
  SmallVector<StringRef> extents;
  shape.split(extents, 'x');
  for (StringRef each : extents) {
    int64_t extent = -1;
    if (each != "?" && (each.getAsInteger(10, extent) || extent < 0))
      return pinError(text, "'" + each + "' is no extent; a number or ?");
    pin.shape->push_back(extent);
  }
  return pin;
}

} // namespace weft
