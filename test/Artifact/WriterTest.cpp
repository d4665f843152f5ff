// Links small objects, made by LLVM from assembly, and loads the result.
#include "weft/Artifact/Writer.h"
#include "Sample.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "gtest/gtest.h"
#include <dlfcn.h>

using namespace weft::artifact;

static llvm::SmallString<0> objectOf(llvm::StringRef ir) {
  static bool initialized = [] {
    return llvm::InitializeNativeTarget() ||
           llvm::InitializeNativeTargetAsmPrinter();
  }();
  (void)initialized;
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  auto module =
      llvm::parseIR(llvm::MemoryBufferRef(ir, "test"), diagnostic, context);
  EXPECT_TRUE(module) << diagnostic.getMessage().str();
  std::string error;
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  EXPECT_TRUE(target) << error;
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, "x86-64", "", {}, llvm::Reloc::PIC_));
  module->setDataLayout(machine->createDataLayout());
  module->setTargetTriple(triple);
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream os(bytes);
  llvm::legacy::PassManager passes;
  machine->addPassesToEmitFile(passes, os, nullptr,
                               llvm::CodeGenFileType::ObjectFile);
  passes.run(*module);
  return bytes;
}

namespace {
struct WriterTest : testing::Test {
  llvm::Error write(llvm::ArrayRef<llvm::StringRef> sources) {
    std::vector<llvm::SmallString<0>> objects;
    std::vector<llvm::MemoryBufferRef> buffers;
    for (llvm::StringRef source : sources)
      objects.push_back(objectOf(source));
    for (auto &object : objects)
      buffers.emplace_back(object, "object");
    FileContent content;
    content.weights = {{0, weights.data(), weights.size()}};
    content.manifest = sampleManifest();
    content.manifest.code = {{"x86-64", "entry", {}}};
    return writeArtifact(path, buffers, std::move(content));
  }
  std::string errorOf(llvm::ArrayRef<llvm::StringRef> sources) {
    return llvm::toString(write(sources));
  }
  TemporaryFolder folder;
  std::string path = folder / "model.weft", weights = "weights";
};
} // namespace

static constexpr llvm::StringLiteral kEntry = R"(
  declare double @helper(double)
  define double @entry(double %x) {
    %y = call double @helper(double %x)
    ret double %y
  })";
static constexpr llvm::StringLiteral kHelper = R"(
  declare double @pow(double, double)
  define double @helper(double %x) {
    %y = call double @pow(double %x, double 3.0)
    ret double %y
  })";

TEST_F(WriterTest, LinksCodeThatCanBeLoaded) {
  ASSERT_EQ(errorOf({kEntry, kHelper}), "");
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_TRUE(library) << dlerror();
  auto *entry = reinterpret_cast<double (*)(double)>(dlsym(library, "entry"));
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry(2.0), 8.0);
  EXPECT_FALSE(dlsym(library, "helper")) << "only entries are exported";
  dlclose(library);
  EXPECT_EQ(folder.fileCount(), 1u);
}

TEST_F(WriterTest, SameObjectsSameBytes) {
  ASSERT_EQ(errorOf({kEntry, kHelper}), "");
  std::string bytes = contentOf(path);
  path = folder / "other.weft";
  ASSERT_EQ(errorOf({kEntry, kHelper}), "");
  EXPECT_EQ(contentOf(path), bytes);
  EXPECT_EQ(bytes.find("/tmp"), std::string::npos);
}

TEST_F(WriterTest, NamesASymbolThatNobodyHas) {
  llvm::Error error = write({kEntry});
  EXPECT_TRUE(error.isA<LinkError>());
  EXPECT_EQ(llvm::toString(std::move(error)),
            "the code calls 'helper', which no runtime provides");
  EXPECT_EQ(errorOf({kHelper}), "no object defines entry 'entry'");
  EXPECT_EQ(folder.fileCount(), 0u);
}

TEST_F(WriterTest, PassesTheLinkersWordsOn) {
  EXPECT_NE(
      errorOf({kEntry, kHelper, kHelper}).find("duplicate symbol: helper"),
      std::string::npos);
}

TEST_F(WriterTest, NamesThePathThatCannotBeWritten) {
  path = folder / "no/model.weft";
  llvm::Error error = write({kEntry, kHelper});
  EXPECT_FALSE(error.isA<LinkError>());
  EXPECT_EQ(llvm::toString(std::move(error)),
            path + ": cannot be written: folder '" + (folder / "no/") +
                "' does not exist");
}
