// By recursive descent; lazy repetition is the same as greedy where all of a
// string must match, and so are groups that capture and groups that do not.
#include "RegexParser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Unicode.h"
#include <map>

using namespace llvm;

namespace weft::onnx::regex {
namespace {

constexpr uint32_t kLast = 0x10ffff;
constexpr int kMostRepeats = 1000; ///< as RE2 has it
constexpr int kMostDepth = 250;

//===- Sets of characters -------------------------------------------------===//

/// Ascending and apart.
Ranges normalized(Ranges ranges) {
  llvm::sort(ranges);
  Ranges result;
  for (auto [low, high] : ranges)
    if (!result.empty() && low <= result.back().second + 1)
      result.back().second = std::max(result.back().second, high);
    else
      result.push_back({low, high});
  return result;
}

Ranges complement(const Ranges &ranges) {
  Ranges result;
  uint32_t next = 0;
  for (auto [low, high] : ranges) {
    if (low > next)
      result.push_back({next, low - 1});
    next = high + 1;
  }
  if (next <= kLast)
    result.push_back({next, kLast});
  return result;
}

Ranges withoutSurrogates(const Ranges &ranges) {
  Ranges outside = complement(ranges);
  outside.push_back({0xd800, 0xdfff});
  return complement(normalized(outside));
}

/// With every character that differs from one of them in case alone.
Ranges foldCase(const Ranges &ranges) {
  constexpr uint32_t kCased = 0x20000; // no letter above has a case
  static const auto kinds = [] {
    std::map<uint32_t, SmallVector<uint32_t, 4>> all;
    for (uint32_t c = 0; c < kCased; ++c) {
      uint32_t folded = sys::unicode::foldCharSimple(int(c));
      if (folded != c)
        all[folded].push_back(c);
    }
    return all;
  }();
  auto inside = [&](uint32_t c) {
    return any_of(ranges, [&](auto range) {
      return range.first <= c && c <= range.second;
    });
  };
  Ranges result(ranges);
  for (const auto &[folded, others] : kinds) {
    if (!inside(folded) && none_of(others, inside))
      continue;
    result.push_back({folded, folded});
    for (uint32_t other : others)
      result.push_back({other, other});
  }
  return normalized(result);
}

/// \d, \s, \w; nothing for other letters.
Ranges perlClass(char letter) {
  switch (letter) {
  case 'd':
    return {{'0', '9'}};
  case 's':
    return {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}};
  case 'w':
    return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  default:
    return {};
  }
}

Ranges posixClass(StringRef name) {
  return StringSwitch<Ranges>(name)
      .Case("alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}})
      .Case("alpha", {{'A', 'Z'}, {'a', 'z'}})
      .Case("ascii", {{0, 0x7f}})
      .Case("blank", {{'\t', '\t'}, {' ', ' '}})
      .Case("cntrl", {{0, 0x1f}, {0x7f, 0x7f}})
      .Case("digit", {{'0', '9'}})
      .Case("graph", {{'!', '~'}})
      .Case("lower", {{'a', 'z'}})
      .Case("print", {{' ', '~'}})
      .Case("punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}})
      .Case("space", {{'\t', '\r'}, {' ', ' '}})
      .Case("upper", {{'A', 'Z'}})
      .Case("word", perlClass('w'))
      .Case("xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}})
      .Default({});
}

//===- Parser -------------------------------------------------------------===//

using NodePtr = std::unique_ptr<Node>;

struct Flags {
  bool foldsCase = false, isMultiline = false, dotIsAll = false;
};

/// A null node stands for an error, which has been noted.
class Parser {
public:
  explicit Parser(StringRef pattern) : pattern(pattern), rest(pattern) {}

  Expected<NodePtr> run();

private:
  NodePtr fail(const Twine &what) {
    if (problem.empty())
      problem = what.str();
    return nullptr;
  }
  bool refuse(const Twine &what) { return bool(fail(what)); }
  NodePtr make(Node::Kind kind) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    return node;
  }
  NodePtr set(Ranges ranges) {
    NodePtr node = make(Node::Set);
    node->ranges = withoutSurrogates(
        flags.foldsCase ? foldCase(normalized(ranges)) : normalized(ranges));
    return node;
  }
  NodePtr assertion(Assertion which) {
    NodePtr node = make(Node::Assert);
    node->assertion = which;
    return node;
  }

  NodePtr choice(int depth);
  NodePtr sequence(int depth);
  NodePtr atom(int depth);
  NodePtr group(int depth);
  NodePtr bracket();
  NodePtr escape();
  NodePtr repeated(NodePtr part);
  bool bounds(int &least, int &most);
  bool readFlags(StringRef letters);
  bool member(Ranges &ranges);
  bool escapedCharacter(uint32_t &character);
  bool hexadecimal(uint32_t &character);
  uint32_t takeCharacter();

  StringRef pattern, rest;
  Flags flags;
  std::string problem;
};

Expected<NodePtr> Parser::run() {
  NodePtr tree;
  const auto *begin = reinterpret_cast<const UTF8 *>(pattern.data());
  if (!isLegalUTF8String(&begin, begin + pattern.size()))
    fail("it is no UTF-8");
  else
    tree = choice(0);
  if (tree && !rest.empty())
    tree = fail("a ')' closes no group");
  if (tree)
    return std::move(tree);
  return createStringError(
      "pattern '" + pattern +
      "' is no regular expression of RE2's syntax: " + problem);
}

/// The next character of a pattern that is known to be UTF-8 and not at its
/// end.
uint32_t Parser::takeCharacter() {
  const auto *at = reinterpret_cast<const UTF8 *>(rest.data());
  UTF32 character = 0;
  const UTF8 *end = at;
  UTF32 *to = &character;
  ConvertUTF8toUTF32(&end, at + getNumBytesForUTF8(*at), &to, to + 1,
                     strictConversion);
  rest = rest.drop_front(getNumBytesForUTF8(*at));
  return character;
}

NodePtr Parser::choice(int depth) {
  if (depth > kMostDepth)
    return fail("its groups are nested too deeply");
  // Flags that a group sets end with it.
  Flags outer = flags;
  NodePtr all = make(Node::Choice);
  do {
    NodePtr part = sequence(depth);
    if (!part)
      return nullptr;
    all->children.push_back(std::move(part));
  } while (rest.consume_front("|"));
  flags = outer;
  return all;
}

NodePtr Parser::sequence(int depth) {
  NodePtr all = make(Node::Sequence);
  bool isQuoted = false; // between \\Q and \\E all is as it is
  while (!rest.empty()) {
    if (!isQuoted && (rest.front() == '|' || rest.front() == ')'))
      break;
    if (rest.consume_front(isQuoted ? "\\E" : "\\Q")) {
      isQuoted = !isQuoted;
      // What repeats follows the last quoted character.
      if (!isQuoted && !all->children.empty())
        all->children.back() = repeated(std::move(all->children.back()));
    } else if (isQuoted) {
      uint32_t character = takeCharacter();
      all->children.push_back(set({{character, character}}));
    } else {
      NodePtr part = atom(depth);
      all->children.push_back(part ? repeated(std::move(part)) : nullptr);
    }
    if (!all->children.empty() && !all->children.back())
      return nullptr;
  }
  return all;
}

NodePtr Parser::atom(int depth) {
  switch (rest.front()) {
  case '(':
    return group(depth);
  case '[':
    return bracket();
  case '\\':
    return escape();
  case '*':
  case '+':
  case '?':
    return fail("nothing stands before '" + rest.take_front() + "'");
  case '.':
    rest = rest.drop_front();
    return set(flags.dotIsAll ? Ranges{{0, kLast}}
                              : Ranges{{0, '\n' - 1}, {'\n' + 1, kLast}});
  case '^':
    rest = rest.drop_front();
    return assertion(flags.isMultiline ? Assertion::LineBegin
                                       : Assertion::TextBegin);
  case '$':
    rest = rest.drop_front();
    return assertion(flags.isMultiline ? Assertion::LineEnd
                                       : Assertion::TextEnd);
  default:
    uint32_t character = takeCharacter();
    return set({{character, character}});
  }
}

/// "i", "s-m", …
bool Parser::readFlags(StringRef letters) {
  bool value = true;
  for (char letter : letters) {
    if (letter == '-' && value)
      value = false;
    else if (letter == 'i')
      flags.foldsCase = value;
    else if (letter == 'm')
      flags.isMultiline = value;
    else if (letter == 's')
      flags.dotIsAll = value;
    else if (letter != 'U') // greedy or not is the same here
      return false;
  }
  return true;
}

NodePtr Parser::group(int depth) {
  rest = rest.drop_front();
  Flags outer = flags;
  if (rest.consume_front("?")) {
    if (rest.consume_front("P<") || rest.consume_front("<")) {
      StringRef name = rest.take_while([](char c) { return c != '>'; });
      if (name.empty() || name.size() == rest.size() ||
          !all_of(name, [](char c) { return isAlnum(c) || c == '_'; }))
        return fail("a group has no name between '<' and '>'");
      rest = rest.drop_front(name.size() + 1);
    } else {
      StringRef letters =
          rest.take_while([](char c) { return isAlpha(c) || c == '-'; });
      rest = rest.drop_front(letters.size());
      if (!readFlags(letters))
        return fail("'(?" + letters + "' is no group");
      if (rest.consume_front(")")) // for what follows in the outer group
        return make(Node::Sequence);
      if (!rest.consume_front(":"))
        return fail("'(?" + letters + "' is no group");
    }
  }
  NodePtr inner = choice(depth + 1);
  flags = outer;
  if (inner && !rest.consume_front(")"))
    return fail("a '(' is not closed");
  return inner;
}

//===- Escapes and classes ------------------------------------------------===//

/// Behind "\x": two digits, or any in braces.
bool Parser::hexadecimal(uint32_t &character) {
  StringRef digits;
  if (rest.consume_front("{")) {
    digits = rest.take_while(isHexDigit);
    rest = rest.drop_front(digits.size());
    if (!rest.consume_front("}"))
      return false;
  } else {
    digits = rest.take_front(2);
    rest = rest.drop_front(digits.size());
  }
  return !digits.getAsInteger(16, character) && character <= kLast;
}

/// One character behind a '\', which has been taken.
bool Parser::escapedCharacter(uint32_t &character) {
  if (rest.empty())
    return false;
  char letter = rest.front();
  if (letter >= '0' && letter <= '7') {
    // "\1" to "\7" alone would refer to a group.
    StringRef digits = rest.take_front(3).take_while(
        [](char c) { return c >= '0' && c <= '7'; });
    if (letter != '0' && digits.size() < 2)
      return false;
    rest = rest.drop_front(digits.size());
    return !digits.getAsInteger(8, character);
  }
  StringRef letters = "aftnrv", codes = "\a\f\t\n\r\v";
  if (size_t at = letters.find(letter); at != StringRef::npos) {
    rest = rest.drop_front();
    character = uint32_t(codes[at]);
    return true;
  }
  if (rest.consume_front("x"))
    return hexadecimal(character);
  if (!isPunct(letter))
    return false;
  rest = rest.drop_front();
  character = uint32_t(letter);
  return true;
}

NodePtr Parser::escape() {
  StringRef before = rest;
  rest = rest.drop_front();
  char letter = rest.empty() ? '\0' : rest.front();
  Ranges named = perlClass(toLower(letter));
  if (!named.empty()) {
    rest = rest.drop_front();
    return set(isUpper(letter) ? complement(named) : named);
  }
  auto taken = [&](NodePtr node) {
    rest = rest.drop_front();
    return node;
  };
  switch (letter) {
  case 'A':
    return taken(assertion(Assertion::TextBegin));
  case 'z':
    return taken(assertion(Assertion::TextEnd));
  case 'b':
    return taken(assertion(Assertion::WordEdge));
  case 'B':
    return taken(assertion(Assertion::NoWordEdge));
  case 'C':
    return taken(make(Node::AnyByte));
  case 'p':
  case 'P':
    return fail("classes of Unicode (\\p) are not supported");
  default:
    break;
  }
  uint32_t character;
  if (!escapedCharacter(character))
    return fail("'" + before.take_front(2) + "' is no escape");
  return set({{character, character}});
}

/// One entry of a class; false after an error.
bool Parser::member(Ranges &ranges) {
  if (rest.consume_front("[:")) {
    bool isNot = rest.consume_front("^");
    StringRef name = rest.take_while(isAlpha);
    Ranges named = posixClass(name);
    rest = rest.drop_front(name.size());
    if (named.empty() || !rest.consume_front(":]"))
      return refuse("'" + name + "' is no class of characters");
    ranges.append(isNot ? complement(named) : named);
    return true;
  }
  if (rest.starts_with("\\") && rest.size() > 1) {
    Ranges named = perlClass(toLower(rest[1]));
    if (!named.empty()) {
      ranges.append(isUpper(rest[1]) ? complement(named) : named);
      rest = rest.drop_front(2);
      return true;
    }
  }
  auto one = [&](uint32_t &character) {
    if (rest.empty())
      return false;
    if (rest.consume_front("\\"))
      return escapedCharacter(character);
    character = takeCharacter();
    return true;
  };
  uint32_t low, high;
  if (!one(low))
    return refuse(
        "a class of characters is not closed or has an escape that is "
        "none");
  high = low;
  if (rest.size() > 1 && rest[0] == '-' && rest[1] != ']') {
    rest = rest.drop_front();
    if (!one(high) || high < low)
      return refuse("a range of characters goes backwards");
  }
  ranges.push_back({low, high});
  return true;
}

NodePtr Parser::bracket() {
  rest = rest.drop_front();
  bool isNot = rest.consume_front("^");
  Ranges ranges;
  // A ']' in front is one of the characters.
  do
    if (!member(ranges))
      return nullptr;
  while (!rest.consume_front("]"));
  ranges = normalized(ranges);
  if (!isNot)
    return set(ranges);
  // What is left out is left out in both cases.
  NodePtr node = make(Node::Set);
  node->ranges = withoutSurrogates(
      complement(flags.foldsCase ? foldCase(ranges) : ranges));
  return node;
}

//===- Repetition ---------------------------------------------------------===//

/// "{n}", "{n,}", "{n,m}"; false where braces stand for themselves.
bool Parser::bounds(int &least, int &most) {
  StringRef at = rest;
  if (!at.consume_front("{") || at.consumeInteger(10, least))
    return false;
  most = least;
  if (at.consume_front(",")) {
    most = -1;
    if (!at.starts_with("}") && at.consumeInteger(10, most))
      return false;
  }
  if (!at.consume_front("}") || least < 0)
    return false;
  rest = at;
  return true;
}

NodePtr Parser::repeated(NodePtr part) {
  bool isRepeated = false;
  while (true) {
    int least = 0, most = -1;
    if (rest.consume_front("+"))
      least = 1;
    else if (rest.consume_front("?"))
      most = 1;
    else if (!rest.consume_front("*") && !bounds(least, most))
      return part;
    if (isRepeated)
      return fail("something is repeated twice");
    if (least > kMostRepeats || most > kMostRepeats ||
        (most >= 0 && most < least))
      return fail("something is repeated " + Twine(least) + " to " +
                  Twine(most) + " times");
    rest.consume_front("?"); // lazy
    NodePtr node = make(Node::Repeat);
    node->least = least;
    node->most = most;
    node->children.push_back(std::move(part));
    part = std::move(node);
    isRepeated = true;
  }
}

} // namespace

Expected<std::unique_ptr<Node>> parse(StringRef pattern) {
  return Parser(pattern).run();
}

} // namespace weft::onnx::regex
