// What the writer and the reader of an artifact agree on.
#ifndef WEFT_LIB_ARTIFACT_FILEFORMAT_H
#define WEFT_LIB_ARTIFACT_FILEFORMAT_H

#include <cstdint>
#include <string_view>

namespace weft::artifact {

constexpr std::string_view kNoteSection = ".note.weft";
constexpr std::string_view kManifestSection = ".weft.manifest";
constexpr std::string_view kWeightSection = ".weft.weights";
constexpr std::string_view kImagePrefix = ".weft.gpu.";

/// Weights start at a multiple of this, so that they can be mapped.
constexpr uint64_t kWeightAlignment = 4096;
/// Code may read this far past the last weight.
constexpr uint64_t kWeightTail = 64;

/// The content of section .note.weft, an ELF note of owner "Weft", type 1. The
/// first two fields keep their place in all versions.
struct Note {
  uint32_t ownerSize = 5, descriptorSize = 24, type = 1;
  char owner[8] = "Weft";
  uint32_t formatVersion, abiVersion;
  /// Bytes of the whole file.
  uint64_t fileBytes;
  /// XXH64 of the file without the content of .weft.weights, this field taken
  /// as zero.
  uint64_t hash;
} __attribute__((packed));
static_assert(sizeof(Note) == 44, "a note has no padding");

} // namespace weft::artifact

#endif // WEFT_LIB_ARTIFACT_FILEFORMAT_H
