// A container with a quota of two CPUs on a machine of 64 sees 64 in most
// places; a pool of that size is throttled for most of each period. So the
// quota counts, and so does affinity. Of hyperthreads one a core is enough:
// two would share one set of multipliers.
#include "CpuCount.h"
#include "Cgroup.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sched.h>
#include <unistd.h>
#include <vector>

namespace weft::runtime {

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
