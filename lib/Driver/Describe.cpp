// Text and JSON of a manifest. Kernels that compute nothing but moves are
// listed too: in a profile they are what surprises.
#include "weft/Driver/Describe.h"
#include "weft/Driver/Terminal.h"

#include <map>
#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace weft {

using artifact::Manifest;
using artifact::TensorInfo;

static std::string extentText(const artifact::Dimension &dimension) {
  if (dimension.extent >= 0)
    return std::to_string(dimension.extent);
  return dimension.symbol.empty() ? "?" : dimension.symbol;
}

std::string typeText(const TensorInfo &tensor) {
  std::string text(elementName(tensor.type));
  text += "[";
  for (size_t i = 0; i < tensor.shape.size(); ++i)
    text += (i ? ", " : "") + extentText(tensor.shape[i]);
  return text + "]";
}

static std::string join(const std::vector<std::string> &parts,
                        const char *separator) {
  std::string text;
  for (const std::string &part : parts)
    text += (text.empty() ? "" : separator) + part;
  return text;
}

static std::string millions(double value) {
  if (value == 0)
    return "";
  char text[32];
  snprintf(text, sizeof text, "%.2f", value * 1e-6);
  return text;
}

static std::string tensorTable(const char *title,
                               const std::vector<TensorInfo> &tensors) {
  Table table({title, ""});
  for (const TensorInfo &tensor : tensors)
    table.add({"  " + tensor.name, typeText(tensor)});
  return table.str();
}

/// What a kernel moves without computing, by the word that its name begins
/// with.
static const std::pair<std::string_view, const char *> kMoves[] = {
    {"pack_", "reorders"},        {"unpack_", "reorders"},
    {"transpose_", "transposes"}, {"copy_", "copies"},
    {"pick_channels_", "copies"}, {"border_", "borders"}};

/// How many kernels only move data, by kind. "reorders" pass between plain and
/// blocked layouts, "borders" write the padding of a buffer.
static std::map<std::string, size_t> movesOf(const Manifest &manifest) {
  std::map<std::string, size_t> counts;
  for (auto [word, kind] : kMoves)
    counts.try_emplace(kind);
  for (const artifact::KernelInfo &kernel : manifest.kernels)
    for (auto [word, kind] : kMoves)
      counts[kind] +=
          kernel.flops == 0 && kernel.name.compare(0, word.size(), word) == 0;
  return counts;
}

std::string describeMemory(const std::vector<artifact::MemoryBlock> &blocks) {
  Table table({">offset", ">bytes", ">kernels"});
  for (const artifact::MemoryBlock &block : blocks)
    table.add(
        {std::to_string(block.offset), std::to_string(block.bytes),
         std::to_string(block.first) + " to " + std::to_string(block.last)});
  return "\ntemporary memory, and the kernels between which a block is used\n" +
         table.str();
}

/// -1 stands for what only a run knows.
static std::string plannedText(int64_t bytes) {
  return bytes < 0 ? "depends on the inputs' shapes"
                   : formatBytes(uint64_t(bytes));
}

/// Memory for kernels' private buffers; levels differ in it.
static std::string scratchText(const std::vector<artifact::CodeInfo> &code) {
  std::string text;
  for (const artifact::CodeInfo &info : code) {
    text += (text.empty() ? "" : ", ") + plannedText(info.scratchBytes);
    if (info.scratchBytes > 0)
      text += " a thread";
    if (code.size() > 1)
      text += " (" + info.target + ")";
  }
  return text;
}

std::string describe(const Manifest &manifest, uint64_t fileBytes) {
  std::string text = manifest.modelName + ", compiled by Weft " +
                     manifest.compilerVersion + ", " + formatBytes(fileBytes) +
                     "\n\n";
  text += tensorTable("inputs", manifest.inputs);
  text += tensorTable("outputs", manifest.outputs);

  Table code({"code for", "needs"});
  for (const artifact::CodeInfo &info : manifest.code)
    code.add({"  " + info.target, join(info.cpuFeatures, " ")});
  text += code.str() + "\n";

  text += "memory\n  weights    " + formatBytes(manifest.weightBytes);
  if (!manifest.weightFile.empty())
    text += " in " + manifest.weightFile;
  text += "\n  temporary  " + plannedText(manifest.arenaBytes);
  text += "\n  scratch    " + scratchText(manifest.code) + "\n\n";

  Table kernels({">kernel", ">MFLOP", ">MB", "", "computes"});
  for (size_t i = 0; i < manifest.kernels.size(); ++i) {
    const artifact::KernelInfo &kernel = manifest.kernels[i];
    kernels.add({std::to_string(i), millions(kernel.flops),
                 millions(kernel.bytes), kernel.name, kernel.operators});
  }
  text += kernels.str() + "\nkernels that only move data:";
  const char *separator = " ";
  for (const auto &[kind, count] : movesOf(manifest)) {
    text += separator + std::to_string(count) + " " + kind;
    separator = ", ";
  }
  return text + "\n";
}

static Json tensorsAsJson(const std::vector<TensorInfo> &tensors) {
  Json list = Json::array();
  for (const TensorInfo &tensor : tensors) {
    Json shape = Json::array();
    for (const artifact::Dimension &dimension : tensor.shape) {
      if (dimension.extent >= 0)
        shape.push_back(dimension.extent);
      else
        shape.push_back(extentText(dimension));
    }
    list.push_back({{"name", tensor.name},
                    {"type", std::string(elementName(tensor.type))},
                    {"shape", shape}});
  }
  return list;
}

std::string describeAsJson(const Manifest &manifest, uint64_t fileBytes) {
  Json code = Json::array(), kernels = Json::array();
  for (const artifact::CodeInfo &info : manifest.code)
    code.push_back({{"target", info.target},
                    {"needs", info.cpuFeatures},
                    {"scratch_bytes", info.scratchBytes}});
  for (const artifact::KernelInfo &kernel : manifest.kernels)
    kernels.push_back({{"name", kernel.name},
                       {"operators", kernel.operators},
                       {"flops", kernel.flops},
                       {"bytes", kernel.bytes}});
  Json report = {{"model", manifest.modelName},
                 {"compiler", manifest.compilerVersion},
                 {"file_bytes", fileBytes},
                 {"inputs", tensorsAsJson(manifest.inputs)},
                 {"outputs", tensorsAsJson(manifest.outputs)},
                 {"code", code},
                 {"weight_bytes", manifest.weightBytes},
                 {"weight_file", manifest.weightFile},
                 {"arena_bytes", manifest.arenaBytes},
                 {"moves", movesOf(manifest)},
                 {"kernels", kernels}};
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace weft
