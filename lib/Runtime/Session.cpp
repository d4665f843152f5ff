// A run: check the inputs, put those that cannot be used in place into dense
// copies, call the entry function, describe the outputs. After the first run of
// given shapes, or a few where a loop's results grow, nothing here allocates;
// texts are made only for failures.
#include "Session.h"
#include "Context.h"
#include "CpuCount.h"
#include "Failure.h"
#include "Tensors.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>

using namespace weft::runtime;
using std::to_string;

static const weft_allocator &allocatorOf(const weft_session_options &options) {
  return options.allocator.allocate ? options.allocator : kSystemAllocator;
}

weft_session::weft_session(weft_model &theModel,
                           const weft_session_options &given)
    : reference(theModel), model(theModel), options(given),
      strings(model.strings, allocatorOf(options)), arena(allocatorOf(options)),
      scratch(allocatorOf(options)), blocks(allocatorOf(options)) {
  if (bool(options.allocator.allocate) != bool(options.allocator.release))
    fail(WEFT_ERROR_ARGUMENT, "an allocator needs both of its functions");
  if (options.threads < 0 || options.threads > 4096)
    fail(WEFT_ERROR_ARGUMENT,
         "a session cannot have " + to_string(options.threads) + " threads");
  int32_t threads = options.threads ? options.threads : usableCpuCount();
  if (!options.pool.run && threads > 1)
    pool = std::make_unique<ThreadPool>(threads);
  shares = std::make_unique<Share[]>(size_t(threads));
  context.worker_count = threads;
  ContextFunctions::install(*this);

  const weft_allocator &allocator = allocatorOf(options);
  buffers.resize(model.inputs.size());
  symbols.resize(size_t(model.symbolCount));
  inputs.reserve(model.inputs.size());
  for (size_t i = 0; i < model.inputs.size(); ++i)
    inputs.emplace_back(allocator);
  outputs.reserve(model.outputs.size());
  for (size_t i = 0; i < model.outputs.size(); ++i)
    outputs.emplace_back(allocator);
}

void weft_session::fail(weft_status status, const std::string &text) const {
  weft::runtime::fail(status, model.name + ": " + text);
}

void weft_session::run(const weft_tensor *given, size_t givenCount,
                       weft_tensor *described, size_t describedCount) {
  if (describedCount > outputs.size())
    fail(WEFT_ERROR_ARGUMENT,
         to_string(describedCount) +
             " outputs are asked for where the model has " +
             to_string(outputs.size()));
  if (inUse.test_and_set(std::memory_order_acquire))
    fail(WEFT_ERROR_ARGUMENT, "the session is in use by another thread");
  struct Done {
    weft_session &session;
    ~Done() {
      session.blocks.endRun();
      session.inUse.clear(std::memory_order_release);
    }
  } done{*this};

  strings.begin();
  takeInputs(given, givenCount);
  failure.check = -1;
  context.failed = 0;
  outputMismatch = false;
  for (OutputState &output : outputs)
    output.written = nullptr;
  int32_t result = enter();
  if (result != WEFT_RUN_OK || context.failed ||
      strings.failure() != StringTable::Failure::None)
    reportRun(result);
  finishOutputs(described, describedCount);
}

/// Calls the generated code.
int32_t weft_session::enter() {
  auto call = [&] {
    return model.entry(&context, buffers.data(), model.weights);
  };
  if (!model.hugeWeights.isMoving())
    return call();
  auto begin = std::chrono::steady_clock::now();
  int32_t result = call();
  model.hugeWeights.afterRun(std::chrono::steady_clock::now() - begin);
  return result;
}

/// Finds for each input of the model the tensor that is given for it.
void weft_session::takeInputs(const weft_tensor *given, size_t count) {
  for (InputState &input : inputs)
    input.given = nullptr;
  for (size_t i = 0; i < count; ++i) {
    size_t index = i;
    if (given[i].name)
      for (index = 0; index < inputs.size(); ++index)
        if (std::strcmp(model.inputs[index].info.name, given[i].name) == 0)
          break;
    if (index >= inputs.size()) {
      std::string names;
      for (const TensorView &input : model.inputs)
        names +=
            (names.empty() ? "'" : ", '") + std::string(input.info.name) + "'";
      fail(WEFT_ERROR_INPUT,
           given[i].name
               ? "there is no input '" + std::string(given[i].name) +
                     "'; the model takes " + names
               : to_string(count) + " inputs are given where the model takes " +
                     to_string(inputs.size()));
    }
    if (inputs[index].given)
      fail(WEFT_ERROR_INPUT, "input '" +
                                 std::string(model.inputs[index].info.name) +
                                 "' is given twice");
    inputs[index].given = &given[i];
  }
  for (size_t i = 0; i < inputs.size(); ++i)
    checkInput(i);
  checkSymbols();
  for (size_t i = 0; i < inputs.size(); ++i)
    placeInput(i);
}

void weft_session::checkInput(size_t index) {
  const weft_tensor_info &info = model.inputs[index].info;
  const weft_tensor *given = inputs[index].given;
  // Texts only where they are needed: this runs every time.
  auto name = [&] { return "input '" + std::string(info.name) + "' "; };
  if (!given)
    fail(WEFT_ERROR_INPUT, name() + "is missing");
  if (given->type != info.type)
    fail(WEFT_ERROR_INPUT, name() + "has type " + weft_type_name(given->type) +
                               " where the model takes " +
                               weft_type_name(info.type));
  if (given->device_type != 0 && given->device_type != 1)
    fail(WEFT_ERROR_INPUT, name() + "is on device type " +
                               to_string(given->device_type) +
                               " where the model takes host memory");
  bool fits = given->rank == info.rank && (given->shape || given->rank == 0);
  for (int32_t axis = 0; fits && axis < info.rank; ++axis)
    fits = info.shape[axis] == -1 ? given->shape[axis] >= 0
                                  : given->shape[axis] == info.shape[axis];
  if (!fits)
    fail(WEFT_ERROR_INPUT,
         name() + "has shape " +
             (given->rank < 0 || given->rank > 64 || !given->shape
                  ? "of rank " + to_string(given->rank)
                  : shapeText(given->shape, given->rank)) +
             " where the model takes " + shapeText(info.shape, info.rank));
  int64_t bytes =
      denseBytes(given->shape, given->rank, weft_type_size(info.type));
  if (bytes < 0)
    fail(WEFT_ERROR_INPUT, name() + "has shape " +
                               shapeText(given->shape, given->rank) +
                               ", which is more than memory can hold");
  if (bytes > 0 && !given->data)
    fail(WEFT_ERROR_ARGUMENT, name() + "has no data");
}

/// Axes of one name must have one extent in a run.
void weft_session::checkSymbols() {
  for (SymbolValue &symbol : symbols)
    symbol.extent = -1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorView &view = model.inputs[i];
    for (int32_t axis = 0; axis < view.info.rank; ++axis) {
      int id = view.symbolIds[size_t(axis)];
      if (id < 0)
        continue;
      SymbolValue &symbol = symbols[size_t(id)];
      int64_t extent = inputs[i].given->shape[axis];
      if (symbol.extent < 0)
        symbol = {extent, i, axis};
      if (symbol.extent == extent)
        continue;
      fail(WEFT_ERROR_INPUT,
           "input '" + std::string(view.info.name) + "' has " +
               to_string(extent) + " on axis " + to_string(axis) +
               " where input '" + model.inputs[symbol.input].info.name +
               "' has " + to_string(symbol.extent) + " on axis " +
               to_string(symbol.axis) + ", and both are '" +
               view.info.symbols[axis] + "'");
    }
  }
}

void weft_session::placeInput(size_t index) {
  const weft_tensor_info &info = model.inputs[index].info;
  const weft_tensor &given = *inputs[index].given;
  weft_buffer &buffer = buffers[index];
  size_t elementSize = weft_type_size(info.type);
  int64_t bytes = denseBytes(given.shape, given.rank, elementSize);
  if (given.rank)
    std::copy_n(given.shape, given.rank, buffer.shape);
  // A bool that is neither 0 nor 1 is copied; looking costs as much as copying.
  bool isBool = info.type == WEFT_BOOL;
  if (!isBool && info.type != WEFT_STRING &&
      isDense(given.shape, given.strides, given.rank) &&
      isUsableInPlace(given.data, bytes)) {
    buffer.data = given.data;
    return;
  }
  buffer.data = inputs[index].copy.ensure(bytes);
  if (!buffer.data)
    fail(WEFT_ERROR_NO_MEMORY, "no memory for " + to_string(bytes) +
                                   " bytes of input '" +
                                   std::string(info.name) + "'");
  copyToDense(buffer.data, given.data, given.shape, given.strides, given.rank,
              elementSize, isBool);
  if (info.type == WEFT_STRING)
    placeStrings(index, bytes / int64_t(elementSize));
}

/// Numbers for the strings that input `index` was copied as, in place.
void weft_session::placeStrings(size_t index, int64_t count) {
  auto *data = static_cast<char *>(buffers[index].data);
  for (int64_t i = 0; i < count; ++i) {
    weft_string text;
    std::memcpy(&text, data + i * int64_t(sizeof text), sizeof text);
    if (text.length < 0 || (text.length > 0 && !text.data))
      fail(WEFT_ERROR_INPUT,
           "input '" + std::string(model.inputs[index].info.name) +
               "' has as element " + to_string(i) + " a string " +
               (text.length < 0 ? "of length " + to_string(text.length)
                                : std::string("without data")));
    int64_t number = strings.intern({text.data, size_t(text.length)});
    if (strings.failure() != StringTable::Failure::None)
      reportRun(WEFT_RUN_NO_MEMORY);
    std::memcpy(data + i * int64_t(sizeof number), &number, sizeof number);
  }
}

/// The strings of output `index`, as its numbers say.
const void *weft_session::textsOf(size_t index) {
  OutputState &output = outputs[index];
  int32_t rank = model.outputs[index].info.rank;
  int64_t bytes = denseBytes(output.shape, rank, sizeof(weft_string));
  auto *texts = static_cast<weft_string *>(
      bytes < 0 ? nullptr : output.texts.ensure(bytes));
  if (!texts)
    reportRun(WEFT_RUN_NO_MEMORY);
  auto *numbers = static_cast<const int64_t *>(output.written);
  for (int64_t i = 0; i < bytes / int64_t(sizeof(weft_string)); ++i) {
    std::string_view text = strings[numbers[i]];
    texts[i] = {text.data(), int64_t(text.size())};
  }
  return texts;
}

/// What a run that did not succeed means.
void weft_session::reportRun(int32_t result) {
  if (context.failed || result == WEFT_RUN_CHECK_FAILED) {
    const auto &checks = model.manifest.checks;
    if (failure.check < 0 || size_t(failure.check) >= checks.size())
      weft::runtime::fail(WEFT_ERROR_INTERNAL,
                          "internal error: " + model.name + ": check " +
                              to_string(failure.check) + " failed");
    std::string text = checks[size_t(failure.check)];
    for (int i : {0, 1}) {
      std::string mark = "{" + to_string(i) + "}";
      std::string value = to_string(failure.values[i]);
      for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos;
           at += value.size())
        text.replace(at, mark.size(), value);
    }
    fail(WEFT_ERROR_CHECK, text);
  }
  if (outputMismatch) {
    const OutputState &output = outputs[mismatchedOutput];
    fail(WEFT_ERROR_INPUT,
         "output '" + model.manifest.outputs[mismatchedOutput].name +
             "' has shape " + shapeText(output.shape, output.bound.rank) +
             " where the memory bound to it has " +
             shapeText(output.boundShape, output.bound.rank));
  }
  if (strings.failure() == StringTable::Failure::NoLocale)
    fail(WEFT_ERROR_UNSUPPORTED,
         "changes the case of letters, for which this machine lacks the locale "
         "C.UTF-8: install it");
  if (result == WEFT_RUN_NO_MEMORY ||
      strings.failure() == StringTable::Failure::NoMemory)
    fail(WEFT_ERROR_NO_MEMORY, "out of memory during a run");
  weft::runtime::fail(WEFT_ERROR_INTERNAL,
                      "internal error: " + model.name +
                          ": the entry function returned " + to_string(result));
}

void weft_session::finishOutputs(weft_tensor *described, size_t count) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    OutputState &output = outputs[i];
    const weft_tensor_info &info = model.outputs[i].info;
    if (!output.written)
      weft::runtime::fail(WEFT_ERROR_INTERNAL, "internal error: " + model.name +
                                                   ": output '" + info.name +
                                                   "' was not written");
    const void *dense = info.type == WEFT_STRING ? textsOf(i) : output.written;
    if (output.isBound && dense != output.bound.data)
      copyFromDense(output.bound.data, output.bound.strides, dense,
                    output.shape, info.rank, weft_type_size(info.type));
    if (i >= count)
      continue;
    weft_tensor view = {};
    if (output.isBound)
      view = output.bound;
    else
      view.data = const_cast<void *>(dense);
    view.name = info.name;
    view.shape = output.shape;
    view.rank = info.rank;
    view.type = info.type;
    view.device_type = 1;
    described[i] = view;
  }
}

void weft_session::bind(size_t index, const weft_tensor *tensor) {
  if (index >= outputs.size())
    fail(WEFT_ERROR_ARGUMENT, "there is no output " + to_string(index) +
                                  "; the model has " +
                                  to_string(outputs.size()));
  OutputState &output = outputs[index];
  if (!tensor) {
    output.isBound = false;
    return;
  }
  const weft_tensor_info &info = model.outputs[index].info;
  std::string name = "output '" + std::string(info.name) + "' ";
  if (tensor->type != info.type)
    fail(WEFT_ERROR_INPUT, name + "has type " + weft_type_name(info.type) +
                               " where the memory bound to it has " +
                               weft_type_name(tensor->type));
  bool fits = tensor->rank == info.rank && (tensor->shape || !info.rank);
  for (int32_t axis = 0; fits && axis < info.rank; ++axis)
    fits = info.shape[axis] == -1 ? tensor->shape[axis] >= 0
                                  : tensor->shape[axis] == info.shape[axis];
  if (!fits)
    fail(WEFT_ERROR_INPUT,
         name + "has shape " + shapeText(info.shape, info.rank) +
             " where the memory bound to it has " +
             (tensor->rank < 0 || tensor->rank > 64 || !tensor->shape
                  ? "rank " + to_string(tensor->rank)
                  : shapeText(tensor->shape, tensor->rank)));
  int64_t bytes =
      denseBytes(tensor->shape, tensor->rank, weft_type_size(info.type));
  if (bytes < 0 || (bytes > 0 && !tensor->data))
    fail(WEFT_ERROR_ARGUMENT, name + "is bound to no memory");
  output.isBound = true;
  output.bound = *tensor;
  std::copy_n(tensor->shape, info.rank, output.boundShape);
  output.bound.shape = output.boundShape;
  if (tensor->strides) {
    std::copy_n(tensor->strides, info.rank, output.boundStrides);
    output.bound.strides = output.boundStrides;
  }
}
