// The C interface: checks of arguments that every function shares, and the
// barrier at which exceptions end.
#include "CpuCount.h"
#include "Failure.h"
#include "Model.h"
#include "Session.h"
#include "weft/runtime.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/mman.h>
#include <unistd.h>

using namespace weft;
using namespace weft::runtime;

static_assert(WEFT_BF16 == int(artifact::ElementType::bf16) &&
                  WEFT_STRING == int(artifact::ElementType::string) &&
                  WEFT_BOOL == int(artifact::ElementType::boolean) &&
                  WEFT_U64 == int(artifact::ElementType::u64) &&
                  WEFT_I2 == int(artifact::ElementType::i2) &&
                  WEFT_ROLE_PRESENT == int(artifact::Role::present),
              "the C interface numbers types as the manifest does");

static void need(const void *pointer, const char *what) {
  if (!pointer)
    fail(WEFT_ERROR_ARGUMENT, std::string(what) + " is NULL");
}

/// The caller's struct, which may be of an older or a newer version.
template <typename Options>
static Options sized(const Options *given) {
  Options options = {};
  if (given) {
    if (given->size < sizeof given->size || given->size > 4096)
      fail(WEFT_ERROR_ARGUMENT, "the size of an options struct is not set");
    std::memcpy(static_cast<void *>(&options), given,
                std::min(given->size, sizeof options));
  }
  options.size = sizeof options;
  return options;
}

static void load(int descriptor, std::string name,
                 const weft_load_options *options, weft_model **model) {
  *model = new weft_model(descriptor, std::move(name), sized(options));
}

extern "C" {

const char *weft_version(void) { return WEFT_VERSION; }

const char *weft_last_error(void) { return lastError(); }

const char *weft_type_name(weft_type type) {
  bool known = unsigned(type) < 256;
  // Names are literals and end with a zero.
  return known ? artifact::elementName(artifact::ElementType(type)).data()
               : "unknown";
}

size_t weft_type_size(weft_type type) {
  bool known = unsigned(type) < 256;
  return known ? artifact::elementSize(artifact::ElementType(type)) : 0;
}

int32_t weft_cpu_count(void) {
  int count = 1;
  guarded([&] { count = usableCpuCount(); });
  return count;
}

weft_status weft_model_load(const char *path, const weft_load_options *options,
                            weft_model **model) {
  return guarded([&] {
    need(path, "path"), need(model, "model");
    // Not blocking: a FIFO would wait for its writer.
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
      fail(WEFT_ERROR_FILE,
           std::string(path) + ": cannot be opened: " + strerror(errno));
    load(descriptor, path, options, model);
  });
}

weft_status weft_model_load_memory(const void *bytes, size_t size,
                                   const char *name,
                                   const weft_load_options *options,
                                   weft_model **model) {
  return guarded([&] {
    need(bytes, "bytes"), need(name, "name"), need(model, "model");
    int descriptor = memfd_create("weft", MFD_CLOEXEC);
    if (descriptor < 0)
      fail(WEFT_ERROR_FILE,
           std::string(name) + ": no file in memory: " + strerror(errno));
    auto *from = static_cast<const char *>(bytes);
    while (size) {
      ssize_t count = write(descriptor, from, size);
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0) {
        close(descriptor);
        fail(WEFT_ERROR_NO_MEMORY,
             std::string(name) + ": no memory for a copy of the file");
      }
      from += count, size -= size_t(count);
    }
    load(descriptor, name, options, model);
  });
}

weft_status weft_model_load_fd(int fd, const char *name,
                               const weft_load_options *options,
                               weft_model **model) {
  return guarded([&] {
    need(name, "name"), need(model, "model");
    int descriptor = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (descriptor < 0)
      fail(WEFT_ERROR_FILE,
           std::string(name) + ": cannot be opened: " + strerror(errno));
    load(descriptor, name, options, model);
  });
}

void weft_model_release(weft_model *model) {
  if (model)
    model->release();
}

size_t weft_model_input_count(const weft_model *model) {
  return model ? model->inputs.size() : 0;
}

size_t weft_model_output_count(const weft_model *model) {
  return model ? model->outputs.size() : 0;
}

weft_status weft_model_input(const weft_model *model, size_t index,
                             weft_tensor_info *info) {
  return guarded([&] {
    need(model, "model"), need(info, "info");
    if (index >= model->inputs.size())
      fail(WEFT_ERROR_ARGUMENT,
           model->name + ": there is no input " + std::to_string(index));
    *info = model->inputs[index].info;
  });
}

weft_status weft_model_output(const weft_model *model, size_t index,
                              weft_tensor_info *info) {
  return guarded([&] {
    need(model, "model"), need(info, "info");
    if (index >= model->outputs.size())
      fail(WEFT_ERROR_ARGUMENT,
           model->name + ": there is no output " + std::to_string(index));
    *info = model->outputs[index].info;
  });
}

static weft_role roleOf(const std::vector<artifact::TensorInfo> &tensors,
                        size_t index) {
  return index < tensors.size() ? weft_role(tensors[index].role)
                                : WEFT_ROLE_TENSOR;
}

weft_role weft_model_input_role(const weft_model *model, size_t index) {
  return model ? roleOf(model->manifest.inputs, index) : WEFT_ROLE_TENSOR;
}

weft_role weft_model_output_role(const weft_model *model, size_t index) {
  return model ? roleOf(model->manifest.outputs, index) : WEFT_ROLE_TENSOR;
}

weft_status weft_model_describe(const weft_model *model,
                                weft_model_info *info) {
  return guarded([&] {
    need(model, "model"), need(info, "info");
    weft_model_info full = sized(info);
    size_t size = info->size;
    const artifact::Manifest &manifest = model->manifest;
    full.model_name = manifest.modelName.c_str();
    full.compiler_version = manifest.compilerVersion.c_str();
    full.target = model->code->target.c_str();
    full.model_hash = manifest.modelHash;
    full.options_hash = manifest.optionsHash;
    full.weight_bytes = manifest.weightBytes;
    full.arena_bytes = manifest.arenaBytes;
    full.kernel_count = manifest.kernels.size();
    full.scratch_bytes = model->code->scratchBytes;
    full.size = size;
    std::memcpy(static_cast<void *>(info), &full, std::min(size, sizeof full));
  });
}

weft_status weft_model_kernel(const weft_model *model, size_t index,
                              weft_kernel_info *info) {
  return guarded([&] {
    need(model, "model"), need(info, "info");
    if (index >= model->manifest.kernels.size())
      fail(WEFT_ERROR_ARGUMENT,
           model->name + ": there is no kernel " + std::to_string(index));
    const artifact::KernelInfo &kernel = model->manifest.kernels[index];
    *info = {kernel.name.c_str(), kernel.operators.c_str(), kernel.flops,
             kernel.bytes};
  });
}

weft_status weft_session_create(weft_model *model,
                                const weft_session_options *options,
                                weft_session **session) {
  return guarded([&] {
    need(model, "model"), need(session, "session");
    *session = new weft_session(*model, sized(options));
  });
}

void weft_session_destroy(weft_session *session) { delete session; }

int32_t weft_session_threads(const weft_session *session) {
  return session ? session->threads() : 0;
}

weft_status weft_session_bind_output(weft_session *session, size_t index,
                                     const weft_tensor *tensor) {
  return guarded([&] {
    need(session, "session");
    session->bind(index, tensor);
  });
}

weft_status weft_session_run(weft_session *session, const weft_tensor *inputs,
                             size_t input_count, weft_tensor *outputs,
                             size_t output_count) {
  return guarded([&] {
    need(session, "session");
    if (input_count)
      need(inputs, "inputs");
    if (output_count)
      need(outputs, "outputs");
    session->run(inputs, input_count, outputs, output_count);
  });
}

} // extern "C"
