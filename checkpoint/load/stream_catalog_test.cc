#include "hoist/checkpoint/load/stream_catalog.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/faulty_file.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/load/random_checkpoint.h"
#include "hoist/checkpoint/load/range_boxes.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// Calls `visit` with the number of each element of `box`, row-major in a tensor
// of `shape`, and its place from the first one of the box on, in elements.
void ForEachElement(const TensorSpec& spec, const RangeBox& box,
                    const std::function<void(size_t, size_t)>& visit) {
  std::vector<int64_t> index(box.shape.size(), 0);
  for (;;) {
    size_t number = 0;
    size_t place = 0;
    for (size_t i = 0; i < index.size(); ++i) {
      number = number * static_cast<size_t>(spec.shape[i]) +
               static_cast<size_t>(box.begin[i] + index[i]);
      place += static_cast<size_t>(index[i] * spec.strides[i]);
    }
    visit(number, place);
    size_t i = index.size();
    while (i > 0 && ++index[i - 1] == box.shape[i - 1]) {
      index[--i] = 0;
    }
    if (i == 0) {
      return;
    }
  }
}

// Puts tensors together element by element. Of those that are contiguous and
// alone on their storage, it has every second place.
class TensorSink : public StorageSink {
 public:
  explicit TensorSink(const Catalog& catalog) : catalog_(catalog) {
    for (const TensorEntry& tensor : catalog.tensors) {
      elements_.emplace_back(
          tensor.storage
              ? static_cast<size_t>(LogicalBytes(tensor.spec).value())
              : 0,
          '\0');
    }
  }

  uint8_t* PlaceFor(int storage, uint64_t offset, uint64_t size) override {
    MutexLock lock(&mu_);
    std::vector<size_t> over;
    for (size_t i = 0; i < catalog_.tensors.size(); ++i) {
      if (catalog_.tensors[i].storage == storage) {
        over.push_back(i);
      }
    }
    if (over.size() != 1 || pieces_++ % 2 == 0) {
      return nullptr;
    }
    const TensorEntry& tensor = catalog_.tensors[over[0]];
    const uint64_t begin = BeginOf(tensor);
    std::string& elements = elements_[over[0]];
    if (!IsContiguous(tensor.spec) || offset < begin ||
        offset + size > begin + elements.size()) {
      return nullptr;
    }
    ++places_;
    return reinterpret_cast<uint8_t*>(elements.data()) + (offset - begin);
  }

  absl::Status Take(int storage, uint64_t offset,
                    absl::Span<const uint8_t> bytes) override {
    MutexLock lock(&mu_);
    threads_.insert(std::this_thread::get_id());
    taken_bytes_ += bytes.size();
    for (size_t i = 0; i < catalog_.tensors.size(); ++i) {
      const TensorEntry& tensor = catalog_.tensors[i];
      if (tensor.storage != storage || elements_[i].empty()) {
        continue;
      }
      const auto size = static_cast<size_t>(DTypeBits(tensor.spec.dtype)) / 8;
      HOIST_RETURN_IF_ERROR(ForEachBoxInRange(
          tensor.spec, BeginOf(tensor), offset, offset + bytes.size(),
          [&](const RangeBox& box) {
            ForEachElement(tensor.spec, box, [&](size_t number, size_t place) {
              // The sink's own memory is copied to where it is.
              std::memmove(
                  elements_[i].data() + number * size,
                  bytes.data() + (box.offset_bytes - offset) + place * size,
                  size);
              ++element_count_;
            });
            return absl::OkStatus();
          }));
    }
    return absl::OkStatus();
  }

  const std::vector<std::string>& elements() const { return elements_; }
  uint64_t taken_bytes() const { return taken_bytes_; }
  int64_t element_count() const { return element_count_; }
  int places() const { return places_; }
  size_t thread_count() const { return threads_.size(); }

 private:
  static uint64_t BeginOf(const TensorEntry& tensor) {
    // The offset of a tensor that is empty may be any.
    return static_cast<uint64_t>(tensor.storage_offset) *
           static_cast<uint64_t>(DTypeBits(tensor.spec.dtype)) / 8;
  }

  const Catalog& catalog_;
  Mutex mu_;
  std::vector<std::string> elements_;  // by tensor
  std::set<std::thread::id> threads_;
  uint64_t taken_bytes_ = 0;
  int64_t element_count_ = 0;
  int pieces_ = 0;
  int places_ = 0;
};

// Notes where bytes lie, and keeps none; or has an error for them.
class NotingSink : public StorageSink {
 public:
  uint8_t* PlaceFor(int, uint64_t, uint64_t) override { return nullptr; }
  absl::Status Take(int, uint64_t, absl::Span<const uint8_t> bytes) override {
    MutexLock lock(&mu_);
    ++count_;
    begin_ = std::min(begin_, bytes.data());
    end_ = std::max(end_, bytes.data() + bytes.size());
    return status_;
  }

  void ReturnFromNowOn(absl::Status status) { status_ = std::move(status); }
  int count() const { return count_; }
  uint64_t memory_bytes() const { return static_cast<uint64_t>(end_ - begin_); }

 private:
  Mutex mu_;
  absl::Status status_;
  int count_ = 0;
  const uint8_t* begin_ =
      reinterpret_cast<const uint8_t*>(std::numeric_limits<uintptr_t>::max());
  const uint8_t* end_ = nullptr;
};

struct Way {
  const char* name;
  bool is_on_disk = false;
  std::optional<ReadMethod> method;
};

class StreamWaysTest : public ::testing::TestWithParam<Way> {};

INSTANTIATE_TEST_SUITE_P(
    Ways, StreamWaysTest,
    ::testing::Values(Way{"Memory"}, Way{"Pread", true, ReadMethod::kPread},
                      Way{"Mmap", true, ReadMethod::kMmap},
                      Way{"Direct", true, ReadMethod::kDirect}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_P(StreamWaysTest, BringsEveryElementOnce) {
  ThreadPool three(3);
  int places = 0;
  for (uint32_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "Seed " << seed);
    std::mt19937 random(seed);
    RandomCheckpoint::Options content = {.is_on_disk = GetParam().is_on_disk};
    if (Below(random, 3) == 0) {
      content.max_storages = 4;
      content.max_storage_bytes = kIsSanitized ? 100 << 10 : 700 << 10;
    }
    const RandomCheckpoint checkpoint(random, content);
    const Catalog& catalog = checkpoint.catalog();
    const std::vector<std::string> expected =
        NaiveLoad(catalog, checkpoint.files());
    int64_t element_count = 0;
    for (const TensorEntry& tensor : catalog.tensors) {
      element_count +=
          tensor.storage ? ElementCount(tensor.spec.shape).value() : 0;
    }
    for (const bool is_large : {false, true}) {
      LoadOptions options;
      options.read_method = GetParam().method;
      options.verify_checksums = Below(random, 2) == 0;
      options.pool = Below(random, 2) == 0 ? &three : nullptr;
      TensorSink sink(catalog);
      HOIST_ASSERT_OK_AND_ASSIGN(
          const LoadReport report,
          StreamCatalog(catalog, checkpoint.files(), options,
                        {is_large ? 64 * kMiB : 1}, sink));
      ASSERT_EQ(sink.elements().size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        // No text of two values, which may be megabytes.
        EXPECT_TRUE(sink.elements()[i] == expected[i])
            << catalog.tensors[i].name;
      }
      EXPECT_EQ(sink.element_count(), element_count);
      EXPECT_EQ(report.bytes, sink.taken_bytes());
      EXPECT_EQ(report.bytes, StreamedBytes(catalog, options));
      EXPECT_LE(report.peak_host_bytes, 64 * kMiB);
      if (!is_large) {
        EXPECT_LE(sink.thread_count(), 1u);
      }
      places += sink.places();
    }
  }
  EXPECT_GT(places, 0);
}

TEST_P(StreamWaysTest, MemoryIsBoundedWhateverTheSize) {
  TestCheckpoint checkpoint(
      {TestBytes(12 * kMiB, 1), TestBytes(5 * kMiB + 8, 2)});
  if (GetParam().is_on_disk) {
    std::string content(checkpoint.files[0]->size_bytes(), '\0');
    HOIST_ASSERT_OK(checkpoint.files[0]->ReadAt(
        0, {reinterpret_cast<uint8_t*>(content.data()), content.size()}));
    HOIST_ASSERT_OK_AND_ASSIGN(checkpoint.files[0],
                               OpenFile(WriteTempFile("stream.pt", content)));
  }
  ThreadPool pool(7);
  for (const uint64_t max_bytes : {2 * kMiB, 4 * kMiB, 8 * kMiB}) {
    LoadOptions options;
    options.pool = &pool;
    options.read_method = GetParam().method;
    NotingSink sink;
    HOIST_ASSERT_OK_AND_ASSIGN(
        const LoadReport report,
        StreamCatalog(checkpoint.catalog, checkpoint.files, options,
                      {max_bytes}, sink));
    EXPECT_LE(report.peak_host_bytes, max_bytes);
    EXPECT_GE(report.peak_host_bytes, sink.memory_bytes());
    EXPECT_EQ(report.verified, Verified::kChecksum);
    EXPECT_EQ(report.tensor_count, 2);
  }
}

TEST(StreamCatalogTest, DamageIsAnErrorOfWhatWasTaken) {
  TestCheckpoint checkpoint({TestBytes(100'000, 1), TestBytes(300'000, 2)});
  *checkpoint.catalog.storages[1].crc32 ^= 1;
  NotingSink sink;
  EXPECT_THAT(
      StreamCatalog(checkpoint.catalog, checkpoint.files, {}, {kMiB}, sink)
          .status(),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("t1")));
  LoadOptions unverified;
  unverified.verify_checksums = false;
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadReport report,
                             StreamCatalog(checkpoint.catalog, checkpoint.files,
                                           unverified, {kMiB}, sink));
  EXPECT_EQ(report.verified, Verified::kNone);
}

TEST(StreamCatalogTest, TheSinksErrorEndsIt) {
  const TestCheckpoint checkpoint({TestBytes(kMiB, 1)});
  NotingSink sink;
  sink.ReturnFromNowOn(absl::InternalError("no more"));
  EXPECT_THAT(StreamCatalog(checkpoint.catalog, checkpoint.files, {}, {1}, sink)
                  .status(),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no more")));
  EXPECT_EQ(sink.count(), 1);
}

TEST(StreamCatalogTest, ReadsThatFailAreErrors) {
  const TestCheckpoint checkpoint({TestBytes(kMiB, 1)});
  const auto faulty = std::make_shared<FaultyFile>(checkpoint.files[0]);
  faulty->FailRead(3);
  const std::shared_ptr<const RandomAccessFile> file = faulty;
  NotingSink sink;
  EXPECT_THAT(
      StreamCatalog(checkpoint.catalog, {&file, 1}, {}, {1}, sink).status(),
      StatusIs(absl::StatusCode::kDataLoss,
               HasSubstr("failed as was asked for")));
  EXPECT_EQ(sink.count(), 2);
}

TEST(StreamCatalogTest, WhatIsCancelledEnds) {
  const TestCheckpoint checkpoint({TestBytes(9 * kMiB, 1)});
  CancelToken cancel;
  LoadOptions options;
  options.cancel = &cancel;
  options.on_progress = [&cancel](uint64_t, uint64_t) { cancel.Cancel(); };
  NotingSink sink;
  EXPECT_THAT(
      StreamCatalog(checkpoint.catalog, checkpoint.files, options, {1}, sink)
          .status(),
      StatusIs(absl::StatusCode::kCancelled));
  // A thread ends with what it has begun.
  EXPECT_GT(sink.count(), 0);
  EXPECT_LT(sink.count(), static_cast<int>(9 * kMiB / (64 << 10)) / 2);
}

TEST(StreamCatalogTest, ProgressIsOfAllBytes) {
  const TestCheckpoint checkpoint({TestBytes(kMiB, 1), TestBytes(kMiB, 2)});
  uint64_t last = 0;
  LoadOptions options;
  options.on_progress = [&last](uint64_t done, uint64_t all) {
    EXPECT_GT(done, last);
    EXPECT_EQ(all, 2 * kMiB);
    last = done;
  };
  NotingSink sink;
  HOIST_EXPECT_OK(
      StreamCatalog(checkpoint.catalog, checkpoint.files, options, {1}, sink)
          .status());
  EXPECT_EQ(last, 2 * kMiB);
}

TEST(StreamCatalogTest, LessMemoryThanItTakesIsRefused) {
  const TestCheckpoint checkpoint({TestBytes(kMiB, 1)});
  LoadOptions options;
  options.max_host_bytes = 1000;
  NotingSink sink;
  EXPECT_THAT(
      StreamCatalog(checkpoint.catalog, checkpoint.files, options, {kMiB}, sink)
          .status(),
      StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(sink.count(), 0);
}

}  // namespace
}  // namespace hoist
