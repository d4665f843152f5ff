// A page that draws a model as its author wrote it and as it was fused, side by
// side in one file that needs no network.
#ifndef WEFT_TOOLS_WEFT_GRAPHPAGE_H
#define WEFT_TOOLS_WEFT_GRAPHPAGE_H

#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace weft::driver {

/// HTML of the functions `main` of both modules. A kernel launch is one box
/// that lists the model's nodes that it computes.
std::string graphPage(llvm::StringRef title, mlir::ModuleOp before,
                      mlir::ModuleOp after);

} // namespace weft::driver

#endif // WEFT_TOOLS_WEFT_GRAPHPAGE_H
