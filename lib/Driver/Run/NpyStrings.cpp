#include "NpyStrings.h"

#include <algorithm>
#include <cstring>

namespace weft {

namespace {

void appendUtf8(std::string &text, uint32_t c) {
  if (c < 0x80) {
    text += char(c);
    return;
  }
  if (c > 0x10ffff)
    c = 0xfffd;
  unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  text += char((0xf0u << (3 - more)) | c >> (6 * more));
  while (more-- > 0)
    text += char(0x80 | (c >> (6 * more) & 0x3f));
}

/// The character at `at`, which is moved behind it.
uint32_t nextCharacter(std::string_view text, size_t &at) {
  unsigned char first = text[at++];
  if (first < 0x80)
    return first;
  unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
  uint32_t c = first & (0x3f >> more);
  bool good = more > 0 && text.size() - at >= more;
  for (unsigned i = 0; good && i < more; ++i) {
    good = (text[at + i] & 0xc0) == 0x80;
    c = c << 6 | (text[at + i] & 0x3f);
  }
  at += good ? more : 0;
  return good ? c : 0xfffd;
}

std::string textOf(std::string_view descr, const char *element, size_t bytes) {
  std::string text;
  if (descr[1] == 'S') {
    text.assign(element, bytes);
    text.resize(text.find_last_not_of('\0') + 1);
    return text;
  }
  size_t count = bytes / 4;
  std::vector<uint32_t> characters(count);
  std::memcpy(characters.data(), element, bytes);
  while (count && characters[count - 1] == 0)
    --count;
  for (size_t i = 0; i < count; ++i)
    appendUtf8(text, characters[i]);
  return text;
}

} // namespace

size_t npyStringBytes(std::string_view descr) {
  bool isText = descr.substr(0, 2) == "<U" || descr.substr(0, 2) == "|S";
  if (!isText || descr.size() < 3 || descr.size() > 11 ||
      descr.find_first_not_of("0123456789", 2) != std::string_view::npos)
    return 0;
  return size_t(std::stoll(std::string(descr.substr(2)))) *
         (descr[1] == 'U' ? 4 : 1);
}

Array stringsOfNpy(std::string_view descr, std::string_view elements,
                   std::vector<int64_t> shape, std::string name,
                   std::vector<int64_t> strides) {
  size_t bytes = npyStringBytes(descr);
  std::vector<std::string> texts;
  for (size_t at = 0; at < elements.size(); at += bytes)
    texts.push_back(textOf(descr, elements.data() + at, bytes));
  return Array(std::move(texts), std::move(shape), std::move(name),
               std::move(strides));
}

std::pair<std::string, std::string> npyOfStrings(const TensorView &strings) {
  std::vector<std::vector<uint32_t>> all;
  size_t width = 1;
  auto *texts = static_cast<const weft_string *>(strings.data());
  for (int64_t i = 0; i < strings.elementCount(); ++i) {
    std::string_view text(texts[i].length ? texts[i].data : "",
                          size_t(texts[i].length));
    std::vector<uint32_t> characters;
    for (size_t at = 0; at < text.size();)
      characters.push_back(nextCharacter(text, at));
    width = std::max(width, characters.size());
    all.push_back(std::move(characters));
  }
  std::string elements(all.size() * width * 4, '\0');
  for (size_t i = 0; i < all.size(); ++i)
    std::memcpy(elements.data() + i * width * 4, all[i].data(),
                all[i].size() * 4);
  return {"<U" + std::to_string(width), std::move(elements)};
}

} // namespace weft
