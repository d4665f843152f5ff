// A hash table with open addressing for the numbers, and pieces of memory, kept
// from run to run, for the bytes.
#include "Strings.h"
#include "weft/Artifact/Hash.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace weft::runtime {

//===- StringIndex --------------------------------------------------------===//

uint64_t StringIndex::hash(std::string_view text) {
  // An address that differs from process to process: who chooses strings that
  // clash must know it.
  static const char anchor = 0;
  artifact::Hasher hasher;
  auto seed = reinterpret_cast<uintptr_t>(&anchor);
  hasher.add(&seed, sizeof seed);
  hasher.add(text.data(), text.size());
  return hasher.value();
}

int64_t StringIndex::find(std::string_view text, uint64_t hash) const {
  if (count == 0)
    return -1;
  for (uint64_t place = hash & mask;; place = (place + 1) & mask) {
    int64_t number = static_cast<const int64_t *>(slots.data())[place] - 1;
    if (number < 0)
      return -1;
    if (at(number).hash == hash && at(number).text == text)
      return number;
  }
}

/// Enters a number that has an entry into the slots.
void StringIndex::insert(int64_t number) const {
  uint64_t place = at(number).hash & mask;
  auto *places = static_cast<int64_t *>(slots.data());
  while (places[place])
    place = (place + 1) & mask;
  places[place] = number + 1;
}

bool StringIndex::grow() noexcept {
  size_t wanted = std::max<size_t>(64, 2 * (mask + 1));
  Block larger(allocator), places(allocator);
  if (!larger.ensure(int64_t(wanted / 2 * sizeof(Entry))) ||
      !places.ensure(int64_t(wanted * sizeof(int64_t))))
    return false;
  if (count)
    std::memcpy(larger.data(), entries.data(), size_t(count) * sizeof(Entry));
  std::memset(places.data(), 0, wanted * sizeof(int64_t));
  entries = std::move(larger);
  slots = std::move(places);
  mask = wanted - 1;
  for (int64_t i = 0; i < count; ++i)
    insert(i);
  return true;
}

int64_t StringIndex::add(std::string_view text, uint64_t hash) noexcept {
  if ((count == 0 && !slots.data()) || uint64_t(count) >= (mask + 1) / 2)
    if (!grow())
      return -1;
  new (static_cast<Entry *>(entries.data()) + count) Entry{text, hash};
  insert(count);
  return count++;
}

void StringIndex::clear() {
  if (count)
    std::memset(slots.data(), 0, (mask + 1) * sizeof(int64_t));
  count = 0;
}

//===- StringTable --------------------------------------------------------===//

void StringTable::begin() {
  if (!touched)
    return;
  touched = false;
  run.clear();
  memory.endRun();
  piece = nullptr;
  pieceSize = pieceUsed = 0;
  failed = Failure::None;
  for (Splitting &state : splittings)
    state.text = -1;
}

std::string_view StringTable::operator[](int64_t number) const {
  if (number >= 0 && number < model.size())
    return model[number];
  number -= model.size();
  return number >= 0 && number < run.size() ? run[number] : std::string_view();
}

/// Memory for a string of at most `bytes`; what commit does not take is free
/// again.
char *StringTable::reserve(size_t bytes) noexcept {
  constexpr size_t kPiece = 1 << 16;
  // An empty string needs a place, too: none says that there is no memory.
  if (!piece || bytes > pieceSize - pieceUsed) {
    size_t wanted = std::max(bytes, kPiece);
    auto *block = bytes > PTRDIFF_MAX / 2
                      ? nullptr
                      : static_cast<char *>(memory.take(int64_t(wanted)));
    if (!block)
      return nullptr;
    piece = block;
    pieceSize = wanted;
    pieceUsed = 0;
  }
  return piece + pieceUsed;
}

/// The number of the string whose bytes were written to what was reserved.
int64_t StringTable::commit(size_t bytes) noexcept {
  std::string_view text(piece + pieceUsed, bytes);
  uint64_t hash = StringIndex::hash(text);
  int64_t known = model.find(text, hash);
  if (known >= 0)
    return known;
  known = run.find(text, hash);
  if (known < 0) {
    known = run.add(text, hash);
    if (known < 0)
      return fail(Failure::NoMemory);
    pieceUsed += bytes;
  }
  return model.size() + known;
}

int64_t StringTable::intern(std::string_view text) noexcept {
  if (text.empty())
    return 0;
  touched = true;
  uint64_t hash = StringIndex::hash(text);
  int64_t known = model.find(text, hash);
  if (known >= 0)
    return known;
  known = run.find(text, hash);
  if (known >= 0)
    return model.size() + known;
  char *bytes = reserve(text.size());
  if (!bytes)
    return fail(Failure::NoMemory);
  std::memcpy(bytes, text.data(), text.size());
  known = run.add({bytes, text.size()}, hash);
  if (known < 0)
    return fail(Failure::NoMemory);
  pieceUsed += text.size();
  return model.size() + known;
}

} // namespace weft::runtime
