// XXH64 with seed 0, the hash of artifacts: several gigabytes a second, so that
// checking a file costs less than reading it. It finds damage, not malice.
// Algorithm: github.com/Cyan4973/xxHash, doc/xxhash_spec.md.
#ifndef WEFT_ARTIFACT_HASH_H
#define WEFT_ARTIFACT_HASH_H

#include <cstddef>
#include <cstdint>

namespace weft::artifact {

/// Hashes bytes that arrive in pieces; how they are cut does not matter.
class Hasher {
public:
  Hasher();
  void add(const void *data, size_t size);
  /// The hash of all bytes so far; more may be added afterwards.
  uint64_t value() const;

private:
  uint64_t lanes[4];
  uint64_t total = 0;
  unsigned char pending[32];
  size_t pendingSize = 0;
};

uint64_t hashOf(const void *data, size_t size);

} // namespace weft::artifact

#endif // WEFT_ARTIFACT_HASH_H
