// Large blocks come straight from the kernel on a boundary of 2 MiB, so that
// they can be huge pages: temporaries of a convolution net are walked from end
// to end, and 4-KiB pages cost both faults and TLB misses. So does the scratch
// memory of a work item, of 1 MiB or so: minimal filtering writes 36 streams
// into it, and some processors remember 16 pages for stores.
#include "Memory.h"
#include "weft/Artifact/Abi.h"

#include <algorithm>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

namespace weft::runtime {

static constexpr size_t kLargeBytes = kHugePage / 2;

void *mapHugePages(size_t bytes) noexcept {
  size_t whole = bytes + kHugePage;
  void *mapped = mmap(nullptr, whole, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED)
    return nullptr;
  auto begin = reinterpret_cast<uintptr_t>(mapped);
  uintptr_t start = (begin + kHugePage - 1) / kHugePage * kHugePage;
  // Give back what lies before and after the aligned block.
  if (start != begin)
    munmap(mapped, start - begin);
  if (size_t after = begin + whole - (start + bytes))
    munmap(reinterpret_cast<void *>(start + bytes), after);
  void *block = reinterpret_cast<void *>(start);
  madvise(block, bytes, MADV_HUGEPAGE);
  return block;
}

static size_t roundUp(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

/// What is mapped for a large block: its end gets a huge page only where it
/// fills half of one, so that none costs 1 MiB more than it holds.
static size_t mappedBytes(size_t bytes) {
  bool fillsHalf = bytes % kHugePage >= kHugePage / 2;
  return roundUp(bytes, fillsHalf ? kHugePage : sysconf(_SC_PAGESIZE));
}

static void *systemAllocate(void *, size_t bytes, size_t alignment) {
  if (bytes >= kLargeBytes)
    return mapHugePages(mappedBytes(bytes));
  return aligned_alloc(alignment, roundUp(bytes, alignment));
}

static void systemRelease(void *, void *block, size_t bytes) {
  if (bytes >= kLargeBytes)
    munmap(block, mappedBytes(bytes));
  else
    free(block);
}

const weft_allocator kSystemAllocator = {nullptr, systemAllocate,
                                         systemRelease};

void *Block::ensure(int64_t bytes) noexcept {
  if (bytes < 0 || bytes > INT64_MAX / 2)
    return nullptr;
  size_t wanted = std::max<size_t>(bytes, 1);
  if (memory && wanted <= usable)
    return memory;
  reset();
  memory = allocator->allocate(allocator->user, wanted + WEFT_BUFFER_ALIGNMENT,
                               WEFT_BUFFER_ALIGNMENT);
  usable = memory ? wanted : 0;
  return memory;
}

void Block::reset() noexcept {
  if (memory)
    allocator->release(allocator->user, memory, usable + WEFT_BUFFER_ALIGNMENT);
  memory = nullptr;
  usable = 0;
}

/// The first bucket of blocks that have at least `size` bytes.
std::vector<BlockCache::Bucket>::iterator
BlockCache::bucketOf(size_t size) noexcept {
  return std::lower_bound(
      buckets.begin(), buckets.end(), size,
      [](const Bucket &bucket, size_t size) { return bucket.size < size; });
}

/// A block that no bucket has. May throw where vectors cannot grow.
void *BlockCache::create(int64_t bytes) {
  Block block(allocator);
  if (!block.ensure(bytes))
    return nullptr;
  auto bucket = bucketOf(block.size());
  if (bucket == buckets.end() || bucket->size != block.size())
    bucket = buckets.insert(bucket, Bucket{block.size(), 0, {}});
  if (bucket->free.capacity() == bucket->count)
    bucket->free.reserve(2 * bucket->count + 1);
  if (taken.capacity() == count)
    taken.reserve(2 * count + 1);
  taken.push_back({std::move(block), true});
  ++bucket->count, ++count;
  return taken.back().block.data();
}

/// Gives back the largest free block that is too small for `bytes`, if the new
/// one will do in its place, and returns what the new one should hold: a list
/// that grows asks for a little more each time.
int64_t BlockCache::outgrow(int64_t bytes) noexcept {
  for (auto bucket = bucketOf(size_t(bytes)); bucket != buckets.begin();) {
    --bucket;
    if (bucket->size < size_t(bytes) / 2)
      break;
    if (bucket->free.empty())
      continue;
    bucket->free.pop_back();
    --bucket->count, --count;
    return std::max<int64_t>(bytes, int64_t(bucket->size + bucket->size / 4));
  }
  return bytes;
}

void *BlockCache::take(int64_t bytes) noexcept {
  if (bytes < 0)
    return nullptr;
  try {
    // The smallest free block that fits, but none that wastes more than half.
    for (auto bucket = bucketOf(std::max<size_t>(bytes, 1));
         bucket != buckets.end() && bucket->size / 2 <= size_t(bytes) + 4096;
         ++bucket) {
      if (bucket->free.empty())
        continue;
      taken.push_back({std::move(bucket->free.back().block), true});
      bucket->free.pop_back();
      return taken.back().block.data();
    }
    return create(outgrow(bytes));
  } catch (...) {
    return nullptr;
  }
}

void BlockCache::give(void *memory) noexcept {
  // What was taken last is mostly given first.
  for (size_t i = taken.size(); i-- > 0;) {
    if (taken[i].block.data() != memory)
      continue;
    std::swap(taken[i], taken.back());
    bucketOf(taken.back().block.size())
        ->free.push_back(std::move(taken.back()));
    taken.pop_back();
    return;
  }
}

void BlockCache::endRun() noexcept {
  for (Bucket &bucket : buckets) {
    auto unused = std::remove_if(bucket.free.begin(), bucket.free.end(),
                                 [](const Entry &e) { return !e.usedInRun; });
    auto dropped = size_t(bucket.free.end() - unused);
    bucket.count -= dropped, count -= dropped;
    bucket.free.erase(unused, bucket.free.end());
  }
  for (Entry &entry : taken)
    bucketOf(entry.block.size())->free.push_back(std::move(entry));
  taken.clear();
  buckets.erase(std::remove_if(buckets.begin(), buckets.end(),
                               [](const Bucket &b) { return b.count == 0; }),
                buckets.end());
  for (Bucket &bucket : buckets)
    for (Entry &entry : bucket.free)
      entry.usedInRun = false;
}

} // namespace weft::runtime
