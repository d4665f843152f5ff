// Links generated code with lld in this process. lld reads and writes files
// only, so the objects, which are small, go through a folder of their own that
// is removed afterwards; nothing of its name ends up in the output. Weights
// never come here.
#include "weft/Artifact/Writer.h"

#include "FileFormat.h"
#include "lld/Common/Driver.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace weft::artifact {

char LinkError::ID;

std::error_code LinkError::convertToErrorCode() const {
  return inconvertibleErrorCode();
}

namespace {

/// What libm defines for doubles, and for floats with an "f" at the end.
constexpr StringLiteral kMathNames[] = {
    "acos",  "acosh", "asin",  "asinh",  "atan",   "atan2",     "atanh",
    "cbrt",  "ceil",  "cos",   "cosh",   "erf",    "erfc",      "exp",
    "exp10", "exp2",  "expm1", "floor",  "fma",    "fmax",      "fmin",
    "fmod",  "ldexp", "log",   "log10",  "log1p",  "log2",      "nearbyint",
    "pow",   "rint",  "round", "sin",    "sinh",   "roundeven", "sqrt",
    "tan",   "tanh",  "trunc", "tgamma", "lgamma", "sincos",
};

/// Folder for what the linker reads and writes.
class LinkFolder {
public:
  Error create() {
    if (std::error_code code = sys::fs::createUniqueDirectory("weft", path))
      return createStringError(code, "no folder for temporary files: " +
                                         code.message());
    return Error::success();
  }
  ~LinkFolder() {
    if (!path.empty())
      sys::fs::remove_directories(path);
  }
  std::string operator/(const Twine &name) const {
    SmallString<128> full(path);
    sys::path::append(full, name);
    return std::string(full);
  }
  Expected<std::string> write(const Twine &name, StringRef bytes) const {
    std::string full = *this / name;
    std::error_code code;
    raw_fd_ostream os(full, code);
    if (!code) {
      os << bytes;
      os.close();
      code = os.error();
      os.clear_error();
    }
    if (code)
      return createStringError(code,
                               full + ": cannot be written: " + code.message());
    return full;
  }

private:
  SmallString<128> path;
};

/// An object without content, for libraries that need an input.
std::string emptyObject() {
  struct {
    ELF::Elf64_Ehdr header;
    ELF::Elf64_Shdr sections[2];
    char names[16];
  } file = {};
  std::memcpy(file.header.e_ident, ELF::ElfMagic, 4);
  file.header.e_ident[ELF::EI_CLASS] = ELF::ELFCLASS64;
  file.header.e_ident[ELF::EI_DATA] = ELF::ELFDATA2LSB;
  file.header.e_ident[ELF::EI_VERSION] = ELF::EV_CURRENT;
  file.header.e_type = ELF::ET_REL;
  file.header.e_machine = ELF::EM_X86_64;
  file.header.e_version = ELF::EV_CURRENT;
  file.header.e_ehsize = sizeof file.header;
  file.header.e_shoff = sizeof file.header;
  file.header.e_shentsize = sizeof file.sections[0];
  file.header.e_shnum = 2;
  file.header.e_shstrndx = 1;
  file.sections[1].sh_name = 1;
  file.sections[1].sh_type = ELF::SHT_STRTAB;
  file.sections[1].sh_offset = offsetof(decltype(file), names);
  file.sections[1].sh_size = sizeof file.names;
  std::memcpy(file.names, "\0.shstrtab", 11);
  return std::string(reinterpret_cast<const char *>(&file), sizeof file);
}

bool isMath(StringRef name) {
  auto known = [](StringRef n) { return is_contained(kMathNames, n); };
  return known(name) || (name.ends_with("f") && known(name.drop_back()));
}

/// Checks that the objects define `exports` and need only what a process has.
/// Says whether they need libm.
Expected<bool> checkSymbols(ArrayRef<MemoryBufferRef> objects,
                            ArrayRef<std::string> exports) {
  StringSet<> defined, needed;
  for (MemoryBufferRef buffer : objects) {
    auto object = object::ObjectFile::createObjectFile(buffer);
    if (!object)
      return make_error<LinkError>(toString(object.takeError()));
    for (const object::SymbolRef &symbol : (*object)->symbols()) {
      auto flags = symbol.getFlags();
      auto name = symbol.getName();
      if (!flags || !name) {
        consumeError(flags.takeError());
        consumeError(name.takeError());
        return make_error<LinkError>("an object has a damaged symbol table");
      }
      if (!(*flags & object::SymbolRef::SF_Global))
        continue;
      bool isNeeded = *flags & object::SymbolRef::SF_Undefined;
      (isNeeded ? needed : defined).insert(*name);
    }
  }
  for (const std::string &name : exports)
    if (!defined.contains(name))
      return make_error<LinkError>("no object defines entry '" + name + "'");
  bool needsMath = false;
  std::string unknown;
  for (const auto &entry : needed) {
    StringRef name = entry.getKey();
    if (defined.contains(name) || name.empty() ||
        name == "_GLOBAL_OFFSET_TABLE_")
      continue;
    if (isMath(name))
      needsMath = true;
    else if (name != "memcpy" && name != "memmove" && name != "memset" &&
             name != "memcmp" && (unknown.empty() || name < unknown))
      unknown = name.str();
  }
  if (!unknown.empty())
    return make_error<LinkError>("the code calls '" + unknown +
                                 "', which no runtime provides");
  return needsMath;
}

/// lld keeps global state; one link at a time.
Error runLinker(ArrayRef<std::string> args) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  SmallVector<const char *> pointers = {"ld.lld"};
  for (const std::string &arg : args)
    pointers.push_back(arg.c_str());
  std::string text;
  raw_string_ostream os(text);
  lld::Result result =
      lld::lldMain(pointers, os, os, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return make_error<LinkError>("the linker failed: " +
                                 StringRef(text).trim().str());
  return Error::success();
}

/// A library that stands for libm while linking: the code then asks for the
/// machine's own libm, whatever the compiling machine has.
Expected<std::string> makeMathStub(const LinkFolder &folder) {
  Expected<std::string> object = folder.write("libm.o", emptyObject());
  if (!object)
    return object.takeError();
  std::string stub = folder / "libm.so";
  if (Error error = runLinker({"-shared", "-soname", "libm.so.6",
                               "--build-id=none", "-o", stub, *object}))
    return std::move(error);
  return stub;
}

} // namespace

Expected<std::unique_ptr<MemoryBuffer>>
linkSharedObject(ArrayRef<MemoryBufferRef> objects,
                 ArrayRef<std::string> exports) {
  Expected<bool> needsMath = checkSymbols(objects, exports);
  if (!needsMath)
    return needsMath.takeError();
  LinkFolder folder;
  if (Error error = folder.create())
    return std::move(error);

  std::string script = "{\n";
  for (const std::string &name : exports)
    script += "global: " + name + ";\n";
  script += "local: *;\n};\n";
  Expected<std::string> scriptFile = folder.write("exports", script);
  if (!scriptFile)
    return scriptFile.takeError();
  std::string output = folder / "code.so";
  std::vector<std::string> args = {"-shared",
                                   "--build-id=none",
                                   "--threads=1",
                                   "-z",
                                   "now",
                                   "-z",
                                   "noexecstack",
                                   "--version-script",
                                   *scriptFile,
                                   "-Bsymbolic",
                                   "--no-as-needed",
                                   "-o",
                                   output};
  if (*needsMath) {
    Expected<std::string> stub = makeMathStub(folder);
    if (!stub)
      return stub.takeError();
    args.push_back(*stub);
  }
  std::string empty = emptyObject();
  MemoryBufferRef nothing(empty, "empty");
  if (objects.empty())
    objects = nothing;
  for (auto [index, object] : enumerate(objects)) {
    Expected<std::string> file =
        folder.write(Twine(index) + ".o", object.getBuffer());
    if (!file)
      return file.takeError();
    args.push_back(*file);
  }
  if (Error error = runLinker(args))
    return std::move(error);
  // Read, not mapped: the folder goes away.
  auto code = MemoryBuffer::getFile(output, /*IsText=*/false,
                                    /*RequiresNullTerminator=*/false,
                                    /*IsVolatile=*/true);
  if (!code)
    return createStringError(code.getError(), output + ": cannot be read: " +
                                                  code.getError().message());
  return std::move(*code);
}

Error writeArtifact(StringRef path, ArrayRef<MemoryBufferRef> objects,
                    FileContent content) {
  std::vector<std::string> exports;
  for (const CodeInfo &code : content.manifest.code)
    if (!StringRef(code.entrySymbol).starts_with(kImagePrefix))
      exports.push_back(code.entrySymbol);
  auto code = linkSharedObject(objects, exports);
  if (!code)
    return code.takeError();
  content.code = {(*code)->getBufferStart(), (*code)->getBufferSize()};
  std::string error;
  if (writeFile(path.str(), std::move(content), error))
    return Error::success();
  StringRef text = error;
  if (text.consume_front("internal error: "))
    return make_error<LinkError>(text.str());
  return createStringError(inconvertibleErrorCode(), text);
}

} // namespace weft::artifact
