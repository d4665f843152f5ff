// Registration of the graph dialect: its ops, attributes and constants.

#include "weft/Dialect/Graph/IR/Fourier.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace weft::graph;

#include "weft/Dialect/Graph/IR/GraphDialect.cpp.inc"

#include "weft/Dialect/Graph/IR/GraphEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "weft/Dialect/Graph/IR/GraphAttributes.cpp.inc"

#include "weft/Dialect/Graph/IR/GraphInterfaces.cpp.inc"

#define GET_OP_CLASSES
#include "weft/Dialect/Graph/IR/GraphOps.cpp.inc"

#define GET_OP_CLASSES
#include "weft/Dialect/Graph/IR/GraphFourier.cpp.inc"

void GraphDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Graph/IR/GraphOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/Dialect/Graph/IR/GraphFourier.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "weft/Dialect/Graph/IR/GraphAttributes.cpp.inc"
      >();
}

Operation *GraphDialect::materializeConstant(OpBuilder &b, Attribute value,
                                             Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(b, loc, elements);
}

bool weft::graph::areCompatible(TypeRange inferred, TypeRange actual) {
  if (inferred.size() != actual.size())
    return false;
  for (auto [a, b] : llvm::zip(inferred, actual))
    if (getElementTypeOrSelf(a) != getElementTypeOrSelf(b) ||
        failed(verifyCompatibleShape(a, b)))
      return false;
  return true;
}
