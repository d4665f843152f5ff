// From relocatable objects to a linked file: lld, called in this process. The
// file around the code is the business of File.h.
#ifndef WEFT_ARTIFACT_WRITER_H
#define WEFT_ARTIFACT_WRITER_H

#include "weft/Artifact/File.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>

namespace weft::artifact {

/// What only a fault of ours can cause: code that does not link. The driver
/// says `internal error: ` before it; every other error of this file names a
/// path and is the user's to mend.
class LinkError : public llvm::ErrorInfo<LinkError> {
public:
  static char ID;
  explicit LinkError(std::string text) : text(std::move(text)) {}
  void log(llvm::raw_ostream &os) const override { os << text; }
  std::error_code convertToErrorCode() const override;

private:
  std::string text;
};

/// Links relocatable x86-64 objects to a shared object that exports nothing but
/// `exports`. Code may call memcpy and its like and the functions of libm, and
/// nothing else. Equal objects give equal bytes. Safe to call from several
/// threads; they take turns.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
linkSharedObject(llvm::ArrayRef<llvm::MemoryBufferRef> objects,
                 llvm::ArrayRef<std::string> exports);

/// Links `objects` and writes the artifact `path`: writeFile of File.h, with
/// `content.code` left for this function to fill in. The entry symbols of
/// `content.manifest.code` are exported. Symbols of different objects share one
/// space of names unless they are local.
llvm::Error writeArtifact(llvm::StringRef path,
                          llvm::ArrayRef<llvm::MemoryBufferRef> objects,
                          FileContent content);

} // namespace weft::artifact

#endif // WEFT_ARTIFACT_WRITER_H
