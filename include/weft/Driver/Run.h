// `run` and `bench` of an artifact, shared by weft and weft-run. No LLVM.
#ifndef WEFT_DRIVER_RUN_H
#define WEFT_DRIVER_RUN_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace weft {

/// What both commands are told about an artifact and its inputs.
struct RunRequest {
  std::string artifact;
  /// "NAME=FILE.npy" each; for bench also "NAME=2x3x8:f32", random values of
  /// that shape.
  std::vector<std::string> inputs;
  std::string inputsFile; ///< .npz
  std::string device = "cpu";
  int threads = 0;    ///< 0: every core that this process may use
  std::string target; ///< use this code of the artifact; empty: the best
  bool verify = false;
  bool shareWeights = false; ///< they stay in the file's pages

  std::string outputsFile; ///< run: .npz
  std::string profile;     ///< run: .json

  double seconds = 2; ///< bench
  uint64_t seed = 0;  ///< bench
  std::string json;   ///< bench: file, or "-" for standard output
  std::optional<double> compileSeconds; ///< bench: passed on to the report

  /// How messages and reports call the artifact; empty: by its path.
  std::string name;
};

/// Adds the options of `run` or `bench` to a command line; not the file.
void addRunFlags(CLI::App &command, RunRequest &request);
void addBenchFlags(CLI::App &command, RunRequest &request);

/// Do what is asked and return the exit code: 0 done, 1 the artifact, an input
/// or an option is at fault, 3 Weft is. Results go to standard output, `error:
/// …` to standard error.
int runArtifact(const RunRequest &request);
int benchArtifact(const RunRequest &request);

} // namespace weft

#endif // WEFT_DRIVER_RUN_H
