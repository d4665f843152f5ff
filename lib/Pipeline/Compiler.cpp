// Runs the stages over a model and hands what comes out to the writer.

#include "weft/Pipeline/Compiler.h"

#include "Output.h"
#include "Stages.h"
#include "TilePlan.h"
#include "weft/Dialect/Graph/IR/Graph.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Dialect/Kernel/Transforms/Passes.h"
#include "weft/Import/ONNX.h"
#include "weft/Support/Diagnostics.h"
#include "weft/Target/CPU/Target.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>

using namespace mlir;

namespace weft {

static void registerCompilerDialects(DialectRegistry &registry) {
  registry
      .insert<graph::GraphDialect, kernel::KernelDialect, affine::AffineDialect,
              arith::ArithDialect, bufferization::BufferizationDialect,
              func::FuncDialect, linalg::LinalgDialect, LLVM::LLVMDialect,
              math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
              tensor::TensorDialect, vector::VectorDialect>();
  kernel::registerTransformInterfaces(registry);
  kernel::registerBufferizableOpInterfaces(registry);
  cpu::registerTranslations(registry);
}

std::unique_ptr<MLIRContext> createCompilerContext() {
  DialectRegistry registry;
  registerCompilerDialects(registry);
  // Threads would make the order of diagnostics and of new names vary.
  auto context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

namespace {

/// One run over the stages, to their end or to a named one.
class Compilation {
public:
  Compilation(StringRef model, const CompileOptions &options,
              MLIRContext &context, llvm::raw_ostream &errors)
      : model(model), options(options), context(context),
        printer(&context, llvm::sys::path::filename(model), errors,
                options.verbose),
        errors(errors) {}

  /// The program after `last`, one module a target or one for all.
  FailureOr<std::vector<TargetProgram>> run(StringRef last);

  CompileStatus status = CompileStatus::Done;
  CompileReport report;
  ProgramInterface interface;

private:
  OwningOpRef<ModuleOp> import();
  bool runStage(const StagePasses &stage, ModuleOp module,
                const Target *target);
  bool begin(const StagePasses &stage);
  void save(const StagePasses &stage, ModuleOp module, const Target *target);
  bool createAllTargets();
  void fail(CompileStatus why) { status = why; }

  StringRef model;
  const CompileOptions &options;
  MLIRContext &context;
  DiagnosticPrinter printer;
  llvm::raw_ostream &errors;
  std::vector<std::unique_ptr<Target>> targets;
};

/// True where `head`, the first bytes of a file, begin with what MLIR text
/// begins with. Other text is left to the importer, which says that it is no
/// model.
bool looksLikeMlir(StringRef head) {
  head = head.ltrim();
  return llvm::any_of(
      ArrayRef<StringRef>{"//", "module", "func.", "builtin.", "#", "!", "\""},
      [&](StringRef word) { return head.starts_with(word); });
}

/// The kind is read from the file.
OwningOpRef<ModuleOp> Compilation::import() {
  auto file = llvm::MemoryBuffer::getFileSlice(model, 64, 0);
  if (!file || !looksLikeMlir((*file)->getBuffer()))
    return onnx::importModel(model, options.import, &context);
  auto source = llvm::MemoryBuffer::getFile(model);
  if (!source) {
    emitError(UnknownLoc::get(&context))
        << "cannot be read: " << source.getError().message();
    return nullptr;
  }
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(*source), llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (module && !module->lookupSymbol<func::FuncOp>("main")) {
    emitError(module->getLoc()) << "has no function 'main'";
    return nullptr;
  }
  return module;
}

bool Compilation::createAllTargets() {
  for (const TargetSpec &spec : options.targets) {
    auto created = createTargets(spec);
    if (!created) {
      errors << "error: " << llvm::toString(created.takeError()) << "\n";
      fail(CompileStatus::UserError);
      return false;
    }
    for (std::unique_ptr<Target> &target : *created) {
      bool known = llvm::any_of(targets, [&](auto &other) {
        return other->name() == target->name();
      });
      if (!known)
        targets.push_back(std::move(target));
    }
  }
  return true;
}

bool Compilation::begin(const StagePasses &stage) {
  ArrayRef<StagePasses> all = stageList();
  if (options.onStage)
    options.onStage(stage.stage.name, &stage - all.begin(), all.size());
  return true;
}

void Compilation::save(const StagePasses &stage, ModuleOp module,
                       const Target *target) {
  if (options.saveStages.empty())
    return;
  std::string name =
      llvm::formatv("{0:2}-{1}", &stage - stageList().begin(), stage.stage.name)
          .str();
  std::replace(name.begin(), name.end(), ' ', '0');
  if (target)
    name += "." + target->name();
  std::replace(name.begin(), name.end(), ':', '-');
  SmallString<128> path(options.saveStages);
  llvm::sys::fs::create_directories(path);
  llvm::sys::path::append(path, name + ".mlir");
  std::error_code code;
  llvm::raw_fd_ostream os(path, code);
  if (code) {
    errors << "warning: " << path << ": cannot be written: " << code.message()
           << "\n";
    return;
  }
  OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(16);
  flags.elideLargeResourceString(64);
  module.print(os, flags);
}

bool Compilation::runStage(const StagePasses &stage, ModuleOp module,
                           const Target *target) {
  auto start = std::chrono::steady_clock::now();
  PassManager pm(&context);
  // Each pass's output is checked by the tests; here it costs a third of the
  // time.
  pm.enableVerifier(options.verbose);
  stage.add(pm, target, options);
  unsigned before = printer.errorCount();
  bool ok = succeeded(pm.run(module));
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  auto known = llvm::find_if(report.stages, [&](const StageTime &time) {
    return time.stage == stage.stage.name;
  });
  if (known == report.stages.end())
    report.stages.push_back({stage.stage.name.str(), seconds.count()});
  else
    known->seconds += seconds.count();
  if (!ok) {
    if (printer.errorCount() == before)
      emitError(module.getLoc())
          << "stage '" << stage.stage.name << "' failed without a message";
    fail(CompileStatus::InternalError);
    return false;
  }
  save(stage, module, target);
  return true;
}

FailureOr<std::vector<TargetProgram>> Compilation::run(StringRef last) {
  if (!createAllTargets())
    return failure();
  std::vector<TargetProgram> programs;
  for (const StagePasses &stage : stageList()) {
    begin(stage);
    switch (stage.scope) {
    case Scope::Import: {
      auto start = std::chrono::steady_clock::now();
      programs.push_back({nullptr, import()});
      if (!programs.back().module) {
        fail(CompileStatus::UserError);
        return failure();
      }
      std::chrono::duration<double> seconds =
          std::chrono::steady_clock::now() - start;
      report.stages.push_back({stage.stage.name.str(), seconds.count()});
      programs.back().module->walk([&](Operation *op) {
        report.operators += op->getDialect() &&
                            isa<graph::GraphDialect>(op->getDialect()) &&
                            !isa<graph::ConstantOp>(op);
      });
      save(stage, *programs.back().module, nullptr);
      // What goes wrong from here on is no fault of the model's.
      printer.setInternal(true);
      break;
    }
    case Scope::Model:
      if (!runStage(stage, *programs[0].module, nullptr))
        return failure();
      if (failed(readInterface(*programs[0].module, interface))) {
        fail(CompileStatus::UserError);
        return failure();
      }
      break;
    case Scope::Kind:
      splitByKind(programs, targets);
      for (TargetProgram &program : programs)
        if (!runStage(stage, *program.module, program.target))
          return failure();
      break;
    case Scope::Level:
      splitByLevel(programs, targets);
      for (TargetProgram &program : programs) {
        TilePlan tiles(*program.module, program.target->name());
        tiles.apply(options.tuning);
        if (!runStage(stage, *program.module, program.target))
          return failure();
        tiles.collect(report.products);
      }
      break;
    case Scope::Output:
      break;
    }
    if (stage.stage.name == last)
      break;
  }
  // The targets must outlive the programs that name them.
  for (TargetProgram &program : programs)
    for (std::unique_ptr<Target> &target : targets)
      if (target.get() == program.target)
        program.owner = std::move(target);
  return programs;
}

} // namespace

CompileStatus compileModel(StringRef model, StringRef output,
                           const CompileOptions &options, CompileReport &report,
                           llvm::raw_ostream &errors) {
  std::unique_ptr<MLIRContext> context = createCompilerContext();
  Compilation compilation(model, options, *context, errors);
  bool text = options.emit.kind == EmitSpec::Kind::MLIR;
  FailureOr<std::vector<TargetProgram>> programs =
      compilation.run(text ? StringRef(options.emit.stage) : "emit");
  report = std::move(compilation.report);
  if (failed(programs))
    return compilation.status;
  auto start = std::chrono::steady_clock::now();
  CompileStatus status = writeOutput(
      model, output, options, compilation.interface, *programs, report, errors);
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  if (!text)
    report.stages.push_back({"emit", seconds.count()});
  return status;
}

OwningOpRef<ModuleOp> compileToStage(StringRef model, StringRef stage,
                                     const CompileOptions &options,
                                     MLIRContext &context,
                                     CompileStatus &status,
                                     llvm::raw_ostream &errors) {
  Compilation compilation(model, options, context, errors);
  FailureOr<std::vector<TargetProgram>> programs = compilation.run(stage);
  status = compilation.status;
  if (failed(programs))
    return nullptr;
  return std::move(programs->front().module);
}

} // namespace weft
