// An artifact for commands that are given a model: compiled into a file of its
// own that goes away with this object.
#ifndef WEFT_DRIVER_TEMPORARYARTIFACT_H
#define WEFT_DRIVER_TEMPORARYARTIFACT_H

#include "weft/Driver/Compile.h"

namespace weft {

class TemporaryArtifact {
public:
  TemporaryArtifact() = default;
  ~TemporaryArtifact();
  TemporaryArtifact(const TemporaryArtifact &) = delete;
  TemporaryArtifact &operator=(const TemporaryArtifact &) = delete;

  /// Compiles `model`; returns the exit code, after errors have been printed.
  int compile(const std::string &model, const CompileOptions &options,
              bool showProgress = true);

  const std::string &file() const { return path; }
  double compileSeconds() const { return outcome.seconds; }
  const CompileReport &report() const { return outcome.report; }

private:
  std::string folder, path;
  CompileOutcome outcome;
};

} // namespace weft

#endif // WEFT_DRIVER_TEMPORARYARTIFACT_H
