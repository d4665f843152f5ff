// Tiles are tried where they will run: in the whole model, with the caches as
// the kernels before leave them. One compilation tries a tile of each product
// at once, so a round costs a compilation and a few runs, however many products
// there are. Each round runs interleaved with the model's choice, so that a
// machine that gets slower slows both.
#include "weft/Driver/Tune.h"
#include "../Run/Inputs.h"
#include "../Run/Report.h"
#include "TileSearch.h"
#include "weft/Driver/Guard.h"
#include "weft/Driver/TemporaryArtifact.h"
#include "weft/Driver/Terminal.h"

#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

namespace weft {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// A compiled variant, loaded, with the least time of each launch so far.
class Variant {
public:
  int compile(const CompileJob &job, const TuningRecord &record) {
    CompileOptions options = job.options;
    options.tuning = record;
    options.emit = EmitSpec();
    options.externalWeights = false;
    options.saveStages.clear();
    return artifact.compile(job.model, options, /*showProgress=*/false);
  }

  void load(const std::string &name, int threads) {
    request.artifact = artifact.file();
    request.name = name;
    model.emplace(loadModel(request));
    arrays = benchInputs(request, *model);
    inputs = viewsOf(arrays);
    now.assign(model->describe().kernel_count, 0);
    least.assign(now.size(), HUGE_VAL);
    weft_session_options options = {};
    options.size = sizeof options;
    options.threads = threads;
    options.on_kernel = [](void *self, size_t launch, uint64_t begin,
                           uint64_t end) {
      auto &times = static_cast<Variant *>(self)->now;
      if (launch < times.size())
        times[launch] += double(end - begin) * 1e-9;
    };
    options.on_kernel_user = this;
    session.emplace(*model, options);
    session->run(inputs); // pays for memory that later runs have
  }

  void run() {
    std::fill(now.begin(), now.end(), 0);
    Clock::time_point begin = Clock::now();
    session->run(inputs);
    total = std::min(total, secondsSince(begin));
    for (size_t i = 0; i < now.size(); ++i)
      least[i] = std::min(least[i], now[i]);
  }

  /// Forgets the times.
  void clear() {
    std::fill(least.begin(), least.end(), HUGE_VAL);
    total = HUGE_VAL;
  }

  double seconds() const { return total; }
  double seconds(const std::vector<size_t> &launches) const {
    double sum = 0;
    for (size_t launch : launches)
      sum += least[launch];
    return sum;
  }
  const std::vector<TiledProduct> &products() const {
    return artifact.report().products;
  }

private:
  TemporaryArtifact artifact;
  RunRequest request;
  std::optional<Model> model;
  std::optional<Session> session;
  std::vector<Array> arrays;
  std::vector<TensorView> inputs;
  std::vector<double> now, least;
  double total = HUGE_VAL;
};

/// Products that are the same to the record, in whichever kernels they stand.
struct Group {
  TileSearch search;
  std::vector<size_t> launches;
};

class Tuner {
public:
  Tuner(const CompileJob &job, const TuneRequest &request, TuneOutcome &outcome)
      : job(job), request(request), outcome(outcome),
        name(llvm::sys::path::filename(job.model).str()),
        bar("tuning " + name) {}

  int run(TuningRecord &record);

private:
  int start();
  int round(bool &more);
  int confirm(TuningRecord &record);
  void runBoth(Variant &variant, double seconds);
  double left() const { return request.seconds - secondsSince(begin); }

  const CompileJob &job;
  const TuneRequest &request;
  TuneOutcome &outcome;
  std::string name, target;
  ProgressBar bar;
  Clock::time_point begin = Clock::now();
  Variant chosen; ///< with the tiles of the model of the machine
  std::map<std::string, Group> groups;
};

int Tuner::start() {
  if (int code = chosen.compile(job, {}))
    return code;
  chosen.load(name, request.threads);
  for (const TiledProduct &product : chosen.products()) {
    target = product.target;
    auto group =
        groups.try_emplace(product.product, Group{TileSearch(product.tile), {}})
            .first;
    group->second.launches.insert(group->second.launches.end(),
                                  product.launches.begin(),
                                  product.launches.end());
  }
  outcome.products = groups.size();
  return kDone;
}

void Tuner::runBoth(Variant &variant, double seconds) {
  chosen.clear();
  Clock::time_point start = Clock::now();
  for (int runs = 0; runs < 5 || secondsSince(start) < seconds; ++runs) {
    chosen.run();
    variant.run();
  }
}

/// Tries the next tile of every product.
int Tuner::round(bool &more) {
  TuningRecord record;
  for (auto &[product, group] : groups)
    if (std::optional<TileNumbers> tile = group.search.next())
      record[target][product] = *tile;
  more = !record.empty();
  if (!more)
    return kDone;
  Variant variant;
  if (int code = variant.compile(job, record))
    return code;
  variant.load(name, request.threads);
  runBoth(variant, 0.3);
  for (const TiledProduct &product : variant.products()) {
    auto asked = record[target].find(product.product);
    if (asked == record[target].end())
      continue;
    Group &group = groups.at(product.product);
    // The compiler may have rounded the tile to one that was measured before.
    if (product.tile != asked->second && group.search.knows(product.tile))
      continue;
    group.search.report(product.tile, variant.seconds(group.launches) /
                                          chosen.seconds(group.launches));
  }
  return kDone;
}

/// Measures all that was found together, for longer, and keeps what is still
/// better.
int Tuner::confirm(TuningRecord &record) {
  TuningRecord found;
  for (const auto &[product, group] : groups)
    if (group.search.bestRatio() < 1)
      found[target][product] = group.search.best();
  Variant variant;
  if (int code = variant.compile(job, found))
    return code;
  variant.load(name, request.threads);
  runBoth(variant, 2);
  outcome.modelSeconds = chosen.seconds();
  outcome.tunedSeconds = variant.seconds();
  for (const auto &[product, tile] : found[target]) {
    const std::vector<size_t> &launches = groups.at(product).launches;
    if (variant.seconds(launches) >= 0.99 * chosen.seconds(launches))
      continue;
    record[target][product] = tile;
    ++outcome.changed;
  }
  outcome.seconds = secondsSince(begin);
  return kDone;
}

int Tuner::run(TuningRecord &record) {
  if (int code = start())
    return code;
  double longest = 0;
  for (bool more = !groups.empty(); more && left() > 2 * longest;) {
    bar.update(formatSeconds(left()) + " left", unsigned(secondsSince(begin)),
               unsigned(request.seconds));
    Clock::time_point start = Clock::now();
    if (int code = round(more))
      return code;
    longest = std::max(longest, secondsSince(start));
  }
  return confirm(record);
}

} // namespace

int tune(CompileJob &job, const TuneRequest &request) {
  int code = kDone;
  int failure = reportFailures([&] {
    const std::vector<TargetSpec> &targets = job.options.targets;
    if (targets.size() != 1 || targets[0].kind != TargetSpec::Kind::CPU ||
        targets[0].arch.empty())
      throw UsersFault("--tune: measures on this machine, so it takes one "
                       "--target that this machine runs, e.g. host");
    TuneOutcome outcome;
    code = Tuner(job, request, outcome).run(job.options.tuning);
    job.tuning = outcome;
  });
  return failure ? failure : code;
}

} // namespace weft
