#include "hoist/tools/ui/progress_bar.h"

#include <atomic>
#include <chrono>
#include <ostream>
#include <sstream>
#include <streambuf>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

constexpr Terminal kTerminal = {.is_terminal = true, .width = 80};

// Counts what is written; may be asked while another thread writes.
class CountingStream : public std::ostream, private std::streambuf {
 public:
  CountingStream() : std::ostream(this) {}
  int flushes() const { return flushes_; }
  const std::string& text() const { return text_; }  // when nobody writes

 private:
  int overflow(int c) override {
    text_ += static_cast<char>(c);
    return c;
  }
  int sync() override {
    ++flushes_;
    return 0;
  }

  std::string text_;
  std::atomic<int> flushes_ = 0;
};

TEST(ProgressBarTest, DrawsByItselfAndClearsAtTheEnd) {
  std::atomic<int64_t> now_ns = 0;
  CountingStream out;
  ProgressBar bar(kTerminal, out, [&] { return now_ns.load(); });
  bar.Update(1 << 20, 4 << 20);
  now_ns = 600'000'000;
  while (out.flushes() == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  bar.Finish();
  EXPECT_THAT(out.text(), HasSubstr("25 %  1.00 of 4.00 MiB"));
  EXPECT_EQ(out.text().back(), '\r');
  const size_t size = out.text().size();
  bar.Finish();
  bar.Update(4 << 20, 4 << 20);
  EXPECT_EQ(out.text().size(), size);
}

TEST(ProgressBarTest, ShortLoadsShowNothing) {
  std::ostringstream out;
  {
    ProgressBar bar(kTerminal, out, [] { return int64_t{5}; });
    bar.Update(1, 2);
  }
  EXPECT_EQ(out.str(), "");
}

TEST(ProgressBarTest, TheLargestOfManyThreadsCounts) {
  std::atomic<int64_t> now_ns = 0;
  CountingStream out;
  ProgressBar bar(kTerminal, out, [&] { return now_ns.load(); });
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (uint64_t done = i; done <= 1000; done += 4) {
        bar.Update(done, 1000);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  bar.Update(3, 1000);
  now_ns = 600'000'000;
  while (out.flushes() == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  bar.Finish();
  EXPECT_THAT(out.text(), HasSubstr("100 %  1000 of 1000 B"));
}

}  // namespace
}  // namespace hoist
