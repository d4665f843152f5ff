// One buffer for each thread. No destructor runs when a thread ends, and a
// message can be kept even when memory is what has run out.
#include "Failure.h"

#include <cstring>

namespace weft::runtime {

static thread_local char lastErrorText[2048];

weft_status setLastError(weft_status status, const char *text) noexcept {
  size_t size = strnlen(text, sizeof lastErrorText - 1);
  std::memmove(lastErrorText, text, size);
  lastErrorText[size] = '\0';
  return status;
}

const char *lastError() noexcept { return lastErrorText; }

} // namespace weft::runtime
