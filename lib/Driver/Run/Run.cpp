// `run`: one run on given inputs, a line on each output, and, when asked, the
// outputs as a file and the time of each kernel over several more runs.
#include "weft/Driver/Run.h"
#include "Inputs.h"
#include "Profile.h"
#include "Report.h"
#include "weft/Artifact/OutputFile.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <unistd.h>

namespace weft {

static double secondsOf(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

Model loadModel(const RunRequest &request) {
  if (request.device != "cpu")
    throw UsersFault("--device " + request.device +
                     ": is not available; this runtime has cpu");
  weft_load_options options = {};
  options.size = sizeof options;
  options.target = request.target.empty() ? nullptr : request.target.c_str();
  options.verify_weights = request.verify;
  options.share_weights = request.shareWeights;
  if (request.name.empty())
    return Model(request.artifact, &options);
  int file = open(request.artifact.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    throw UsersFault(request.artifact +
                     ": cannot be opened: " + strerror(errno));
  struct Close {
    int file;
    ~Close() { close(file); }
  } closing{file};
  return Model::fromDescriptor(file, request.name, &options);
}

std::vector<TensorView> viewsOf(const std::vector<Array> &arrays) {
  std::vector<TensorView> views;
  for (const Array &array : arrays)
    views.push_back(array.view());
  return views;
}

void writeReport(const std::string &path, const std::string &text) {
  if (path == "-") {
    std::fputs(text.c_str(), stdout);
    return;
  }
  artifact::OutputFile file(path);
  if (!file.write(text.data(), text.size()) || !file.commit())
    throw UsersFault(file.error());
}

int reportFailures(const std::function<void()> &body) {
  try {
    body();
    std::fflush(stdout);
    if (std::ferror(stdout))
      throw UsersFault("standard output cannot be written");
    return 0;
  } catch (const UsersFault &fault) {
    std::fprintf(stderr, "error: %s\n", fault.what());
    return 1;
  } catch (const Error &error) {
    if (error.status() == WEFT_ERROR_INTERNAL) {
      std::fprintf(stderr, "%s\n", error.what());
      return 3;
    }
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  } catch (const std::bad_alloc &) {
    std::fprintf(stderr, "error: not enough memory\n");
    return 1;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "internal error: %s\n", error.what());
    return 3;
  }
}

namespace {

void run(const RunRequest &request) {
  using Clock = std::chrono::steady_clock;
  Model model = loadModel(request);
  std::vector<Array> arrays = givenInputs(request);
  std::vector<TensorView> inputs = viewsOf(arrays);
  Profile profile(model);
  weft_session_options options = {};
  options.size = sizeof options;
  options.threads = request.threads;
  if (!request.profile.empty())
    profile.attach(options);
  Session session(model, options);
  std::vector<TensorView> outputs = session.run(inputs);
  if (!request.outputsFile.empty())
    writeNpz(request.outputsFile, outputs);
  for (const TensorView &output : outputs)
    std::printf("%s\n", summary(output).c_str());
  if (request.profile.empty())
    return;

  int runs = 0;
  double total = 0;
  auto runForAWhile = [&] {
    profile.clear();
    Clock::time_point begin = Clock::now();
    runs = 0;
    do {
      session.run(inputs);
      ++runs;
      total = secondsOf(Clock::now() - begin);
    } while (runs < 100 && total < 1);
  };
  // The first runs pay for memory that later ones have, and weights move to
  // huge pages between them: what these took does not count.
  runForAWhile();
  runForAWhile();
  profile.finish(runs, total, session.threads());
  writeReport(
      request.profile,
      profile.report(request.name.empty() ? request.artifact : request.name));
  if (request.profile != "-")
    std::printf("\n%s", profile.table().c_str());
}

} // namespace

int runArtifact(const RunRequest &request) {
  return reportFailures([&] { run(request); });
}

} // namespace weft
