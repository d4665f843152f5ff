// One chunk is one huge page. It is filled beside the mapping and then takes
// the place of the file's pages by mremap, which threads that read meanwhile
// see as one step: the kernel holds the lock that their page faults wait for.
#include "HugeWeights.h"
#include "Cgroup.h"
#include "Memory.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace weft::runtime {

static constexpr size_t kSmallPage = 4096;
/// What a chunk may cost before one has been measured.
static constexpr HugeWeights::Nanoseconds kFirstCost =
    std::chrono::milliseconds(1);
static constexpr int kShareOfRun = 2;

static bool systemHasHugePages() {
  int file =
      open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  char text[64] = {};
  ssize_t count = read(file, text, sizeof text - 1);
  close(file);
  return count > 0 && !std::strstr(text, "[never]");
}

/// True where memory for twice the bytes is granted: pages of a file can be
/// dropped and read again where memory is short, copies cannot.
static bool hasRoomFor(size_t bytes) {
  auto machine = uint64_t(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  uint64_t limit = cgroupMemoryLimit();
  return bytes <= (limit ? std::min(limit, machine) : machine) / 2;
}

/// True if this process has touched most of the chunk. Moving the rest would
/// make memory of what nobody reads: rows of an embedding table, say.
static bool isInUse(int pagemap, uintptr_t chunk) {
  constexpr size_t kPages = kHugePage / kSmallPage;
  constexpr uint64_t kPresent = uint64_t(1) << 63;
  uint64_t entries[kPages];
  ssize_t count = pread(pagemap, entries, sizeof entries,
                        off_t(chunk / kSmallPage * sizeof entries[0]));
  if (count != sizeof entries)
    return false;
  size_t present = 0;
  for (uint64_t entry : entries)
    present += (entry & kPresent) != 0;
  return present > kPages / 2;
}

/// True if the chunk is one huge page already: the file's. False also where the
/// kernel (before Linux 6.7) cannot say.
static bool isHuge(int pagemap, uintptr_t chunk) {
  // PAGEMAP_SCAN of <linux/fs.h>, which older headers lack.
  constexpr uint64_t kHuge = 1 << 6;
  struct Region {
    uint64_t start, end, categories;
  } found = {};
  struct {
    uint64_t size, flags, start, end, walkEnd, regions, regionCount, maxPages,
        invertedCategories, allOfCategories, anyOfCategories,
        returnedCategories;
  } request = {};
  request.size = sizeof request;
  request.start = chunk;
  request.end = chunk + kHugePage;
  request.regions = reinterpret_cast<uintptr_t>(&found);
  request.regionCount = 1;
  request.allOfCategories = request.returnedCategories = kHuge;
  return ioctl(pagemap, _IOWR('f', 16, decltype(request)), &request) == 1 &&
         found.start == chunk && found.end == chunk + kHugePage;
}

static bool isWorthMoving(uintptr_t chunk) {
  int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0)
    return false;
  bool worth = isInUse(pagemap, chunk) && !isHuge(pagemap, chunk);
  close(pagemap);
  return worth;
}

void readInHugePages(void *mapped, size_t bytes) {
  if (bytes >= kHugePage && hasRoomFor(bytes))
    madvise(mapped, bytes, MADV_HUGEPAGE);
}

void HugeWeights::cover(const void *begin, size_t bytes, int file) {
  struct statfs system;
  if (fstatfs(file, &system) != 0 || system.f_type == TMPFS_MAGIC ||
      sysconf(_SC_PAGESIZE) != kSmallPage || !systemHasHugePages() ||
      !hasRoomFor(bytes))
    return;
  auto first = reinterpret_cast<uintptr_t>(begin);
  std::lock_guard<std::mutex> lock(mutex);
  next = (first + kHugePage - 1) / kHugePage * kHugePage;
  end = (first + bytes) / kHugePage * kHugePage;
  cost = kFirstCost;
  moving = next < end;
}

void HugeWeights::afterRun(Nanoseconds run) noexcept {
  std::unique_lock<std::mutex> lock(mutex, std::try_to_lock);
  if (!lock || !isMoving())
    return;
  if (!hasRun) {
    hasRun = true;
    return;
  }
  saved += run / kShareOfRun;
  while (saved >= cost && isMoving()) {
    auto begin = std::chrono::steady_clock::now();
    if (!isWorthMoving(next)) {
      next += kHugePage;
    } else if (moveChunk()) {
      next += kHugePage;
      cost = std::chrono::steady_clock::now() - begin;
    } else {
      next = end;
    }
    saved -= std::chrono::steady_clock::now() - begin;
    moving = next < end;
  }
}

/// False, and nothing has changed, if the system does not have what it takes.
bool HugeWeights::moveChunk() noexcept {
  void *copy = mapHugePages(kHugePage);
  if (!copy)
    return false;
  auto *place = reinterpret_cast<void *>(next);
  std::memcpy(copy, place, kHugePage);
  if (mprotect(copy, kHugePage, PROT_READ) == 0 &&
      mremap(copy, kHugePage, kHugePage, MREMAP_MAYMOVE | MREMAP_FIXED,
             place) == place)
    return true;
  munmap(copy, kHugePage);
  return false;
}

} // namespace weft::runtime
