// The file lies in a folder that only this user can enter: code is loaded from
// it, so nobody else may swap it.
#include "weft/Driver/TemporaryArtifact.h"
#include "weft/Driver/Guard.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <cerrno>
#include <cstdlib>
#include <cstring>

using namespace weft;

TemporaryArtifact::~TemporaryArtifact() {
  if (!folder.empty())
    llvm::sys::fs::remove_directories(folder);
}

int TemporaryArtifact::compile(const std::string &model,
                               const CompileOptions &options,
                               bool showProgress) {
  llvm::SmallString<128> pattern;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, pattern);
  llvm::sys::path::append(pattern, "weft-XXXXXX");
  std::string name = pattern.str().str();
  if (!mkdtemp(name.data())) {
    llvm::errs() << "error: " << name
                 << ": cannot be created: " << strerror(errno) << "\n";
    return kUserError;
  }
  folder = name;
  CompileJob job;
  job.model = model;
  job.output = path = folder + "/model.weft";
  job.options = options;
  job.showProgress = showProgress;
  outcome = runCompileJob(job);
  return outcome.exitCode;
}
