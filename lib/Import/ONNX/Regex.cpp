// Parser, Thompson's construction over the bytes of UTF-8, and subset
// construction. An assertion (^, $, \b) holds or not by the bytes on both of
// its sides: a state of the automaton knows what the last byte was, and which
// assertions let through is decided when the next one is read.
#include "Regex.h"
#include "RegexParser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <cstring>
#include <map>

using namespace llvm;
using namespace weft::onnx::regex;

namespace weft::onnx {
namespace {

constexpr size_t kMostSteps = 100000;
constexpr size_t kMostEntries = 1 << 22; ///< of the table of transitions

/// What stands beside a position.
enum Side : unsigned { Edge, Newline, Word, Other, Sides };

Side sideOf(unsigned byte) {
  if (byte == '\n')
    return Newline;
  return isAlnum(char(byte)) || byte == '_' ? Word : Other;
}

bool holds(Assertion assertion, Side before, Side after) {
  switch (assertion) {
  case Assertion::TextBegin:
    return before == Edge;
  case Assertion::TextEnd:
    return after == Edge;
  case Assertion::LineBegin:
    return before == Edge || before == Newline;
  case Assertion::LineEnd:
    return after == Edge || after == Newline;
  case Assertion::WordEdge:
    return (before == Word) != (after == Word);
  case Assertion::NoWordEdge:
    return (before == Word) == (after == Word);
  }
  llvm_unreachable("all assertions are listed");
}

/// One step of the nondeterministic automaton.
struct Step {
  enum Kind { Bytes, Split, Assert, Accept } kind;
  unsigned low = 0, high = 0; ///< of Bytes
  Assertion assertion = Assertion::TextBegin;
  uint32_t next = 0, other = 0; ///< `other` of Split
};

//===- Thompson's construction --------------------------------------------===//

/// Builds backwards: each part is told where it leads to and returns where it
/// begins.
class Construction {
public:
  SmallVector<Step> steps;
  bool hasAssertions = false;
  bool isTooLarge = false;

  uint32_t build(const Node &node, uint32_t next);
  uint32_t add(Step step) {
    isTooLarge |= steps.size() >= kMostSteps;
    if (!isTooLarge)
      steps.push_back(step);
    return steps.size() - 1;
  }

private:
  uint32_t split(uint32_t a, uint32_t b) {
    return add({Step::Split, 0, 0, Assertion::TextBegin, a, b});
  }
  uint32_t bytes(unsigned low, unsigned high, uint32_t next) {
    return add({Step::Bytes, low, high, Assertion::TextBegin, next, 0});
  }
  uint32_t repeat(const Node &node, uint32_t next);
  void sequences(uint32_t low, uint32_t high, uint32_t next,
                 SmallVectorImpl<uint32_t> &starts);
  uint32_t set(const Node &node, uint32_t next);
};

unsigned encode(uint32_t c, unsigned *bytes) {
  unsigned length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const unsigned marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (unsigned i = length; i-- > 1; c >>= 6)
    bytes[i] = 0x80 | (c & 0x3f);
  bytes[0] = marks[length] | c;
  return length;
}

/// The characters from `low` to `high` as ranges of bytes one after another.
void Construction::sequences(uint32_t low, uint32_t high, uint32_t next,
                             SmallVectorImpl<uint32_t> &starts) {
  auto divide = [&](uint32_t last) {
    sequences(low, last, next, starts);
    sequences(last + 1, high, next, starts);
  };
  for (uint32_t last : {0x7fu, 0x7ffu, 0xffffu})
    if (low <= last && last < high)
      return divide(last);
  // All bytes behind the first that differs must have their whole range.
  for (unsigned tail = 1; tail < 4 && high >= 0x80; ++tail) {
    uint32_t mask = (1u << (6 * tail)) - 1;
    if ((low & ~mask) == (high & ~mask))
      continue;
    if (low & mask)
      return divide(low | mask);
    if ((high & mask) != mask)
      return divide((high & ~mask) - 1);
  }
  unsigned first[4], last[4], length = encode(low, first);
  encode(high, last);
  for (unsigned i = length; i-- > 0;)
    next = bytes(first[i], last[i], next);
  starts.push_back(next);
}

uint32_t Construction::set(const Node &node, uint32_t next) {
  SmallVector<uint32_t> starts;
  for (auto [low, high] : node.ranges)
    sequences(low, high, next, starts);
  if (starts.empty()) // matches nothing: a byte that does not exist
    return bytes(1, 0, next);
  uint32_t begin = starts.back();
  for (uint32_t start : reverse(ArrayRef(starts).drop_back()))
    begin = split(start, begin);
  return begin;
}

uint32_t Construction::repeat(const Node &node, uint32_t next) {
  const Node &part = *node.children.front();
  uint32_t begin = next;
  if (node.most < 0) {
    uint32_t loop = split(0, next);
    uint32_t body = build(part, loop);
    if (isTooLarge)
      return 0;
    steps[loop].next = body;
    begin = loop;
  }
  for (int i = node.least; i < node.most && !isTooLarge; ++i)
    begin = split(build(part, begin), next);
  for (int i = 0; i < node.least && !isTooLarge; ++i)
    begin = build(part, begin);
  return begin;
}

uint32_t Construction::build(const Node &node, uint32_t next) {
  if (isTooLarge)
    return 0;
  switch (node.kind) {
  case Node::Set:
    return set(node, next);
  case Node::AnyByte:
    return bytes(0, 255, next);
  case Node::Assert:
    hasAssertions = true;
    return add({Step::Assert, 0, 0, node.assertion, next, 0});
  case Node::Sequence:
    for (const auto &child : reverse(node.children))
      next = build(*child, next);
    return next;
  case Node::Choice: {
    uint32_t begin = build(*node.children.back(), next);
    for (const auto &child : reverse(ArrayRef(node.children).drop_back()))
      begin = split(build(*child, next), begin);
    return begin;
  }
  case Node::Repeat:
    return repeat(node, next);
  }
  llvm_unreachable("all kinds are listed");
}

//===- Subset construction ------------------------------------------------===//

class Determinizer {
public:
  Determinizer(const Construction &from, uint32_t start)
      : steps(from.steps), hasAssertions(from.hasAssertions) {
    divideBytes();
    number({}, Other); // state 0, of which nothing leads out
    number({start}, hasAssertions ? Edge : Other);
  }

  /// False where it has too many states.
  bool run();
  std::string encoded() const;

private:
  using Set = std::vector<uint32_t>;

  void divideBytes();
  uint32_t number(Set set, Side before);
  Set closure(const Set &set, Side before, Side after) const;
  uint32_t follow(const Set &closed, unsigned byte);

  ArrayRef<Step> steps;
  bool hasAssertions;
  uint8_t classOf[256];
  SmallVector<unsigned> firstByte; ///< of each class
  std::map<std::pair<Set, Side>, uint32_t> numbers;
  std::vector<const std::pair<const std::pair<Set, Side>, uint32_t> *> states;
  std::string accepting;
  std::vector<uint32_t> table;
};

/// Bytes that no step tells apart are one class.
void Determinizer::divideBytes() {
  bool begins[257] = {true};
  for (const Step &step : steps)
    if (step.kind == Step::Bytes && step.low <= step.high)
      begins[step.low] = begins[step.high + 1] = true;
  for (unsigned byte = 1; byte < 256 && hasAssertions; ++byte)
    begins[byte] |= sideOf(byte) != sideOf(byte - 1);
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (begins[byte])
      firstByte.push_back(byte);
    classOf[byte] = uint8_t(firstByte.size() - 1);
  }
}

uint32_t Determinizer::number(Set set, Side before) {
  llvm::sort(set);
  set.erase(std::unique(set.begin(), set.end()), set.end());
  if (set.empty())
    before = Other;
  auto [found, isNew] =
      numbers.try_emplace({std::move(set), before}, states.size());
  if (isNew)
    states.push_back(&*found);
  return found->second;
}

/// All steps that are reached without reading.
Determinizer::Set Determinizer::closure(const Set &set, Side before,
                                        Side after) const {
  Set result, open(set);
  std::vector<bool> seen(steps.size());
  while (!open.empty()) {
    uint32_t at = open.back();
    open.pop_back();
    if (seen[at])
      continue;
    seen[at] = true;
    const Step &step = steps[at];
    if (step.kind == Step::Split) {
      open.push_back(step.other);
      open.push_back(step.next);
    } else if (step.kind != Step::Assert) {
      result.push_back(at);
    } else if (holds(step.assertion, before, after)) {
      open.push_back(step.next);
    }
  }
  return result;
}

uint32_t Determinizer::follow(const Set &closed, unsigned byte) {
  Set next;
  for (uint32_t at : closed)
    if (steps[at].kind == Step::Bytes && steps[at].low <= byte &&
        byte <= steps[at].high)
      next.push_back(steps[at].next);
  return number(std::move(next), hasAssertions ? sideOf(byte) : Other);
}

bool Determinizer::run() {
  for (size_t i = 0; i < states.size(); ++i) {
    if (states.size() * firstByte.size() > kMostEntries)
      return false;
    const auto &[set, before] = states[i]->first;
    Set closed[Sides];
    for (unsigned after = 0; after < Sides; ++after)
      if (after == Edge || hasAssertions || after == Other)
        closed[after] = closure(set, before, Side(after));
    accepting.push_back(any_of(closed[Edge], [&](uint32_t at) {
      return steps[at].kind == Step::Accept;
    }));
    for (unsigned byte : firstByte)
      table.push_back(
          follow(closed[hasAssertions ? sideOf(byte) : Other], byte));
  }
  return true;
}

std::string Determinizer::encoded() const {
  uint32_t sizes[] = {uint32_t(states.size()), uint32_t(firstByte.size())};
  std::string bytes(reinterpret_cast<const char *>(sizes), sizeof sizes);
  bytes.append(reinterpret_cast<const char *>(classOf), sizeof classOf);
  bytes += accepting;
  bytes.append(reinterpret_cast<const char *>(table.data()),
               table.size() * sizeof table[0]);
  return bytes;
}

} // namespace

Expected<std::string> automatonOf(StringRef pattern) {
  auto parsed = parse(pattern);
  if (!parsed)
    return parsed.takeError();
  Construction construction;
  uint32_t accept = construction.add({Step::Accept});
  uint32_t start = construction.build(**parsed, accept);
  if (!construction.isTooLarge) {
    Determinizer determinizer(construction, start);
    if (determinizer.run())
      return determinizer.encoded();
  }
  return createStringError("pattern '" + pattern +
                           "' needs too many states; repeat less in it");
}

} // namespace weft::onnx
