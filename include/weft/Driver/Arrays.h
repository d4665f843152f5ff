// Arrays in memory and in NumPy's files. No pickle is ever read, sizes are
// checked against the file before memory is asked for. No LLVM.
#ifndef WEFT_DRIVER_ARRAYS_H
#define WEFT_DRIVER_ARRAYS_H

#include "weft/runtime.hpp"
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

/// What is wrong with a file, an option or its value: one sentence.
class UsersFault : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A tensor that owns its memory, aligned so that sessions use it in place.
class Array {
public:
  Array() = default;
  /// Not initialised. `strides` in elements; empty: dense.
  Array(weft_type type, std::vector<int64_t> shape, std::string name,
        std::vector<int64_t> strides = {});
  /// Of strings, as many as the shape says.
  Array(std::vector<std::string> texts, std::vector<int64_t> shape,
        std::string name, std::vector<int64_t> strides = {});

  const TensorView &view() const { return tensor; }
  char *bytes() { return memory.get(); }

private:
  struct Free {
    void operator()(char *block) const { free(block); }
  };
  std::unique_ptr<char, Free> memory;
  std::vector<std::string> texts; ///< of strings
  TensorView tensor;
};

/// An array from the bytes of an .npy file; `where` begins messages. Throws
/// UsersFault.
Array parseNpy(std::string_view bytes, const std::string &name,
               const std::string &where);
Array readNpy(const std::string &path, const std::string &name);

/// All arrays of an .npz file, stored or deflated. Throws UsersFault.
std::vector<Array> parseNpz(std::string_view bytes, const std::string &where);
std::vector<Array> readNpz(const std::string &path);

/// The bytes of an .npy file before its data. bf16, which NumPy lacks, is
/// written as f32 by writeNpz.
std::string npyHeader(weft_type type, const std::vector<int64_t> &shape);
/// The same for an element type as NumPy writes it.
std::string npyHeader(const std::string &descr,
                      const std::vector<int64_t> &shape);

/// Writes dense tensors to an .npz file, whole or not at all; the same tensors
/// give the same bytes. Throws UsersFault.
void writeNpz(const std::string &path, const std::vector<TensorView> &tensors);

} // namespace weft

#endif // WEFT_DRIVER_ARRAYS_H
