// What a user can tell every importer.
#ifndef WEFT_IMPORT_IMPORTOPTIONS_H
#define WEFT_IMPORT_IMPORTOPTIONS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// The shape and type that the user fixes for one input of the model.
struct InputPin {
  std::string name;
  std::optional<std::vector<int64_t>> shape; ///< -1: dynamic
  std::string type; ///< "f32", "i64", "bool", …; empty: as the model says
};

/// Parses `NAME=2x?x8:f32`; shape or type may be left out (`NAME=2x?x8`,
/// `NAME=:f32`), and a scalar's shape is written `scalar`.
llvm::Expected<InputPin> parseInputPin(llvm::StringRef text);

struct ImportOptions {
  std::vector<InputPin> inputs;
};

} // namespace weft

#endif // WEFT_IMPORT_IMPORTOPTIONS_H
