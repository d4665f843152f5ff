// Shapes, strides and copies of the caller's tensors.
#ifndef WEFT_LIB_RUNTIME_TENSORS_H
#define WEFT_LIB_RUNTIME_TENSORS_H

#include "weft/runtime.h"
#include <cstdint>
#include <string>

namespace weft::runtime {

/// "1x3x?x224"; "scalar" for rank 0.
std::string shapeText(const int64_t *shape, int32_t rank);

/// Bytes of an element as generated code sees it: a string is its number.
inline size_t storedSize(weft_type type) {
  return type == WEFT_STRING ? sizeof(int64_t) : weft_type_size(type);
}

/// Bytes of a dense tensor; -1 when an extent is negative or the size does not
/// fit 63 bits.
int64_t denseBytes(const int64_t *shape, int32_t rank, size_t elementSize);

/// True when `strides` (null: yes) describe a dense tensor.
bool isDense(const int64_t *shape, const int64_t *strides, int32_t rank);

/// True when generated code may use `bytes` bytes at `data` in place: they are
/// aligned, and what it may read past their end is mapped too.
bool isUsableInPlace(const void *data, int64_t bytes);

/// Copies between a dense tensor and one with strides in elements (null: also
/// dense). A bool is turned into 0 or 1 when `isBool`.
void copyToDense(void *dense, const void *data, const int64_t *shape,
                 const int64_t *strides, int32_t rank, size_t elementSize,
                 bool isBool);
void copyFromDense(void *data, const int64_t *strides, const void *dense,
                   const int64_t *shape, int32_t rank, size_t elementSize);

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_TENSORS_H
