// Loading: one descriptor serves the checks and the dynamic linker, so that
// what is run is what was checked. It stays open as long as the model lives,
// because glibc knows a library by the name it was loaded under, and that name
// holds the descriptor's number.
#include "Model.h"
#include "CpuFeatures.h"
#include "Failure.h"
#include "weft/Artifact/Hash.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <map>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace weft::artifact;

namespace weft::runtime {

MappedFile::~MappedFile() {
  if (data)
    munmap(data, size);
  if (file >= 0)
    close(file);
}

void MappedFile::adopt(int descriptor, const std::string &name) {
  file = descriptor;
  struct stat status;
  if (fstat(file, &status) != 0)
    fail(WEFT_ERROR_FILE, name + ": cannot be read: " + strerror(errno));
  if (!S_ISREG(status.st_mode))
    fail(WEFT_ERROR_FILE,
         name + (S_ISDIR(status.st_mode) ? ": is a folder"
                                         : ": is not a regular file"));
  if (status.st_size == 0)
    return;
  void *mapped = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  if (mapped == MAP_FAILED)
    fail(WEFT_ERROR_FILE, name + ": cannot be mapped: " + strerror(errno));
  data = static_cast<char *>(mapped);
  size = status.st_size;
  readInHugePages(mapped, size);
}

static void describeTensor(const TensorInfo &tensor, TensorView &view,
                           std::map<std::string, int> &symbols) {
  for (const Dimension &dim : tensor.shape) {
    view.shape.push_back(dim.extent);
    view.symbols.push_back(dim.symbol.c_str());
    bool named = dim.extent < 0 && !dim.symbol.empty();
    view.symbolIds.push_back(
        named ? symbols.emplace(dim.symbol, symbols.size()).first->second : -1);
  }
  view.info.name = tensor.name.c_str();
  view.info.type = weft_type(tensor.type);
  view.info.rank = int32_t(tensor.shape.size());
  view.info.shape = view.shape.data();
  view.info.symbols = view.symbols.data();
}

} // namespace weft::runtime

using namespace weft::runtime;

weft_model::weft_model(int descriptor, std::string fileName,
                       const weft_load_options &options)
    : name(std::move(fileName)) {
  file.adopt(descriptor, name);
  FileLayout layout;
  std::string error;
  if (!readFile(file.bytes(), manifest, layout, error))
    fail(WEFT_ERROR_FORMAT, name + ": " + error);
  chooseCode(options.target);
  mapWeights(layout);
  if (options.verify_weights)
    verifyWeights();
  if (!options.share_weights)
    hugeWeights.cover(
        weights, manifest.weightBytes,
        (manifest.weightFile.empty() ? file : weightFile).descriptor());
  linkCode();
  describeTensors();
  numberStrings();
}

void weft_model::Unload::operator()(void *library) const { dlclose(library); }

void weft_model::mapWeights(const FileLayout &layout) {
  std::string_view bytes = file.bytes();
  FileLayout::Range range = layout.weights;
  if (!manifest.weightFile.empty()) {
    const std::string &plain = manifest.weightFile;
    if (plain.find('/') != std::string::npos)
      fail(WEFT_ERROR_FORMAT,
           name + ": its weight file '" + plain + "' is not beside it");
    size_t slash = name.rfind('/');
    std::string path =
        (slash == std::string::npos ? "" : name.substr(0, slash + 1)) + plain;
    int descriptor =
        open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0)
      fail(WEFT_ERROR_FILE, path + ": cannot be opened: " + strerror(errno) +
                                " (the weights of " + name + ")");
    weightFile.adopt(descriptor, path);
    bytes = weightFile.bytes();
    std::string error;
    if (!readWeightFile(bytes, manifest, range, error))
      fail(WEFT_ERROR_FORMAT, path + ": " + error);
  }
  weights = bytes.data() + range.offset;
}

void weft_model::verifyWeights() const {
  if (hashOf(weights, manifest.weightBytes) != manifest.weightHash)
    fail(WEFT_ERROR_FORMAT,
         name + ": its weights do not have the hash they were written with: "
                "compile the model again with `weft compile`");
}

/// The code that needs most of what this machine has; `target` allows only that
/// one.
void weft_model::chooseCode(const char *target) {
  std::string choices, missing;
  for (const CodeInfo &candidate : manifest.code) {
    choices += (choices.empty() ? "" : ", ") + candidate.target;
    if (target && candidate.target != target)
      continue;
    // GPU code is not for this function: it has no entry to call.
    if (candidate.entrySymbol.rfind(".weft.gpu.", 0) == 0)
      continue;
    std::string lacks = missingCpuFeatures(candidate.cpuFeatures);
    if (lacks.empty() &&
        (!code || candidate.cpuFeatures.size() >= code->cpuFeatures.size()))
      code = &candidate;
    if (!lacks.empty() && (missing.empty() || lacks.size() < missing.size()))
      missing = lacks;
  }
  if (code)
    return;
  std::string text = name + ": holds code for ";
  text += choices.empty() ? "nothing" : choices;
  if (!missing.empty())
    text += ", and this machine lacks " + missing;
  else if (target)
    text += std::string(", not for '") + target + "'";
  else
    text += ", none of it for this machine";
  fail(WEFT_ERROR_UNSUPPORTED,
       text + ": compile the model again with `weft compile --target host` "
              "here");
}

void weft_model::linkCode() {
  // The process's number and not "self": debuggers open it too.
  std::string tail = "/fd/" + std::to_string(file.descriptor());
  std::string path = "/proc/" + std::to_string(getpid()) + tail;
  if (access(path.c_str(), R_OK) != 0)
    path = "/proc/self" + tail;
  library.reset(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library) {
    const char *why = dlerror();
    fail(WEFT_ERROR_UNSUPPORTED,
         name + ": its code cannot be loaded: " + (why ? why : "no reason"));
  }
  entry = reinterpret_cast<weft_entry_fn>(
      dlsym(library.get(), code->entrySymbol.c_str()));
  if (!entry)
    fail(WEFT_ERROR_INTERNAL,
         "internal error: " + name + " has no '" + code->entrySymbol + "'");
}

void weft_model::numberStrings() {
  bool fits = strings.add({}, StringIndex::hash({})) == 0;
  for (const std::string &text : manifest.strings)
    fits = fits && strings.add(text, StringIndex::hash(text)) > 0;
  if (!fits)
    fail(WEFT_ERROR_NO_MEMORY, name + ": no memory for its strings");
}

void weft_model::describeTensors() {
  std::map<std::string, int> symbols;
  inputs.resize(manifest.inputs.size());
  outputs.resize(manifest.outputs.size());
  for (size_t i = 0; i < inputs.size(); ++i)
    describeTensor(manifest.inputs[i], inputs[i], symbols);
  for (size_t i = 0; i < outputs.size(); ++i)
    describeTensor(manifest.outputs[i], outputs[i], symbols);
  symbolCount = int(symbols.size());
}
