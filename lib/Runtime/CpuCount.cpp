// A container with a quota of two CPUs on a machine of 64 sees 64 in most
// places; a pool of that size is throttled for most of each period. So the
// quota counts, and so does affinity. Of hyperthreads one a core is enough:
// two would share one set of multipliers.
#include "CpuCount.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <unistd.h>
#include <vector>

namespace weft::runtime {

/// The file's content; empty when there is none.
static std::string readSmallFile(const std::string &path) {
  std::string text;
  if (FILE *file = std::fopen(path.c_str(), "re")) {
    char buffer[4096];
    while (size_t count = std::fread(buffer, 1, sizeof buffer, file))
      text.append(buffer, count);
    std::fclose(file);
  }
  return text;
}

/// The limit of one folder in CPUs; 0: none.
static double groupLimit(const std::string &folder) {
  double quota = 0, period = 0;
  std::string max = readSmallFile(folder + "/cpu.max");
  if (!max.empty()) {
    if (std::sscanf(max.c_str(), "%lf %lf", &quota, &period) != 2)
      return 0; // "max 100000"
  } else {
    quota = std::atof(readSmallFile(folder + "/cpu.cfs_quota_us").c_str());
    period = std::atof(readSmallFile(folder + "/cpu.cfs_period_us").c_str());
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

/// The smallest limit of `group` below `mount` and of the groups above it.
static double pathLimit(const std::string &mount, std::string group) {
  double limit = 0;
  for (;;) {
    double own = groupLimit(mount + group);
    if (own > 0 && (limit == 0 || own < limit))
      limit = own;
    size_t slash = group.rfind('/');
    if (group.empty() || slash == std::string::npos)
      return limit;
    group.resize(slash);
  }
}

int cgroupCpuLimit(const std::string &root) {
  // Lines of "ID:CONTROLLERS:PATH"; version 2 has no controllers.
  std::string text = readSmallFile(root + "/proc/self/cgroup");
  double limit = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      continue;
    std::string controllers = "," + line.substr(first + 1, second - first - 1);
    controllers += ',';
    std::string group = line.substr(second + 1);
    if (group == "/")
      group.clear();
    std::string mount = root + "/sys/fs/cgroup";
    if (controllers.find(",cpu,") != std::string::npos)
      mount += "/cpu";
    else if (controllers != ",,")
      continue;
    double own = pathLimit(mount, group);
    if (own > 0 && (limit == 0 || own < limit))
      limit = own;
  }
  return int(limit) + (limit > int(limit));
}

int usableCpuCount() {
  // The kernel says EINVAL while the set is too small for the machine.
  std::vector<unsigned long> mask(16);
  long bytes = -1;
  while ((bytes = sched_getaffinity(
              0, mask.size() * sizeof mask[0],
              reinterpret_cast<cpu_set_t *>(mask.data()))) < 0 &&
         mask.size() < 4096)
    mask.resize(mask.size() * 2);
  auto allowed = [&](size_t cpu) {
    return mask[cpu / (8 * sizeof mask[0])] >> cpu % (8 * sizeof mask[0]) & 1;
  };
  int count = 0;
  if (bytes >= 0)
    for (size_t cpu = 0; cpu < mask.size() * 8 * sizeof mask[0]; ++cpu) {
      if (!allowed(cpu))
        continue;
      // A core counts at the first of its threads that may be used.
      char path[96];
      std::snprintf(
          path, sizeof path,
          "/sys/devices/system/cpu/cpu%zu/topology/thread_siblings_list", cpu);
      std::string siblings = readSmallFile(path);
      bool first = true;
      const char *p = siblings.c_str();
      while (*p >= '0' && *p <= '9') {
        char *next;
        size_t from = std::strtoul(p, &next, 10), to = from;
        if (*next == '-')
          to = std::strtoul(next + 1, &next, 10);
        for (size_t other = from; other <= to && other < cpu; ++other)
          first = first && !allowed(other);
        p = *next == ',' ? next + 1 : next;
      }
      count += first;
    }
  if (count < 1)
    count = int(std::max(1l, sysconf(_SC_NPROCESSORS_ONLN)));
  if (int limit = cgroupCpuLimit())
    count = std::min(count, limit);
  return count;
}

} // namespace weft::runtime
