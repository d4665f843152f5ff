#include "Proto.h"
#include "weft/Support/Location.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace weft::onnx {

Error modelError(const Twine &text) {
  return createStringError(inconvertibleErrorCode(), text);
}

std::string operatorName(const NodeProto &node) {
  if (isDefaultDomain(node.domain()))
    return node.op_type();
  return node.domain() + "." + node.op_type();
}

Error nodeError(const NodeProto &node, const Twine &text) {
  return modelError(describeNode({node.name(), operatorName(node)}) + ": " +
                    text);
}

std::string plainSentence(StringRef text) {
  // "(op_type:Add, node name: a): [ShapeInferenceError] text", or
  // "text\n\n==> Context: Bad node spec for node. Name: a OpType: Add"
  auto [said, context] = text.split("\n\n==> Context");
  text = said;
  text = text.split("\n(op_type:").first; // the first of several is enough
  std::string node;
  if (auto [before, label] = context.split("node. Name: "); !label.empty()) {
    auto [name, op] = label.split(" OpType: ");
    node = describeNode({name, op.split('\n').first.trim()}) + ": ";
  }
  while (true) {
    text = text.trim();
    text.consume_front("Inference error(s):");
    text = text.ltrim();
    if (text.consume_front("[")) {
      text = text.split(']').second;
      continue;
    }
    StringRef rest = text;
    if (!rest.consume_front("(op_type:"))
      break;
    auto [label, message] = rest.split("): ");
    auto [op, name] = label.split(", node name: ");
    node = describeNode({name, op}) + ": ";
    text = message;
  }
  // "file:line: function: Assertion `condition` failed: text"
  if (size_t at = text.find("` failed: "); at != StringRef::npos)
    text = text.substr(at + strlen("` failed: "));
  std::string sentence;
  for (StringRef line : llvm::split(text, '\n'))
    if (!line.trim().empty())
      sentence += (sentence.empty() ? "" : " ") + line.trim().str();
  while (!sentence.empty() && sentence.back() == '.')
    sentence.pop_back();
  if (sentence.size() > 1 && isUpper(sentence[0]) && isLower(sentence[1]))
    sentence[0] = toLower(sentence[0]);
  return node + sentence;
}

} // namespace weft::onnx
