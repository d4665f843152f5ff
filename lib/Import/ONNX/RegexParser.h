// Regular expressions as trees.
#ifndef WEFT_LIB_IMPORT_ONNX_REGEXPARSER_H
#define WEFT_LIB_IMPORT_ONNX_REGEXPARSER_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace weft::onnx::regex {

enum class Assertion {
  TextBegin,
  TextEnd,
  LineBegin,
  LineEnd,
  WordEdge,
  NoWordEdge
};

/// Characters from first to second; ascending, apart, without surrogates.
using Ranges = llvm::SmallVector<std::pair<uint32_t, uint32_t>, 2>;

struct Node {
  enum Kind { Set, AnyByte, Assert, Sequence, Choice, Repeat } kind = Sequence;
  Ranges ranges;
  Assertion assertion = Assertion::TextBegin;
  int least = 0, most = 0; ///< of Repeat; `most` < 0: any number
  llvm::SmallVector<std::unique_ptr<Node>> children;
};

/// RE2's syntax but Unicode's classes by name (\p).
llvm::Expected<std::unique_ptr<Node>> parse(llvm::StringRef pattern);

} // namespace weft::onnx::regex

#endif // WEFT_LIB_IMPORT_ONNX_REGEXPARSER_H
