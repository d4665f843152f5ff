// NumPy's strings, which all have the width of the longest: "<U5" is five
// numbers of characters, "|S5" five bytes, both filled up with zeros.
#ifndef WEFT_LIB_DRIVER_RUN_NPYSTRINGS_H
#define WEFT_LIB_DRIVER_RUN_NPYSTRINGS_H

#include "weft/Driver/Arrays.h"

namespace weft {

/// Bytes of an element of "<U…" or "|S…"; 0 for other types.
size_t npyStringBytes(std::string_view descr);

/// An array of strings from the elements of `descr`, of which there are as many
/// as the shape says. "|S" may hold any bytes. Throws UsersFault, which begins
/// with `where`, if an element of "<U" has a number that is no character.
Array stringsOfNpy(std::string_view descr, std::string_view elements,
                   std::vector<int64_t> shape, std::string name,
                   std::vector<int64_t> strides, const std::string &where);

/// The reverse: the type ("<U5") and the elements. Throws UsersFault, which
/// begins with `where`, if a string is no UTF-8.
std::pair<std::string, std::string> npyOfStrings(const TensorView &strings,
                                                 const std::string &where);

} // namespace weft

#endif // WEFT_LIB_DRIVER_RUN_NPYSTRINGS_H
