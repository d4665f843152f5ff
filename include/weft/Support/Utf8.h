// UTF-8, strictly (RFC 3629): no overlong forms, no halves of UTF-16, nothing
// above U+10FFFF. No LLVM.
#ifndef WEFT_SUPPORT_UTF8_H
#define WEFT_SUPPORT_UTF8_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft {

/// Whether Unicode has a place for `character`; halves of UTF-16 are none.
bool isUnicode(uint32_t character);

/// The character at the front of `text`, which is not empty, and how many bytes
/// it has; 0 bytes where there is none.
size_t decodeUtf8(std::string_view text, uint32_t &character);

/// Writes a character of Unicode to at most 4 bytes at `to`; returns how many.
size_t encodeUtf8(char *to, uint32_t character);

} // namespace weft

#endif // WEFT_SUPPORT_UTF8_H
