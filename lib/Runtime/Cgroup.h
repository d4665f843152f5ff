// What the cgroups of this process grant it. Knows version 2 and version 1, and
// that each group up to the root has a limit of its own. Tests give another
// `root`.
#ifndef WEFT_LIB_RUNTIME_CGROUP_H
#define WEFT_LIB_RUNTIME_CGROUP_H

#include <cstdint>
#include <string>

namespace weft::runtime {

/// The file's content; empty when there is none.
std::string readSmallFile(const std::string &path);

/// CPUs (cpu.max, cpu.cfs_quota_us), rounded up; 0: no limit.
int cgroupCpuLimit(const std::string &root = "");

/// Bytes of memory (memory.max, memory.limit_in_bytes); 0: no limit.
uint64_t cgroupMemoryLimit(const std::string &root = "");

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_CGROUP_H
