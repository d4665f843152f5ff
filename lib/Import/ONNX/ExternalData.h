// Tensors that a model keeps in files beside it. The model names those files,
// so the names are hostile until shown otherwise: nothing outside the model's
// folder is opened, whatever the names and links say.
#ifndef WEFT_LIB_IMPORT_ONNX_EXTERNALDATA_H
#define WEFT_LIB_IMPORT_ONNX_EXTERNALDATA_H

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace weft::onnx {

/// The folder of one model. Files are opened once each and mapped, not read.
class ExternalFolder {
public:
  explicit ExternalFolder(llvm::StringRef modelPath);
  ~ExternalFolder();
  ExternalFolder(const ExternalFolder &) = delete;
  ExternalFolder &operator=(const ExternalFolder &) = delete;

  /// The file `location`, relative to the folder. The error says what is wrong
  /// with it but not which tensor asked.
  llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>>
  map(llvm::StringRef location);

private:
  llvm::Expected<int> openBeneath(llvm::StringRef location);

  std::string folder;
  int descriptor = -1;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;
};

} // namespace weft::onnx

#endif // WEFT_LIB_IMPORT_ONNX_EXTERNALDATA_H
