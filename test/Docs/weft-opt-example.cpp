// weft-opt with the op of docs/adding-an-op.md added to the graph dialect, and
// its row looked up as the importer does.
#include "Table.h"
#include "weft/Dialect/Graph/Transforms/Passes.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

#define GET_OP_CLASSES
#include "ExampleOps.h.inc"
#define GET_OP_CLASSES
#include "ExampleOps.cpp.inc"

using namespace weft;

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
  if (!onnx::rowIsFound()) {
    llvm::errs() << "error: the row of docs/adding-an-op.md is not found\n";
    return 1;
  }
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<graph::GraphDialect, kernel::KernelDialect>();
  registry.addExtension(
      +[](mlir::MLIRContext *, graph::GraphDialect *dialect) {
        mlir::RegisteredOperationName::insert<graph::SoftsignOp>(*dialect);
      });
  kernel::registerBufferizableOpInterfaces(registry);
  mlir::registerAllPasses();
  graph::registerWeftGraphPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "weft-opt with the example of adding-an-op.md\n", registry));
}
