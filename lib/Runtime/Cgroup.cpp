#include "Cgroup.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace weft::runtime {

std::string readSmallFile(const std::string &path) {
  std::string text;
  if (FILE *file = std::fopen(path.c_str(), "re")) {
    char buffer[4096];
    while (size_t count = std::fread(buffer, 1, sizeof buffer, file))
      text.append(buffer, count);
    std::fclose(file);
  }
  return text;
}

/// A limit of one folder; 0: none.
using GroupLimit = double(const std::string &folder);

/// In CPUs.
static double cpuLimit(const std::string &folder) {
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

/// In bytes. "max" of version 2 is none; version 1 has a very large number.
static double memoryLimit(const std::string &folder) {
  std::string max = readSmallFile(folder + "/memory.max");
  if (max.empty())
    max = readSmallFile(folder + "/memory.limit_in_bytes");
  return std::atof(max.c_str());
}

/// The smallest limit of `group` below `mount` and of the groups above it.
static double pathLimit(const std::string &mount, std::string group,
                        GroupLimit &groupLimit) {
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

/// The smallest limit of the groups that `controller` has of this process.
static double processLimit(const std::string &root,
                           const std::string &controller,
                           GroupLimit &groupLimit) {
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
    if (controllers.find("," + controller + ",") != std::string::npos)
      mount += "/" + controller;
    else if (controllers != ",,")
      continue;
    double own = pathLimit(mount, group, groupLimit);
    if (own > 0 && (limit == 0 || own < limit))
      limit = own;
  }
  return limit;
}

int cgroupCpuLimit(const std::string &root) {
  double limit = processLimit(root, "cpu", cpuLimit);
  return int(limit) + (limit > int(limit));
}

uint64_t cgroupMemoryLimit(const std::string &root) {
  return uint64_t(processLimit(root, "memory", memoryLimit));
}

} // namespace weft::runtime
