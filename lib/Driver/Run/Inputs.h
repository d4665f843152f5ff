// Where the inputs of a run come from.
#ifndef WEFT_LIB_DRIVER_RUN_INPUTS_H
#define WEFT_LIB_DRIVER_RUN_INPUTS_H

#include "weft/Driver/Arrays.h"
#include "weft/Driver/Run.h"

namespace weft {

/// "2x3x8:f32": a shape, maybe with a type. "scalar" is rank 0.
struct ShapeSpec {
  std::vector<int64_t> shape;
  std::optional<weft_type> type;
};

/// No value when `text` is not of that form.
std::optional<ShapeSpec> parseShapeSpec(const std::string &text);

/// Random values that every model can take: floats from a normal distribution,
/// integers 0 and 1, so that they are good indices of everything. Equal seeds
/// give equal values.
Array randomArray(weft_type type, const std::vector<int64_t> &shape,
                  const std::string &name, uint64_t seed);

/// The arrays that `request` gives, from files alone. Throws UsersFault.
std::vector<Array> givenInputs(const RunRequest &request);

/// One array for each input of the model: what `request` gives, random values
/// for the rest, in which a dynamic extent is what another input with the same
/// symbol has, else 1. Throws UsersFault.
std::vector<Array> benchInputs(const RunRequest &request, const Model &model);

} // namespace weft

#endif // WEFT_LIB_DRIVER_RUN_INPUTS_H
