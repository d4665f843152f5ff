// The manifest of an artifact: what the runtime must know before it runs any
// code of it. Used by the compiler (write) and by the runtime (read); depends
// on nothing but the standard library. The encoding is described in
// docs/artifact-format.md.
#ifndef WEFT_ARTIFACT_MANIFEST_H
#define WEFT_ARTIFACT_MANIFEST_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::artifact {

/// Raised when the encoding changes; a reader refuses every other version.
constexpr uint32_t kFormatVersion = 4;

/// Element types, numbered as in ONNX's TensorProto.DataType.
enum class ElementType : uint8_t {
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13,
  bf16 = 16,
  f8e4m3fn = 17,
  f8e4m3fnuz = 18,
  f8e5m2 = 19,
  f8e5m2fnuz = 20,
  u4 = 21,
  i4 = 22,
  f4e2m1fn = 23,
  f8e8m0fnu = 24,
  u2 = 25,
  i2 = 26,
};

/// Bytes of one element in memory; one byte for whatever is smaller. A string
/// is an address and a length.
unsigned elementSize(ElementType type);
/// "f32", "i64", "bool", …
std::string_view elementName(ElementType type);
/// The reverse; false when no element type has this name.
bool elementTypeOf(std::string_view name, ElementType &type);

/// One dimension: a fixed extent, or dynamic with the model's name for it
/// (two dimensions of one name must have one extent in a run).
struct Dimension {
  int64_t extent = -1; ///< -1: dynamic
  std::string symbol;  ///< may be empty
};

/// How a tensor belongs to a value that is no tensor. A sequence is its
/// elements, one tensor after another, and then its shapes, a row for each
/// tensor with -1 after the last extent; an optional is a flag, then its value.
enum class Role : uint8_t { tensor = 0, elements = 1, shapes = 2, present = 3 };

struct TensorInfo {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<Dimension> shape;
  Role role = Role::tensor;
};

/// One body of machine code: a CPU level ("x86-64-v3") with its entry symbol,
/// or a GPU target ("sm_80") with the section that holds its image.
struct CodeInfo {
  std::string target;
  std::string entrySymbol;
  std::vector<std::string> cpuFeatures; ///< needed at run time, LLVM's names
  /// Of kernels' private buffers, for each worker: the most that one kernel
  /// needs; -1: depends on shapes. 0 for a GPU, whose launches get their own.
  int64_t scratchBytes = 0;
};

/// One kernel, in order of launch, for profiles and `weft inspect`.
struct KernelInfo {
  std::string name;
  std::string operators; ///< the model's nodes that it computes
  double flops = 0;      ///< per run at static shapes, 0 when dynamic
  double bytes = 0;      ///< read and written, likewise
};

/// A block of temporary memory and the kernels that first and last use it, by
/// their numbers. Known to the compiler; a manifest holds only the sum.
struct MemoryBlock {
  uint64_t offset = 0, bytes = 0;
  size_t first = 0, last = 0;
};

struct Manifest {
  std::string compilerVersion;
  std::string modelName;
  uint64_t modelHash = 0, optionsHash = 0;
  std::vector<TensorInfo> inputs, outputs;
  std::vector<CodeInfo> code;
  std::vector<KernelInfo> kernels;
  std::vector<std::string> checks; ///< messages for weft_context::fail
  uint64_t weightBytes = 0, weightHash = 0;
  std::vector<std::string> strings; ///< of the model, numbered from 1 on
  std::string weightFile;  ///< empty: the artifact's own weight section
  int64_t arenaBytes = -1; ///< planned temporaries; -1: depends on shapes
};

std::string encode(const Manifest &manifest);

/// False when `bytes` is not a manifest of this version; `error` then says
/// which field at which offset. Reads nothing outside `bytes`.
bool decode(std::string_view bytes, Manifest &manifest, std::string &error);

} // namespace weft::artifact

#endif // WEFT_ARTIFACT_MANIFEST_H
