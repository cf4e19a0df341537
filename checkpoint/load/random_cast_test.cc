// Every way to load with a cast gives, of random checkpoints, a cast of what a
// naive reader makes of them.

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/naive_load.h"
#include "hoist/checkpoint/load/random_checkpoint.h"
#include "hoist/checkpoint/plan/storage_cast.h"
#include "hoist/core/tensor/ops/cast.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/cuda/testing/fake_cudart.h"

namespace hoist {
namespace {

constexpr uint32_t kSeeds = 36;

std::string CastAll(const std::string& bytes, DType from, DType to) {
  std::string result(bytes.size() * 8 / DTypeBits(from) * DTypeBits(to) / 8,
                     '\0');
  HOIST_EXPECT_OK(
      Cast(from, {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
           to, {reinterpret_cast<uint8_t*>(result.data()), result.size()}));
  return result;
}

// Loads random checkpoints by each of `methods`, and compares.
void LoadAll(LoadOptions options,
             std::vector<std::optional<ReadMethod>> methods,
             BytesOfBuffer bytes_of) {
  int cast_count = 0;
  for (uint32_t seed = 1; seed <= kSeeds && !testing::Test::HasFailure();
       ++seed) {
    SCOPED_TRACE(testing::Message() << "Seed " << seed);
    std::mt19937 random(seed);
    const RandomCheckpoint checkpoint(
        random, {.max_storages = seed % 3 == 0 ? 200 : 12,
                 .max_storage_bytes = seed % 7 == 0 ? size_t{2} << 20 : 40000,
                 .is_on_disk = true});
    constexpr DType kTargets[] = {DType::kFloat16, DType::kBfloat16,
                                  DType::kFloat32, DType::kFloat64};
    const DType to = kTargets[seed % 4];
    const StorageCasts casts = ChooseCasts(checkpoint.catalog(), to);
    Catalog expected = checkpoint.catalog();
    std::vector<std::string> elements =
        NaiveLoad(checkpoint.catalog(), checkpoint.files());
    for (size_t i = 0; i < elements.size(); ++i) {
      TensorEntry& tensor = expected.tensors[i];
      if (tensor.storage && casts.by_storage[*tensor.storage]) {
        elements[i] = CastAll(elements[i], tensor.spec.dtype, to);
        tensor.spec.dtype = to;
        ++cast_count;
      }
    }
    for (const std::optional<ReadMethod>& method : methods) {
      options.dtype = to;
      options.read_method = method;
      options.verify_checksums = !options.verify_checksums;
      HOIST_ASSERT_OK_AND_ASSIGN(
          const LoadResult result,
          LoadCatalog(checkpoint.catalog(), checkpoint.files(), options));
      ExpectTensors(result.tensors, expected, elements, bytes_of);
    }
  }
  EXPECT_GT(cast_count, 50);
}

TEST(RandomCastTest, ToTheCpu) {
  ThreadPool threads(3);
  LoadAll({.pool = &threads},
          {ReadMethod::kPread, ReadMethod::kMmap, ReadMethod::kDirect},
          HostBytes);
  LoadAll({.one_buffer_each = true}, {std::nullopt}, HostBytes);
}

TEST(RandomCastTest, ToCuda) {
  const FakeCudart cuda({.device_count = 1});
  ThreadPool threads(3);
  HOIST_ASSERT_OK_AND_ASSIGN(
      const auto slots,
      PinnedPool::Create({.slot_bytes = 4096, .max_bytes = 7 * 4096},
                         &threads));
  LoadAll(
      {.device = Device::Cuda(0), .pool = &threads, .pinned_pool = slots.get()},
      {ReadMethod::kPread, ReadMethod::kDirect}, [&cuda](const Buffer& buffer) {
        const auto bytes =
            cuda.CopyFromDevice(buffer.data(), buffer.size_bytes());
        return std::string(bytes.begin(), bytes.end());
      });
}

}  // namespace
}  // namespace hoist
