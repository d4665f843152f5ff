// The kernel resolves the name (openat2 with RESOLVE_BENEATH and no links), and
// everything else is asked of the descriptor it returns, so there is no moment
// between check and use at which the file could be swapped.
#include "ExternalData.h"
#include "Proto.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Path.h"
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace llvm;

namespace weft::onnx {

ExternalFolder::ExternalFolder(StringRef modelPath)
    : folder(sys::path::parent_path(modelPath).str()) {
  if (folder.empty())
    folder = ".";
}

ExternalFolder::~ExternalFolder() {
  if (descriptor >= 0)
    ::close(descriptor);
}

/// The same rule for kernels before 5.6 and sandboxes without openat2: one
/// component after the other, each relative to the descriptor of the last and
/// none of them a link.
static int openByComponents(int folder, StringRef location) {
  int at = ::dup(folder);
  SmallVector<StringRef> parts;
  location.split(parts, '/', -1, /*KeepEmpty=*/false);
  for (auto [i, part] : llvm::enumerate(parts)) {
    bool last = i + 1 == parts.size();
    int flags =
        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY);
    int next = part == ".." ? -1 : ::openat(at, part.str().c_str(), flags);
    int error = part == ".." ? EXDEV : errno;
    ::close(at);
    errno = error;
    if (next < 0)
      return -1;
    at = next;
  }
  return at;
}

Expected<int> ExternalFolder::openBeneath(StringRef location) {
  if (location.empty())
    return modelError("its location is empty");
  if (location.contains('\0') || location.front() == '/')
    return modelError("'" + location + "' is not a path inside its folder");
  if (descriptor < 0)
    descriptor = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  int fd = ::syscall(SYS_openat2, descriptor, location.str().c_str(), &how,
                     sizeof(how));
  if (fd < 0 && (errno == ENOSYS || errno == EPERM))
    fd = openByComponents(descriptor, location);
  if (fd >= 0)
    return fd;
  if (errno == EXDEV)
    return modelError("'" + location + "' leaves the model's folder");
  if (errno == ELOOP)
    return modelError("'" + location +
                      "' is or passes a symbolic link: copy the file itself "
                      "into the model's folder");
  return modelError("cannot open '" + location + "': " + ::strerror(errno));
}

Expected<std::shared_ptr<MemoryBuffer>>
ExternalFolder::map(StringRef location) {
  auto found = files.find(location);
  if (found != files.end())
    return found->second;
  auto fd = openBeneath(location);
  if (!fd)
    return fd.takeError();
  llvm::scope_exit close([&] { ::close(*fd); });
  struct stat status;
  if (::fstat(*fd, &status) || !S_ISREG(status.st_mode))
    return modelError("'" + location + "' is not a regular file");
  if (status.st_nlink > 1)
    return modelError("'" + location + "' has " + Twine(status.st_nlink) +
                      " hard links: copy the file itself into the model's "
                      "folder");
  auto buffer = MemoryBuffer::getOpenFile(*fd, location, status.st_size,
                                          /*RequiresNullTerminator=*/false);
  if (!buffer)
    return modelError("cannot map '" + location +
                      "': " + buffer.getError().message());
  return files[location] = std::move(*buffer);
}

} // namespace weft::onnx
