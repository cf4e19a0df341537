#include "hoist/checkpoint/save/async_saver.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/tensor_bytes.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/testing/fake_cudart.h"
#include "hoist/cuda/uploader.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Tensor HostTensor(const std::string& bytes) {
  const std::shared_ptr<Buffer> buffer = *Buffer::Allocate(bytes.size());
  std::memcpy(buffer->data(), bytes.data(), bytes.size());
  return *Tensor::Create(
      {DType::kUint8, {static_cast<int64_t>(bytes.size())}, {1}}, buffer, 0);
}

void Fill(const Tensor& tensor, char value) {
  std::memset(tensor.data(), value, tensor.size_bytes());
}

StateDict One(const Tensor& tensor) {
  StateDict tensors;
  tensors.Add("w", tensor);
  return tensors;
}

// The elements of all tensors of what is to be written.
std::vector<std::string> Contents(const TensorCatalog& source) {
  const auto loaded = LoadCatalog(source.catalog, source.files, {});
  EXPECT_THAT(loaded, IsOk());
  std::vector<std::string> contents;
  for (const StateDict::Item& item : loaded->tensors) {
    contents.push_back(BytesOf(item.tensor));
  }
  return contents;
}

class AsyncSaverTest : public ::testing::Test {
 protected:
  // Keeps what it is given to write.
  AsyncSaver::WriteFunction Keep() {
    return [this](const TensorCatalog& source) {
      written_.push_back(Contents(source));
      return absl::OkStatus();
    };
  }

  ThreadPool pool_{2};
  std::vector<std::vector<std::string>> written_;  // read after Wait()
};

TEST_F(AsyncSaverTest, WritesWhatTensorsWereWhenSaveWasCalled) {
  AsyncSaver saver({.pool = &pool_});
  const Tensor tensor = HostTensor(std::string(20 << 20, 'a'));
  std::promise<void> may_write;
  std::shared_future<void> started = may_write.get_future().share();
  HOIST_ASSERT_OK(saver.Save(One(tensor), {}, [&](const TensorCatalog& source) {
    started.wait();
    return Keep()(source);
  }));
  // It has returned, and nothing is written.
  Fill(tensor, 'b');
  HOIST_ASSERT_OK(saver.Save(One(tensor), {}, Keep()));
  Fill(tensor, 'c');
  may_write.set_value();
  HOIST_ASSERT_OK(saver.Wait());
  EXPECT_THAT(written_, ElementsAre(ElementsAre(std::string(20 << 20, 'a')),
                                    ElementsAre(std::string(20 << 20, 'b'))));
}

TEST_F(AsyncSaverTest, AliasesAndValuesAreKept) {
  AsyncSaver saver({.pool = &pool_});
  StateDict tensors = One(HostTensor("abcdefgh"));
  tensors.Add("tied", tensors.begin()->tensor);
  HOIST_ASSERT_OK(
      saver.Save(tensors, {{"step", int64_t{7}}}, [](const auto& source) {
        const Catalog& catalog = source.catalog;
        EXPECT_EQ(catalog.storages.size(), 1u);
        EXPECT_EQ(catalog.tensors[0].storage, catalog.tensors[1].storage);
        EXPECT_EQ(catalog.root().Find("step")->AsInt(), 7);
        return absl::OkStatus();
      }));
  HOIST_ASSERT_OK(saver.Wait());
}

TEST_F(AsyncSaverTest, AFailureIsReportedAtTheNextCallOnce) {
  AsyncSaver saver({.pool = &pool_});
  const StateDict tensors = One(HostTensor("abcd"));
  std::promise<void> is_over;
  HOIST_ASSERT_OK(saver.Save(tensors, {}, [&](const TensorCatalog&) {
    return absl::ResourceExhaustedError("the disk is full");
  }));
  HOIST_ASSERT_OK(saver.Save(tensors, {}, [&](const TensorCatalog&) {
    is_over.set_value();
    return absl::OkStatus();
  }));
  is_over.get_future().wait();
  EXPECT_THAT(saver.Save(tensors, {}, Keep()),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("the disk is full")));
  HOIST_ASSERT_OK(saver.Wait());
  EXPECT_THAT(written_, IsEmpty());
  HOIST_ASSERT_OK(saver.Save(tensors, {}, Keep()));
  HOIST_ASSERT_OK(saver.Wait());
  EXPECT_THAT(written_, ElementsAre(ElementsAre("abcd")));

  HOIST_ASSERT_OK(saver.Save(tensors, {}, [](const TensorCatalog&) {
    return absl::DataLossError("lost");
  }));
  EXPECT_THAT(saver.Wait(), StatusIs(absl::StatusCode::kDataLoss));
  HOIST_EXPECT_OK(saver.Wait());
}

TEST_F(AsyncSaverTest, WaitsWhereCopiesWouldTakeTooMuch) {
  constexpr size_t kBytes = 1 << 20;
  AsyncSaver saver({.pool = &pool_, .max_staging_bytes = 2 * kBytes});
  const StateDict tensors = One(HostTensor(std::string(kBytes, 'x')));
  std::atomic<bool> may_end = false;
  std::atomic<int> ended = 0;
  const auto slow = [&](const TensorCatalog&) {
    while (!may_end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ++ended;
    return absl::OkStatus();
  };
  HOIST_ASSERT_OK(saver.Save(tensors, {}, slow));
  HOIST_ASSERT_OK(saver.Save(tensors, {}, slow));
  EXPECT_EQ(saver.staging_bytes(), 2 * kBytes);
  std::atomic<bool> has_returned = false;
  std::thread third([&] {
    HOIST_EXPECT_OK(saver.Save(tensors, {}, slow));
    EXPECT_GE(ended, 1);
    has_returned = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(has_returned);
  may_end = true;
  third.join();
  HOIST_ASSERT_OK(saver.Wait());
  EXPECT_EQ(ended, 3);
  EXPECT_LE(saver.staging_bytes(), 2 * kBytes);

  EXPECT_THAT(
      saver.Save(One(HostTensor(std::string(2 * kBytes + 1, 'x'))), {}, slow),
      StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(AsyncSaverTest, MemoryStaysBoundedWhateverTheSizes) {
  constexpr uint64_t kMax = 1 << 20;
  AsyncSaver saver({.pool = &pool_, .max_staging_bytes = kMax});
  for (int i = 0; i < 60; ++i) {
    const size_t size = 1 + static_cast<size_t>(i) * 7919 % kMax;
    HOIST_ASSERT_OK(
        saver.Save(One(HostTensor(std::string(size, 'x'))), {},
                   [](const TensorCatalog&) { return absl::OkStatus(); }));
    EXPECT_LE(saver.staging_bytes(), kMax);
  }
}

TEST_F(AsyncSaverTest, WritesInTheOrderOfSavesAndBeforeItGoes) {
  {
    AsyncSaver saver({.pool = &pool_});
    for (const char* const text : {"1", "2", "3", "4", "5"}) {
      HOIST_ASSERT_OK(saver.Save(One(HostTensor(text)), {}, Keep()));
    }
  }
  EXPECT_THAT(written_,
              ElementsAre(ElementsAre("1"), ElementsAre("2"), ElementsAre("3"),
                          ElementsAre("4"), ElementsAre("5")));
}

TEST_F(AsyncSaverTest, WhatCannotBeSavedLeavesNoCopy) {
  AsyncSaver saver({.pool = &pool_});
  StateDict twice = One(HostTensor("a"));
  twice.Add("w", HostTensor("b"));
  EXPECT_THAT(saver.Save(twice, {}, Keep()),
              StatusIs(absl::StatusCode::kInvalidArgument));
  HOIST_ASSERT_OK(saver.Wait());
  EXPECT_THAT(written_, IsEmpty());
}

// Tensors on cuda:1 and on the CPU, two of which are aliases.
class AsyncSaverOnGpuTest : public AsyncSaverTest {
 protected:
  static constexpr size_t kSlot = 4096;
  static constexpr size_t kBytes = 10 * kSlot + 7;

  AsyncSaverOnGpuTest() {
    pinned_pool_ = *PinnedPool::Create(
        {.slot_bytes = kSlot, .max_bytes = 3 * kSlot}, nullptr);
    for (size_t i = 0; i < kBytes; ++i) {
      bytes_ += static_cast<char>(i * 11 + i / 256);
    }
    const auto memory =
        std::make_shared<DeviceBuffer>(*DeviceBuffer::Allocate(1, kBytes));
    buffer_ =
        Buffer::Wrap(memory->data(), kBytes, Device::Cuda(1), [memory] {});
    Upload(bytes_);
    const auto view = [this](int64_t begin, int64_t size) {
      return *Tensor::Create({DType::kUint8, {size}, {1}}, buffer_, begin);
    };
    tensors_.Add("a", view(0, kBytes - 10));
    tensors_.Add("host", HostTensor("on the CPU"));
    tensors_.Add("part", view(100, 200));
    tensors_.Add("apart", view(kBytes - 10, 10));
  }

  void Upload(const std::string& bytes) {
    auto uploader = *Uploader::Create(1, *pinned_pool_, 1);
    for (size_t at = 0; at < kBytes; at += kSlot) {
      auto slot = *uploader->Acquire();
      const size_t size = std::min(kSlot, kBytes - at);
      std::memcpy(slot.bytes().data(), bytes.data() + at, size);
      HOIST_EXPECT_OK(uploader->Submit(
          std::move(slot),
          {{0, size, static_cast<uint8_t*>(buffer_->data()) + at}}));
    }
    HOIST_EXPECT_OK(uploader->Finish());
  }
  std::vector<std::string> Expected() const {
    return {bytes_.substr(0, kBytes - 10), "on the CPU",
            bytes_.substr(100, 200), bytes_.substr(kBytes - 10)};
  }

  FakeCudart fake_{{.device_count = 2}};
  std::unique_ptr<PinnedPool> pinned_pool_;
  std::string bytes_;
  std::shared_ptr<Buffer> buffer_;
  StateDict tensors_;
};

TEST_F(AsyncSaverOnGpuTest, CopiesFromTheDevice) {
  AsyncSaver saver({.pool = &pool_, .pinned_pool = pinned_pool_.get()});
  std::promise<void> may_write;
  std::shared_future<void> started = may_write.get_future().share();
  HOIST_ASSERT_OK(saver.Save(tensors_, {}, [&](const TensorCatalog& source) {
    started.wait();
    EXPECT_EQ(source.catalog.storages.size(), 3u);
    EXPECT_EQ(source.catalog.tensors[0].location, "cuda:1");
    return Keep()(source);
  }));
  Upload(std::string(kBytes, 'n'));  // the next step of the training
  may_write.set_value();
  HOIST_ASSERT_OK(saver.Wait());
  EXPECT_THAT(written_, ElementsAre(Expected()));
  EXPECT_LE(pinned_pool_->pinned_bytes(), 3 * kSlot);
}

TEST_F(AsyncSaverOnGpuTest, WithoutAPoolItMakesOne) {
  AsyncSaver saver({.pool = &pool_});
  HOIST_ASSERT_OK(saver.Save(tensors_, {}, Keep()));
  HOIST_ASSERT_OK(saver.Wait());
  EXPECT_THAT(written_, ElementsAre(Expected()));
}

TEST_F(AsyncSaverOnGpuTest, WhateverCallFailsNothingWrongIsWritten) {
  AsyncSaver saver({.pool = &pool_, .pinned_pool = pinned_pool_.get()});
  int failures = 0;
  for (const char* const function :
       {"cudaDeviceSynchronize", "cudaStreamCreateWithFlags",
        "cudaEventCreateWithFlags", "cudaMemcpyAsync", "cudaEventRecord",
        "cudaEventSynchronize"}) {
    for (int nth = 1;; ++nth) {
      SCOPED_TRACE(absl::StrCat(function, " ", nth));
      const int calls = fake_.CallCount(function);
      fake_.FailCall(function, nth, FakeCudart::kErrorUnknown);
      written_.clear();
      const absl::Status status = saver.Save(tensors_, {}, Keep());
      const bool has_failed = fake_.CallCount(function) - calls >= nth;
      fake_.ClearFaults();
      HOIST_ASSERT_OK(saver.Wait());
      EXPECT_EQ(status.ok(), !has_failed);
      if (!has_failed) {
        EXPECT_THAT(written_, ElementsAre(Expected()));
        break;
      }
      EXPECT_THAT(written_, IsEmpty());
      ++failures;
    }
  }
  EXPECT_GT(failures, 20);
}

}  // namespace
}  // namespace hoist
