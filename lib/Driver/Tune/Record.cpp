// The tuning record as JSON:
//   {"format": 1,
//    "targets": {"cpu:znver4": {"conv 1x4x56x56x16xf32 …": {"rows": 6, …}}}}
#include "weft/Artifact/OutputFile.h"
#include "weft/Driver/Tune.h"

#include "llvm/Support/MemoryBuffer.h"
#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace weft {

constexpr int kFormat = 1;

/// The numbers of a tile, and the least that each may be.
static const std::map<std::string, int64_t> kNumbers = {
    {"rows", 1},       {"panels", 1},    {"depth", 0},
    {"item_tiles", 1}, {"item_rows", 1}, {"item_panels", 1}};

/// The tile of one product. Returns "" or what is wrong.
static std::string readTile(const Json &json, TileNumbers &tile) {
  if (!json.is_object())
    return std::string("is ") + json.type_name() + ", not a table of numbers";
  for (const auto &[name, number] : json.items()) {
    auto known = kNumbers.find(name);
    if (known == kNumbers.end())
      return "has '" + name + "', which is no number of a tile";
    if (!number.is_number_integer() || number.get<int64_t>() < known->second)
      return "has '" + name + "' " + number.dump() +
             ", which must be an integer of at least " +
             std::to_string(known->second);
    tile[name] = number.get<int64_t>();
  }
  return "";
}

llvm::Expected<TuningRecord> readTuningRecord(const std::string &path) {
  auto fault = [&](const std::string &text) {
    return llvm::createStringError(path + ": " + text);
  };
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return fault("cannot be read: " + file.getError().message());
  Json json = Json::parse((*file)->getBuffer(), nullptr,
                          /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object() || !json.contains("format") ||
      !json.contains("targets") || !json["targets"].is_object())
    return fault("is no tuning record; write one with --tune");
  if (json["format"] != kFormat)
    return fault("has format " + json["format"].dump() +
                 ", and this weft reads format " + std::to_string(kFormat) +
                 "; write it anew with --tune");
  TuningRecord record;
  for (const auto &[target, table] : json["targets"].items()) {
    if (!table.is_object())
      return fault("'" + target + "' is " + table.type_name() +
                   ", not a table of products");
    for (const auto &[product, tile] : table.items())
      if (std::string wrong = readTile(tile, record[target][product]);
          !wrong.empty())
        return fault("the tile of '" + product + "' for '" + target + "' " +
                     wrong);
  }
  return record;
}

std::string writeTuningRecord(const std::string &path,
                              const TuningRecord &record) {
  Json json = {{"format", kFormat}, {"targets", record}};
  std::string text = json.dump(2) + "\n";
  artifact::OutputFile file(path);
  if (!file.write(text.data(), text.size()) || !file.commit())
    return file.error();
  return "";
}

} // namespace weft
