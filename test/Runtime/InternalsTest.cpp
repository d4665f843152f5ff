// The parts of the runtime that its interface shows only in passing.
#include "Runtime/Cgroup.h"
#include "Runtime/CpuCount.h"
#include "Runtime/CpuFeatures.h"
#include "Runtime/Memory.h"
#include "Runtime/Tensors.h"
#include "Runtime/ThreadPool.h"
#include "gtest/gtest.h"
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

using namespace weft::runtime;
namespace fs = std::filesystem;

namespace {
/// A made-up root with the files that describe cgroups.
struct Cgroup : testing::Test {
  Cgroup() {
    std::string name = fs::temp_directory_path() / "weft-XXXXXX";
    root = mkdtemp(name.data());
  }
  ~Cgroup() override { fs::remove_all(root); }
  void file(const std::string &path, const std::string &text) {
    fs::create_directories((root + path).substr(0, (root + path).rfind('/')));
    std::ofstream(root + path) << text;
  }
  std::string root;
};
} // namespace

TEST_F(Cgroup, NoCgroupNoLimit) {
  EXPECT_EQ(cgroupCpuLimit(root), 0);
  EXPECT_EQ(cgroupMemoryLimit(root), 0u);
}

TEST_F(Cgroup, Memory) {
  file("/proc/self/cgroup", "0::/pod/container\n");
  file("/sys/fs/cgroup/pod/container/memory.max", "max\n");
  EXPECT_EQ(cgroupMemoryLimit(root), 0u);
  file("/sys/fs/cgroup/pod/memory.max", "3221225472\n");
  EXPECT_EQ(cgroupMemoryLimit(root), uint64_t(3) << 30);
  file("/proc/self/cgroup", "7:memory:/pod\n");
  file("/sys/fs/cgroup/memory/pod/memory.limit_in_bytes", "1073741824\n");
  EXPECT_EQ(cgroupMemoryLimit(root), uint64_t(1) << 30);
}

TEST_F(Cgroup, Version2) {
  file("/proc/self/cgroup", "0::/pod/container\n");
  file("/sys/fs/cgroup/pod/container/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroupCpuLimit(root), 0);
  file("/sys/fs/cgroup/pod/container/cpu.max", "250000 100000\n");
  EXPECT_EQ(cgroupCpuLimit(root), 3);
  file("/sys/fs/cgroup/pod/cpu.max", "150000 100000\n");
  EXPECT_EQ(cgroupCpuLimit(root), 2) << "the group above is stricter";
  file("/sys/fs/cgroup/pod/cpu.max", "nonsense");
  EXPECT_EQ(cgroupCpuLimit(root), 3);
}

// In a container the group is "/" and its limits are at the mount.
TEST_F(Cgroup, Version2InAContainer) {
  file("/proc/self/cgroup", "0::/\n");
  file("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroupCpuLimit(root), 1);
}

TEST_F(Cgroup, Version1) {
  file("/proc/self/cgroup", "4:memory:/a\n3:cpu,cpuacct:/a/b\n1:name=x:/\n");
  file("/sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us", "-1\n");
  file("/sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroupCpuLimit(root), 0);
  file("/sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us", "400000\n");
  EXPECT_EQ(cgroupCpuLimit(root), 4);
}

TEST(CpuFeatures, KnowsWhatEveryMachineHas) {
#if defined(__x86_64__)
  EXPECT_TRUE(hasCpuFeature("sse2"));
  EXPECT_EQ(hasCpuFeature("avx2"), bool(__builtin_cpu_supports("avx2")));
  EXPECT_EQ(hasCpuFeature("fma"), bool(__builtin_cpu_supports("fma")));
  EXPECT_EQ(hasCpuFeature("avx512f"), bool(__builtin_cpu_supports("avx512f")));
  EXPECT_EQ(hasCpuFeature("avx512bf16"),
            bool(__builtin_cpu_supports("avx512bf16")));
  EXPECT_EQ(missingCpuFeatures({"sse2", "made-up", "also"}), "made-up, also");
#endif
  EXPECT_FALSE(hasCpuFeature("made-up"));
}

TEST(Tensors, SizesAreCheckedForOverflow) {
  int64_t huge[3] = {int64_t(1) << 40, int64_t(1) << 40, 0}, bad[1] = {-1};
  EXPECT_EQ(denseBytes(huge, 2, 4), -1);
  EXPECT_EQ(denseBytes(huge, 3, 4), 0) << "no elements, whatever the rest";
  EXPECT_EQ(denseBytes(bad, 1, 4), -1);
  EXPECT_EQ(denseBytes(nullptr, 0, 8), 8);
}

TEST(Tensors, AxesOfOneElementHaveAnyStride) {
  int64_t shape[3] = {2, 1, 3}, strides[3] = {3, 999, 1};
  EXPECT_TRUE(isDense(shape, strides, 3));
  strides[0] = 4;
  EXPECT_FALSE(isDense(shape, strides, 3));
  EXPECT_TRUE(isDense(shape, nullptr, 3));
}

TEST(Tensors, InPlaceNeedsAlignmentAndRoomBehind) {
  auto *page = static_cast<char *>(aligned_alloc(4096, 8192));
  EXPECT_TRUE(isUsableInPlace(page, 4000));
  EXPECT_FALSE(isUsableInPlace(page, 4096)) << "the next page may be missing";
  EXPECT_FALSE(isUsableInPlace(page, 4096 - 63));
  EXPECT_TRUE(isUsableInPlace(page, 4096 - 64));
  EXPECT_FALSE(isUsableInPlace(page + 32, 100));
  free(page);
}

TEST(Tensors, StridedCopiesThereAndBack) {
  for (size_t size : {1, 2, 4, 8}) {
    std::vector<char> from(3 * 4 * 5 * size * 4), dense(2 * 3 * 4 * size),
        back(from.size());
    std::iota(from.begin(), from.end(), char(1));
    int64_t shape[3] = {2, 3, 4}, strides[3] = {1, 7, 23};
    copyToDense(dense.data(), from.data(), shape, strides, 3, size, false);
    copyFromDense(back.data(), strides, dense.data(), shape, 3, size);
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 3; ++j)
        for (int k = 0; k < 4; ++k)
          for (size_t b = 0; b < size; ++b) {
            size_t at = size_t(i + 7 * j + 23 * k) * size + b;
            EXPECT_EQ(dense[size_t((i * 3 + j) * 4 + k) * size + b], from[at]);
            EXPECT_EQ(back[at], from[at]);
          }
  }
}

TEST(Blocks, ServeTheNextRun) {
  BlockCache cache(kSystemAllocator);
  void *first = cache.take(1000), *second = cache.take(1000);
  EXPECT_NE(first, second);
  cache.give(first);
  EXPECT_EQ(cache.take(900), first) << "within a run";
  cache.endRun();
  EXPECT_TRUE(cache.take(1000) == first || cache.take(1000) == first);
  EXPECT_EQ(cache.take(-1), nullptr);
  EXPECT_EQ(cache.take(INT64_MAX), nullptr);
}

TEST(Blocks, ThousandsServeTheNextRun) {
  BlockCache cache(kSystemAllocator);
  auto run = [&](int count) {
    std::set<void *> blocks;
    for (int i = 0; i < count; ++i)
      blocks.insert(cache.take(100 << i % 5));
    cache.endRun();
    return blocks;
  };
  std::set<void *> first = run(20'000);
  EXPECT_EQ(first.size(), 20'000u);
  EXPECT_EQ(run(20'000), first);
  // What a run did not use is given back, and the rest stays.
  std::set<void *> fewer = run(100);
  EXPECT_TRUE(
      std::includes(first.begin(), first.end(), fewer.begin(), fewer.end()));
  EXPECT_EQ(run(100), fewer);
}

namespace {
/// What a cache has asked for.
struct Counter {
  size_t calls = 0, bytes = 0, most = 0;
  weft_allocator allocator = {
      this,
      [](void *user, size_t bytes, size_t alignment) {
        auto &counter = *static_cast<Counter *>(user);
        ++counter.calls;
        counter.bytes += bytes;
        counter.most = std::max(counter.most, counter.bytes);
        return kSystemAllocator.allocate(nullptr, bytes, alignment);
      },
      [](void *user, void *block, size_t bytes) {
        static_cast<Counter *>(user)->bytes -= bytes;
        kSystemAllocator.release(nullptr, block, bytes);
      }};
};
} // namespace

// A list that grows by copying needs its last two states, not all of them.
TEST(Blocks, OutgrownOnesAreGivenBack) {
  constexpr int64_t kItem = 1000, kItems = 1000;
  Counter counter;
  BlockCache cache(counter.allocator);
  auto run = [&] {
    size_t before = counter.calls;
    void *list = cache.take(kItem);
    for (int64_t i = 2; i <= kItems; ++i) {
      void *longer = cache.take(i * kItem);
      EXPECT_NE(longer, list);
      cache.give(list);
      list = longer;
    }
    cache.endRun();
    return counter.calls - before;
  };
  size_t first = run();
  EXPECT_LT(first, 100u) << "each has room to grow";
  EXPECT_LT(counter.most, size_t(3 * kItem * kItems));
  // Later runs find ever more of what they need.
  for (int i = 0; i < 20; ++i)
    run();
  EXPECT_EQ(run(), 0u);
  EXPECT_LT(counter.most, size_t(6 * kItem * kItems));
}

TEST(Blocks, LargeOnesAreAligned) {
  Block block(kSystemAllocator);
  int64_t size = 10'000'001;
  auto *data = static_cast<char *>(block.ensure(size));
  ASSERT_TRUE(data);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % (2 << 20), 0u);
  data[0] = data[size + 63] = 1;
  EXPECT_EQ(block.ensure(5), data) << "shrinking keeps the block";
}

TEST(ThreadPool, EveryWorkerAtMostOnceAndWorkIsDone) {
  for (int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.threads(), threads);
    struct State {
      std::atomic<int> calls[8], next, done;
    } state = {};
    for (int round = 0; round < 2000; ++round) {
      for (auto &calls : state.calls)
        calls = 0;
      state.next = state.done = 0;
      int count = round % threads + 1;
      pool.run(
          count,
          [](void *argument, int32_t worker) {
            auto &s = *static_cast<State *>(argument);
            ++s.calls[worker];
            while (s.next++ < 50)
              ++s.done;
          },
          &state);
      ASSERT_EQ(state.done, 50);
      ASSERT_EQ(state.calls[0], 1);
      for (int i = 0; i < 8; ++i)
        ASSERT_LE(state.calls[i], i < count ? 1 : 0);
    }
  }
}
