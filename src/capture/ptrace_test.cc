// Waiting for what is traced.
#include "capture/ptrace.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace unleak::capture {
namespace {

// A process of two threads, both seized and stopped.
class TwoThreads {
 public:
  TwoThreads() {
    int told[2];
    EXPECT_EQ(pipe(told), 0);
    leader_ = fork();
    if (leader_ == 0) {
      std::thread([&] {
        const int tid = gettid();
        (void)!write(told[1], &tid, sizeof tid);
        for (;;) pause();
      }).join();
      _exit(1);
    }
    EXPECT_EQ(read(told[0], &other_, sizeof other_), static_cast<ssize_t>(sizeof other_));
    close(told[0]);
    close(told[1]);
    for (const int tid : {leader_, other_}) {
      EXPECT_TRUE(Seize(tid));
      Interrupt(tid);
      EXPECT_TRUE(WaitStop(tid).has_value());
    }
  }
  ~TwoThreads() {
    kill(leader_, SIGKILL);
    waitpid(other_, nullptr, __WALL);
    waitpid(leader_, nullptr, __WALL);
  }
  int leader() const { return leader_; }
  int other() const { return other_; }

 private:
  int leader_ = 0, other_ = 0;
};

TEST(WaitStop, ThatOfTheFirstThreadEndsWhenTheProcessIsKilledThoughNobodyWaitsForTheOthers) {
  const TwoThreads process;
  kill(process.leader(), SIGKILL);
  EXPECT_FALSE(WaitStop(process.leader()).has_value());
}

TEST(WaitStop, TellsAStopThatCameLongAgoAndOneThatIsToCome) {
  const TwoThreads process;
  Continue(process.other());
  Continue(process.leader());
  Interrupt(process.other());
  Interrupt(process.leader());
  EXPECT_TRUE(WaitStop(process.leader()).has_value());
  EXPECT_TRUE(WaitStop(process.other()).has_value());
}

}  // namespace
}  // namespace unleak::capture
