// What operators do with strings. Bytes that are no UTF-8 are kept as they are.
#include "Strings.h"
#include "weft/Artifact/Abi.h"
#include "weft/Support/Utf8.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <locale.h>
#include <wctype.h>

namespace weft::runtime {

namespace {

double doubleOf(int64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

int64_t bitsOf(double value) {
  int64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// Made once: case and digits must not depend on what the process set.
locale_t caseLocale() {
  static const locale_t locale =
      newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t(0));
  return locale;
}

locale_t plainLocale() {
  static const locale_t locale = newlocale(LC_ALL_MASK, "C", locale_t(0));
  return locale;
}

//===- Automata -----------------------------------------------------------===//

/// What the compiler makes of a regular expression, as bytes: two numbers of 32
/// bits, states and classes; the class of each byte; for each state whether it
/// accepts; for each state and class the next state. Nothing leads out of state
/// 0; the walk begins at 1.
class Automaton {
public:
  explicit Automaton(std::string_view bytes) {
    uint32_t sizes[2] = {};
    if (bytes.size() < sizeof sizes)
      return;
    std::memcpy(sizes, bytes.data(), sizeof sizes);
    uint64_t states = sizes[0];
    classes = sizes[1];
    if (states < 2 || classes > 256 ||
        bytes.size() != sizeof sizes + 256 + states + states * classes * 4)
      return;
    classOf = bytes.data() + sizeof sizes;
    accepting = classOf + 256;
    table = accepting + states;
  }

  bool accepts(std::string_view text) const {
    uint64_t state = classOf ? 1 : 0;
    for (size_t i = 0; i < text.size() && state; ++i)
      state = next(state, text[i]);
    return state && accepting[state];
  }

  /// Bytes of the longest beginning of `text` that is accepted; 0 for none.
  size_t longest(std::string_view text) const {
    size_t length = 0;
    uint64_t state = classOf ? 1 : 0;
    for (size_t i = 0; i < text.size() && state; ++i) {
      state = next(state, text[i]);
      if (state && accepting[state])
        length = i + 1;
    }
    return length;
  }

private:
  uint64_t next(uint64_t state, char byte) const {
    uint64_t entry = state * classes + uint8_t(classOf[uint8_t(byte)]);
    uint32_t to;
    std::memcpy(&to, table + entry * sizeof to, sizeof to);
    return to;
  }

  uint64_t classes = 0;
  const char *classOf = nullptr, *accepting = nullptr, *table = nullptr;
};

bool isBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool readInteger(std::string_view text, int64_t &value) {
  char copy[32];
  if (text.empty() || text.size() >= sizeof copy || isBlank(text[0]))
    return false;
  copy[text.copy(copy, sizeof copy)] = 0;
  char *end;
  errno = 0;
  value = std::strtoll(copy, &end, 10);
  return errno == 0 && end == copy + text.size();
}

} // namespace

//===- Functions ----------------------------------------------------------===//

int64_t StringTable::concat(std::string_view a, std::string_view b) {
  char *to = reserve(a.size() + b.size());
  if (!to)
    return fail(Failure::NoMemory);
  b.copy(to + a.copy(to, a.size()), b.size());
  return commit(a.size() + b.size());
}

int64_t StringTable::changeCase(std::string_view text, bool upper) {
  locale_t locale = caseLocale();
  if (!locale)
    return fail(Failure::NoLocale);
  // No character of one byte becomes longer, and none longer than four.
  char *to = reserve(2 * text.size() + 4), *end = to;
  if (!to)
    return fail(Failure::NoMemory);
  for (size_t i = 0; i < text.size();) {
    uint32_t character;
    size_t length = decodeUtf8(text.substr(i), character);
    if (length == 0) {
      *end++ = text[i++];
      continue;
    }
    auto wide = wint_t(character);
    wide = upper ? towupper_l(wide, locale) : towlower_l(wide, locale);
    end += encodeUtf8(end, uint32_t(wide));
    i += length;
  }
  return commit(size_t(end - to));
}

StringTable::Splitting StringTable::splitting(int64_t text, int64_t by,
                                              int64_t bound,
                                              bool isTokens) const {
  return {text, by, bound, 0, isTokens, (*this)[text], false};
}

/// The next part, as Python's str.split finds it.
bool StringTable::nextPart(Splitting &state, std::string_view &part) const {
  std::string_view &rest = state.rest, separator = (*this)[state.by];
  bool isLast = state.bound >= 0 && state.next >= state.bound;
  size_t end;
  if (separator.empty()) {
    size_t begin = 0;
    while (begin < rest.size() && isBlank(rest[begin]))
      ++begin;
    rest.remove_prefix(begin);
    if (rest.empty())
      return false;
    end = 0;
    while (end < rest.size() && (isLast || !isBlank(rest[end])))
      ++end;
  } else {
    end = isLast ? std::string_view::npos : rest.find(separator);
  }
  state.done = end == std::string_view::npos;
  part = rest.substr(0, end);
  rest.remove_prefix(state.done ? rest.size() : end + separator.size());
  return true;
}

bool StringTable::nextToken(Splitting &state, std::string_view &part) const {
  Automaton automaton((*this)[state.by]);
  std::string_view &rest = state.rest;
  while (!rest.empty()) {
    size_t length = automaton.longest(rest);
    part = rest.substr(0, length);
    rest.remove_prefix(std::max<size_t>(length, 1));
    int64_t characters = 0;
    for (char byte : part)
      characters += (byte & 0xc0) != 0x80;
    if (length && characters >= state.bound)
      return true;
  }
  return false;
}

bool StringTable::next(Splitting &state, std::string_view &part) const {
  if (state.done)
    return false;
  bool found = state.isTokens ? nextToken(state, part) : nextPart(state, part);
  state.next += found;
  state.done |= !found;
  return found;
}

int64_t StringTable::countParts(Splitting state) const {
  std::string_view part;
  while (next(state, part))
    ;
  return state.next;
}

/// Goes on where the last call for this string stopped: parts are asked for one
/// after another.
int64_t StringTable::part(const Splitting &start, int64_t i) {
  Splitting &state = splittings[uint64_t(start.text) % 64];
  if (state.text != start.text || state.by != start.by ||
      state.bound != start.bound || state.isTokens != start.isTokens ||
      state.next > i)
    state = start;
  std::string_view part;
  while (next(state, part))
    if (state.next > i)
      return intern(part);
  return 0;
}

bool StringTable::readNumber(std::string_view text, double &value) {
  if (text.empty() || isBlank(text[0]))
    return false;
  char *copy = reserve(text.size() + 1);
  if (!copy)
    return fail(Failure::NoMemory);
  copy[text.copy(copy, text.size())] = 0;
  char *end;
  value = strtod_l(copy, &end, plainLocale());
  return end == copy + text.size();
}

/// As few digits of `least` to `most` as tell the value from others, or `most`.
int64_t StringTable::print(double value, int least, int most) {
  if (std::isnan(value))
    return intern("NaN");
  if (std::isinf(value))
    return intern(value > 0 ? "INF" : "-INF");
  char text[40];
  int length = 0;
  locale_t before = uselocale(plainLocale());
  for (int digits = least; digits <= most; ++digits) {
    length = std::snprintf(text, sizeof text, "%.*g", digits, value);
    if (std::strtod(text, nullptr) == value)
      break;
  }
  uselocale(before);
  return intern({text, size_t(length)});
}

int64_t StringTable::call(int64_t function, int64_t a, int64_t b, int64_t c,
                          int64_t d) noexcept {
  std::lock_guard<std::mutex> lock(mutex);
  touched = true;
  double number = 0;
  int64_t integer = 0;
  char text[24];
  switch (function) {
  case WEFT_STRING_CONCAT:
    return concat((*this)[a], (*this)[b]);
  case WEFT_STRING_LOWER:
  case WEFT_STRING_UPPER:
    return changeCase((*this)[a], function == WEFT_STRING_UPPER);
  case WEFT_STRING_PARTS:
  case WEFT_STRING_TOKENS:
    return countParts(splitting(a, b, c, function == WEFT_STRING_TOKENS));
  case WEFT_STRING_PART:
  case WEFT_STRING_TOKEN:
    return part(splitting(a, b, c, function == WEFT_STRING_TOKEN), d);
  case WEFT_STRING_MATCH:
    return Automaton((*this)[b]).accepts((*this)[a]);
  case WEFT_STRING_IS_NUMBER:
    return readNumber((*this)[a], number);
  case WEFT_STRING_TO_NUMBER:
    return readNumber((*this)[a], number) ? bitsOf(number) : 0;
  case WEFT_STRING_IS_INTEGER:
    return readInteger((*this)[a], integer);
  case WEFT_STRING_TO_INTEGER:
    return readInteger((*this)[a], integer) ? integer : 0;
  case WEFT_STRING_OF_FLOAT:
    return print(doubleOf(a), 8, 8); // as ONNX Runtime does
  case WEFT_STRING_OF_DOUBLE:
    return print(doubleOf(a), 15, 17);
  case WEFT_STRING_OF_INTEGER:
    return intern(
        {text, size_t(std::snprintf(text, sizeof text, "%lld", (long long)a))});
  case WEFT_STRING_OF_UNSIGNED:
    return intern({text, size_t(std::snprintf(text, sizeof text, "%llu",
                                              (unsigned long long)a))});
  }
  return 0;
}

} // namespace weft::runtime
