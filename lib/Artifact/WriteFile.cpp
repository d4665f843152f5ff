// Puts an artifact together: the linked code as it is, then the weights on a
// page of their own, manifest, images and note, then a new section table that
// names them all. Weights go straight from where they lie to the file, so that
// writing needs no memory for them; they are no part of a loadable segment, so
// that code and weights may be any distance apart and the runtime decides how
// to map them.
#include "FileFormat.h"
#include "weft/Artifact/Abi.h"
#include "weft/Artifact/File.h"
#include "weft/Artifact/Hash.h"
#include "weft/Artifact/OutputFile.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <elf.h>

namespace weft::artifact {

namespace {

constexpr char kZeros[kWeightAlignment] = {};

uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

uint64_t weightBytes(const std::vector<WeightChunk> &chunks) {
  return chunks.empty() ? 0 : chunks.back().offset + chunks.back().size;
}

bool inOrder(const std::vector<WeightChunk> &chunks) {
  uint64_t end = 0;
  for (const WeightChunk &chunk : chunks) {
    if (chunk.offset < end || chunk.size > UINT64_MAX / 2 - chunk.offset)
      return false;
    end = chunk.offset + chunk.size;
  }
  return true;
}

/// Streams `chunks` into `file` and says their hash.
bool writeWeights(OutputFile &file, const std::vector<WeightChunk> &chunks,
                  uint64_t &hash) {
  Hasher hasher;
  uint64_t at = 0;
  auto put = [&](const void *data, uint64_t size) {
    hasher.add(data, size);
    at += size;
    return file.write(data, size);
  };
  for (const WeightChunk &chunk : chunks) {
    while (at < chunk.offset)
      if (!put(kZeros, std::min<uint64_t>(chunk.offset - at, sizeof kZeros)))
        return false;
    if (!put(chunk.data, chunk.size))
      return false;
  }
  hash = hasher.value();
  return true;
}

class FileWriter {
public:
  FileWriter(const std::string &path, FileContent &content)
      : content(content), manifest(content.manifest), file(path) {}

  bool run(std::string &error) {
    bool ok = takeCode();
    if (ok) {
      plan();
      ok = file.reserve(header.e_shoff) && write() && file.commit();
    }
    if (!ok)
      error = problem.empty() ? file.error() : problem;
    return ok;
  }

private:
  bool takeCode();
  void plan();
  void planSection(std::string_view name, uint32_t type, uint64_t alignment,
                   uint64_t size);
  bool write();
  bool put(std::string_view bytes) {
    hasher.add(bytes.data(), bytes.size());
    return file.write(bytes.data(), bytes.size());
  }
  bool padTo(uint64_t offset) { return put({kZeros, offset - file.size()}); }
  /// The next section of ours begins here.
  const Elf64_Shdr &next() { return sections[firstOwn++]; }

  FileContent &content;
  Manifest &manifest;
  OutputFile file;
  Hasher hasher;
  Elf64_Ehdr header;
  std::vector<Elf64_Shdr> sections;
  size_t firstOwn = 0;
  std::string names, problem;
  uint64_t end = 0;
};

/// Takes section table and names over from the linked code.
bool FileWriter::takeCode() {
  std::string_view code = content.code;
  auto bad = [&](const char *what) {
    problem = std::string("internal error: the linked code ") + what;
    return false;
  };
  if (code.size() < sizeof header)
    return bad("is no ELF file");
  std::memcpy(&header, code.data(), sizeof header);
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_type != ET_DYN || header.e_shentsize != sizeof(Elf64_Shdr))
    return bad("is no 64-bit ELF shared object");
  uint64_t tableBytes = uint64_t(header.e_shnum) * sizeof(Elf64_Shdr);
  if (header.e_shoff > code.size() ||
      tableBytes > code.size() - header.e_shoff ||
      header.e_shstrndx >= header.e_shnum)
    return bad("has no section table");
  sections.resize(header.e_shnum);
  std::memcpy(sections.data(), code.data() + header.e_shoff, tableBytes);
  const Elf64_Shdr &strings = sections[header.e_shstrndx];
  if (strings.sh_offset > code.size() ||
      strings.sh_size > code.size() - strings.sh_offset)
    return bad("has no section names");
  names.assign(code.data() + strings.sh_offset, strings.sh_size);
  // The table is replaced; linkers put it last.
  if (header.e_shoff + tableBytes == code.size())
    content.code = code.substr(0, header.e_shoff);
  if (!inOrder(content.weights))
    problem = "internal error: weights overlap or are out of order";
  return problem.empty();
}

void FileWriter::planSection(std::string_view name, uint32_t type,
                             uint64_t alignment, uint64_t size) {
  Elf64_Shdr section = {};
  section.sh_name = names.size();
  section.sh_type = type;
  section.sh_offset = alignUp(end, alignment);
  section.sh_size = size;
  section.sh_addralign = alignment;
  end = section.sh_offset + size;
  sections.push_back(section);
  names.append(name).push_back('\0');
}

/// Lays the file out. Sizes are all known; of the manifest only its weights'
/// hash is not, which takes the same room whatever it is.
void FileWriter::plan() {
  firstOwn = sections.size();
  end = content.code.size();
  if (manifest.weightFile.empty()) {
    manifest.weightBytes = weightBytes(content.weights);
    planSection(kWeightSection, SHT_PROGBITS, kWeightAlignment,
                manifest.weightBytes + kWeightTail);
  }
  planSection(kManifestSection, SHT_PROGBITS, 8, encode(manifest).size());
  for (const GpuImage &image : content.images)
    planSection(image.section, SHT_PROGBITS, 8, image.bytes.size());
  planSection(kNoteSection, SHT_NOTE, 4, sizeof(Note));
  Elf64_Shdr &strings = sections[header.e_shstrndx];
  strings.sh_offset = end;
  strings.sh_size = names.size();
  header.e_shoff = alignUp(end + names.size(), 8);
  header.e_shnum = sections.size();
}

bool FileWriter::write() {
  bool ok = put({reinterpret_cast<char *>(&header), sizeof header}) &&
            put(content.code.substr(sizeof header));
  if (manifest.weightFile.empty())
    ok = ok && padTo(next().sh_offset) &&
         writeWeights(file, content.weights, manifest.weightHash) &&
         file.write(kZeros, kWeightTail);
  ok = ok && padTo(next().sh_offset) && put(encode(manifest));
  for (const GpuImage &image : content.images)
    ok = ok && padTo(next().sh_offset) && put(image.bytes);

  Note note;
  note.formatVersion = kFormatVersion;
  note.abiVersion = WEFT_ABI_VERSION;
  note.fileBytes = header.e_shoff + sections.size() * sizeof(Elf64_Shdr);
  note.hash = 0;
  uint64_t noteOffset = next().sh_offset;
  ok = ok && padTo(noteOffset) &&
       put({reinterpret_cast<char *>(&note), sizeof note}) && put(names) &&
       padTo(header.e_shoff) &&
       put({reinterpret_cast<char *>(sections.data()),
            sections.size() * sizeof(Elf64_Shdr)});
  uint64_t hash = hasher.value();
  return ok &&
         file.rewrite(noteOffset + offsetof(Note, hash), &hash, sizeof hash);
}

/// One tensor "weights" of bytes: the packed form that the code reads. The
/// header is padded with spaces so that the data is aligned.
bool writeWeightFile(const std::string &path, FileContent &content,
                     std::string &error) {
  OutputFile file(path);
  content.manifest.weightBytes = weightBytes(content.weights);
  std::string size = std::to_string(content.manifest.weightBytes);
  std::string text = "{\"weights\":{\"dtype\":\"U8\",\"shape\":[" + size +
                     "],\"data_offsets\":[0," + size + "]}}";
  uint64_t textBytes = alignUp(text.size() + 8, kWeightAlignment) - 8;
  text.resize(textBytes, ' ');
  bool ok = file.reserve(content.manifest.weightBytes + textBytes) &&
            file.write(&textBytes, 8) && file.write(text.data(), textBytes) &&
            writeWeights(file, content.weights, content.manifest.weightHash) &&
            file.commit();
  if (!ok)
    error = file.error();
  return ok;
}

} // namespace

bool writeFile(const std::string &path, FileContent content,
               std::string &error) {
  const std::string &external = content.manifest.weightFile;
  if (!external.empty()) {
    if (external.find('/') != std::string::npos || !inOrder(content.weights)) {
      error = "internal error: weights '" + external + "' cannot be external";
      return false;
    }
    size_t slash = path.rfind('/');
    std::string folder =
        slash == std::string::npos ? "" : path.substr(0, slash + 1);
    if (!writeWeightFile(folder + external, content, error))
      return false;
  }
  return FileWriter(path, content).run(error);
}

} // namespace weft::artifact
