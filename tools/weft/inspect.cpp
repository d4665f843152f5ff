// weft inspect MODEL|FILE.weft: what is in it. A model is compiled first, into
// a file that is gone afterwards, because kernels and memory plan exist only
// then.
#include "Commands.h"
#include "GraphPage.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "weft/Artifact/File.h"
#include "weft/Driver/Compile.h"
#include "weft/Driver/Describe.h"
#include "weft/Driver/Guard.h"
#include "weft/Driver/TemporaryArtifact.h"
#include "weft/Driver/Terminal.h"
#include "weft/Support/Location.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <map>

using namespace weft;
using namespace weft::driver;

namespace {
struct InspectCommand {
  CompileFlags flags;
  std::string path, html;
  bool json = false;

  int run();
  int showArtifact(const std::string &file, const std::string &before,
                   const std::string &after);
  int showModel();
};
} // namespace

/// The stages that a page shows.
static constexpr const char *kBefore = "import", *kAfter = "fuse";

int InspectCommand::showArtifact(const std::string &file,
                                 const std::string &before,
                                 const std::string &after) {
  auto buffer = llvm::MemoryBuffer::getFile(file, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return userError(file + ": " + buffer.getError().message());
  llvm::StringRef bytes = (*buffer)->getBuffer();
  artifact::Manifest manifest;
  artifact::FileLayout layout;
  std::string error;
  if (!artifact::readFile({bytes.data(), bytes.size()}, manifest, layout,
                          error))
    return userError(path + ": " + error);
  llvm::outs() << (json ? describeAsJson(manifest, bytes.size())
                        : before + describe(manifest, bytes.size()) + after);
  return kDone;
}

/// How often each operator of the model occurs, most frequent first.
static std::string operatorTable(mlir::ModuleOp module) {
  std::map<std::string, unsigned> counts;
  llvm::StringSet<> seen;
  module.walk([&](mlir::Operation *op) {
    for (const NodeRef &node : nodesOf(op->getLoc()))
      if (seen.insert(node.name).second)
        ++counts[node.op.str()];
  });
  std::vector<std::pair<std::string, unsigned>> order(counts.begin(),
                                                      counts.end());
  llvm::sort(order, [](const auto &a, const auto &b) {
    return std::tie(b.second, a.first) < std::tie(a.second, b.first);
  });
  Table table({"operators", ">count"});
  for (const auto &[name, count] : order)
    table.add({"  " + name, std::to_string(count)});
  return table.str() + "\n";
}

int InspectCommand::showModel() {
  CompileOptions options = flags.resolve();
  std::unique_ptr<mlir::MLIRContext> context = createCompilerContext();
  CompileStatus status = CompileStatus::Done;
  auto stage = [&](const char *name) {
    return compileToStage(path, name, options, *context, status, llvm::errs());
  };
  mlir::OwningOpRef<mlir::ModuleOp> before = stage(kBefore);
  if (!before)
    return static_cast<int>(status);
  if (!html.empty()) {
    mlir::OwningOpRef<mlir::ModuleOp> after = stage(kAfter);
    if (!after)
      return static_cast<int>(status);
    std::string page =
        graphPage(llvm::sys::path::filename(path), *before, *after);
    if (std::string error = writeText(html, page); !error.empty())
      return userError(error);
  }
  TemporaryArtifact artifact;
  if (int code = artifact.compile(path, options))
    return code;
  // The plan is the compiler's; an artifact keeps only its size.
  const auto &blocks = artifact.report().buffers;
  return showArtifact(artifact.file(), operatorTable(*before),
                      blocks.empty() ? "" : describeMemory(blocks));
}

int InspectCommand::run() {
  if (std::string error = cannotWrite(html); !error.empty())
    return userError(error);
  if (!isArtifact(path))
    return showModel();
  if (!html.empty())
    return userError(path + ": --html needs the model; an artifact no longer "
                            "holds its graph");
  return showArtifact(path, "", "");
}

void driver::addInspect(CLI::App &app, int &exitCode) {
  auto command = std::make_shared<InspectCommand>();
  CLI::App *sub = app.add_subcommand(
      "inspect", "Show inputs, outputs, operators, kernels and memory");
  sub->add_option("file", command->path, "a model or an artifact")->required();
  command->flags.addTo(*sub, /*withInputs=*/true);
  sub->add_option("--html", command->html,
                  "draw the graph before and after fusion to this file");
  sub->add_flag("--json", command->json, "as JSON");
  sub->callback([command, &exitCode] { exitCode = command->run(); });
}
