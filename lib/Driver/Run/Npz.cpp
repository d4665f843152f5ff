// An .npz file is a zip archive of .npy files. Reading trusts the directory at
// the archive's end for nothing before it is checked against the file: entries
// lie inside, do not overlap, and no entry claims more than deflate can make of
// its bytes. Format: PKWARE's APPNOTE.TXT.
#include "Files.h"
#include "NpyStrings.h"
#include "weft/Artifact/OutputFile.h"
#include "weft/Driver/Arrays.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <zlib.h>

namespace weft {

namespace {

/// One deflated byte stands for at most this many.
constexpr uint64_t kLargestRatio = 1032;
constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50,
                   kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator64 = 0x07064b50;

struct Entry {
  std::string name;
  unsigned method = 0, flags = 0;
  uint32_t crc = 0;
  uint64_t packed = 0, size = 0, header = 0;
};

class ZipReader {
public:
  ZipReader(std::string_view bytes, const std::string &path)
      : bytes(bytes), path(path) {}

  std::vector<Entry> entries() {
    uint64_t count, directory;
    findDirectory(count, directory);
    std::vector<Entry> result;
    std::set<std::string> names;
    for (uint64_t i = 0; i < count; ++i) {
      result.push_back(readEntry(directory));
      if (!names.insert(result.back().name).second)
        fail("has two entries '" + result.back().name + "'");
    }
    return result;
  }

  /// The content of `entry`, where it lies or in `buffer`.
  std::string_view content(const Entry &entry, std::string &buffer) {
    if (number<4>(entry.header) != kLocal)
      fail("has no entry '" + entry.name + "' where its directory says");
    uint64_t data = entry.header + 30 + number<2>(entry.header + 26) +
                    number<2>(entry.header + 28);
    if (data > bytes.size() || entry.packed > bytes.size() - data)
      fail("ends inside entry '" + entry.name + "'");
    claim(data, data + entry.packed, entry.name);
    std::string_view packed = bytes.substr(data, entry.packed), result = packed;
    if (entry.flags & 1)
      fail("has an encrypted entry '" + entry.name + "'");
    if (entry.method == 8) {
      inflateTo(packed, entry, buffer);
      result = buffer;
    } else if (entry.method != 0 || entry.packed != entry.size) {
      fail("packs entry '" + entry.name + "' in an unknown way (method " +
           std::to_string(entry.method) + ")");
    }
    if (checksum(result.data(), result.size()) != entry.crc)
      fail("has a damaged entry '" + entry.name + "'");
    return result;
  }

  static uint32_t checksum(const void *data, uint64_t size) {
    return uint32_t(crc32_z(0, static_cast<const Bytef *>(data), size));
  }

private:
  [[noreturn]] void fail(const std::string &what) {
    throw UsersFault(path + ": " + what);
  }
  template <unsigned Size>
  uint64_t number(uint64_t at) {
    if (at > bytes.size() || Size > bytes.size() - at)
      fail("is not a whole .npz file");
    uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, Size);
    return value;
  }
  void findDirectory(uint64_t &count, uint64_t &directory);
  Entry readEntry(uint64_t &at);
  void readLargeSizes(Entry &entry, uint64_t at, uint64_t end);
  void inflateTo(std::string_view packed, const Entry &entry,
                 std::string &buffer);
  /// Data of two entries in one place: a bomb, or damage.
  void claim(uint64_t begin, uint64_t end, const std::string &name) {
    for (auto [from, to] : claimed)
      if (begin < to && from < end)
        fail("has entry '" + name + "' inside another");
    claimed.push_back({begin, end});
  }

  std::string_view bytes;
  const std::string &path;
  std::vector<std::pair<uint64_t, uint64_t>> claimed;
};

/// The end record is the last thing in the file but for a comment.
void ZipReader::findDirectory(uint64_t &count, uint64_t &directory) {
  uint64_t lowest = bytes.size() > 22 + 65535 ? bytes.size() - 22 - 65535 : 0;
  for (uint64_t at = bytes.size() < 22 ? 0 : bytes.size() - 22;; --at) {
    if (bytes.size() >= 22 && number<4>(at) == kEnd &&
        at + 22 + number<2>(at + 20) == bytes.size()) {
      count = number<2>(at + 10);
      directory = number<4>(at + 16);
      bool is64 = count == 0xffff || directory == 0xffffffff;
      if (is64 && at >= 20 && number<4>(at - 20) == kLocator64) {
        uint64_t end64 = number<8>(at - 12);
        if (number<4>(end64) != kEnd64)
          fail("is not a whole .npz file");
        count = number<8>(end64 + 32);
        directory = number<8>(end64 + 48);
      }
      // An entry of the directory has 46 bytes at least.
      if (directory > bytes.size() || count > (bytes.size() - directory) / 46)
        fail("is not a whole .npz file");
      return;
    }
    if (at <= lowest)
      fail("is not an .npz file");
  }
}

Entry ZipReader::readEntry(uint64_t &at) {
  if (number<4>(at) != kCentral)
    fail("is not a whole .npz file");
  Entry entry;
  entry.flags = unsigned(number<2>(at + 8));
  entry.method = unsigned(number<2>(at + 10));
  entry.crc = uint32_t(number<4>(at + 16));
  entry.packed = number<4>(at + 20);
  entry.size = number<4>(at + 24);
  uint64_t nameBytes = number<2>(at + 28), extra = number<2>(at + 30);
  uint64_t comment = number<2>(at + 32);
  entry.header = number<4>(at + 42);
  at += 46;
  number<1>(at + nameBytes + extra + comment - 1);
  entry.name = std::string(bytes.substr(at, nameBytes));
  readLargeSizes(entry, at + nameBytes, at + nameBytes + extra);
  at += nameBytes + extra + comment;
  return entry;
}

/// Fields that do not fit 32 bits stand in extra field 1, in order.
void ZipReader::readLargeSizes(Entry &entry, uint64_t at, uint64_t end) {
  while (end - at >= 4 && at < end) {
    uint64_t id = number<2>(at), size = number<2>(at + 2);
    at += 4;
    if (size > end - at)
      fail("is not a whole .npz file");
    if (id == 1) {
      uint64_t field = at;
      for (uint64_t *value : {&entry.size, &entry.packed, &entry.header}) {
        if (*value != 0xffffffff)
          continue;
        if (field + 8 > at + size)
          fail("is not a whole .npz file");
        *value = number<8>(field);
        field += 8;
      }
    }
    at += size;
  }
}

void ZipReader::inflateTo(std::string_view packed, const Entry &entry,
                          std::string &buffer) {
  if (entry.size > (entry.packed + 16) * kLargestRatio)
    fail("has an entry '" + entry.name + "' that claims " +
         std::to_string(entry.size) + " bytes in " +
         std::to_string(entry.packed));
  buffer.resize(entry.size);
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    throw std::bad_alloc();
  // zlib counts in 32 bits.
  constexpr uint64_t kPiece = uint64_t(1) << 30;
  uint64_t in = 0, out = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    uint64_t inNow = std::min(kPiece, packed.size() - in);
    uint64_t outNow = std::min(kPiece, buffer.size() - out);
    stream.next_in =
        reinterpret_cast<Bytef *>(const_cast<char *>(packed.data() + in));
    stream.avail_in = uInt(inNow);
    stream.next_out = reinterpret_cast<Bytef *>(buffer.data() + out);
    stream.avail_out = uInt(outNow);
    status = inflate(&stream, Z_NO_FLUSH);
    in += inNow - stream.avail_in;
    out += outNow - stream.avail_out;
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || out != entry.size)
    fail("has a damaged entry '" + entry.name + "'");
}

/// Writes numbers of a given width, one after another.
class Record {
public:
  Record &add(uint64_t value, unsigned width) {
    text.append(reinterpret_cast<const char *>(&value), width);
    return *this;
  }
  std::string text;
};

/// What local header and directory have in common, from "version needed" to
/// the length of the extra field. Everything may be large, so sizes always go
/// into the extra field; the time is the earliest there is.
Record fields(uint32_t crc, const std::string &name, unsigned extra) {
  Record record;
  record.add(45, 2).add(0x800, 2).add(0, 2).add(0, 2).add(0x21, 2).add(crc, 4);
  record.add(0xffffffff, 4).add(0xffffffff, 4);
  return record.add(name.size(), 2).add(extra, 2);
}

/// bf16 as f32, which holds the same values.
Array widened(const TensorView &tensor) {
  Array wide(WEFT_F32, tensor.shape(), tensor.name());
  auto *from = static_cast<const uint16_t *>(tensor.data());
  for (int64_t i = 0; i < tensor.elementCount(); ++i) {
    uint32_t bits = uint32_t(from[i]) << 16;
    std::memcpy(wide.bytes() + 4 * i, &bits, 4);
  }
  return wide;
}

} // namespace

std::vector<Array> parseNpz(std::string_view bytes, const std::string &where) {
  ZipReader reader(bytes, where);
  std::vector<Array> arrays;
  for (const Entry &entry : reader.entries()) {
    std::string name = entry.name, buffer;
    if (name.size() > 4 && name.substr(name.size() - 4) == ".npy")
      name.resize(name.size() - 4);
    arrays.push_back(parseNpy(reader.content(entry, buffer), name,
                              where + ": '" + name + "'"));
  }
  return arrays;
}

std::vector<Array> readNpz(const std::string &path) {
  return parseNpz(FileBytes(path).bytes(), path);
}

void writeNpz(const std::string &path, const std::vector<TensorView> &tensors) {
  artifact::OutputFile file(path);
  Record directory;
  bool ok = true;
  auto put = [&](const std::string &text) {
    ok = ok && file.write(text.data(), text.size());
  };
  for (const TensorView &given : tensors) {
    Array wide;
    if (given.type() == WEFT_BF16)
      wide = widened(given);
    const TensorView &tensor = wide.bytes() ? wide.view() : given;
    std::string name = given.name() + ".npy";
    std::string header = npyHeader(tensor.type(), tensor.shape());
    uint64_t dataBytes = tensor.byteSize();
    auto *data = static_cast<const Bytef *>(tensor.data());
    std::pair<std::string, std::string> texts;
    if (tensor.type() == WEFT_STRING) {
      texts = npyOfStrings(tensor, path + ": '" + tensor.name() + "'");
      header = npyHeader(texts.first, tensor.shape());
      dataBytes = texts.second.size();
      data = reinterpret_cast<const Bytef *>(texts.second.data());
    }
    uint64_t size = header.size() + dataBytes;
    uLong crc = crc32_z(0, reinterpret_cast<const Bytef *>(header.data()),
                        header.size());
    if (dataBytes)
      crc = crc32_z(crc, data, dataBytes);
    uint64_t offset = file.size();

    Record local, sizes;
    sizes.add(1, 2).add(16, 2).add(size, 8).add(size, 8);
    local.add(kLocal, 4).text += fields(uint32_t(crc), name, 20).text;
    put(local.text + name + sizes.text + header);
    ok = ok && file.write(data, dataBytes);

    sizes = Record();
    sizes.add(1, 2).add(24, 2).add(size, 8).add(size, 8).add(offset, 8);
    directory.add(kCentral, 4).add(45, 2).text +=
        fields(uint32_t(crc), name, 28).text;
    directory.add(0, 2).add(0, 2).add(0, 2).add(0, 4).add(0xffffffff, 4).text +=
        name + sizes.text;
  }
  uint64_t start = file.size(), count = tensors.size();
  uint64_t bytes = directory.text.size();
  Record end;
  end.add(kEnd64, 4).add(44, 8).add(45, 2).add(45, 2).add(0, 4).add(0, 4);
  end.add(count, 8).add(count, 8).add(bytes, 8).add(start, 8);
  end.add(kLocator64, 4).add(0, 4).add(start + bytes, 8).add(1, 4);
  end.add(kEnd, 4).add(0, 4).add(0xffff, 2).add(0xffff, 2);
  end.add(0xffffffff, 4).add(0xffffffff, 4).add(0, 2);
  put(directory.text + end.text);
  if (!ok || !file.commit())
    throw UsersFault(file.error());
}

} // namespace weft
