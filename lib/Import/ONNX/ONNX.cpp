// The steps of an import in order: parse, check, take the weights out, apply
// the user's shapes, normalise, build IR. Errors of the first five come as one
// sentence each; those of the last are reported at their node.
#include "weft/Import/ONNX.h"
#include "Check.h"
#include "Importer.h"
#include "ModelFile.h"
#include "Normalize.h"
#include "Rebatch.h"
#include "Table.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "onnx/defs/schema.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace weft::onnx {

/// True for an operator of another domain that ONNX defines by others.
static bool isFunction(const NodeProto &node) {
  auto *schema = ::onnx::OpSchemaRegistry::Instance()->GetSchema(
      node.op_type(), INT_MAX, node.domain());
  return schema &&
         (schema->HasFunction() || schema->HasContextDependentFunction());
}

/// True for what has a row or a function body made of what has. The opset is
/// that of the model; what ONNX itself does not know there is not supported.
static bool isSupported(const NodeProto &node, int64_t opset) {
  if (!isDefaultDomain(node.domain()))
    return Table::instance().find(node.domain(), node.op_type(), 0) ||
           isFunction(node);
  auto *registry = ::onnx::OpSchemaRegistry::Instance();
  auto *schema = registry->GetSchema(node.op_type(), int(opset), "");
  if (!schema)
    return false;
  opset = std::max<int64_t>(opset, kOpset);
  if (Table::instance().find("", node.op_type(), opset))
    return true;
  auto *converted = registry->GetSchema(node.op_type(), int(opset), "");
  if (!converted || converted->Deprecated()) // the converter replaces it
    return true;
  return converted->HasFunction() || converted->HasContextDependentFunction();
}

static llvm::Error prepare(llvm::StringRef path, const ImportOptions &options,
                           ModelProto &model, WeightMap &weights,
                           std::string &objection) {
  if (llvm::Error error = readModel(path, model))
    return error;
  nameNodes(model);
  ExternalFolder folder(path);
  if (llvm::Error error = checkModel(model, folder))
    return error;
  if (llvm::Error error = checkSupport(model, isSupported))
    return error;
  if (llvm::Error error = takeWeights(model, folder, weights))
    return error;
  if (llvm::Error error = followBatch(model, options.inputs))
    return error;
  if (llvm::Error error = pinInputs(model, weights, options.inputs))
    return error;
  if (llvm::Error error = checkSchemas(model))
    return error;
  auto isPrimitive = [&](llvm::StringRef name) {
    return Table::instance().find("", name, opsetOf(model)) != nullptr;
  };
  if (llvm::Error error = normalize(model, isPrimitive, objection))
    return error;
  // Function bodies may have brought in what has no row.
  return checkSupport(model, [&](const NodeProto &node, int64_t) {
    return Table::instance().find(node.domain(), node.op_type(),
                                  opsetOf(model)) != nullptr;
  });
}

static OwningOpRef<ModuleOp> attempt(const GraphProto &graph, int64_t opset,
                                     WeightMap &weights, llvm::StringRef name,
                                     Assumptions &assumptions,
                                     std::vector<Diagnostic> &errors,
                                     MLIRContext *context) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context));
  (*module)->setAttr("graph.model", StringAttr::get(context, name));
  ScopedDiagnosticHandler collect(context, [&](Diagnostic &diagnostic) {
    errors.push_back(std::move(diagnostic));
  });
  Importer importer(Table::instance(), opset, weights, context, assumptions);
  if (failed(importer.importMain(graph, *module)) || failed(verify(*module)))
    return {};
  return module;
}

/// The next combination of choices: the last likely one becomes the other.
/// False when there is none.
static bool advance(std::vector<bool> &choices) {
  while (!choices.empty() && !choices.back())
    choices.pop_back();
  if (choices.empty())
    return false;
  choices.back() = false;
  return true;
}

/// Imports the graph. Where an If had to be decided without knowing its
/// condition and the choice does not fit what follows, others are tried; only
/// when none fits may branches be dropped.
static OwningOpRef<ModuleOp> build(const ModelProto &model, WeightMap &weights,
                                   llvm::StringRef name, MLIRContext *context) {
  constexpr int kMaxAttempts = 16;
  std::vector<Diagnostic> firstErrors;
  for (bool drop : {false, true}) {
    Assumptions assumptions;
    assumptions.dropUnfitBranches = drop;
    for (int i = 0; i < kMaxAttempts; ++i) {
      std::vector<Diagnostic> errors;
      if (auto module = attempt(model.graph(), opsetOf(model), weights, name,
                                assumptions, errors, context))
        return module;
      if (firstErrors.empty())
        firstErrors = std::move(errors);
      if (!advance(assumptions.choices))
        break;
    }
  }
  for (Diagnostic &error : firstErrors)
    context->getDiagEngine().emit(std::move(error));
  return {};
}

OwningOpRef<ModuleOp> importModel(llvm::StringRef path,
                                  const ImportOptions &options,
                                  MLIRContext *context) {
  context->loadDialect<graph::GraphDialect, kernel::KernelDialect,
                       func::FuncDialect, scf::SCFDialect,
                       tensor::TensorDialect, arith::ArithDialect>();
  ModelProto model;
  WeightMap weights;
  std::string objection;
  if (llvm::Error error = prepare(path, options, model, weights, objection)) {
    emitError(UnknownLoc::get(context)) << llvm::toString(std::move(error));
    return {};
  }
  auto module = build(model, weights, llvm::sys::path::filename(path), context);
  if (module && !objection.empty()) {
    emitError(UnknownLoc::get(context)) << objection;
    return {};
  }
  return module;
}

} // namespace weft::onnx
