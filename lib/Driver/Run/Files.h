// A file's content, mapped.
#ifndef WEFT_LIB_DRIVER_RUN_FILES_H
#define WEFT_LIB_DRIVER_RUN_FILES_H

#include <string>
#include <string_view>

namespace weft {

/// The bytes of a regular file as they lie on disk. Throws UsersFault.
class FileBytes {
public:
  explicit FileBytes(const std::string &path);
  ~FileBytes();
  FileBytes(const FileBytes &) = delete;
  FileBytes &operator=(const FileBytes &) = delete;
  std::string_view bytes() const { return {data, size}; }

private:
  char *data = nullptr;
  size_t size = 0;
};

} // namespace weft

#endif // WEFT_LIB_DRIVER_RUN_FILES_H
