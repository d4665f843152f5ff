#include "weft/Artifact/OutputFile.h"
#include "Sample.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <cstdio>
#include <sys/stat.h>
#include <unistd.h>

using weft::artifact::OutputFile;

TEST(OutputFile, AppearsOnCommitOnly) {
  TemporaryFolder folder;
  std::string path = folder / "out";
  {
    OutputFile file(path);
    ASSERT_TRUE(file.write("hello", 5));
    EXPECT_NE(access(path.c_str(), F_OK), 0);
  }
  EXPECT_EQ(folder.fileCount(), 0u);
  OutputFile file(path);
  std::string big(1 << 20, 'x');
  ASSERT_TRUE(file.reserve(big.size()) && file.write("hello", 5) &&
              file.write(big.data(), big.size()) && file.write("!", 1) &&
              file.rewrite(0, "J", 1) && file.commit())
      << file.error();
  EXPECT_EQ(contentOf(path), "Jello" + big + "!");
  EXPECT_EQ(folder.fileCount(), 1u);
}

// Whole blocks, so that the page cache holds the file in huge pages.
TEST(OutputFile, WritesBlocksWhateverThePieces) {
  auto writes = [] {
    std::ifstream io("/proc/self/io");
    size_t count = 0;
    for (std::string line; std::getline(io, line);)
      if (std::sscanf(line.c_str(), "syscw: %zu", &count) == 1)
        return count;
    return size_t(0);
  };
  TemporaryFolder folder;
  constexpr size_t kBlock = size_t(2) << 20, kBlocks = 9;
  std::string content(kBlocks * kBlock, 0);
  for (size_t i = 0; i < content.size(); ++i)
    content[i] = char(i ^ i >> 8 ^ i >> 16);
  for (size_t piece : {size_t(1000), 3 * kBlock / 4, kBlock}) {
    std::string path = folder / "out";
    OutputFile file(path);
    size_t before = writes();
    for (size_t at = 0; at < content.size(); at += piece)
      ASSERT_TRUE(file.write(content.data() + at,
                             std::min(piece, content.size() - at)));
    size_t count = writes() - before;
    ASSERT_TRUE(file.commit()) << file.error();
    EXPECT_EQ(contentOf(path), content) << "pieces of " << piece;
    if (before)
      EXPECT_EQ(count, kBlocks) << "pieces of " << piece;
  }
  // Several blocks at once, from within one to within another.
  std::string path = folder / "out";
  OutputFile file(path);
  ASSERT_TRUE(file.write(content.data(), 5) &&
              file.write(content.data() + 5, content.size() - 12) &&
              file.write(content.data() + content.size() - 7, 7) &&
              file.commit());
  EXPECT_EQ(contentOf(path), content);
}

TEST(OutputFile, ReplacesALinkAndNotItsTarget) {
  TemporaryFolder folder;
  std::string target = folder / "target", link = folder / "link";
  std::ofstream(target) << "precious";
  ASSERT_EQ(symlink(target.c_str(), link.c_str()), 0);
  OutputFile file(link);
  ASSERT_TRUE(file.write("new", 3) && file.commit());
  EXPECT_EQ(contentOf(target), "precious");
  EXPECT_EQ(contentOf(link), "new");
  struct stat status;
  ASSERT_EQ(lstat(link.c_str(), &status), 0);
  EXPECT_TRUE(S_ISREG(status.st_mode));
}

TEST(OutputFile, SaysWhatIsWrong) {
  TemporaryFolder folder;
  std::string missing = folder / "no/such/file";
  OutputFile one(missing);
  EXPECT_FALSE(one.write("x", 1));
  EXPECT_FALSE(one.commit());
  EXPECT_EQ(one.error(), missing + ": cannot be written: folder '" +
                             (folder / "no/such/") + "' does not exist");
  OutputFile two(folder / ".");
  EXPECT_FALSE(two.commit());
  EXPECT_EQ(two.error(), (folder / ".") + ": cannot be written: is a folder");
  OutputFile three("/dev/null");
  EXPECT_FALSE(three.commit());
  EXPECT_EQ(three.error(),
            "/dev/null: cannot be written: is not a regular file");
}

// /dev/full takes the place of a full disk only for open files; the whole way
// is tested by the tools' tests with a small file system.
TEST(OutputFile, NoticesThatThereIsNoRoom) {
  TemporaryFolder folder;
  OutputFile file(folder / "out");
  EXPECT_FALSE(file.reserve(uint64_t(1) << 60));
  EXPECT_FALSE(file.write("x", 1));
  EXPECT_NE(file.error().find("cannot be written"), std::string::npos);
}
