#include "ModelFile.h"
#include "weft/Import/ONNX.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;

namespace weft::onnx {

// Graph, node and attribute are three messages, so this allows about 80 levels
// of nested subgraphs; every walk over a model that recurses relies on it.
static constexpr int kMessageDepth = 256;

namespace {
/// The fields of the outermost message, read without trusting any of it.
struct TopLevel {
  bool isModel = true;    ///< only fields that a model has
  bool hasGraph = false;  ///< one of them is the graph
  uint64_t end = 0;       ///< where the last field ends by its own word
  uint64_t lastField = 0; ///< where the last field begins
};
} // namespace

static bool readVarint(StringRef bytes, uint64_t &at, uint64_t &value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && at < bytes.size(); shift += 7) {
    uint8_t byte = bytes[at++];
    value |= uint64_t(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}

/// The wire type that ModelProto has for `field`: 0 varint, 2 length-prefixed,
/// -1 where it has no such field.
static int wireType(uint64_t field) {
  switch (field) {
  case 1: // ir_version
  case 5: // model_version
    return 0;
  case 2:
  case 3:
  case 4:
  case 6: // producer name and version, domain, doc
  case 7:
  case 8: // graph, opset_import
  case 14:
  case 20:
  case 25:
  case 26: // metadata, training, functions, devices
    return 2;
  default:
    return -1;
  }
}

static TopLevel scan(StringRef bytes) {
  TopLevel top;
  uint64_t at = 0;
  while (at < bytes.size()) {
    uint64_t tag, value;
    top.lastField = at;
    if (!readVarint(bytes, at, tag) || wireType(tag >> 3) != int(tag & 7) ||
        !readVarint(bytes, at, value)) {
      // A varint that is cut off by the end of the file is a truncation.
      top.isModel = at >= bytes.size() && top.lastField > 0;
      top.end = at + 1;
      return top;
    }
    top.hasGraph |= (tag >> 3) == 7;
    if ((tag & 7) == 2) {
      if (value > bytes.size() - at) {
        top.end = at + value;
        return top;
      }
      at += value;
    }
  }
  top.end = at;
  return top;
}

bool looksLikeModel(StringRef head) {
  TopLevel top = scan(head);
  return !head.empty() && top.isModel;
}

static Expected<std::unique_ptr<MemoryBuffer>> openRegular(StringRef path) {
  // Not blocking, so that a FIFO without a writer cannot hang us.
  int fd = ::open(path.str().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return modelError("cannot open the file: " + Twine(::strerror(errno)));
  struct stat status;
  int failed = ::fstat(fd, &status);
  if (failed || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return modelError(!failed && S_ISDIR(status.st_mode)
                          ? "is a folder, not a model file"
                          : "is not a regular file");
  }
  auto buffer = MemoryBuffer::getOpenFile(fd, path, status.st_size,
                                          /*RequiresNullTerminator=*/false);
  ::close(fd);
  if (!buffer)
    return modelError("cannot read the file: " + buffer.getError().message());
  return std::move(*buffer);
}

Error readModel(StringRef path, ModelProto &model) {
  auto opened = openRegular(path);
  if (!opened)
    return opened.takeError();
  StringRef bytes = (*opened)->getBuffer();
  if (bytes.empty())
    return modelError("the file is empty");
  TopLevel top = scan(bytes);
  if (!top.isModel)
    return modelError("is not an ONNX model");
  if (top.end > bytes.size())
    return modelError("the file is truncated: the field at byte " +
                      Twine(top.lastField) + " needs " + Twine(top.end) +
                      " bytes, the file has " + Twine(bytes.size()));
  if (bytes.size() > INT32_MAX)
    return modelError("the file has " + Twine(bytes.size()) +
                      " bytes, and ONNX files end at 2147483647: save the "
                      "weights as external data");
  google::protobuf::io::CodedInputStream input(
      reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  input.SetRecursionLimit(kMessageDepth);
  // Partial: a missing field is for the checks to name.
  if (!model.ParsePartialFromCodedStream(&input) ||
      !input.ConsumedEntireMessage())
    return modelError(
        "the file is damaged or its graphs are nested more than " +
        Twine(kMessageDepth / 3) + " deep");
  if (!top.hasGraph)
    return modelError("is an ONNX file without a graph");
  return Error::success();
}

} // namespace weft::onnx
