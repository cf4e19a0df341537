// Every way to load gives, of random checkpoints, the tensors that a naive
// reader makes of them.

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/load/random_checkpoint.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

constexpr uint32_t kSeeds = 80;

struct Way {
  const char* name;
  bool is_on_disk = false;
  std::optional<ReadMethod> method;
};

class RandomLoadTest : public ::testing::TestWithParam<Way> {
 protected:
  // Many small storages, a few large ones, or some of each.
  static RandomCheckpoint::Options Options(std::mt19937& random) {
    RandomCheckpoint::Options options = {.is_on_disk = GetParam().is_on_disk};
    switch (Below(random, 4)) {
      case 0:
        options.max_storages = 400;
        options.max_storage_bytes = 700;
        break;
      case 1:
        options.max_storages = 4;
        options.max_storage_bytes = size_t{3} << 20;
        break;
      default:
        break;
    }
    return options;
  }

  // Loads random checkpoints in each of these ways, verified and not, and
  // compares.
  static void LoadAll(std::vector<LoadOptions> ways, BytesOfBuffer bytes_of) {
    for (uint32_t seed = 1; seed <= kSeeds && !HasFailure(); ++seed) {
      SCOPED_TRACE(testing::Message() << "Seed " << seed);
      std::mt19937 random(seed);
      const RandomCheckpoint checkpoint(random, Options(random));
      const Catalog& catalog = checkpoint.catalog();
      const std::vector<std::string> elements =
          NaiveLoad(catalog, checkpoint.files());
      for (LoadOptions& options : ways) {
        options.read_method = GetParam().method;
        for (const bool verify : {false, true}) {
          options.verify_checksums = verify;
          HOIST_ASSERT_OK_AND_ASSIGN(
              const LoadResult result,
              LoadCatalog(catalog, checkpoint.files(), options));
          ExpectTensors(result.tensors, catalog, elements, bytes_of);
        }
      }
    }
  }
};

INSTANTIATE_TEST_SUITE_P(
    Ways, RandomLoadTest,
    ::testing::Values(Way{"Memory"}, Way{"Auto", true},
                      Way{"Pread", true, ReadMethod::kPread},
                      Way{"Mmap", true, ReadMethod::kMmap},
                      Way{"Direct", true, ReadMethod::kDirect}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_P(RandomLoadTest, ToTheCpu) {
  ThreadPool one(1);
  ThreadPool three(3);
  LoadAll({{}, {.pool = &three}, {.pool = &one, .one_buffer_each = true}},
          HostBytes);
}

TEST_P(RandomLoadTest, ToCuda) {
  const FakeCudart cuda({.device_count = 2});
  ThreadPool threads(3);
  const auto make_pool = [&threads](size_t slot_bytes, size_t slots) {
    return PinnedPool::Create(
        {.slot_bytes = slot_bytes, .max_bytes = slots * slot_bytes}, &threads);
  };
  HOIST_ASSERT_OK_AND_ASSIGN(const auto small, make_pool(4096, 7));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto one, make_pool(64 << 10, 1));
  HOIST_ASSERT_OK_AND_ASSIGN(const auto large, make_pool(4 << 20, 16));
  const auto bytes_of = [&cuda](const Buffer& buffer) {
    const auto bytes = cuda.CopyFromDevice(buffer.data(), buffer.size_bytes());
    EXPECT_EQ(bytes.size(), buffer.size_bytes());
    return std::string(bytes.begin(), bytes.end());
  };
  LoadAll(
      {{.device = Device::Cuda(1),
        .pool = &threads,
        .pinned_pool = small.get()},
       {.device = Device::Cuda(1), .pool = &threads, .pinned_pool = one.get()},
       {.device = Device::Cuda(0), .pinned_pool = large.get()}},
      bytes_of);
  EXPECT_EQ(cuda.pending_copies(), 0);
}

}  // namespace
}  // namespace hoist
