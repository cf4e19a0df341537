#include "hoist/checkpoint/torch/fill_in_place.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/load/faulty_file.h"
#include "hoist/checkpoint/load/random_checkpoint.h"
#include "hoist/checkpoint/load/test_checkpoint.h"
#include "hoist/checkpoint/torch/fill_from_arena.h"
#include "hoist/checkpoint/torch/fill_inputs.h"
#include "hoist/checkpoint/torch/match_targets.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"

namespace hoist::libtorch {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kMiB = uint64_t{1} << 20;

// Tensors that are filled from a catalog that is in the test's hands. Those of
// equal numbers are tied.
class Targets {
 public:
  void Add(const std::string& name, at::Tensor tensor, int identity) {
    described_.push_back({.name = name,
                          .dtype = DTypeOf(tensor.scalar_type()),
                          .shape = tensor.sizes().vec(),
                          .identity = identity});
    tensors_.push_back({name, std::move(tensor)});
  }
  void Add(const std::string& name, at::Tensor tensor) {
    Add(name, std::move(tensor), static_cast<int>(tensors_.size()));
  }

  // In the other way without `max_bytes`.
  absl::StatusOr<LoadIntoReport> Fill(const Catalog& catalog,
                                      CatalogFiles files,
                                      std::optional<uint64_t> max_bytes,
                                      const LoadIntoOptions& options = {}) {
    const at::NoGradGuard no_grad;
    auto matches = MatchTargets(catalog, described_, options);
    HOIST_EXPECT_OK(matches.status());
    HOIST_EXPECT_OK(FitStatus(matches->report, /*strict=*/true));
    const FillInputs inputs = {.files = files,
                               .targets = tensors_,
                               .described = described_,
                               .options = options};
    return max_bytes ? FillInPlace(inputs, *std::move(matches), *max_bytes)
                     : FillFromArena(inputs, *std::move(matches));
  }

  size_t size() const { return tensors_.size(); }
  const std::string& name(size_t i) const { return tensors_[i].name; }
  const at::Tensor& operator[](size_t i) const { return tensors_[i].tensor; }

  // Their elements, bit for bit.
  std::vector<std::string> Bytes() const {
    std::vector<std::string> bytes;
    for (const NamedTensor& target : tensors_) {
      const at::Tensor tensor = target.tensor.detach().contiguous();
      bytes.emplace_back(static_cast<const char*>(tensor.const_data_ptr()),
                         tensor.nbytes());
    }
    return bytes;
  }

 private:
  std::vector<NamedTensor> tensors_;
  std::vector<LoadTarget> described_;
};

// No text of two values, which may be megabytes.
void ExpectSame(const std::vector<std::string>& a,
                const std::vector<std::string>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(a[i] == b[i]) << "target " << i;
  }
}

// A tensor that is filled with `entry`: as it is in the file, of another dtype,
// transposed, or every second of more columns.
at::Tensor RandomTarget(std::mt19937& random, const TensorEntry& entry) {
  at::ScalarType dtype = *ScalarTypeOf(entry.spec.dtype);
  if (IsFloatingPoint(entry.spec.dtype) && Below(random, 2) == 0) {
    const at::ScalarType others[] = {at::kHalf, at::kBFloat16, at::kFloat,
                                     at::kDouble};
    dtype = others[Below(random, 4)];
  }
  std::vector<int64_t> shape = entry.spec.shape;
  switch (Below(random, 4)) {
    case 0: {
      std::reverse(shape.begin(), shape.end());
      at::Tensor target = at::zeros(shape, dtype);
      return target.permute([&] {
        std::vector<int64_t> order;
        for (int64_t i = target.dim(); i-- > 0;) {
          order.push_back(i);
        }
        return order;
      }());
    }
    case 1:
      if (!shape.empty()) {
        shape.back() *= 2;
        return at::zeros(shape, dtype).slice(-1, 0, shape.back(), 2);
      }
      [[fallthrough]];
    default:
      return at::zeros(shape, dtype);
  }
}

TEST(FillInPlaceTest, RandomTargetsGetWhatTheOtherWayGivesThem) {
  ThreadPool pool(3);
  for (uint32_t seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "Seed " << seed);
    std::mt19937 random(seed);
    const RandomCheckpoint checkpoint(random, {.max_storage_bytes = 40'000});
    Targets arena;
    Targets in_place;
    for (const TensorEntry& entry : checkpoint.catalog().tensors) {
      // What repeats few bytes many times is another test's.
      if (entry.storage && ScalarTypeOf(entry.spec.dtype) &&
          ElementCount(entry.spec.shape).value() < 100'000) {
        std::mt19937 copy = random;
        arena.Add(entry.name, RandomTarget(copy, entry));
        in_place.Add(entry.name, RandomTarget(random, entry));
      }
    }
    LoadIntoOptions options;
    options.strict = false;
    options.load.pool = Below(random, 2) == 0 ? &pool : nullptr;
    Catalog catalog = checkpoint.catalog();
    std::erase_if(catalog.tensors, [&](const TensorEntry& entry) {
      for (size_t i = 0; i < arena.size(); ++i) {
        if (arena.name(i) == entry.name) {
          return false;
        }
      }
      return true;
    });
    HOIST_ASSERT_OK_AND_ASSIGN(
        const LoadIntoReport expected,
        arena.Fill(catalog, checkpoint.files(), std::nullopt, options));
    HOIST_ASSERT_OK_AND_ASSIGN(
        const LoadIntoReport report,
        in_place.Fill(catalog, checkpoint.files(), 1, options));
    ExpectSame(in_place.Bytes(), arena.Bytes());
    EXPECT_EQ(report.bytes, expected.bytes);
    EXPECT_EQ(report.load.bytes, expected.load.bytes);
    EXPECT_EQ(report.load.verified, expected.load.verified);
    ASSERT_EQ(report.casts.size(), expected.casts.size());
    for (size_t i = 0; i < report.casts.size(); ++i) {
      EXPECT_EQ(report.casts[i].name, expected.casts[i].name);
      EXPECT_EQ(report.casts[i].to, expected.casts[i].to);
      EXPECT_EQ(report.casts[i].infinite_count,
                expected.casts[i].infinite_count);
      EXPECT_EQ(report.casts[i].nan_count, expected.casts[i].nan_count);
    }
  }
}

// 9 MiB in one storage, and 1 MiB in another.
TestCheckpoint LargeCheckpoint() {
  return TestCheckpoint({TestBytes(9 * kMiB, 1), TestBytes(kMiB, 2)});
}
Targets LargeTargets() {
  Targets targets;
  targets.Add("t0", at::zeros({9 << 18}));
  targets.Add("t1", at::zeros({1 << 18}));
  return targets;
}

TEST(FillInPlaceTest, MemoryIsBoundedBelowOneStorage) {
  const TestCheckpoint checkpoint = LargeCheckpoint();
  Targets arena = LargeTargets();
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadIntoReport expected,
      arena.Fill(checkpoint.catalog, checkpoint.files, std::nullopt));
  EXPECT_GE(expected.extra_bytes, 10 * kMiB);
  ThreadPool pool(7);
  LoadIntoOptions options;
  options.load.pool = &pool;
  for (const uint64_t max_bytes : {2 * kMiB, 4 * kMiB}) {
    Targets targets = LargeTargets();
    HOIST_ASSERT_OK_AND_ASSIGN(
        const LoadIntoReport report,
        targets.Fill(checkpoint.catalog, checkpoint.files, max_bytes, options));
    EXPECT_LE(report.extra_bytes, max_bytes);
    EXPECT_EQ(report.bytes, 10 * kMiB);
    EXPECT_EQ(report.load.bytes, 10 * kMiB);
    EXPECT_EQ(report.load.verified, Verified::kChecksum);
    ExpectSame(targets.Bytes(), arena.Bytes());
  }
}

TEST(FillInPlaceTest, CastsAndStridesTakeNoMoreMemory) {
  const TestCheckpoint checkpoint = LargeCheckpoint();
  const auto make = [] {
    Targets targets;
    targets.Add("t0", at::zeros({9 << 18}, at::kHalf));
    targets.Add("t1", at::zeros({1 << 18, 2}, at::kFloat).select(1, 1));
    return targets;
  };
  Targets arena = make();
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadIntoReport expected,
      arena.Fill(checkpoint.catalog, checkpoint.files, std::nullopt));
  ThreadPool pool(3);
  LoadIntoOptions options;
  options.load.pool = &pool;
  Targets targets = make();
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadIntoReport report,
      targets.Fill(checkpoint.catalog, checkpoint.files, 3 * kMiB, options));
  EXPECT_LE(report.extra_bytes, 3 * kMiB);
  ExpectSame(targets.Bytes(), arena.Bytes());
  ASSERT_EQ(report.casts.size(), 1u);
  // Random bits: some are NaN, and many are beyond half floats.
  EXPECT_GT(report.casts[0].nan_count, 0u);
  EXPECT_GT(report.casts[0].infinite_count, 0u);
  EXPECT_EQ(report.casts[0].nan_count, expected.casts[0].nan_count);
  EXPECT_EQ(report.casts[0].infinite_count, expected.casts[0].infinite_count);
}

TEST(FillInPlaceTest, DamageAtTheEndChangesNothing) {
  TestCheckpoint checkpoint = LargeCheckpoint();
  *checkpoint.catalog.storages[1].crc32 ^= 1;
  Targets targets = LargeTargets();
  const std::vector<std::string> before = targets.Bytes();
  const uint32_t version = targets[0]._version();
  const absl::Status status =
      targets.Fill(checkpoint.catalog, checkpoint.files, kMiB).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("t1")));
  EXPECT_THAT(status.message(), Not(HasSubstr("partly")));
  ExpectSame(targets.Bytes(), before);
  EXPECT_EQ(targets[0]._version(), version);
}

TEST(FillInPlaceTest, WhatCannotBeReadAgainIsSaidToBePartlyFilled) {
  const TestCheckpoint checkpoint = LargeCheckpoint();
  const auto faulty = std::make_shared<FaultyFile>(checkpoint.files[0]);
  const std::shared_ptr<const RandomAccessFile> file = faulty;
  Targets targets = LargeTargets();
  // Once the first pass is over, from some byte on.
  LoadIntoOptions options;
  options.load.on_progress = [&](uint64_t done, uint64_t all) {
    EXPECT_EQ(all, 20 * kMiB);
    if (done == 10 * kMiB) {
      faulty->FailReadsFrom(5 * kMiB);
    }
  };
  const absl::Status status =
      targets.Fill(checkpoint.catalog, {&file, 1}, kMiB, options).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss,
                               HasSubstr("partly filled")));
  EXPECT_THAT(status.message(), HasSubstr("t0"));
  EXPECT_THAT(HintOf(status), HasSubstr("Load again"));
}

TEST(FillInPlaceTest, ToCancelTheFirstPassChangesNothing) {
  const TestCheckpoint checkpoint = LargeCheckpoint();
  for (const uint64_t at : {5 * kMiB, 15 * kMiB}) {
    Targets targets = LargeTargets();
    const std::vector<std::string> before = targets.Bytes();
    CancelToken cancel;
    LoadIntoOptions options;
    options.load.cancel = &cancel;
    options.load.on_progress = [&](uint64_t done, uint64_t) {
      if (done >= at) {
        cancel.Cancel();
      }
    };
    const absl::Status status =
        targets.Fill(checkpoint.catalog, checkpoint.files, kMiB, options)
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
    if (at == 5 * kMiB) {
      ExpectSame(targets.Bytes(), before);
      EXPECT_THAT(status.message(), Not(HasSubstr("partly")));
    } else {
      EXPECT_THAT(status.message(), HasSubstr("partly filled"));
    }
  }
}

TEST(FillInPlaceTest, ProgressIsOfBothPasses) {
  const TestCheckpoint checkpoint = LargeCheckpoint();
  Targets targets = LargeTargets();
  uint64_t last = 0;
  LoadIntoOptions options;
  options.load.on_progress = [&last](uint64_t done, uint64_t all) {
    EXPECT_GT(done, last);
    EXPECT_EQ(all, 20 * kMiB);
    last = done;
  };
  HOIST_EXPECT_OK(
      targets.Fill(checkpoint.catalog, checkpoint.files, kMiB, options)
          .status());
  EXPECT_EQ(last, 20 * kMiB);
}

TEST(FillInPlaceTest, AutogradHearsOfWhatWasReadInPlace) {
  const TestCheckpoint checkpoint = LargeCheckpoint();
  Targets targets = LargeTargets();
  targets[0].requires_grad_(true);
  const uint32_t version = targets[0]._version();
  HOIST_EXPECT_OK(
      targets.Fill(checkpoint.catalog, checkpoint.files, kMiB).status());
  EXPECT_GT(targets[0]._version(), version);
  EXPECT_TRUE(targets[0].requires_grad());
  EXPECT_TRUE(targets[0].is_leaf());
}

TEST(FillInPlaceTest, TiedTargetsGetTensorsThatAreTheSame) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> numbers(50'000, 1.5f);
  numbers[7] = nan;
  numbers[8] = 1e6f;
  const auto bytes = [](const std::vector<float>& of) {
    return std::string(reinterpret_cast<const char*>(of.data()),
                       of.size() * sizeof(float));
  };
  const auto make = [] {
    Targets targets;
    const at::Tensor shared = at::zeros({50'000}, at::kHalf);
    targets.Add("t0", shared, 0);
    targets.Add("t1", shared, 0);
    return targets;
  };
  {
    const TestCheckpoint same({bytes(numbers), bytes(numbers)});
    Targets arena = make();
    HOIST_ASSERT_OK_AND_ASSIGN(
        const LoadIntoReport expected,
        arena.Fill(same.catalog, same.files, std::nullopt));
    Targets targets = make();
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadIntoReport report,
                               targets.Fill(same.catalog, same.files, 1));
    ExpectSame(targets.Bytes(), arena.Bytes());
    EXPECT_EQ(report.bytes, expected.bytes);
    ASSERT_EQ(report.casts.size(), 2u);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(report.casts[i].nan_count, 1u);
      EXPECT_EQ(report.casts[i].infinite_count, 1u);
      EXPECT_EQ(expected.casts[i].nan_count, 1u);
      EXPECT_EQ(expected.casts[i].infinite_count, 1u);
    }
  }
  std::vector<float> others = numbers;
  others.back() = 2;
  const TestCheckpoint other({bytes(numbers), bytes(others)});
  Targets targets = make();
  const std::vector<std::string> before = targets.Bytes();
  EXPECT_THAT(
      targets.Fill(other.catalog, other.files, 1).status(),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("t1: tied to t0 in the module, and other numbers")));
  ExpectSame(targets.Bytes(), before);
}

TEST(FillInPlaceTest, TargetsThatOverlapAreFilledInTheirOrder) {
  const TestCheckpoint checkpoint(
      {TestBytes(4 * kMiB, 1), TestBytes(kMiB, 2), TestBytes(kMiB, 3)});
  const auto make = [](const at::Tensor& base) {
    Targets targets;
    targets.Add("t1", base.narrow(0, 100, 1 << 18));
    targets.Add("t0", base);
    targets.Add("t2", base.narrow(0, 1 << 19, 1 << 18));
    return targets;
  };
  const at::Tensor base = at::zeros({4 << 18});
  Targets arena = make(base);
  HOIST_EXPECT_OK(
      arena.Fill(checkpoint.catalog, checkpoint.files, std::nullopt).status());
  const at::Tensor other_base = at::zeros({4 << 18});
  Targets targets = make(other_base);
  ThreadPool pool(3);
  LoadIntoOptions options;
  options.load.pool = &pool;
  HOIST_EXPECT_OK(
      targets.Fill(checkpoint.catalog, checkpoint.files, kMiB, options)
          .status());
  ExpectSame(targets.Bytes(), arena.Bytes());
}

TEST(FillInPlaceTest, LazyBitsAreResolved) {
  TestCheckpoint checkpoint({TestBytes(800'000, 1), TestBytes(800'000, 2)});
  checkpoint.catalog.tensors[0].spec = {
      DType::kComplex64, {1000, 100}, {1, 1000}};
  checkpoint.catalog.tensors[0].is_conjugate = true;
  checkpoint.catalog.tensors[1].is_negative = true;
  const auto make = [] {
    Targets targets;
    targets.Add("t0", at::zeros({1000, 100}, at::kComplexFloat));
    targets.Add("t1", at::zeros({200'000}, at::kFloat));
    return targets;
  };
  Targets arena = make();
  HOIST_EXPECT_OK(
      arena.Fill(checkpoint.catalog, checkpoint.files, std::nullopt).status());
  Targets targets = make();
  HOIST_EXPECT_OK(
      targets.Fill(checkpoint.catalog, checkpoint.files, 1).status());
  ExpectSame(targets.Bytes(), arena.Bytes());
  // What cannot be resolved is refused before anything changes.
  checkpoint.catalog.tensors[1].is_negative = false;
  checkpoint.catalog.tensors[1].is_conjugate = true;
  Targets refused = make();
  const std::vector<std::string> before = refused.Bytes();
  EXPECT_THAT(refused.Fill(checkpoint.catalog, checkpoint.files, 1).status(),
              StatusIs(absl::StatusCode::kUnimplemented));
  ExpectSame(refused.Bytes(), before);
}

TEST(FillInPlaceTest, RepeatedElementsTakeNoMemory) {
  TestCheckpoint checkpoint({TestBytes(4000, 1)});
  checkpoint.catalog.tensors[0].spec = {DType::kFloat32, {3000, 1000}, {0, 1}};
  Targets targets;
  targets.Add("t0", at::zeros({3000, 1000}, at::kDouble));
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadIntoReport report,
      targets.Fill(checkpoint.catalog, checkpoint.files, kMiB));
  EXPECT_LE(report.extra_bytes, kMiB);
  EXPECT_EQ(report.bytes, 3'000'000u * 8);
  const std::string first = targets.Bytes()[0].substr(0, 8000);
  EXPECT_TRUE(targets.Bytes()[0].substr(2999 * 8000) == first);
}

}  // namespace
}  // namespace hoist::libtorch
