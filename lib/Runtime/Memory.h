// Memory of sessions: the embedder's allocator or the system's, in blocks that
// are kept between runs.
#ifndef WEFT_LIB_RUNTIME_MEMORY_H
#define WEFT_LIB_RUNTIME_MEMORY_H

#include "weft/runtime.h"
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weft::runtime {

constexpr size_t kHugePage = size_t(2) << 20;

/// Zeroed memory of a multiple of kHugePage bytes on such a boundary, which the
/// kernel may back by huge pages; to be unmapped. Null where there is none.
void *mapHugePages(size_t bytes) noexcept;

/// The system's memory as a weft_allocator: large blocks in huge pages.
extern const weft_allocator kSystemAllocator;

/// One block that grows. Its content is lost when it does. Starts at a multiple
/// of 64 bytes and may be read 64 bytes past its end.
class Block {
public:
  explicit Block(const weft_allocator &allocator) : allocator(&allocator) {}
  Block(Block &&other) noexcept : allocator(other.allocator) { swap(other); }
  Block &operator=(Block &&other) noexcept {
    swap(other);
    return *this;
  }
  ~Block() { reset(); }

  /// A block of at least `bytes` bytes, or null. Never null for 0 bytes.
  void *ensure(int64_t bytes) noexcept;
  void reset() noexcept;
  void *data() const { return memory; }
  size_t size() const { return usable; }

private:
  void swap(Block &other) noexcept {
    std::swap(allocator, other.allocator);
    std::swap(memory, other.memory);
    std::swap(usable, other.usable);
  }

  const weft_allocator *allocator;
  void *memory = nullptr;
  size_t usable = 0;
};

/// Blocks that are handed out and taken back within a run. Blocks of one run
/// serve the next; what a whole run did not use is given back, and so is a free
/// one that a request is a little too large for. Programs ask for thousands of
/// blocks in a run, of few sizes, so free ones are kept by size.
class BlockCache {
public:
  explicit BlockCache(const weft_allocator &allocator) : allocator(allocator) {}

  void *take(int64_t bytes) noexcept;
  void give(void *memory) noexcept;
  void endRun() noexcept;

private:
  struct Entry {
    Block block;
    bool usedInRun;
  };
  struct Bucket {
    size_t size;             ///< of each of its blocks
    size_t count = 0;        ///< of them, in use or not
    std::vector<Entry> free; ///< has room for all
  };
  std::vector<Bucket>::iterator bucketOf(size_t size) noexcept;
  int64_t outgrow(int64_t bytes) noexcept;
  void *create(int64_t bytes);

  const weft_allocator &allocator;
  std::vector<Bucket> buckets; ///< smallest first
  std::vector<Entry> taken;    ///< has room for all blocks
  size_t count = 0;            ///< of all blocks
};

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_MEMORY_H
