// A loaded artifact: its code mapped by the dynamic linker, its weights by us.
#ifndef WEFT_LIB_RUNTIME_MODEL_H
#define WEFT_LIB_RUNTIME_MODEL_H

#include "HugeWeights.h"
#include "Strings.h"
#include "weft/Artifact/Abi.h"
#include "weft/Artifact/File.h"
#include "weft/runtime.h"
#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace weft::runtime {

/// A file descriptor and the mapping of the whole file. Closes both.
class MappedFile {
public:
  MappedFile() = default;
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  /// Takes `descriptor` over, also when it throws. `name` is for messages.
  void adopt(int descriptor, const std::string &name);
  std::string_view bytes() const { return {data, size}; }
  int descriptor() const { return file; }

private:
  int file = -1;
  char *data = nullptr;
  size_t size = 0;
};

/// What the C interface hands out of one input or output.
struct TensorView {
  weft_tensor_info info;
  std::vector<int64_t> shape;
  std::vector<const char *> symbols;
  /// For each axis a number for its symbol, or -1.
  std::vector<int> symbolIds;
};

} // namespace weft::runtime

/// Shared between threads; everything is constant but the count of owners and
/// the pages that weights lie in.
struct weft_model {
public:
  /// Loads the artifact that `descriptor` is open on and takes it over.
  weft_model(int descriptor, std::string name,
             const weft_load_options &options);
  weft_model(const weft_model &) = delete;

  void retain() { owners.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (owners.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete this;
  }

  const std::string name; ///< as messages call it
  weft::artifact::Manifest manifest;
  std::vector<weft::runtime::TensorView> inputs, outputs;
  weft::runtime::StringIndex strings{weft::runtime::kSystemAllocator};
  int symbolCount = 0;
  const weft::artifact::CodeInfo *code = nullptr;
  weft_entry_fn entry = nullptr;
  const void *weights = nullptr;
  weft::runtime::HugeWeights hugeWeights;

private:
  void mapWeights(const weft::artifact::FileLayout &layout);
  void verifyWeights() const;
  void chooseCode(const char *target);
  void linkCode();
  void describeTensors();
  void numberStrings();

  std::atomic<int> owners{1};
  weft::runtime::MappedFile file, weightFile;
  struct Unload {
    void operator()(void *library) const;
  };
  /// After `file`, so that it goes before the descriptor in its name does.
  std::unique_ptr<void, Unload> library;
};

#endif // WEFT_LIB_RUNTIME_MODEL_H
