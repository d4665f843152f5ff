#include "NpyStrings.h"
#include "weft/Support/Utf8.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace weft {

namespace {

std::string textOf(std::string_view descr, const char *element, size_t bytes,
                   const std::string &where) {
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
  for (size_t i = 0; i < count; ++i) {
    if (!isUnicode(characters[i])) {
      char number[16];
      std::snprintf(number, sizeof number, "0x%x", characters[i]);
      throw UsersFault(where + ": character " + std::to_string(i) + " is " +
                       number + ", which is none of Unicode's");
    }
    char encoded[4];
    text.append(encoded, encodeUtf8(encoded, characters[i]));
  }
  return text;
}

std::vector<uint32_t> charactersOf(std::string_view text,
                                   const std::string &where) {
  std::vector<uint32_t> characters;
  for (size_t at = 0, length; at < text.size(); at += length) {
    length = decodeUtf8(text.substr(at), characters.emplace_back());
    if (length == 0)
      throw UsersFault(where + " is no UTF-8 at byte " + std::to_string(at) +
                       ", and NumPy's strings are characters");
  }
  return characters;
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
                   std::vector<int64_t> strides, const std::string &where) {
  size_t bytes = npyStringBytes(descr);
  std::vector<std::string> texts;
  for (size_t at = 0; at < elements.size(); at += bytes)
    texts.push_back(
        textOf(descr, elements.data() + at, bytes,
               where + ": element " + std::to_string(texts.size())));
  return Array(std::move(texts), std::move(shape), std::move(name),
               std::move(strides));
}

std::pair<std::string, std::string> npyOfStrings(const TensorView &strings,
                                                 const std::string &where) {
  std::vector<std::vector<uint32_t>> all;
  size_t width = 1;
  auto *texts = static_cast<const weft_string *>(strings.data());
  for (int64_t i = 0; i < strings.elementCount(); ++i) {
    std::string_view text(texts[i].length ? texts[i].data : "",
                          size_t(texts[i].length));
    std::vector<uint32_t> characters =
        charactersOf(text, where + ": element " + std::to_string(i));
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
