#include "capture/inspect.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "capture/inspect_limits.h"
#include "capture/interpreter_search.h"

namespace unleak::capture {
namespace {

namespace fs = std::filesystem;

constexpr u64 kPtrace = u64{1} << 19;

// A /proc of our own making.
class InspectTest : public ::testing::Test {
 protected:
  InspectTest() : root_(fs::temp_directory_path() / ("unleak-inspect-" + std::to_string(getpid()))) {
    fs::remove_all(root_);
    options_.proc_root = root_;
    Put("self/status", "Name:\tunleak\nCapEff:\t0000000000000000\n");
    Put("meminfo", "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n");
  }
  ~InspectTest() override { fs::remove_all(root_); }

  void Put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void Process(u32 pid, const std::string& comm, char state, u32 ppid, u64 kernel_flags, const std::string& more) {
    const std::string folder = std::to_string(pid) + "/";
    Put(folder + "stat", std::to_string(pid) + " (" + comm + ") " + state + " " + std::to_string(ppid) + " 1 1 0 -1 " +
                             std::to_string(kernel_flags) + " 0 0 0 0 11 12 0 0 20 0 1 0 4711 0 0\n");
    const std::string uid = std::to_string(geteuid());
    Put(folder + "status", "Name:\t" + comm + "\nState:\t" + std::string(1, state) + " (x)\nUid:\t" + uid + "\t" + uid + "\t" + uid + "\t0\n" + more);
    Put(folder + "maps", "00400000-00401000 r-xp 00000000 08:01 42 /usr/bin/" + comm + "\n");
  }
  Status Why(u32 pid) { return Inspect(pid, options_).can_look; }

  fs::path root_;
  Options options_;
};

constexpr const char* kMemory = "VmSize:\t 100 kB\nVmRSS:\t 50 kB\n";

TEST_F(InspectTest, SaysWhyNoLookIsPossible) {
  Process(10, "kworker/0:1", 'I', 2, 0x200000, "");
  Process(11, "gone", 'Z', 5, 0x4, "");
  Process(12, "going", 'R', 5, 0x4, kMemory);
  Process(13, "traced", 't', 5, 0, std::string(kMemory) + "TracerPid:\t99\n");
  Process(14, "bash", 'S', 5, 0, kMemory);
  EXPECT_EQ(Why(9).code(), Code::kNotFound);
  EXPECT_EQ(Why(10).code(), Code::kUnsupported);
  EXPECT_NE(Why(10).message().find("kernel thread"), std::string::npos);
  EXPECT_EQ(Why(11).code(), Code::kNotFound);
  EXPECT_NE(Why(11).hint().find("process 5"), std::string::npos);
  EXPECT_EQ(Why(12).code(), Code::kNotFound);
  EXPECT_EQ(Why(13).code(), Code::kBusy);
  EXPECT_NE(Why(13).message().find("process 99"), std::string::npos);
  EXPECT_EQ(Why(14).code(), Code::kUnsupported);
  EXPECT_EQ(Why(static_cast<u32>(getpid())).code(), Code::kUsage);
}

TEST_F(InspectTest, PyPyIsNamed) {
  Process(20, "pypy3", 'S', 5, 0, kMemory);
  Put("20/maps", "00400000-00401000 r-xp 00000000 08:01 42 /usr/lib/libpypy3.10-c.so\n");
  EXPECT_EQ(Why(20).message(), "the process runs PyPy");
}

TEST_F(InspectTest, YamaAllowsOwnChildrenOnly) {
  Put("sys/kernel/yama/ptrace_scope", "1\n");
  Process(30, "python3", 'S', 31, 0, kMemory);
  Process(31, "bash", 'S', 1, 0, kMemory);
  EXPECT_EQ(Why(30).code(), Code::kPermission);
  EXPECT_NE(Why(30).hint().find("sudo unleak diagnose 30"), std::string::npos);
  Process(31, "bash", 'S', static_cast<u32>(getpid()), 0, kMemory);
  EXPECT_NE(Why(30).code(), Code::kPermission);
}

TEST(PermissionTest, EveryRowOfTheTable) {
  ProcStatus own, foreign;
  for (u32& uid : own.uids) uid = 1000;
  for (u32& uid : foreign.uids) uid = 1000;
  foreign.uids[2] = 0;  // a set-user-id program
  const auto allowed = [](const ProcStatus& target, u64 capabilities, u64 scope, bool descendant) {
    return CheckPermission(target, 7, 1000, capabilities, scope, descendant).ok();
  };
  EXPECT_TRUE(allowed(own, 0, 0, false));
  EXPECT_FALSE(allowed(foreign, 0, 0, true));
  EXPECT_TRUE(allowed(foreign, kPtrace, 0, false));
  EXPECT_FALSE(allowed(own, 0, 1, false));
  EXPECT_TRUE(allowed(own, 0, 1, true));
  EXPECT_TRUE(allowed(own, kPtrace, 1, false));
  EXPECT_FALSE(allowed(own, 0, 2, true));
  EXPECT_TRUE(allowed(own, kPtrace, 2, false));
  EXPECT_FALSE(allowed(own, kPtrace, 3, true));
}

TEST_F(InspectTest, DescendantsParentsFirst) {
  Process(40, "a", 'S', 1, 0, kMemory);
  Process(41, "b", 'S', 40, 0, kMemory);
  Process(45, "c", 'S', 40, 0, kMemory);
  Process(42, "d (x) 3", 'S', 45, 0, kMemory);
  Process(43, "zombie", 'Z', 40, 0, "");
  Process(44, "other", 'S', 1, 0, kMemory);
  EXPECT_EQ(Descendants(40, root_), (std::vector<u32>{41, 45, 42}));
  EXPECT_TRUE(Descendants(44, root_).empty());
}

TEST_F(InspectTest, RoomIsTheSmallestOfAllGroupsAbove) {
  Put("50/cgroup", "0::/shop/web\n");
  EXPECT_EQ(RoomFor(50, root_).bytes, u64{4000000} * 1024);
  Put("cgroup/shop/web/memory.max", "max\n");
  Put("cgroup/shop/memory.max", "1000000\n");
  Put("cgroup/shop/memory.current", "700000\n");
  Put("cgroup/shop/memory.stat", "anon 1\ninactive_file 200000\n");
  Put("cgroup/shop/web/pids.max", "10\n");
  Put("cgroup/shop/web/pids.current", "7\n");
  EXPECT_EQ(RoomFor(50, root_).bytes, 500000u);
  EXPECT_TRUE(RoomFor(50, root_).process);
  Put("cgroup/shop/web/pids.current", "9\n");  // one more, but then none for the program itself
  EXPECT_FALSE(RoomFor(50, root_).process);
  EXPECT_TRUE(RoomFor(50, root_).pids_file.ends_with("/cgroup/shop/web/pids.max"));
}

TEST_F(InspectTest, RoomOfVersionOneGroups) {
  Put("51/cgroup", "5:memory:/box\n4:pids:/box\n1:name=systemd:/x\n");
  Put("cgroup/memory/box/memory.limit_in_bytes", "5000\n");
  Put("cgroup/memory/box/memory.usage_in_bytes", "4000\n");
  EXPECT_EQ(RoomFor(51, root_).bytes, 1000u);
}

TEST_F(InspectTest, EstimatesOverALimitStopTheLook) {
  ProcStatus status;
  status.rss = u64{4} << 30;
  status.page_tables = u64{8} << 20;
  Target target;
  target.pid = 60;
  const Status slow = CheckLimits(status, options_, 0, &target);
  EXPECT_EQ(slow.code(), Code::kExhausted);
  EXPECT_GT(target.estimated_pause_ns, u64{300'000'000});
  options_.max_pause_ns = 1'000'000'000;
  EXPECT_TRUE(CheckLimits(status, options_, 0, &target).ok());
  status.anonymous = u64{8} << 30;  // a tenth and 20 MiB of it, of the 3,906 MiB that are left
  EXPECT_TRUE(CheckLimits(status, options_, 0, &target).hint().starts_with("unleak diagnose 60 --max-extra 24 if"));
  options_.max_extra = 0.24;
  EXPECT_TRUE(CheckLimits(status, options_, 0, &target).ok());
  status.anonymous = u64{40} << 30;
  const Status full = CheckLimits(status, options_, 0, &target);
  EXPECT_EQ(full.code(), Code::kExhausted);
  EXPECT_TRUE(full.hint().starts_with("unleak diagnose 60 --max-extra 100 once 622 MiB more are free")) << full.hint();
  status.anonymous = u64{1} << 30;
  EXPECT_LT(EstimateExtra(status, 0), u64{130} << 20);
  EXPECT_EQ(EstimateExtra(status, 1), (u64{1} << 30) + (u64{20} << 20));  // a busy program writes to all of it
  status.page_tables = 0;  // huge pages
  EXPECT_LT(EstimatePause(status), 1'000'000u);
}

TEST(ProcFilesTest, StatWithAnyComm) {
  ProcStat stat;
  ASSERT_TRUE(ParseStat("7 (a) b (c)) R 3 1 1 0 -1 4194304 0 0 0 0 15 16 0 0 20 0 1 0 99 0 0", &stat));
  EXPECT_EQ(stat.comm, "a) b (c)");
  EXPECT_EQ(stat.state, 'R');
  EXPECT_EQ(stat.ppid, 3u);
  EXPECT_EQ(stat.user_ticks, 15u);
  EXPECT_EQ(stat.start_ticks, 99u);
  for (const char* bad : {"", "7", "7 (x", "7 )x( R", "7 (x) R 1 2"}) EXPECT_FALSE(ParseStat(bad, &stat)) << bad;
}

TEST(ProcFilesTest, Status) {
  const ProcStatus status = ParseStatus(
      "Name:\tpy thon\nState:\tS (sleeping)\nPPid:\t4\nTracerPid:\t0\nUid:\t1\t2\t3\t4\nSeccomp:\t2\nNSpid:\t77\t5\n"
      "CapEff:\t00000000000800ff\nVmSize:\t  9 kB\nVmRSS:\t  12 kB\nVmPTE:\t 3 kB\nSeccomp_filters:\t1\n");
  EXPECT_EQ(status.name, "py thon");
  EXPECT_EQ(status.state, 'S');
  EXPECT_EQ(status.uids[2], 3u);
  EXPECT_EQ(status.seccomp, 2);
  EXPECT_EQ(status.namespace_pids, (std::vector<u32>{77, 5}));
  EXPECT_EQ(status.effective_capabilities, 0x800ffu);
  EXPECT_EQ(status.rss, 12288u);
  EXPECT_EQ(status.page_tables, 3072u);
  EXPECT_TRUE(status.has_memory);
}

TEST(VersionTest, Texts) {
  EXPECT_EQ(ParseVersion("3.12.1"), 0x030c01f0u);
  EXPECT_EQ(ParseVersion("3.13.0rc2+"), 0x030d00c0u);
  EXPECT_EQ(ParseVersion("3.15.0a4"), 0x030f00a0u);
  EXPECT_EQ(ParseVersion("3.9"), 0x030900f0u);
  EXPECT_EQ(ParseVersion("3.10.so.1.0"), 0x030a00f0u);
  for (const char* bad : {"", "3", "3.", "2.7.18", "x3.9", "3.x"}) EXPECT_EQ(ParseVersion(bad), 0u) << bad;
}

}  // namespace
}  // namespace unleak::capture
