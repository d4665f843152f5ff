// Regular expressions of RE2's syntax as automata that read bytes, for the
// runtime's function of strings.
#ifndef WEFT_LIB_IMPORT_ONNX_REGEX_H
#define WEFT_LIB_IMPORT_ONNX_REGEX_H

#include "llvm/Support/Error.h"
#include <string>

namespace weft::onnx {

/// The automaton that accepts the strings of which all matches `pattern`, in
/// the form that lib/Runtime/StringFunctions.cpp reads. The error says what in
/// the pattern is wrong or not supported.
llvm::Expected<std::string> automatonOf(llvm::StringRef pattern);

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_REGEX_H
