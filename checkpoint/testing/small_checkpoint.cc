#include "hoist/checkpoint/testing/small_checkpoint.h"

#include <memory>
#include <random>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/state_dict.h"
#include "hoist/core/base/check.h"
#include "hoist/core/tensor/buffer.h"
#include "hoist/core/tensor/dtype.h"
#include "hoist/core/tensor/tensor.h"

namespace hoist {
namespace {

constexpr int kTensorCount = 5;

Tensor MakeTensor(std::mt19937& random, bool can_be_compressed) {
  auto buffer = Buffer::Allocate(kSmallTensorBytes);
  HOIST_CHECK(buffer.ok());
  for (uint8_t& byte : (*buffer)->host_bytes()) {
    byte = static_cast<uint8_t>(random() % (can_be_compressed ? 4 : 256));
  }
  constexpr int64_t kCount = kSmallTensorBytes / sizeof(float);
  auto tensor =
      Tensor::Create({DType::kFloat32, {kCount}, {1}}, *std::move(buffer), 0);
  HOIST_CHECK(tensor.ok());
  return *std::move(tensor);
}

}  // namespace

TensorCatalog SmallCheckpoint(uint32_t seed) {
  std::mt19937 random(seed);
  StateDict tensors;
  for (int i = 0; i < kTensorCount; ++i) {
    tensors.Add(absl::StrCat("layers.", i, ".weight"),
                MakeTensor(random, i % 2 == 0));
  }
  tensors.Add("tied.weight", tensors.begin()->tensor);
  absl::StatusOr<TensorCatalog> checkpoint =
      CatalogOfTensors(tensors, {{"epoch", int64_t{seed}}});
  HOIST_CHECK(checkpoint.ok());
  return *std::move(checkpoint);
}

}  // namespace hoist
