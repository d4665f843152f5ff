// From lowered programs to files: the interface of the model, the manifest, and
// each form of `--emit`.

#include "Output.h"

#include "weft/Artifact/Hash.h"
#include "weft/Artifact/OutputFile.h"
#include "weft/Artifact/Writer.h"
#include "weft/Support/Constants.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace weft {

//===-- Interface
//------------------------------------------------------------------//

static std::optional<artifact::ElementType> elementTypeOf(Type type) {
  using E = artifact::ElementType;
  if (type.isF32())
    return E::f32;
  if (type.isF64())
    return E::f64;
  if (type.isF16())
    return E::f16;
  if (type.isBF16())
    return E::bf16;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return std::nullopt;
  bool positive = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return E::boolean;
  case 8:
    return positive ? E::u8 : E::i8;
  case 16:
    return positive ? E::u16 : E::i16;
  case 32:
    return positive ? E::u32 : E::i32;
  case 64:
    return positive ? E::u64 : E::i64;
  }
  return std::nullopt;
}

/// One argument or result of @main, with what its attributes say.
static FailureOr<artifact::TensorInfo> tensorInfo(func::FuncOp main, Type type,
                                                  DictionaryAttr attributes,
                                                  const Twine &fallback) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  std::optional<artifact::ElementType> element;
  if (tensor)
    element = elementTypeOf(tensor.getElementType());
  artifact::TensorInfo info;
  auto name = attributes ? attributes.getAs<StringAttr>("graph.name") : nullptr;
  info.name = name ? name.str() : fallback.str();
  if (!element) {
    main.emitError("'") << info.name << "' is " << type
                        << ", which an artifact cannot pass";
    return failure();
  }
  info.type = *element;
  // A byte may stand for a type that IR does not compute with.
  if (auto narrow =
          attributes ? attributes.getAs<StringAttr>("graph.element") : nullptr)
    if (!artifact::elementTypeOf(narrow.getValue(), info.type)) {
      main.emitError("'") << info.name << "' has elements of " << narrow
                          << ", which an artifact cannot pass";
      return failure();
    }
  auto role = attributes ? attributes.getAs<StringAttr>("graph.role") : nullptr;
  if (role)
    info.role = llvm::StringSwitch<artifact::Role>(role.getValue())
                    .Case("elements", artifact::Role::elements)
                    .Case("shapes", artifact::Role::shapes)
                    .Case("present", artifact::Role::present)
                    .Default(artifact::Role::tensor);
  auto symbols =
      attributes ? attributes.getAs<ArrayAttr>("graph.symbols") : nullptr;
  for (auto [i, extent] : llvm::enumerate(tensor.getShape())) {
    artifact::Dimension dimension;
    dimension.extent = ShapedType::isDynamic(extent) ? -1 : extent;
    if (dimension.extent < 0 && symbols && i < symbols.size())
      dimension.symbol = cast<StringAttr>(symbols[i]).str();
    info.shape.push_back(dimension);
  }
  return info;
}

LogicalResult readInterface(ModuleOp module, ProgramInterface &interface) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    auto info = tensorInfo(main, main.getArgumentTypes()[i],
                           main.getArgAttrDict(i), "input" + Twine(i));
    if (failed(info))
      return failure();
    interface.inputs.push_back(*info);
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    auto info = tensorInfo(main, main.getResultTypes()[i],
                           main.getResultAttrDict(i), "output" + Twine(i));
    if (failed(info))
      return failure();
    interface.outputs.push_back(*info);
  }
  return success();
}

//===-- Dividing
//---------------------------------------------------------------------//

/// What must be equal for two targets to share a program.
static std::string kindOf(const Target &target) {
  return StringRef(target.name()).split(':').first.str();
}

/// One copy of a module for each of `targets`, the last one the module itself.
static void divide(std::vector<TargetProgram> &programs, ModuleOp module,
                   ArrayRef<const Target *> targets) {
  for (const Target *target : targets.drop_back())
    programs.push_back({target, module.clone()});
  programs.push_back({targets.back(), OwningOpRef<ModuleOp>(module)});
}

void splitByKind(std::vector<TargetProgram> &programs,
                 ArrayRef<std::unique_ptr<Target>> targets) {
  if (programs.size() != 1 || programs[0].target)
    return;
  SmallVector<const Target *> kinds;
  for (const std::unique_ptr<Target> &target : targets)
    if (llvm::none_of(kinds, [&](const Target *kind) {
          return kindOf(*kind) == kindOf(*target);
        }))
      kinds.push_back(target.get());
  std::vector<TargetProgram> divided;
  divide(divided, programs[0].module.release(), kinds);
  programs = std::move(divided);
}

void splitByLevel(std::vector<TargetProgram> &programs,
                  ArrayRef<std::unique_ptr<Target>> targets) {
  if (programs[0].tables)
    return;
  std::vector<TargetProgram> divided;
  for (TargetProgram &program : programs) {
    SmallVector<const Target *> levels;
    for (const std::unique_ptr<Target> &target : targets)
      if (kindOf(*target) == kindOf(*program.target) &&
          target->suits(*program.module))
        levels.push_back(target.get());
    auto tables =
        std::make_shared<kernel::Program>(kernel::readProgram(*program.module));
    size_t first = divided.size();
    divide(divided, program.module.release(), levels);
    for (size_t i = first; i < divided.size(); ++i)
      divided[i].tables = tables;
  }
  programs = std::move(divided);
}

//===-- Writing
//-----------------------------------------------------------------------//

namespace {

class OutputWriter {
public:
  OutputWriter(StringRef model, StringRef output, const CompileOptions &options,
               llvm::raw_ostream &errors)
      : model(model), output(output), options(options), errors(errors) {}

  CompileStatus writeMLIR(ModuleOp module);
  CompileStatus writeImages(MutableArrayRef<TargetProgram> programs,
                            ImageKind kind);
  CompileStatus writeArchive(MutableArrayRef<TargetProgram> programs);
  CompileStatus writeArtifact(const ProgramInterface &interface,
                              MutableArrayRef<TargetProgram> programs,
                              CompileReport &report);

private:
  CompileStatus userError(const Twine &text) {
    errors << "error: " << text << "\n";
    return CompileStatus::UserError;
  }
  CompileStatus internalError(const Twine &text) {
    errors << "internal error: " << llvm::sys::path::filename(model) << ": "
           << text << "\n";
    return CompileStatus::InternalError;
  }
  CompileStatus write(ArrayRef<char> bytes);
  FailureOr<std::vector<CodeImage>>
  emitAll(MutableArrayRef<TargetProgram> programs, ImageKind kind,
          CompileStatus &status);
  uint64_t hashOfModel();

  StringRef model, output;
  const CompileOptions &options;
  llvm::raw_ostream &errors;
};

CompileStatus OutputWriter::write(ArrayRef<char> bytes) {
  if (output == "-") {
    llvm::outs().write(bytes.data(), bytes.size());
    return CompileStatus::Done;
  }
  artifact::OutputFile file(output.str());
  if (!file.write(bytes.data(), bytes.size()) || !file.commit())
    return userError(file.error());
  return CompileStatus::Done;
}

CompileStatus OutputWriter::writeMLIR(ModuleOp module) {
  SmallVector<char, 0> text;
  llvm::raw_svector_ostream os(text);
  OpPrintingFlags flags;
  flags.elideLargeResourceString(256);
  module.print(os, flags);
  return write(text);
}

FailureOr<std::vector<CodeImage>>
OutputWriter::emitAll(MutableArrayRef<TargetProgram> programs, ImageKind kind,
                      CompileStatus &status) {
  std::vector<CodeImage> images;
  for (TargetProgram &program : programs) {
    if (!program.target->supports(kind)) {
      status = userError(
          "target '" + program.target->name() +
          "' cannot be written in this form; see `weft compile --help`");
      return failure();
    }
    FailureOr<CodeImage> image = program.target->emit(*program.module, kind);
    if (failed(image)) {
      status = CompileStatus::InternalError;
      return failure();
    }
    images.push_back(std::move(*image));
    program.module = nullptr; // Its code is made; its memory is not needed.
  }
  return images;
}

CompileStatus OutputWriter::writeImages(MutableArrayRef<TargetProgram> programs,
                                        ImageKind kind) {
  if (programs.size() != 1)
    return userError("this form of output holds one target, and " +
                     Twine(programs.size()) +
                     " are asked for; name one with --target");
  CompileStatus status = CompileStatus::Done;
  auto images = emitAll(programs, kind, status);
  return failed(images) ? status : write((*images)[0].bytes);
}

CompileStatus
OutputWriter::writeArchive(MutableArrayRef<TargetProgram> programs) {
  CompileStatus status = CompileStatus::Done;
  auto images = emitAll(programs, ImageKind::Object, status);
  if (failed(images))
    return status;
  std::vector<llvm::NewArchiveMember> members;
  for (CodeImage &image : *images) {
    members.emplace_back(llvm::MemoryBufferRef(
        StringRef(image.bytes.data(), image.bytes.size()), ""));
    members.back().MemberName = llvm::StringRef(image.info.entrySymbol);
  }
  auto archive = llvm::writeArchiveToBuffer(
      members, llvm::SymtabWritingMode::NormalSymtab,
      llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return internalError(llvm::toString(archive.takeError()));
  StringRef bytes = (*archive)->getBuffer();
  return write(ArrayRef<char>(bytes.data(), bytes.size()));
}

uint64_t OutputWriter::hashOfModel() {
  auto file = llvm::MemoryBuffer::getFile(model, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  return file ? artifact::hashOf((*file)->getBufferStart(),
                                 (*file)->getBufferSize())
              : 0;
}

/// The bytes of all weights; splats are spelled out, into `storage`.
static std::vector<artifact::WeightChunk>
chunksOf(const kernel::Program &program,
         std::vector<std::vector<char>> &storage) {
  std::vector<artifact::WeightChunk> chunks;
  for (const kernel::Weight &weight : program.weights) {
    auto data = ConstantData::get(weight.value);
    ArrayRef<char> bytes = data->bytes();
    if (data->isSplat()) {
      std::vector<char> all;
      all.reserve(bytes.size() * data->numElements());
      for (int64_t i = 0, e = data->numElements(); i < e; ++i)
        all.insert(all.end(), bytes.begin(), bytes.end());
      storage.push_back(std::move(all));
      bytes = storage.back();
    } else {
      // The constant may own its bytes (packed i1), so they are kept here.
      if (data->type().getElementType().isInteger(1)) {
        storage.emplace_back(bytes.begin(), bytes.end());
        bytes = storage.back();
      }
    }
    chunks.push_back({weight.offset, bytes.data(), bytes.size()});
  }
  return chunks;
}

CompileStatus
OutputWriter::writeArtifact(const ProgramInterface &interface,
                            MutableArrayRef<TargetProgram> programs,
                            CompileReport &report) {
  std::shared_ptr<kernel::Program> tables = programs[0].tables;
  for (const TargetProgram &program : programs)
    if (program.tables != tables)
      return userError("an artifact for CPUs and GPUs together is not "
                       "supported yet; compile one for each");
  CompileStatus status = CompileStatus::Done;
  auto images = emitAll(programs, ImageKind::Object, status);
  if (failed(images))
    return status;

  artifact::FileContent content;
  std::vector<llvm::MemoryBufferRef> objects;
  artifact::Manifest &manifest = content.manifest;
  for (CodeImage &image : *images) {
    objects.emplace_back(StringRef(image.bytes.data(), image.bytes.size()),
                         image.info.target);
    manifest.code.push_back(image.info);
  }
  std::vector<std::vector<char>> storage;
  content.weights = chunksOf(*tables, storage);
  std::string name = llvm::sys::path::filename(model).str(),
              fingerprint = options.fingerprint();
  manifest.compilerVersion = WEFT_VERSION;
  manifest.modelName = name;
  manifest.modelHash = hashOfModel();
  manifest.optionsHash =
      artifact::hashOf(fingerprint.data(), fingerprint.size());
  manifest.inputs = interface.inputs;
  manifest.outputs = interface.outputs;
  manifest.kernels = tables->kernels;
  manifest.checks = tables->checks;
  manifest.strings = tables->strings;
  manifest.arenaBytes = tables->arenaBytes;
  if (options.externalWeights)
    manifest.weightFile = llvm::sys::path::stem(output).str() + ".safetensors";
  report.kernels = tables->kernels.size();
  report.weightBytes = tables->weightBytes;
  report.arenaBytes = manifest.arenaBytes;
  report.buffers = tables->buffers;
  if (llvm::Error error =
          artifact::writeArtifact(output, objects, std::move(content))) {
    bool ours = error.isA<artifact::LinkError>();
    std::string text = llvm::toString(std::move(error));
    return ours ? internalError(text) : userError(text);
  }
  return CompileStatus::Done;
}

} // namespace

CompileStatus writeOutput(StringRef model, StringRef output,
                          const CompileOptions &options,
                          const ProgramInterface &interface,
                          MutableArrayRef<TargetProgram> programs,
                          CompileReport &report, llvm::raw_ostream &errors) {
  OutputWriter writer(model, output, options, errors);
  switch (options.emit.kind) {
  case EmitSpec::Kind::Artifact:
  case EmitSpec::Kind::SharedLibrary: // An artifact is one.
    return writer.writeArtifact(interface, programs, report);
  case EmitSpec::Kind::MLIR:
    return writer.writeMLIR(*programs.front().module);
  case EmitSpec::Kind::Object:
    return writer.writeImages(programs, ImageKind::Object);
  case EmitSpec::Kind::StaticLibrary:
    return writer.writeArchive(programs);
  case EmitSpec::Kind::LLVM:
    return writer.writeImages(programs, ImageKind::LLVMIR);
  case EmitSpec::Kind::Assembly:
    return writer.writeImages(programs, ImageKind::Assembly);
  case EmitSpec::Kind::PTX:
    return writer.writeImages(programs, ImageKind::PTX);
  case EmitSpec::Kind::HSACO:
    return writer.writeImages(programs, ImageKind::HSACO);
  case EmitSpec::Kind::StableHLO:
    break;
  }
  errors << "error: --emit stablehlo: this weft does not write StableHLO; "
            "write mlir:STAGE for its own dialects\n";
  return CompileStatus::UserError;
}

} // namespace weft
