#include "Files.h"
#include "weft/Driver/Arrays.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft {

FileBytes::FileBytes(const std::string &path) {
  // Not blocking: a FIFO would wait for its writer.
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    throw UsersFault(path + ": cannot be opened: " + strerror(errno));
  struct stat status;
  std::string problem;
  if (fstat(file, &status) != 0) {
    problem = strerror(errno);
  } else if (!S_ISREG(status.st_mode)) {
    problem = "it is not a regular file";
  } else if (status.st_size > 0) {
    size = size_t(status.st_size);
    void *mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (mapped == MAP_FAILED)
      problem = strerror(errno);
    else
      data = static_cast<char *>(mapped);
  }
  close(file);
  if (!problem.empty())
    throw UsersFault(path + ": cannot be read: " + problem);
}

FileBytes::~FileBytes() {
  if (data)
    munmap(data, size);
}

} // namespace weft
