// The command line of run and bench, in one place for weft and weft-run.
#include "weft/Driver/Run.h"

#include <CLI/CLI.hpp>

namespace weft {

static void addCommonFlags(CLI::App &command, RunRequest &request,
                           const char *inputHelp) {
  command.add_option("--input", request.inputs, inputHelp)
      ->allow_extra_args(false)
      ->type_name("NAME=FILE");
  command
      .add_option("--inputs", request.inputsFile,
                  "inputs by name from one .npz file")
      ->type_name("FILE.npz");
  command.add_option("--device", request.device, "cpu")
      ->type_name("DEVICE")
      ->capture_default_str();
  command
      .add_option("--threads", request.threads,
                  "threads to use (default: one for each core)")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  command
      .add_option("--code", request.target,
                  "use this code of the artifact, e.g. x86-64-v3 (default: "
                  "the best that this machine runs)")
      ->type_name("TARGET");
  command.add_flag("--verify", request.verify,
                   "check the weights against their hash first");
  command.add_flag("--share-weights", request.shareWeights,
                   "leave the weights in the file's pages, which processes "
                   "with the same model share; slower from the third run on "
                   "where these are small");
}

void addRunFlags(CLI::App &command, RunRequest &request) {
  addCommonFlags(command, request,
                 "an input from an .npy file; may be repeated");
  command
      .add_option("--outputs", request.outputsFile,
                  "write the outputs to this .npz file")
      ->type_name("FILE.npz");
  command
      .add_option("--profile", request.profile,
                  "run several times, and write the time of each kernel beside "
                  "the least that this machine allows")
      ->type_name("FILE.json");
}

void addBenchFlags(CLI::App &command, RunRequest &request) {
  addCommonFlags(command, request,
                 "an input from an .npy file, or NAME=2x3x8:f32 for random "
                 "values of that shape (default for all, with 1 for what is "
                 "dynamic); may be repeated");
  command.add_option("--seconds", request.seconds, "how long to measure")
      ->type_name("S")
      ->capture_default_str();
  command.add_option("--seed", request.seed, "of random inputs")
      ->type_name("N")
      ->capture_default_str();
  command
      .add_option("--json", request.json,
                  "write the figures to this file, - for standard output")
      ->type_name("FILE");
}

} // namespace weft
