// A file that appears whole or not at all: written beside its final name,
// flushed to disk, then renamed. What stood under that name stays untouched
// until then; a symbolic link is replaced, never followed.
#ifndef WEFT_ARTIFACT_OUTPUTFILE_H
#define WEFT_ARTIFACT_OUTPUTFILE_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace weft::artifact {

/// All functions return false on failure, after which error() is one sentence
/// that begins with the path, and every later call fails too. A file that is
/// not committed is removed.
class OutputFile {
public:
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  /// Asks for `bytes` of space, so that a full disk is noticed early. Does
  /// nothing on file systems that cannot.
  bool reserve(uint64_t bytes);
  bool write(const void *data, size_t size);
  /// Overwrites bytes that were written before.
  bool rewrite(uint64_t offset, const void *data, size_t size);
  bool commit();

  uint64_t size() const { return written; }
  const std::string &error() const { return message; }

private:
  bool flush();
  bool put(uint64_t offset, const char *data, size_t size);
  bool fail(const std::string &reason);
  bool failErrno(int number);

  std::string path, temporary, message, buffer;
  uint64_t written = 0;
  int descriptor = -1;
};

} // namespace weft::artifact

#endif // WEFT_ARTIFACT_OUTPUTFILE_H
