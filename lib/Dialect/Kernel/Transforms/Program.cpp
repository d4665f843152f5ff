// Numbers once, for all targets, what code refers to by number: constants by
// their offset, checks by their message, launches by their order.

#include "weft/Dialect/Kernel/Transforms/Program.h"

#include "CountWork.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "weft/Dialect/Kernel/IR/Kernel.h"
#include "weft/Support/Location.h"

using namespace mlir;

namespace weft::kernel {

uint64_t bytesOf(ShapedType type) {
  uint64_t width =
      type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth();
  return type.getNumElements() * std::max<uint64_t>(width / 8, 1);
}

func::FuncOp mainOf(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main)
    module.emitError("has no @main");
  return main;
}

void numberProgram(ModuleOp module) {
  Builder b(module.getContext());
  uint64_t offset = 0;
  for (auto global : module.getOps<memref::GlobalOp>()) {
    global->setAttr(kOffsetAttr, b.getI64IntegerAttr(offset));
    offset = llvm::alignTo(offset + bytesOf(global.getType()), 64);
  }
  llvm::SetVector<Attribute> messages;
  module.walk([&](CheckOp check) { messages.insert(check.getMessageAttr()); });
  module->setAttr(kChecksAttr, b.getArrayAttr(messages.getArrayRef()));
  int64_t number = 0;
  module.walk([&](LaunchOp launch) {
    launch->setAttr(kLaunchAttr, b.getI64IntegerAttr(number++));
  });
}

CheckNumbers numbersOfChecks(ModuleOp module) {
  CheckNumbers numbers;
  if (auto messages = module->getAttrOfType<ArrayAttr>(kChecksAttr))
    for (auto [i, message] : llvm::enumerate(messages))
      numbers[message] = i;
  return numbers;
}

/// The model's nodes behind a launch: as fusion noted them, or by location.
static std::string nodesOfLaunch(LaunchOp launch) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto nodes = launch->getAttrOfType<ArrayAttr>("kernel.nodes")) {
    llvm::interleaveComma(nodes.getAsRange<StringAttr>(), os,
                          [&](StringAttr node) { os << node.getValue(); });
    return text;
  }
  llvm::interleaveComma(nodesOf(launch.getLoc()), os,
                        [&](NodeRef node) { os << node.name; });
  return text;
}

/// The block that `view` makes of the arena, with the launches that use it or a
/// view of it.
static std::optional<artifact::MemoryBlock> readBuffer(memref::ViewOp view) {
  std::optional<int64_t> offset = getConstantIntValue(view.getByteShift());
  if (!offset || !view.getType().hasStaticShape())
    return std::nullopt;
  artifact::MemoryBlock buffer = {uint64_t(*offset), bytesOf(view.getType()),
                                  SIZE_MAX, 0};
  SmallVector<Value> aliases = {view.getResult()};
  while (!aliases.empty()) {
    Value alias = aliases.pop_back_val();
    for (Operation *user : alias.getUsers()) {
      if (isa<ViewLikeOpInterface>(user))
        aliases.append(user->result_begin(), user->result_end());
      auto number = user->getAttrOfType<IntegerAttr>(kLaunchAttr);
      if (!number)
        continue;
      buffer.first = std::min<size_t>(buffer.first, number.getInt());
      buffer.last = std::max<size_t>(buffer.last, number.getInt());
    }
  }
  return buffer.first == SIZE_MAX ? std::nullopt : std::optional(buffer);
}

static void readArena(ArenaOp arena, Program &program) {
  program.arenaBytes = getConstantIntValue(arena.getBytes()).value_or(-1);
  for (Operation *user : arena->getUsers())
    if (auto view = dyn_cast<memref::ViewOp>(user))
      if (std::optional<artifact::MemoryBlock> buffer = readBuffer(view))
        program.buffers.push_back(*buffer);
  llvm::sort(program.buffers, [](const auto &a, const auto &b) {
    return std::tie(a.first, a.offset) < std::tie(b.first, b.offset);
  });
}

Program readProgram(ModuleOp module) {
  Program program;
  for (auto global : module.getOps<memref::GlobalOp>()) {
    uint64_t offset = global->getAttrOfType<IntegerAttr>(kOffsetAttr).getInt();
    program.weights.push_back(
        {offset, cast<ElementsAttr>(*global.getInitialValue())});
    program.weightBytes = offset + bytesOf(global.getType());
  }
  if (auto checks = module->getAttrOfType<ArrayAttr>(kChecksAttr))
    for (auto message : checks.getAsRange<StringAttr>())
      program.checks.push_back(message.str());
  if (auto strings = module->getAttrOfType<ArrayAttr>("graph.strings"))
    for (auto text : strings.getAsRange<StringAttr>())
      program.strings.push_back(text.str());
  module.walk([&](ArenaOp arena) { readArena(arena, program); });
  module.walk([&](LaunchOp launch) {
    artifact::KernelInfo info;
    info.name = launch.getCallee().str();
    info.operators = nodesOfLaunch(launch);
    double calls = callsOf(launch);
    if (auto flops = launch->getAttrOfType<FloatAttr>(kFlopsAttr))
      info.flops = flops.getValueAsDouble() * calls;
    if (auto bytes = launch->getAttrOfType<FloatAttr>(kBytesAttr))
      info.bytes = bytes.getValueAsDouble() * calls;
    program.kernels.push_back(std::move(info));
  });
  return program;
}

} // namespace weft::kernel
