#include "Runtime/HugeWeights.h"
#include "Runtime/Memory.h"
#include "Runtime/Model.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace weft::runtime;
using namespace std::chrono_literals;

namespace {

constexpr size_t kChunks = 6;

/// A mapped file on disk, in which each word is its number. Written a page at a
/// time, it lies in small pages on any file system.
struct HugeWeightsTest : testing::Test {
  void SetUp() override { makeFile(/*piece=*/4096); }
  void makeFile(size_t piece) {
    std::string name = std::filesystem::current_path() / "weights-XXXXXX";
    file = mkstemp(name.data());
    ASSERT_GE(file, 0);
    unlink(name.c_str());
    std::vector<uint64_t> words(bytes / 8);
    for (size_t i = 0; i < words.size(); ++i)
      words[i] = i;
    auto *text = reinterpret_cast<const char *>(words.data());
    for (size_t at = 0; at < bytes; at += piece) {
      size_t size = std::min(piece, bytes - at);
      ASSERT_EQ(pwrite(file, text + at, size, off_t(at)), ssize_t(size));
    }
    void *mapped = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    data = static_cast<const uint64_t *>(mapped);
    weights.cover(data, bytes, file);
    if (!weights.isMoving())
      GTEST_SKIP() << "no huge pages, or the folder is in memory";
  }
  void TearDown() override {
    if (data)
      munmap(const_cast<uint64_t *>(data), bytes);
    close(file);
  }

  /// Words that are not what the file holds.
  size_t wrong() const {
    size_t count = 0;
    for (size_t i = 0; i < bytes / 8; ++i)
      count += data[i] != i;
    return count;
  }
  void moveAll() {
    for (int i = 0; i < 1000 && weights.isMoving(); ++i)
      weights.afterRun(1s);
    EXPECT_FALSE(weights.isMoving());
  }
  /// Lines of the process's map that lie in the data and belong to a file, or
  /// to none.
  size_t bytesOfMap(bool ofFile) const {
    std::ifstream maps("/proc/self/maps");
    size_t sum = 0;
    for (std::string line; std::getline(maps, line);) {
      uintptr_t first = 0, last = 0;
      if (std::sscanf(line.c_str(), "%lx-%lx", &first, &last) != 2)
        continue;
      auto begin = uintptr_t(data);
      first = std::max(first, begin), last = std::min(last, begin + bytes);
      bool isFile = line.find("weights-") != std::string::npos;
      if (first < last && isFile == ofFile)
        sum += last - first;
    }
    return sum;
  }

  /// Bytes of the data that are mapped as huge pages of the file.
  size_t bytesInHugePagesOfFile() const {
    std::ifstream map("/proc/self/smaps");
    size_t sum = 0, kilobytes = 0;
    bool isInData = false;
    for (std::string line; std::getline(map, line);) {
      uintptr_t first = 0, last = 0;
      if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2)
        isInData = first >= uintptr_t(data) && first < uintptr_t(data) + bytes;
      else if (isInData && std::sscanf(line.c_str(), "FilePmdMapped: %zu kB",
                                       &kilobytes) == 1)
        sum += kilobytes * 1024;
    }
    return sum;
  }

  static constexpr size_t bytes = kChunks * kHugePage + 12345 * 8;
  int file = -1;
  const uint64_t *data = nullptr;
  HugeWeights weights;
};

TEST_F(HugeWeightsTest, KeepTheirValuesAndAddresses) {
  ASSERT_EQ(wrong(), 0u);
  moveAll();
  EXPECT_EQ(wrong(), 0u);
  // What does not fill a huge page stays where it is.
  EXPECT_GE(bytesOfMap(/*ofFile=*/false), (kChunks - 1) * kHugePage);
  EXPECT_GT(bytesOfMap(/*ofFile=*/true), 0u);
}

TEST_F(HugeWeightsTest, StayWhileNobodyReadThem) {
  moveAll();
  EXPECT_EQ(bytesOfMap(/*ofFile=*/false), 0u);
  EXPECT_EQ(wrong(), 0u);
}

TEST_F(HugeWeightsTest, StayAfterTheFirstRun) {
  ASSERT_EQ(wrong(), 0u);
  weights.afterRun(100s);
  EXPECT_EQ(bytesOfMap(/*ofFile=*/false), 0u);
  EXPECT_TRUE(weights.isMoving());
}

TEST_F(HugeWeightsTest, ShortRunsSaveUp) {
  ASSERT_EQ(wrong(), 0u);
  weights.afterRun(1us);
  weights.afterRun(1us);
  EXPECT_EQ(bytesOfMap(/*ofFile=*/false), 0u) << "a chunk takes longer";
  for (int i = 0; i < 10000; ++i)
    weights.afterRun(1us);
  EXPECT_GT(bytesOfMap(/*ofFile=*/false), 0u);
}

TEST_F(HugeWeightsTest, OthersReadMeanwhile) {
  ASSERT_EQ(wrong(), 0u);
  std::atomic<bool> stop{false};
  std::atomic<size_t> bad{0}, rounds{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!stop || rounds < 4) {
        bad += wrong();
        ++rounds;
      }
    });
  moveAll();
  stop = true;
  for (std::thread &reader : readers)
    reader.join();
  EXPECT_EQ(bad, 0u);
}

/// A file that lies in huge pages, where its file system has them.
struct HugeFileTest : HugeWeightsTest {
  void SetUp() override {
    makeFile(/*piece=*/kHugePage);
    if (IsSkipped() || HasFatalFailure())
      return;
    ASSERT_EQ(wrong(), 0u);
    inHugePages = bytesInHugePagesOfFile();
    if (!inHugePages)
      GTEST_SKIP() << "the file system or the kernel has no huge pages";
  }
  size_t inHugePages = 0;
};

TEST_F(HugeFileTest, StaysWhereItIsHuge) {
  moveAll();
  EXPECT_EQ(wrong(), 0u);
  utsname system;
  int major = 0, minor = 0;
  ASSERT_EQ(uname(&system), 0);
  std::sscanf(system.release, "%d.%d", &major, &minor);
  if (std::pair(major, minor) < std::pair(6, 7))
    GTEST_SKIP() << "Linux " << system.release << " does not say what is huge";
  EXPECT_EQ(bytesInHugePagesOfFile(), inHugePages);
}

TEST_F(HugeFileTest, IsReadInHugePages) {
  ASSERT_EQ(munmap(const_cast<uint64_t *>(data), bytes), 0);
  data = nullptr;
  ASSERT_EQ(fsync(file), 0);
  ASSERT_EQ(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
  void *mapped = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  data = static_cast<const uint64_t *>(mapped);
  std::vector<unsigned char> resident(bytes / 4096 + 1);
  ASSERT_EQ(mincore(mapped, bytes, resident.data()), 0);
  if (std::count(resident.begin(), resident.end(), 1))
    GTEST_SKIP() << "the file stays in memory";
  readInHugePages(mapped, bytes);
  for (size_t i = 0; i < bytes / 8; i += kHugePage / 8)
    ASSERT_EQ(data[i], i);
  EXPECT_GT(bytesInHugePagesOfFile(), 0u);
}

TEST(HugeWeights, FilesInMemoryAreNotHeldTwice) {
  int file = memfd_create("weights", MFD_CLOEXEC);
  ASSERT_GE(file, 0);
  ASSERT_EQ(ftruncate(file, 8 * kHugePage), 0);
  void *data = mmap(nullptr, 8 * kHugePage, PROT_READ, MAP_PRIVATE, file, 0);
  ASSERT_NE(data, MAP_FAILED);
  HugeWeights weights;
  weights.cover(data, 8 * kHugePage, file);
  EXPECT_FALSE(weights.isMoving());
  munmap(data, 8 * kHugePage);
  close(file);
}

TEST(HugeWeights, OfModelsThatShareThemStay) {
  auto move = [](bool share) {
    weft_load_options options = {};
    options.share_weights = share;
    int file = open(WEFT_SAMPLES "/large.weft", O_RDONLY | O_CLOEXEC);
    auto *model = new weft_model(file, "large.weft", options);
    bool isMoving = model->hugeWeights.isMoving();
    model->release();
    return isMoving;
  };
  if (!move(/*share=*/false))
    GTEST_SKIP() << "no huge pages, or the folder is in memory";
  EXPECT_FALSE(move(/*share=*/true));
}

} // namespace
