// ONNX's messages under this project's names, and errors about them.
#ifndef WEFT_LIB_IMPORT_ONNX_PROTO_H
#define WEFT_LIB_IMPORT_ONNX_PROTO_H

#include "onnx/onnx_pb.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <string>

namespace weft::onnx {

using ::onnx::AttributeProto;
using ::onnx::FunctionProto;
using ::onnx::GraphProto;
using ::onnx::ModelProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using ::onnx::TensorShapeProto;
using ::onnx::TypeProto;
using ::onnx::ValueInfoProto;

/// Models of older opsets are converted to this one. Newer ones are imported as
/// they are; a row says from which version on it holds.
constexpr int kOpset = 25;

/// An error about the model as a whole, one sentence.
llvm::Error modelError(const llvm::Twine &text);
/// "node 'x' (Op): text".
llvm::Error nodeError(const NodeProto &node, const llvm::Twine &text);
/// `text` of one of ONNX's exceptions as one sentence: its own name of the
/// error is dropped and the node is named as everywhere else.
std::string plainSentence(llvm::StringRef text);

/// True for "" and "ai.onnx".
inline bool isDefaultDomain(llvm::StringRef domain) {
  return domain.empty() || domain == "ai.onnx";
}
/// "Conv", or "com.microsoft.FusedConv".
std::string operatorName(const NodeProto &node);

/// The version of ONNX's own operators that a model or function asks for; 0
/// when it names none.
template <typename Message>
int64_t opsetOf(const Message &message) {
  int64_t version = 0;
  for (const auto &import : message.opset_import())
    if (isDefaultDomain(import.domain()))
      version = import.version();
  return version;
}

/// Calls `visit` for each graph among the attributes of `node`.
template <typename Node, typename Visitor>
llvm::Error forEachSubgraph(Node &node, Visitor visit) {
  for (auto &attribute : node.attribute()) {
    if (attribute.has_g())
      if (llvm::Error error = visit(attribute.g()))
        return error;
    for (auto &graph : attribute.graphs())
      if (llvm::Error error = visit(graph))
        return error;
  }
  return llvm::Error::success();
}

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_PROTO_H
