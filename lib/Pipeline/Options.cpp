// Reads the values of the command line's options into CompileOptions, and says
// what is wrong with those that are not understood.
#include "weft/Pipeline/Options.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace weft;
using llvm::createStringError;
using llvm::Expected;
using llvm::StringRef;

std::string TargetSpec::str() const {
  StringRef prefix = kind == Kind::CUDA   ? "cuda"
                     : kind == Kind::ROCm ? "rocm"
                                          : "cpu";
  return arch.empty() ? prefix.str() : (prefix + ":" + arch).str();
}

Expected<TargetSpec> weft::parseTarget(StringRef text) {
  auto [prefix, arch] = text.split(':');
  bool hasArch = text.contains(':');
  TargetSpec target;
  target.arch = arch.str();
  if (text == "host") {
    target.arch = "host";
    return target;
  }
  if (prefix == "cpu" && (!hasArch || !arch.empty()))
    return target;
  if (prefix == "cuda" && arch.size() > 3 && arch.starts_with("sm_")) {
    target.kind = TargetSpec::Kind::CUDA;
    return target;
  }
  if (prefix == "rocm" && arch.size() > 3 && arch.starts_with("gfx")) {
    target.kind = TargetSpec::Kind::ROCm;
    return target;
  }
  return createStringError(
      "'" + text +
      "' is not a target; write host, cpu, cpu:x86-64-v3, cpu:znver4, "
      "cuda:sm_90 or rocm:gfx942");
}

Expected<Precision> weft::parsePrecision(StringRef text) {
  auto precision = llvm::StringSwitch<std::optional<Precision>>(text)
                       .Case("f32", Precision::F32)
                       .Case("strict", Precision::Strict)
                       .Case("bf16", Precision::BF16)
                       .Case("f16", Precision::F16)
                       .Default(std::nullopt);
  if (precision)
    return *precision;
  return createStringError(
      "'" + text + "' is not a precision; write f32, strict, bf16 or f16");
}

Expected<MemoryUse> weft::parseMemoryUse(StringRef text) {
  auto use = llvm::StringSwitch<std::optional<MemoryUse>>(text)
                 .Case("fast", MemoryUse::Fast)
                 .Case("small", MemoryUse::Small)
                 .Default(std::nullopt);
  if (use)
    return *use;
  return createStringError("'" + text +
                           "' is no use of memory; write fast or small");
}

bool EmitSpec::isText() const {
  return kind == Kind::MLIR || kind == Kind::LLVM || kind == Kind::Assembly ||
         kind == Kind::PTX || kind == Kind::StableHLO;
}

Expected<EmitSpec> weft::parseEmit(StringRef text) {
  EmitSpec emit;
  if (text.consume_front("mlir:") && !text.empty()) {
    emit.kind = EmitSpec::Kind::MLIR;
    emit.stage = text.str();
    return emit;
  }
  auto kind = llvm::StringSwitch<std::optional<EmitSpec::Kind>>(text)
                  .Case("artifact", EmitSpec::Kind::Artifact)
                  .Case("object", EmitSpec::Kind::Object)
                  .Case("static-library", EmitSpec::Kind::StaticLibrary)
                  .Case("shared-library", EmitSpec::Kind::SharedLibrary)
                  .Case("llvm", EmitSpec::Kind::LLVM)
                  .Case("asm", EmitSpec::Kind::Assembly)
                  .Case("ptx", EmitSpec::Kind::PTX)
                  .Case("hsaco", EmitSpec::Kind::HSACO)
                  .Case("stablehlo", EmitSpec::Kind::StableHLO)
                  .Default(std::nullopt);
  if (!kind)
    return createStringError(
        "'" + text +
        "' cannot be emitted; write artifact, object, static-library, "
        "shared-library, mlir:STAGE, llvm, asm, ptx, hsaco or stablehlo");
  emit.kind = *kind;
  return emit;
}

/// A number with a unit, scaled: "2m" is 120 where units has {"m", 60}.
static std::optional<double>
parseAmount(StringRef text,
            llvm::ArrayRef<std::pair<StringRef, double>> units) {
  StringRef number =
      text.take_while([](char c) { return llvm::isDigit(c) || c == '.'; });
  double value;
  if (number.getAsDouble(value) || value <= 0)
    return std::nullopt;
  for (auto [unit, scale] : units)
    if (text.drop_front(number.size()) == unit)
      return value * scale;
  return std::nullopt;
}

Expected<Budget> weft::parseBudget(StringRef text) {
  Budget budget;
  llvm::SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    if (auto seconds =
            parseAmount(part, {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}}))
      budget.seconds = *seconds;
    else if (auto bytes = parseAmount(part, {{"KiB", 0x1p10},
                                             {"MiB", 0x1p20},
                                             {"GiB", 0x1p30},
                                             {"KB", 1e3},
                                             {"MB", 1e6},
                                             {"GB", 1e9}}))
      budget.bytes = static_cast<uint64_t>(*bytes);
    else
      return createStringError(
          "'" + part + "' is neither a time nor a size; write e.g. 120s,4GiB");
  }
  return budget;
}

std::string CompileOptions::fingerprint() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const TargetSpec &target : targets)
    os << "target=" << target.str() << ";";
  for (const InputPin &input : import.inputs) {
    os << "input=" << input.name << "=";
    if (input.shape)
      llvm::interleave(*input.shape, os, "x");
    os << ":" << input.type << ";";
  }
  for (const auto &[target, table] : tuning)
    for (const auto &[product, tile] : table) {
      os << "tile=" << target << "/" << product;
      for (const auto &[name, number] : tile)
        os << "," << name << "=" << number;
      os << ";";
    }
  os << "precision=" << static_cast<int>(precision)
     << ";memory=" << static_cast<int>(memory)
     << ";external-weights=" << externalWeights;
  return text;
}
