#include "weft/Artifact/OutputFile.h"
#include "Sample.h"
#include "gtest/gtest.h"
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
