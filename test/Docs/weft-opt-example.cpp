// weft-opt with the op of docs/adding-an-op.md added to the graph dialect, and
// its row looked up as the importer does.
#include "Table.h"
#include "weft/Dialect/Graph/IR/ScalarBuilder.h"
#include "weft/Dialect/Graph/IR/Shapes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

#define GET_OP_CLASSES
#include "ExampleOps.h.inc"

using namespace weft;
using namespace weft::graph;

#define GET_OP_CLASSES
#include "ExampleOps.cpp.inc"

namespace weft::onnx {
template <typename Op>
static llvm::LogicalResult unary(NodeImport &n) {
  return n.result(n.create<Op>(n.input(0)));
}

static bool rowIsFound() {
  constexpr const char *floats = Row::kFloats;
  Table table;
  table.add({
#include "ExampleRow.inc"
  });
  return table.find("", "Softsign", 22) && !table.find("", "Softsign", 21);
}
} // namespace weft::onnx

int main(int argc, char **argv) {
  if (!weft::onnx::rowIsFound()) {
    llvm::errs() << "error: the row of docs/adding-an-op.md is not found\n";
    return 1;
  }
  mlir::DialectRegistry registry;
  registry.insert<graph::GraphDialect, mlir::func::FuncDialect>();
  registry.addExtension(+[](mlir::MLIRContext *, graph::GraphDialect *dialect) {
    mlir::RegisteredOperationName::insert<graph::SoftsignOp>(*dialect);
  });
  mlir::registerCanonicalizerPass();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "weft-opt with the example of adding-an-op.md\n", registry));
}
