// Finds its way through an artifact without trusting a byte of it: every
// offset is checked against the file's size before it is followed, and nothing
// but the note is believed before the hash agrees.
#include "FileFormat.h"
#include "weft/Artifact/Abi.h"
#include "weft/Artifact/File.h"
#include "weft/Artifact/Hash.h"

#include <cstddef>
#include <cstring>
#include <elf.h>

namespace weft::artifact {

namespace {

#if defined(__x86_64__)
constexpr uint16_t kHostMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t kHostMachine = EM_AARCH64;
#else
#error "add this machine's ELF number"
#endif

std::string machineName(uint16_t machine) {
  switch (machine) {
  case EM_X86_64:
    return "x86-64";
  case EM_AARCH64:
    return "AArch64";
  case EM_RISCV:
    return "RISC-V";
  default:
    return "machine number " + std::to_string(machine);
  }
}

constexpr const char *kCompileAgain =
    ": compile the model again with `weft compile`";

class FileReader {
public:
  FileReader(std::string_view bytes, FileLayout &layout)
      : bytes(bytes), layout(layout) {}

  bool run(Manifest &manifest);
  std::string error;

private:
  bool fail(std::string text) {
    error = std::move(text);
    return false;
  }
  bool damaged(const std::string &what) {
    return fail("is truncated or damaged (" + what + ")" + kCompileAgain);
  }
  bool inside(uint64_t offset, uint64_t size) const {
    return offset <= bytes.size() && size <= bytes.size() - offset;
  }
  bool checkHeader();
  bool findSections();
  bool checkNote();
  bool checkHash();

  std::string_view bytes;
  FileLayout &layout;
  Elf64_Ehdr header;
  FileLayout::Range noteRange;
  bool hasNote = false, hasManifest = false, hasWeights = false;
  Note note = {};
};

bool FileReader::checkHeader() {
  if (bytes.empty())
    return fail("is empty");
  size_t magic = bytes.size() < SELFMAG ? bytes.size() : SELFMAG;
  if (std::memcmp(bytes.data(), ELFMAG, magic) != 0)
    return fail("is not a Weft artifact: `weft compile MODEL -o FILE.weft` "
                "makes one of a model");
  if (bytes.size() < sizeof header)
    return damaged("it has " + std::to_string(bytes.size()) + " bytes");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_DYN)
    return fail("is not a Weft artifact but another kind of ELF file");
  if (header.e_machine != kHostMachine)
    return fail("holds code for " + machineName(header.e_machine) +
                ", this machine is " + machineName(kHostMachine) +
                kCompileAgain);
  if (header.e_shentsize != sizeof(Elf64_Shdr) ||
      !inside(header.e_shoff, uint64_t(header.e_shnum) * sizeof(Elf64_Shdr)))
    return damaged(
        "its section table ends at byte " +
        std::to_string(header.e_shoff + header.e_shnum * sizeof(Elf64_Shdr)) +
        " of " + std::to_string(bytes.size()));
  return true;
}

bool FileReader::findSections() {
  auto section = [&](unsigned index) {
    Elf64_Shdr s;
    std::memcpy(&s, bytes.data() + header.e_shoff + index * sizeof s, sizeof s);
    return s;
  };
  if (header.e_shstrndx >= header.e_shnum)
    return damaged("it has no section names");
  Elf64_Shdr strings = section(header.e_shstrndx);
  if (!inside(strings.sh_offset, strings.sh_size))
    return damaged("its section names lie outside");
  std::string_view names = bytes.substr(strings.sh_offset, strings.sh_size);
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr s = section(i);
    if (s.sh_name >= names.size())
      return damaged("section " + std::to_string(i) + " has no name");
    std::string_view name = names.substr(s.sh_name);
    name = name.substr(0, name.find('\0'));
    FileLayout::Range range{s.sh_offset, s.sh_size};
    bool isImage = name.substr(0, kImagePrefix.size()) == kImagePrefix;
    bool isNote = name == kNoteSection, isManifest = name == kManifestSection;
    bool isWeights = name == kWeightSection;
    if (!isImage && !isNote && !isManifest && !isWeights)
      continue;
    if (!inside(range.offset, range.size) ||
        (isWeights && range.size < kWeightTail))
      return damaged("section " + std::string(name) + " lies outside");
    if (isNote)
      noteRange = range, hasNote = true;
    else if (isManifest)
      layout.manifest = range, hasManifest = true;
    else if (isWeights)
      layout.weights = range, hasWeights = true;
    else
      layout.images.push_back({std::string(name), range});
  }
  return true;
}

bool FileReader::checkNote() {
  if (!hasNote)
    return fail("is an ELF file without a .note.weft section: not a Weft "
                "artifact, or one that another tool has changed");
  if (noteRange.size < offsetof(Note, fileBytes))
    return damaged("its note has " + std::to_string(noteRange.size) + " bytes");
  Note expected;
  size_t size = noteRange.size < sizeof note ? noteRange.size : sizeof note;
  std::memcpy(static_cast<void *>(&note), bytes.data() + noteRange.offset,
              size);
  if (std::memcmp(note.owner, expected.owner, sizeof note.owner) != 0)
    return damaged("its note is not Weft's");
  auto version = [&](const char *what, uint32_t found, uint32_t wanted) {
    const char *age = found < wanted ? "an older" : "a newer";
    return fail(std::string("was written by ") + age + " Weft (" + what + " " +
                std::to_string(found) + ", this runtime takes " +
                std::to_string(wanted) + ")" + kCompileAgain + " of " +
                "this version");
  };
  if (note.formatVersion != kFormatVersion)
    return version("format", note.formatVersion, kFormatVersion);
  if (note.abiVersion != WEFT_ABI_VERSION)
    return version("binary interface", note.abiVersion, WEFT_ABI_VERSION);
  if (noteRange.size != sizeof note)
    return damaged("its note has " + std::to_string(noteRange.size) + " bytes");
  if (note.fileBytes != bytes.size())
    return damaged("it has " + std::to_string(bytes.size()) + " bytes where " +
                   std::to_string(note.fileBytes) + " were written");
  return true;
}

bool FileReader::checkHash() {
  uint64_t hashOffset = noteRange.offset + offsetof(Note, hash);
  uint64_t afterHash = hashOffset + sizeof note.hash;
  uint64_t skip = layout.weights.offset, resume = skip + layout.weights.size;
  if (!layout.weights.size)
    skip = resume = 0;
  if (resume > hashOffset)
    return damaged("its note lies inside its weights");
  Hasher hasher;
  auto add = [&](uint64_t from, uint64_t to) {
    hasher.add(bytes.data() + from, to - from);
  };
  const uint64_t zero = 0;
  add(0, skip);
  add(resume, hashOffset);
  hasher.add(&zero, sizeof zero);
  add(afterHash, bytes.size());
  return hasher.value() == note.hash ||
         damaged("its content does not have the hash it was written with");
}

bool FileReader::run(Manifest &manifest) {
  if (!checkHeader() || !findSections() || !checkNote() || !checkHash())
    return false;
  if (!hasManifest)
    return damaged("it has no manifest");
  std::string why;
  if (!decode(bytes.substr(layout.manifest.offset, layout.manifest.size),
              manifest, why))
    return damaged(why);
  bool external = !manifest.weightFile.empty();
  if (external == hasWeights)
    return damaged(external ? "it holds weights that should be external"
                            : "it has no weights");
  if (hasWeights)
    layout.weights.size -= kWeightTail;
  if (hasWeights && manifest.weightBytes != layout.weights.size)
    return damaged("its weights have " + std::to_string(layout.weights.size) +
                   " bytes where " + std::to_string(manifest.weightBytes) +
                   " were written");
  return true;
}

} // namespace

bool readFile(std::string_view bytes, Manifest &manifest, FileLayout &layout,
              std::string &error) {
  layout = FileLayout();
  FileReader reader(bytes, layout);
  if (reader.run(manifest))
    return true;
  error = std::move(reader.error);
  return false;
}

bool readWeightFile(std::string_view bytes, const Manifest &manifest,
                    FileLayout::Range &weights, std::string &error) {
  uint64_t textBytes = 0;
  if (bytes.size() >= sizeof textBytes)
    std::memcpy(&textBytes, bytes.data(), sizeof textBytes);
  uint64_t start = textBytes + sizeof textBytes;
  if (!textBytes || textBytes > bytes.size() || start > bytes.size() ||
      bytes.size() - start != manifest.weightBytes || start % 64 != 0) {
    error = "is not the file of " + std::to_string(manifest.weightBytes) +
            " bytes of weights that was written with the artifact" +
            kCompileAgain;
    return false;
  }
  weights = {start, manifest.weightBytes};
  return true;
}

} // namespace weft::artifact
