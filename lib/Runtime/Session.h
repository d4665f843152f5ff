// One run after another of a model: everything that has state.
#ifndef WEFT_LIB_RUNTIME_SESSION_H
#define WEFT_LIB_RUNTIME_SESSION_H

#include "Memory.h"
#include "Model.h"
#include "Strings.h"
#include "ThreadPool.h"
#include "weft/Artifact/Abi.h"
#include "weft/runtime.h"
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace weft::runtime {

/// One worker's share of a kernel's range, which others may take from.
struct alignas(64) Share {
  std::atomic<int64_t> next;
  int64_t end;
};

struct InputState {
  explicit InputState(const weft_allocator &allocator) : copy(allocator) {}
  Block copy;
  const weft_tensor *given = nullptr; ///< during a run
};

struct OutputState {
  explicit OutputState(const weft_allocator &allocator)
      : own(allocator), texts(allocator) {}
  Block own;
  Block texts; ///< of strings, whose numbers are in `own`
  int64_t shape[WEFT_MAX_RANK];
  void *written = nullptr; ///< what generated code writes to in this run
  bool isBound = false;
  weft_tensor bound; ///< its shape and strides are the two below
  int64_t boundShape[WEFT_MAX_RANK], boundStrides[WEFT_MAX_RANK];
};

/// The first failed check of a run: the one with the lowest number.
struct CheckFailure {
  std::mutex mutex;
  int64_t check = -1, values[2];
};

/// Keeps a model alive; a member before all others that use it.
struct ModelReference {
  explicit ModelReference(weft_model &model) : model(model) { model.retain(); }
  ~ModelReference() { model.release(); }
  weft_model &model;
};

} // namespace weft::runtime

/// What generated code gets is the first member, so that its functions find the
/// rest.
struct weft_session {
public:
  weft_session(weft_model &model, const weft_session_options &options);
  weft_session(const weft_session &) = delete;

  void run(const weft_tensor *inputs, size_t inputCount, weft_tensor *outputs,
           size_t outputCount);
  void bind(size_t index, const weft_tensor *tensor);
  int32_t threads() const { return int32_t(context.worker_count); }

private:
  friend struct ContextFunctions;

  int32_t enter();
  void takeInputs(const weft_tensor *inputs, size_t count);
  void checkInput(size_t index);
  void placeInput(size_t index);
  void placeStrings(size_t index, int64_t count);
  const void *textsOf(size_t index);
  void checkSymbols();
  void finishOutputs(weft_tensor *outputs, size_t count);
  [[noreturn]] void reportRun(int32_t result);
  [[noreturn]] void fail(weft_status status, const std::string &text) const;

  weft_context context;
  weft::runtime::ModelReference reference;
  weft_model &model;
  const weft_session_options options;
  std::unique_ptr<weft::runtime::ThreadPool> pool;
  std::unique_ptr<weft::runtime::Share[]> shares;

  std::vector<weft::runtime::InputState> inputs;
  std::vector<weft_buffer> buffers;
  std::vector<weft::runtime::OutputState> outputs;
  struct SymbolValue {
    int64_t extent;
    size_t input;
    int32_t axis;
  };
  std::vector<SymbolValue> symbols;

  weft::runtime::StringTable strings;
  weft::runtime::Block arena, scratch;
  size_t scratchStride = 0;
  weft::runtime::BlockCache blocks;
  weft::runtime::CheckFailure failure;
  bool outputMismatch = false; ///< an output does not fit what is bound to it
  size_t mismatchedOutput = 0;
  uint64_t kernelBegin = 0;
  std::atomic_flag inUse = ATOMIC_FLAG_INIT;
};

#endif // WEFT_LIB_RUNTIME_SESSION_H
