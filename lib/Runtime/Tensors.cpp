// Strided tensors are walked row by row along their last axis; a row whose
// elements follow each other is one memcpy.
#include "Tensors.h"
#include "weft/Artifact/Abi.h"

#include <cstring>

namespace weft::runtime {

std::string shapeText(const int64_t *shape, int32_t rank) {
  std::string text;
  for (int32_t i = 0; i < rank; ++i)
    text += (i ? "x" : "") +
            (shape[i] == -1 ? std::string("?") : std::to_string(shape[i]));
  return rank ? text : "scalar";
}

int64_t denseBytes(const int64_t *shape, int32_t rank, size_t elementSize) {
  int64_t bytes = int64_t(elementSize);
  bool isEmpty = false, overflows = false;
  for (int32_t i = 0; i < rank; ++i) {
    if (shape[i] < 0)
      return -1;
    isEmpty |= shape[i] == 0;
    overflows |= __builtin_mul_overflow(bytes, shape[i], &bytes);
  }
  return isEmpty ? 0 : overflows ? -1 : bytes;
}

bool isDense(const int64_t *shape, const int64_t *strides, int32_t rank) {
  if (!strides)
    return true;
  int64_t expected = 1;
  for (int32_t i = rank; i-- > 0;) {
    if (shape[i] == 0)
      return true;
    // The stride of an axis of one element is never taken.
    if (shape[i] != 1 && strides[i] != expected)
      return false;
    expected *= shape[i];
  }
  return true;
}

bool isUsableInPlace(const void *data, int64_t bytes) {
  auto begin = reinterpret_cast<uintptr_t>(data);
  uintptr_t end = begin + uintptr_t(bytes);
  // The smallest page of any machine; the page of the last byte is mapped.
  constexpr uintptr_t kPage = 4096;
  return data && begin % WEFT_BUFFER_ALIGNMENT == 0 && bytes > 0 &&
         (end - 1) % kPage + WEFT_BUFFER_ALIGNMENT < kPage;
}

namespace {

/// One walk over a strided tensor, in the order of the dense one.
template <typename Row>
void walk(char *strided, const int64_t *strides, char *&dense,
          const int64_t *shape, int32_t rank, size_t elementSize, Row row) {
  if (rank <= 1) {
    int64_t count = rank ? shape[0] : 1, stride = rank ? strides[0] : 1;
    row(strided, stride * int64_t(elementSize), dense, count);
    dense += count * int64_t(elementSize);
    return;
  }
  for (int64_t i = 0; i < shape[0]; ++i)
    walk(strided + i * strides[0] * int64_t(elementSize), strides + 1, dense,
         shape + 1, rank - 1, elementSize, row);
}

template <size_t Size>
void copyRow(char *to, int64_t toStep, const char *from, int64_t fromStep,
             int64_t count) {
  if (toStep == int64_t(Size) && fromStep == int64_t(Size)) {
    std::memcpy(to, from, size_t(count) * Size);
    return;
  }
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * toStep, from + i * fromStep, Size);
}

void copyRow(char *to, int64_t toStep, const char *from, int64_t fromStep,
             int64_t count, size_t size) {
  switch (size) {
  case 1:
    return copyRow<1>(to, toStep, from, fromStep, count);
  case 2:
    return copyRow<2>(to, toStep, from, fromStep, count);
  case 4:
    return copyRow<4>(to, toStep, from, fromStep, count);
  case 16:
    return copyRow<16>(to, toStep, from, fromStep, count);
  default:
    return copyRow<8>(to, toStep, from, fromStep, count);
  }
}

} // namespace

void copyToDense(void *dense, const void *data, const int64_t *shape,
                 const int64_t *strides, int32_t rank, size_t elementSize,
                 bool isBool) {
  int64_t bytes = denseBytes(shape, rank, elementSize);
  if (bytes <= 0)
    return;
  auto *to = static_cast<char *>(dense);
  if (isDense(shape, strides, rank)) {
    std::memcpy(to, data, size_t(bytes));
  } else {
    char *from = const_cast<char *>(static_cast<const char *>(data));
    walk(from, strides, to, shape, rank, elementSize,
         [&](char *strided, int64_t step, char *row, int64_t count) {
           copyRow(row, int64_t(elementSize), strided, step, count,
                   elementSize);
         });
  }
  if (isBool) {
    to = static_cast<char *>(dense);
    for (int64_t i = 0; i < bytes; ++i)
      to[i] = to[i] != 0;
  }
}

void copyFromDense(void *data, const int64_t *strides, const void *dense,
                   const int64_t *shape, int32_t rank, size_t elementSize) {
  int64_t bytes = denseBytes(shape, rank, elementSize);
  if (bytes <= 0)
    return;
  if (isDense(shape, strides, rank)) {
    std::memcpy(data, dense, size_t(bytes));
    return;
  }
  char *from = const_cast<char *>(static_cast<const char *>(dense));
  walk(static_cast<char *>(data), strides, from, shape, rank, elementSize,
       [&](char *strided, int64_t step, char *row, int64_t count) {
         copyRow(strided, step, row, int64_t(elementSize), count, elementSize);
       });
}

} // namespace weft::runtime
