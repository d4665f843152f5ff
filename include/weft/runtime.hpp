// C++17 on top of runtime.h: owners that clean up, errors as exceptions. Header
// only, so nothing of C++ crosses the library's border.
//
//   weft::Session session(weft::Model("model.weft"));
//   auto outputs = session.run({weft::view(pixels, {1, 3, 224, 224})});
//   const float *scores = outputs[0].data<float>();
#ifndef WEFT_RUNTIME_HPP
#define WEFT_RUNTIME_HPP

#include "weft/runtime.h"
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weft {

/// What a function of the runtime that failed says.
class Error : public std::runtime_error {
public:
  Error(weft_status status, const std::string &text)
      : std::runtime_error(text), code(status) {}
  weft_status status() const { return code; }

private:
  weft_status code;
};

inline void check(weft_status status) {
  if (status != WEFT_OK)
    throw Error(status, weft_last_error());
}

/// The element type of T.
template <typename T>
constexpr weft_type typeOf();
template <>
constexpr weft_type typeOf<float>() {
  return WEFT_F32;
}
template <>
constexpr weft_type typeOf<double>() {
  return WEFT_F64;
}
template <>
constexpr weft_type typeOf<bool>() {
  return WEFT_BOOL;
}
template <>
constexpr weft_type typeOf<int8_t>() {
  return WEFT_I8;
}
template <>
constexpr weft_type typeOf<uint8_t>() {
  return WEFT_U8;
}
template <>
constexpr weft_type typeOf<int16_t>() {
  return WEFT_I16;
}
template <>
constexpr weft_type typeOf<uint16_t>() {
  return WEFT_U16;
}
template <>
constexpr weft_type typeOf<int32_t>() {
  return WEFT_I32;
}
template <>
constexpr weft_type typeOf<uint32_t>() {
  return WEFT_U32;
}
template <>
constexpr weft_type typeOf<int64_t>() {
  return WEFT_I64;
}
template <>
constexpr weft_type typeOf<uint64_t>() {
  return WEFT_U64;
}

/// A view of memory that somebody else owns, with its own copy of the shape.
class TensorView {
public:
  TensorView() = default;
  /// `strides` in elements; empty: dense. `name` empty: known by its position.
  TensorView(weft_type type, const void *data, std::vector<int64_t> shape,
             std::string name = "", std::vector<int64_t> strides = {})
      : extents(std::move(shape)), steps(std::move(strides)),
        label(std::move(name)), memory(const_cast<void *>(data)), kind(type) {}
  explicit TensorView(const weft_tensor &tensor)
      : TensorView(tensor.type, tensor.data,
                   {tensor.shape, tensor.shape + tensor.rank},
                   tensor.name ? tensor.name : "") {
    if (tensor.strides)
      steps.assign(tensor.strides, tensor.strides + tensor.rank);
  }

  const std::string &name() const { return label; }
  weft_type type() const { return kind; }
  const std::vector<int64_t> &shape() const { return extents; }
  const std::vector<int64_t> &strides() const { return steps; }
  void *data() const { return memory; }
  /// The data as T, which must be the element type.
  template <typename T>
  T *data() const {
    if (kind != typeOf<std::remove_const_t<T>>())
      throw Error(WEFT_ERROR_ARGUMENT,
                  "'" + label + "' has type " + weft_type_name(kind));
    return static_cast<T *>(memory);
  }
  int64_t elementCount() const {
    int64_t count = 1;
    for (int64_t extent : extents)
      count *= extent;
    return count;
  }
  size_t byteSize() const {
    return size_t(elementCount()) * weft_type_size(kind);
  }

  /// For the C functions; valid as long as this object is.
  weft_tensor raw() const {
    weft_tensor tensor = {};
    tensor.name = label.empty() ? nullptr : label.c_str();
    tensor.data = memory;
    tensor.shape = extents.data();
    tensor.strides = steps.empty() ? nullptr : steps.data();
    tensor.rank = int32_t(extents.size());
    tensor.type = kind;
    return tensor;
  }

private:
  std::vector<int64_t> extents, steps;
  std::string label;
  void *memory = nullptr;
  weft_type kind = WEFT_F32;
};

/// A dense view of `data`.
template <typename T>
TensorView view(const T *data, std::vector<int64_t> shape,
                std::string name = "") {
  return TensorView(typeOf<T>(), data, std::move(shape), std::move(name));
}
template <typename T>
TensorView view(const std::vector<T> &data, std::vector<int64_t> shape,
                std::string name = "") {
  return view(data.data(), std::move(shape), std::move(name));
}

/// A loaded artifact. Copies share it.
class Model {
public:
  explicit Model(const std::string &path,
                 const weft_load_options *options = nullptr) {
    weft_model *model = nullptr;
    check(weft_model_load(path.c_str(), options, &model));
    handle.reset(model, weft_model_release);
  }
  static Model fromMemory(const void *bytes, size_t size,
                          const std::string &name = "model",
                          const weft_load_options *options = nullptr) {
    weft_model *model = nullptr;
    check(weft_model_load_memory(bytes, size, name.c_str(), options, &model));
    return Model(model);
  }
  static Model fromDescriptor(int fd, const std::string &name,
                              const weft_load_options *options = nullptr) {
    weft_model *model = nullptr;
    check(weft_model_load_fd(fd, name.c_str(), options, &model));
    return Model(model);
  }

  size_t inputCount() const { return weft_model_input_count(get()); }
  size_t outputCount() const { return weft_model_output_count(get()); }
  weft_tensor_info input(size_t index) const {
    weft_tensor_info info;
    check(weft_model_input(get(), index, &info));
    return info;
  }
  weft_tensor_info output(size_t index) const {
    weft_tensor_info info;
    check(weft_model_output(get(), index, &info));
    return info;
  }
  weft_model_info describe() const {
    weft_model_info info = {};
    info.size = sizeof info;
    check(weft_model_describe(get(), &info));
    return info;
  }
  weft_kernel_info kernel(size_t index) const {
    weft_kernel_info info;
    check(weft_model_kernel(get(), index, &info));
    return info;
  }
  weft_model *get() const { return handle.get(); }

private:
  explicit Model(weft_model *model) : handle(model, weft_model_release) {}
  std::shared_ptr<weft_model> handle;
};

/// Runs a model; for one thread at a time.
class Session {
public:
  explicit Session(const Model &model, int32_t threads = 0) {
    weft_session_options options = {};
    options.size = sizeof options;
    options.threads = threads;
    create(model, options);
  }
  Session(const Model &model, const weft_session_options &options) {
    create(model, options);
  }

  /// The outputs stay valid until the next run.
  std::vector<TensorView> run(const std::vector<TensorView> &inputs) {
    inputViews.clear();
    for (const TensorView &input : inputs)
      inputViews.push_back(input.raw());
    check(weft_session_run(get(), inputViews.data(), inputViews.size(),
                           outputViews.data(), outputViews.size()));
    std::vector<TensorView> outputs;
    for (const weft_tensor &output : outputViews)
      outputs.emplace_back(output);
    return outputs;
  }
  /// From now on output `index` is written there; `memory` must live on.
  void bindOutput(size_t index, const TensorView &memory) {
    weft_tensor tensor = memory.raw();
    check(weft_session_bind_output(get(), index, &tensor));
  }
  void unbindOutput(size_t index) {
    check(weft_session_bind_output(get(), index, nullptr));
  }
  int32_t threads() const { return weft_session_threads(get()); }
  weft_session *get() const { return handle.get(); }

private:
  struct Destroy {
    void operator()(weft_session *session) const {
      weft_session_destroy(session);
    }
  };
  void create(const Model &model, const weft_session_options &options) {
    weft_session *session = nullptr;
    check(weft_session_create(model.get(), &options, &session));
    handle.reset(session);
    outputViews.resize(model.outputCount());
  }

  std::unique_ptr<weft_session, Destroy> handle;
  std::vector<weft_tensor> inputViews, outputViews;
};

} // namespace weft

#endif // WEFT_RUNTIME_HPP
