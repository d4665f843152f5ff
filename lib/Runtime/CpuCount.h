// How many threads are worth having.
#ifndef WEFT_LIB_RUNTIME_CPUCOUNT_H
#define WEFT_LIB_RUNTIME_CPUCOUNT_H

#include <string>

namespace weft::runtime {

/// CPUs that the cgroups of this process grant it, rounded up; 0: no limit.
/// Knows version 2 (cpu.max) and version 1 (cpu.cfs_quota_us), and that each
/// group up to the root has a limit of its own. Tests give another `root`.
int cgroupCpuLimit(const std::string &root = "");

/// Cores, not hyperthreads, that this process may run on, by affinity and
/// cgroup; at least 1.
int usableCpuCount();

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_CPUCOUNT_H
