// How errors travel inside the runtime: thrown as a Failure, caught at the C
// interface, kept as text for weft_last_error.
#ifndef WEFT_LIB_RUNTIME_FAILURE_H
#define WEFT_LIB_RUNTIME_FAILURE_H

#include "weft/runtime.h"
#include <new>
#include <string>
#include <utility>

namespace weft::runtime {

struct Failure {
  weft_status status;
  std::string text;
};

[[noreturn]] inline void fail(weft_status status, std::string text) {
  throw Failure{status, std::move(text)};
}

/// Keeps `text` for this thread's weft_last_error, cut to a fixed length so
/// that it needs no memory; returns `status`.
weft_status setLastError(weft_status status, const char *text) noexcept;
const char *lastError() noexcept;

/// Runs `body` and turns whatever it throws into a status.
template <typename Body>
weft_status guarded(Body &&body) noexcept {
  try {
    body();
    return WEFT_OK;
  } catch (const Failure &failure) {
    return setLastError(failure.status, failure.text.c_str());
  } catch (const std::bad_alloc &) {
    return setLastError(WEFT_ERROR_NO_MEMORY, "out of memory");
  } catch (...) {
    return setLastError(WEFT_ERROR_INTERNAL,
                        "internal error: unexpected exception");
  }
}

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_FAILURE_H
