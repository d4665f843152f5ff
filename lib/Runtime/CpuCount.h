// How many threads are worth having.
#ifndef WEFT_LIB_RUNTIME_CPUCOUNT_H
#define WEFT_LIB_RUNTIME_CPUCOUNT_H

namespace weft::runtime {

/// Cores, not hyperthreads, that this process may run on, by affinity and
/// cgroup; at least 1.
int usableCpuCount();

} // namespace weft::runtime

#endif // WEFT_LIB_RUNTIME_CPUCOUNT_H
