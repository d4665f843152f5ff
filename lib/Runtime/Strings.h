// Strings of runs by number: generated code moves and compares numbers, and
// here is what they stand for.
#ifndef WEFT_LIB_RUNTIME_STRINGS_H
#define WEFT_LIB_RUNTIME_STRINGS_H

#include "Memory.h"
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace weft::runtime {

/// Numbers for different strings, from 0 on. Keeps views, not bytes.
class StringIndex {
public:
  explicit StringIndex(const weft_allocator &allocator)
      : allocator(allocator), entries(allocator), slots(allocator) {}

  int64_t size() const { return count; }
  std::string_view operator[](int64_t i) const { return at(i).text; }
  static uint64_t hash(std::string_view text);
  /// -1 where it is not among them.
  int64_t find(std::string_view text, uint64_t hash) const;
  /// Adds what find does not find. -1 where memory is short.
  int64_t add(std::string_view text, uint64_t hash) noexcept;
  void clear();

private:
  struct Entry {
    std::string_view text;
    uint64_t hash;
  };
  const Entry &at(int64_t i) const {
    return static_cast<const Entry *>(entries.data())[i];
  }
  void insert(int64_t number) const;
  bool grow() noexcept;

  const weft_allocator &allocator;
  Block entries, slots;
  int64_t count = 0;
  uint64_t mask = 0; ///< number of slots - 1, of which half are used at most
};

/// All strings of a session: the model's, which stay, and those of a run.
class StringTable {
public:
  enum class Failure { None, NoMemory, NoLocale };

  StringTable(const StringIndex &model, const weft_allocator &allocator)
      : model(model), run(allocator), memory(allocator) {}

  /// Forgets the strings of the last run.
  void begin();
  /// Of any number; what is no string is empty.
  std::string_view operator[](int64_t number) const;
  /// The number of `text`, which is copied. 0 where that fails.
  int64_t intern(std::string_view text) noexcept;
  /// A weft_string_function, from any thread.
  int64_t call(int64_t function, int64_t a, int64_t b, int64_t c,
               int64_t d) noexcept;
  /// What went wrong since the run began.
  Failure failure() const { return failed; }

private:
  /// Where the splitting of a string was left: at separators, up to `bound`
  /// times, or into pieces of `bound` characters that an automaton accepts.
  struct Splitting {
    int64_t text = -1, by, bound, next;
    bool isTokens;
    std::string_view rest;
    bool done;
  };

  char *reserve(size_t bytes) noexcept;
  int64_t commit(size_t bytes) noexcept;
  int64_t concat(std::string_view a, std::string_view b);
  int64_t changeCase(std::string_view text, bool upper);
  int64_t print(double value, int least, int most);
  Splitting splitting(int64_t text, int64_t by, int64_t bound,
                      bool isTokens) const;
  int64_t countParts(Splitting state) const;
  int64_t part(const Splitting &start, int64_t i);
  bool next(Splitting &state, std::string_view &part) const;
  bool nextPart(Splitting &state, std::string_view &part) const;
  bool nextToken(Splitting &state, std::string_view &part) const;
  bool readNumber(std::string_view text, double &value);
  int64_t fail(Failure why) {
    failed = why;
    return 0;
  }

  const StringIndex &model;
  StringIndex run;
  BlockCache memory; ///< of the run's strings, piece by piece
  char *piece = nullptr;
  size_t pieceSize = 0, pieceUsed = 0;
  Splitting splittings[64]; ///< by the string's number
  std::mutex mutex;
  bool touched = false; ///< since the run began
  Failure failed = Failure::None;
};

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_STRINGS_H
