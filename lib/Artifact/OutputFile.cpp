// Writes beside, flushes, renames. The temporary name begins with a dot and
// holds the process number, so that two writers of one file do not meet.
#include "weft/Artifact/OutputFile.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weft::artifact {

/// Written in blocks of this size that begin at multiples of it, a file lies in
/// huge pages of the page cache where the file system has them: what maps it
/// next takes one fault for 2 MiB and not 32 or more. A tensor at a time, a
/// third of BERT's weights lay in smaller pages.
static constexpr size_t kBlockBytes = size_t(2) << 20;

static std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

OutputFile::OutputFile(std::string name) : path(std::move(name)) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    fail(S_ISDIR(status.st_mode) ? "is a folder" : "is not a regular file");
    return;
  }
  size_t slash = path.rfind('/');
  size_t start = slash == std::string::npos ? 0 : slash + 1;
  // The name itself may be as long as the file system allows.
  std::string base = path.substr(start, 100);
  for (int attempt = 0; attempt < 100; ++attempt) {
    temporary = path.substr(0, start) + "." + base + "." +
                std::to_string(getpid()) + "-" + std::to_string(attempt) +
                ".tmp";
    descriptor = open(temporary.c_str(),
                      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor >= 0 || errno != EEXIST)
      break;
  }
  if (descriptor < 0) {
    int number = errno;
    temporary.clear();
    failErrno(number);
  }
}

OutputFile::~OutputFile() {
  if (descriptor >= 0)
    close(descriptor);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

bool OutputFile::reserve(uint64_t bytes) {
  if (!message.empty())
    return false;
  if (fallocate(descriptor, FALLOC_FL_KEEP_SIZE, 0, off_t(bytes)) == 0 ||
      (errno != ENOSPC && errno != EDQUOT && errno != EFBIG))
    return true;
  return failErrno(errno);
}

bool OutputFile::write(const void *data, size_t size) {
  if (!message.empty())
    return false;
  auto *bytes = static_cast<const char *>(data);
  while (size) {
    size_t room = kBlockBytes - written % kBlockBytes;
    size_t part = std::min(size, room);
    if (part == kBlockBytes) { // Nothing is in the buffer here.
      part = size / kBlockBytes * kBlockBytes;
      if (!put(written, bytes, part))
        return false;
      written += part;
    } else {
      buffer.append(bytes, part);
      written += part;
      if (part == room && !flush())
        return false;
    }
    bytes += part, size -= part;
  }
  return true;
}

bool OutputFile::rewrite(uint64_t offset, const void *data, size_t size) {
  return message.empty() && flush() &&
         put(offset, static_cast<const char *>(data), size);
}

bool OutputFile::commit() {
  if (!message.empty() || !flush())
    return false;
  if (fsync(descriptor) != 0)
    return failErrno(errno);
  int closed = close(descriptor);
  descriptor = -1;
  if (closed != 0 || rename(temporary.c_str(), path.c_str()) != 0)
    return failErrno(errno);
  temporary.clear();
  // The rename is on disk once the folder is. Some file systems cannot sync a
  // folder; the file is whole either way.
  int folder = open(folderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    fsync(folder);
    close(folder);
  }
  return true;
}

bool OutputFile::flush() {
  bool ok = buffer.empty() ||
            put(written - buffer.size(), buffer.data(), buffer.size());
  buffer.clear();
  return ok;
}

bool OutputFile::put(uint64_t offset, const char *data, size_t size) {
  while (size) {
    ssize_t count = pwrite(descriptor, data, size, off_t(offset));
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return failErrno(count < 0 ? errno : ENOSPC);
    data += count, offset += count, size -= count;
  }
  return true;
}

bool OutputFile::fail(const std::string &reason) {
  if (message.empty())
    message = path + ": cannot be written: " + reason;
  return false;
}

bool OutputFile::failErrno(int number) {
  switch (number) {
  case ENOENT:
    return fail("folder '" + folderOf(path) + "' does not exist");
  case ENOSPC:
  case EDQUOT:
    return fail("the disk is full");
  case EACCES:
  case EPERM:
    return fail("permission denied");
  case EROFS:
    return fail("the file system is read-only");
  case ENOTDIR:
    return fail("'" + folderOf(path) + "' is not a folder");
  default:
    return fail(strerror(number));
  }
}

} // namespace weft::artifact
