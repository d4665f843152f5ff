#include "weft/Artifact/File.h"
#include "Sample.h"
#include "gtest/gtest.h"
#include <cstring>
#include <elf.h>

using namespace weft::artifact;

// The smallest thing that passes for linked code: a header, one byte, section
// names and a section table.
static std::string tinyCode() {
  std::string names("\0.shstrtab\0", 11), code(sizeof(Elf64_Ehdr), '\0');
  code += "\x90";
  uint64_t namesOffset = code.size();
  code += names;
  code.resize((code.size() + 7) & ~7ull);
  Elf64_Ehdr header = {};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
#if defined(__x86_64__)
  header.e_machine = EM_X86_64;
#else
  header.e_machine = EM_AARCH64;
#endif
  header.e_shoff = code.size();
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 2;
  header.e_shstrndx = 1;
  std::memcpy(code.data(), &header, sizeof header);
  Elf64_Shdr sections[2] = {};
  sections[1].sh_name = 1;
  sections[1].sh_type = SHT_STRTAB;
  sections[1].sh_offset = namesOffset;
  sections[1].sh_size = names.size();
  return code.append(reinterpret_cast<char *>(sections), sizeof sections);
}

namespace {
struct FileTest : testing::Test {
  std::string write(FileContent content) {
    std::string error;
    EXPECT_TRUE(writeFile(path, std::move(content), error)) << error;
    return contentOf(path);
  }
  FileContent sample() {
    FileContent content;
    content.code = code;
    content.weights = {{0, weights.data(), 5}, {128, weights.data() + 5, 6}};
    content.images = {{".weft.gpu.sm_80", "PTX"}};
    content.manifest = sampleManifest();
    return content;
  }
  std::string errorOf(const std::string &bytes) {
    Manifest manifest;
    FileLayout layout;
    std::string error;
    EXPECT_FALSE(readFile(bytes, manifest, layout, error));
    EXPECT_FALSE(error.empty());
    return error;
  }
  TemporaryFolder folder;
  std::string path = folder / "model.weft", code = tinyCode();
  std::string weights = "hello world";
};
} // namespace

TEST_F(FileTest, RoundTrips) {
  std::string bytes = write(sample());
  Manifest manifest;
  FileLayout layout;
  std::string error;
  ASSERT_TRUE(readFile(bytes, manifest, layout, error)) << error;
  EXPECT_EQ(manifest.weightBytes, 134u);
  EXPECT_EQ(layout.weights.size, 134u);
  EXPECT_EQ(layout.weights.offset % 4096, 0u);
  std::string expected = "hello" + std::string(123, '\0') + " world";
  EXPECT_EQ(bytes.substr(layout.weights.offset, 134), expected);
  ASSERT_EQ(layout.images.size(), 1u);
  EXPECT_EQ(
      bytes.substr(layout.images[0].range.offset, layout.images[0].range.size),
      "PTX");
  EXPECT_EQ(manifest.inputs[0].name, "data");
}

TEST_F(FileTest, SameContentSameBytes) {
  std::string bytes = write(sample());
  path = folder / "other.weft";
  EXPECT_EQ(write(sample()), bytes);
}

TEST_F(FileTest, RejectsEveryTruncation) {
  std::string bytes = write(sample());
  for (size_t size = 0; size < bytes.size(); ++size)
    errorOf(bytes.substr(0, size));
  EXPECT_EQ(errorOf(""), "is empty");
  EXPECT_NE(errorOf(bytes + "x").find("bytes where"), std::string::npos);
}

TEST_F(FileTest, RejectsEveryBitFlipOutsideTheWeights) {
  std::string bytes = write(sample());
  Manifest manifest;
  FileLayout layout;
  std::string error;
  ASSERT_TRUE(readFile(bytes, manifest, layout, error));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    size_t at = bit / 8;
    if (at >= layout.weights.offset &&
        at < layout.weights.offset + layout.weights.size + 64)
      continue;
    std::string flipped = bytes;
    flipped[at] ^= char(1 << bit % 8);
    errorOf(flipped);
  }
}

TEST_F(FileTest, SaysWhatAForeignFileIs) {
  EXPECT_NE(errorOf("\x08\x07onnx").find("is not a Weft artifact"),
            std::string::npos);
  EXPECT_NE(errorOf(code).find("without a .note.weft section"),
            std::string::npos);
  std::string bytes = write(sample());
  bytes[offsetof(Elf64_Ehdr, e_machine)] = char(EM_RISCV);
  EXPECT_NE(errorOf(bytes).find("holds code for RISC-V, this machine is"),
            std::string::npos);
}

TEST_F(FileTest, NamesTheVersionOfANewerFile) {
  std::string bytes = write(sample());
  size_t note =
      bytes.find(std::string("Weft\0\0\0\0", 8) + char(kFormatVersion));
  ASSERT_NE(note, std::string::npos);
  bytes[note + 8] = 7;
  EXPECT_NE(errorOf(bytes).find("was written by a newer Weft (format 7, this "
                                "runtime takes " +
                                std::to_string(kFormatVersion) + ")"),
            std::string::npos);
  bytes[note + 8] = 0;
  EXPECT_NE(errorOf(bytes).find("an older Weft (format 0"), std::string::npos);
}

TEST_F(FileTest, WritesExternalWeights) {
  FileContent content = sample();
  content.manifest.weightFile = "model.safetensors";
  std::string bytes = write(content), error;
  Manifest manifest;
  FileLayout layout;
  ASSERT_TRUE(readFile(bytes, manifest, layout, error)) << error;
  EXPECT_EQ(layout.weights.size, 0u);
  std::string external = contentOf(folder / "model.safetensors");
  FileLayout::Range range;
  ASSERT_TRUE(readWeightFile(external, manifest, range, error)) << error;
  EXPECT_EQ(range.size, 134u);
  EXPECT_EQ(external.substr(range.offset, 5), "hello");
  EXPECT_FALSE(readWeightFile(external.substr(1), manifest, range, error));
  EXPECT_FALSE(readWeightFile("", manifest, range, error));
}

TEST_F(FileTest, LeavesNothingOnFailure) {
  FileContent content = sample();
  content.code = "not linked";
  std::string error;
  EXPECT_FALSE(writeFile(path, content, error));
  EXPECT_NE(error.find("internal error"), std::string::npos);
  content = sample();
  std::swap(content.weights[0], content.weights[1]);
  EXPECT_FALSE(writeFile(path, content, error));
  EXPECT_EQ(folder.fileCount(), 0u);
}
