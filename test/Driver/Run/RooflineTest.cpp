#include "Driver/Run/Roofline.h"
#include "gtest/gtest.h"
#include <atomic>
#include <sched.h>
#include <thread>
#include <vector>

using namespace weft;

namespace {

/// Everything that this test starts shares one processor.
struct Roofline : testing::Test {
  void SetUp() override {
    CPU_ZERO(&all);
    ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++i)
      if (CPU_ISSET(i, &all))
        CPU_SET(i, &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  }
  void TearDown() override { sched_setaffinity(0, sizeof all, &all); }
  cpu_set_t all;
};

} // namespace

// A bound that fell with the load of the machine said that kernels are bound by
// what others did.
TEST_F(Roofline, IsTheMachinesAndNotItsLoads) {
  MachineRates idle = measureRates(1);
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;
  for (int i = 0; i < 12; ++i)
    others.emplace_back([&] {
      while (!stop)
        ;
    });
  MachineRates loaded = measureRates(1);
  stop = true;
  for (std::thread &other : others)
    other.join();
  EXPECT_GT(loaded.flops, idle.flops / 3);
  EXPECT_GT(loaded.l2, idle.l2 / 3);
  EXPECT_GT(loaded.dram, idle.dram / 3);
}
