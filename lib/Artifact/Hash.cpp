// XXH64, written from its specification. Four lanes take eight bytes each in
// turn; what does not fill a stripe of 32 bytes waits in `pending`.
#include "weft/Artifact/Hash.h"

#include <cstring>

namespace weft::artifact {

static constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87u;
static constexpr uint64_t kPrime2 = 0xC2B2AE3D27D4EB4Fu;
static constexpr uint64_t kPrime3 = 0x165667B19E3779F9u;
static constexpr uint64_t kPrime4 = 0x85EBCA77C2B2AE63u;
static constexpr uint64_t kPrime5 = 0x27D4EB2F165667C5u;

static uint64_t rotate(uint64_t x, int bits) {
  return x << bits | x >> (64 - bits);
}

// Artifacts are little-endian files, and so are all machines Weft runs on.
template <typename T>
static T load(const unsigned char *p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

static uint64_t round(uint64_t lane, uint64_t input) {
  return rotate(lane + input * kPrime2, 31) * kPrime1;
}

static const unsigned char *stripes(uint64_t (&lanes)[4],
                                    const unsigned char *p, size_t count) {
  uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
  for (; count; --count, p += 32) {
    a = round(a, load<uint64_t>(p));
    b = round(b, load<uint64_t>(p + 8));
    c = round(c, load<uint64_t>(p + 16));
    d = round(d, load<uint64_t>(p + 24));
  }
  lanes[0] = a, lanes[1] = b, lanes[2] = c, lanes[3] = d;
  return p;
}

Hasher::Hasher()
    : lanes{kPrime1 + kPrime2, kPrime2, 0, uint64_t(0) - kPrime1} {}

void Hasher::add(const void *data, size_t size) {
  if (!size)
    return;
  auto *p = static_cast<const unsigned char *>(data);
  total += size;
  if (pendingSize) {
    size_t take = 32 - pendingSize < size ? 32 - pendingSize : size;
    std::memcpy(pending + pendingSize, p, take);
    pendingSize += take, p += take, size -= take;
    if (pendingSize < 32)
      return;
    stripes(lanes, pending, 1);
    pendingSize = 0;
  }
  p = stripes(lanes, p, size / 32);
  pendingSize = size % 32;
  std::memcpy(pending, p, pendingSize);
}

uint64_t Hasher::value() const {
  uint64_t h = kPrime5;
  if (total >= 32) {
    h = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) +
        rotate(lanes[3], 18);
    for (uint64_t lane : lanes)
      h = (h ^ round(0, lane)) * kPrime1 + kPrime4;
  }
  h += total;
  const unsigned char *p = pending, *end = pending + pendingSize;
  for (; end - p >= 8; p += 8)
    h = rotate(h ^ round(0, load<uint64_t>(p)), 27) * kPrime1 + kPrime4;
  if (end - p >= 4) {
    h = rotate(h ^ load<uint32_t>(p) * kPrime1, 23) * kPrime2 + kPrime3;
    p += 4;
  }
  for (; p != end; ++p)
    h = rotate(h ^ *p * kPrime5, 11) * kPrime1;
  h = (h ^ h >> 33) * kPrime2;
  h = (h ^ h >> 29) * kPrime3;
  return h ^ h >> 32;
}

uint64_t hashOf(const void *data, size_t size) {
  Hasher hasher;
  hasher.add(data, size);
  return hasher.value();
}

} // namespace weft::artifact
