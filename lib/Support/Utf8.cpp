#include "weft/Support/Utf8.h"

bool weft::isUnicode(uint32_t character) {
  return character <= 0x10ffff && (character < 0xd800 || character > 0xdfff);
}

size_t weft::decodeUtf8(std::string_view text, uint32_t &character) {
  auto byte = [&](size_t i) { return uint32_t(uint8_t(text[i])); };
  uint32_t first = byte(0);
  size_t length = first < 0x80   ? 1
                  : first < 0xc2 ? 0
                  : first < 0xe0 ? 2
                  : first < 0xf0 ? 3
                  : first < 0xf5 ? 4
                                 : 0;
  if (length > text.size())
    return 0;
  static const uint32_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  character = first & masks[length];
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
    character = character << 6 | (byte(i) & 0x3f);
  }
  bool isOverlong = (length == 3 && character < 0x800) ||
                    (length == 4 && character < 0x10000);
  return isOverlong || !isUnicode(character) ? 0 : length;
}

size_t weft::encodeUtf8(char *to, uint32_t character) {
  if (character < 0x80) {
    to[0] = char(character);
    return 1;
  }
  size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  static const uint32_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = length; i-- > 1; character >>= 6)
    to[i] = char(0x80 | (character & 0x3f));
  to[0] = char(marks[length] | character);
  return length;
}
