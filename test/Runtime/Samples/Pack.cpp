// Makes the artifacts that the conformance program loads: the code of Samples.c
// in one file for each entry function.
//
// Usage: pack CODE.so FOLDER
#include "weft/Artifact/File.h"
#include <cstdio>
#include <fstream>
#include <iterator>

using namespace weft::artifact;
using E = ElementType;

static Manifest manifestOf(const char *entry, std::vector<TensorInfo> inputs,
                           std::vector<TensorInfo> outputs) {
  Manifest manifest;
  manifest.compilerVersion = "0.1.0";
  manifest.modelName = "sample.onnx";
  manifest.modelHash = 1;
  manifest.optionsHash = 2;
  manifest.inputs = std::move(inputs);
  manifest.outputs = std::move(outputs);
  manifest.code = {{"baseline", entry, {}}};
  return manifest;
}

static const Dimension N{-1, "N"}, M{-1, "M"}, anonymous{-1, ""};

static Dimension fixed(int64_t extent) { return {extent, ""}; }

namespace {
struct Packer {
  std::string code, folder;
  bool ok = true;

  void write(const std::string &name, FileContent content) {
    content.code = code;
    std::string error;
    if (!writeFile(folder + "/" + name, std::move(content), error)) {
      std::fprintf(stderr, "error: %s\n", error.c_str());
      ok = false;
    }
  }
  void write(const std::string &name, Manifest manifest) {
    FileContent content;
    content.manifest = std::move(manifest);
    write(name, std::move(content));
  }
};
} // namespace

static void packAffine(Packer &packer) {
  static const float weights[6] = {1, 2, 3, 10, 20, 30};
  FileContent content;
  content.manifest = manifestOf("entry_affine", {{"x", E::f32, {N, fixed(3)}}},
                                {{"y", E::f32, {N, fixed(3)}}});
  content.manifest.code[0].scratchBytes = 12345;
  content.manifest.kernels = {{"scale", "node 'mul' (Mul)", 0, 0},
                              {"shift", "node 'add' (Add)", 6, 48}};
  // In two pieces with a gap of nothing, as a compiler would give them.
  content.weights = {{0, weights, 12}, {12, weights + 3, 12}};
  packer.write("affine.weft", content);
  content.manifest.weightFile = "external.safetensors";
  packer.write("external.weft", content);
}

/// Weights that fill huge pages.
static void packLarge(Packer &packer) {
  static const char weights[6 << 20] = {};
  FileContent content;
  content.manifest = manifestOf("entry_silent", {}, {{"y", E::f32, {}}});
  content.weights = {{0, weights, sizeof weights}};
  packer.write("large.weft", content);
}

static void packLevels(Packer &packer) {
  Manifest manifest = manifestOf("", {}, {{"y", E::i64, {}}});
#if defined(__x86_64__)
  const char *common = "sse2";
#else
  const char *common = "neon";
#endif
  manifest.code = {{"one", "entry_level_1", {}},
                   {"two", "entry_level_2", {common}},
                   {"three", "entry_level_3", {common, "imaginary"}}};
  packer.write("levels.weft", manifest);
  manifest.code.erase(manifest.code.begin(), manifest.code.begin() + 2);
  packer.write("future.weft", manifest);
  manifest.code.clear();
  packer.write("nothing.weft", manifest);
}

static bool packAll(Packer &packer) {
  packAffine(packer);
  packLarge(packer);
  packLevels(packer);
  packer.write("mix.weft",
               manifestOf("entry_mix",
                          {{"a", E::f32, {N, fixed(2)}},
                           {"b", E::i64, {N}},
                           {"mask", E::boolean, {N}}},
                          {{"y", E::f32, {N}}, {"total", E::i64, {}}}));
  Manifest shout = manifestOf("entry_shout", {{"x", E::string, {N}}},
                              {{"y", E::string, {N}}, {"words", E::i64, {N}}});
  shout.strings = {"!"};
  packer.write("shout.weft", shout);
  Manifest gather = manifestOf("entry_gather",
                               {{"table", E::f32, {N}}, {"index", E::i32, {M}}},
                               {{"y", E::f32, {M}}});
  gather.checks = {
      "node 'pick' (Gather): index {0} is negative",
      "node 'pick' (Gather): index {0} is out of range for extent {1}"};
  packer.write("gather.weft", gather);
  packer.write("nonzero.weft",
               manifestOf("entry_nonzero", {{"x", E::f32, {anonymous}}},
                          {{"y", E::f32, {anonymous}}}));
  Manifest workers =
      manifestOf("entry_workers", {{"x", E::u8, {N}}}, {{"y", E::i64, {N}}});
  workers.checks = {"worker {0} shares its memory at item {1}"};
  packer.write("workers.weft", workers);
  packer.write("silent.weft",
               manifestOf("entry_silent", {}, {{"y", E::f32, {}}}));
  packer.write("nonsense.weft",
               manifestOf("entry_nonsense", {}, {{"y", E::f32, {}}}));
  packer.write("missing.weft",
               manifestOf("entry_missing", {}, {{"y", E::f32, {}}}));
  return packer.ok;
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  std::ifstream file(argv[1], std::ios::binary);
  Packer packer;
  packer.code.assign(std::istreambuf_iterator<char>(file), {});
  packer.folder = argv[2];
  return packAll(packer) ? 0 : 1;
}
