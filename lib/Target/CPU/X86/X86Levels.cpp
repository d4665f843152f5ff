// All code uses at least AVX2, FMA and F16C (x86-64-v3): below that no level is
// worth a body of code of its own. With AVX-512's five basic parts the
// registers are 16 wide (x86-64-v4), also on CPUs that LLVM would keep at 8.

#include "X86Levels.h"
#include "../Microkernel/Machine.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"
#include <mutex>

namespace weft::cpu {

using llvm::StringRef;

static constexpr StringRef kV3[] = {"avx",  "avx2", "bmi",   "bmi2",
                                    "f16c", "fma",  "lzcnt", "movbe"};
static constexpr StringRef kV4[] = {"avx512f", "avx512bw", "avx512cd",
                                    "avx512dq", "avx512vl"};
/// On top of it, for products of bytes.
static constexpr StringRef kVnni[] = {"avx512vnni"};
static constexpr StringRef kVnniLevel = "x86-64-v4-vnni";

// Features that only processors with such cores have together.
static constexpr StringRef kGoldenCoveFeatures[] = {"avx512fp16", "amx-tile"};
static constexpr StringRef kZen5Features[] = {"avx512bf16",
                                              "avx512vp2intersect"};

/// Features for operating systems, for cryptography on a stream, and the like:
/// code of ours never uses them, and virtual machines often hide them.
static constexpr StringRef kUnused[] = {
    "cldemote", "clflushopt", "clwb",   "clzero",    "enqcmd",    "fsgsbase",
    "hreset",   "invpcid",    "kl",     "lwp",       "movdir64b", "movdiri",
    "mwaitx",   "pconfig",    "pku",    "prefetchi", "prfchw",    "ptwrite",
    "rdpid",    "rdpru",      "rdrnd",  "rdseed",    "serialize", "sgx",
    "shstk",    "tsxldtrk",   "uintr",  "usermsr",   "waitpkg",   "wbnoinvd",
    "widekl",   "xsave",      "xsavec", "xsaveopt",  "xsaves",
};

static llvm::Error unknown(StringRef arch, StringRef why) {
  return llvm::createStringError(
      "CPU '" + arch.str() + "' " + why.str() +
      "; use host, x86-64-v3, x86-64-v4, x86-64-v4-vnni or LLVM's name of a "
      "CPU with AVX2");
}

llvm::Expected<CpuLevel> x86Level(StringRef arch) {
  CpuLevel level;
  level.name = arch.str();
  llvm::SmallVector<StringRef> features;
  if (arch == "host") {
    level.name = llvm::sys::getHostCPUName().str();
    // A virtual machine may hide what the named CPU has, so ask for each.
    llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
    for (auto list :
         {llvm::ArrayRef<StringRef>(kV3), llvm::ArrayRef<StringRef>(kV4)})
      for (StringRef feature : list) {
        if (host.lookup(feature))
          features.push_back(feature);
        else
          level.features +=
              (level.features.empty() ? "-" : ",-") + feature.str();
      }
    for (auto list : {llvm::ArrayRef<StringRef>(kGoldenCoveFeatures),
                      llvm::ArrayRef<StringRef>(kZen5Features)})
      for (StringRef feature : list)
        if (host.lookup(feature))
          features.push_back(feature);
  } else if (arch == "x86-64-v3" || arch == "x86-64-v4" || arch == kVnniLevel) {
    // LLVM lists of these only what others do not imply.
    llvm::append_range(features, kV3);
    if (arch != "x86-64-v3")
      llvm::append_range(features, kV4);
    if (arch == kVnniLevel)
      llvm::append_range(features, kVnni);
  } else {
    if (llvm::X86::parseArchX86(arch, /*Only64Bit=*/true) == llvm::X86::CK_None)
      return unknown(arch, "is not known");
    llvm::X86::getFeaturesForCPU(arch, features);
  }
  auto has = [&](llvm::ArrayRef<StringRef> list) {
    return llvm::all_of(list, [&](StringRef feature) {
      return llvm::is_contained(features, feature);
    });
  };
  if (!has(kV3))
    return unknown(arch, "has no AVX2, FMA or F16C");
  level.needed.assign(std::begin(kV3), std::end(kV3));
  StringRef generic = "x86-64-v3";
  bool dotsBytes = false;
  if (has(kV4)) {
    generic = "x86-64-v4";
    level.width = 16;
    level.needed.insert(level.needed.end(), std::begin(kV4), std::end(kV4));
    dotsBytes = has(kVnni);
    if (dotsBytes)
      level.needed.insert(level.needed.end(), std::begin(kVnni),
                          std::end(kVnni));
  }
  // A virtual machine may hide the CPU's name.
  level.machine = has(kGoldenCoveFeatures) ? StringRef(kGoldenCove)
                  : has(kZen5Features)     ? StringRef(kZen5)
                                           : generic;
  if (dotsBytes)
    level.machine += kWithVnni;
  bool isGeneric = StringRef(level.name).starts_with("x86-64");
  if (arch != "host" && !isGeneric) {
    // What LLVM may use of a named CPU, the machine must have.
    level.needed.clear();
    for (StringRef feature : features)
      if (!llvm::is_contained(kUnused, feature))
        level.needed.push_back(feature.str());
    llvm::sort(level.needed);
  }
  if (arch == "host") {
    // Code for the host uses the levels' features and nothing rarer.
    level.name = generic;
    level.features.clear();
  }
  level.processor = level.name;
  if (level.name == kVnniLevel) {
    level.processor = "x86-64-v4";
    level.features = "+avx512vnni";
  }
  return level;
}

std::vector<std::string> x86BaselineLevels() {
  return {"x86-64-v3", "x86-64-v4"};
}

std::string x86BytesLevel() { return kVnniLevel.str(); }

bool hostMultipliesBytes() {
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  for (auto list :
       {llvm::ArrayRef<StringRef>(kV3), llvm::ArrayRef<StringRef>(kV4),
        llvm::ArrayRef<StringRef>(kVnni)})
    for (StringRef feature : list)
      if (!host.lookup(feature))
        return false;
  return true;
}

void initializeX86() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
}

} // namespace weft::cpu
