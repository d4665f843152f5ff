// The file around code, weights and manifest, FILE.weft. Writing and reading
// are side by side and need nothing but the standard library: the compiler
// writes, the runtime reads. The layout is described in
// docs/artifact-format.md.
#ifndef WEFT_ARTIFACT_FILE_H
#define WEFT_ARTIFACT_FILE_H

#include "weft/Artifact/Manifest.h"

#include <string>
#include <string_view>
#include <vector>

namespace weft::artifact {

/// Bytes of the weight section. What no chunk covers is zero.
struct WeightChunk {
  uint64_t offset = 0;
  const void *data = nullptr; ///< borrowed
  uint64_t size = 0;
};

/// Code for a GPU, in a section of its own. CodeInfo::entrySymbol names the
/// section of a GPU target.
struct GpuImage {
  std::string section;    ///< ".weft.gpu.sm_80"
  std::string_view bytes; ///< borrowed
};

struct FileContent {
  /// A linked ELF shared object that exports the entry functions. Borrowed.
  std::string_view code;
  std::vector<WeightChunk> weights; ///< in order, not overlapping
  std::vector<GpuImage> images;
  /// weightBytes and weightHash are filled in by writeFile. A weightFile is
  /// the plain name of a safetensors file that is written beside the artifact.
  Manifest manifest;
};

/// Writes the artifact `path`, whole or not at all. Equal content gives equal
/// bytes. False: `error` is one sentence that begins with a path.
bool writeFile(const std::string &path, FileContent content,
               std::string &error);

/// Where the parts of a file lie, in bytes from its beginning.
struct FileLayout {
  struct Range {
    uint64_t offset = 0, size = 0;
  };
  struct Image {
    std::string section;
    Range range;
  };
  Range manifest, weights; ///< weights.size is 0 where they are external
  std::vector<Image> images;
};

/// Reads manifest and layout of the artifact whose content is `bytes`, after
/// checking everything but the weights against the file's hash. False: `error`
/// says what is wrong and what to do, to be put after "FILE: ".
bool readFile(std::string_view bytes, Manifest &manifest, FileLayout &layout,
              std::string &error);

/// Where in a safetensors file that writeFile wrote the weights lie. `bytes` is
/// the file's content. Otherwise like readFile.
bool readWeightFile(std::string_view bytes, const Manifest &manifest,
                    FileLayout::Range &weights, std::string &error);

} // namespace weft::artifact

#endif // WEFT_ARTIFACT_FILE_H
