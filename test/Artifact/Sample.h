// A manifest with something in every field, and files to take apart.
#ifndef WEFT_TEST_ARTIFACT_SAMPLE_H
#define WEFT_TEST_ARTIFACT_SAMPLE_H

#include "weft/Artifact/Manifest.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

inline weft::artifact::Manifest sampleManifest() {
  using namespace weft::artifact;
  Manifest m;
  m.compilerVersion = "0.1.0";
  m.modelName = "model.onnx";
  m.modelHash = 0x0123456789abcdef;
  m.optionsHash = 42;
  m.inputs = {{"data", ElementType::f32, {{-1, "N"}, {3, ""}}},
              {"mask", ElementType::boolean, {}}};
  m.outputs = {
      {"prob", ElementType::bf16, {{-1, "N"}, {1000, ""}}},
      {"found", ElementType::i4, {{-1, ""}}, Role::elements},
      {"found.shapes", ElementType::i64, {{-1, ""}, {8, ""}}, Role::shapes}};
  m.code = {{"x86-64-v3", "weft_entry_v3", {"avx2", "fma"}, 65536},
            {"x86-64-v4", "weft_entry_v4", {"avx2", "fma", "avx512f"}, -1}};
  m.kernels = {{"kernel_0", "node 'a' (Conv)", 1.5e9, 2e6}};
  m.checks = {"node 'g' (Gather): index {0} is out of range for extent {1}"};
  m.strings = {"red", std::string("a\0b", 3)};
  m.weightBytes = 17;
  m.weightHash = 99;
  m.arenaBytes = 4096;
  return m;
}

inline std::string contentOf(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A folder that is removed with all that is in it.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "weft-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string &name) const {
    return path + "/" + name;
  }
  size_t fileCount() const {
    return std::distance(std::filesystem::directory_iterator(path), {});
  }

private:
  std::string path;
};

#endif // WEFT_TEST_ARTIFACT_SAMPLE_H
