// Shows how a C++ program gets trained weights into a LibTorch module:
//
//   bazel run //checkpoint/torch:digits_example -- digits.pt
//   digits_io.safetensors
//
// loads the weights that PyTorch trained, gives the network the images, and
// compares what it answers with what PyTorch answered.

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/torch/digits_net.h"
#include "hoist/checkpoint/torch/load_into_module.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/core/status/status_macros.h"

namespace hoist::libtorch {
namespace {

absl::StatusOr<TensorMap> LoadTensors(const std::string& path) {
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(path));
  HOIST_ASSIGN_OR_RETURN(const LoadResult loaded, Load(checkpoint));
  return ToTorch(loaded.tensors);
}

absl::StatusOr<bool> RunExample(const std::string& path,
                                const std::string& io_path) {
  HOIST_ASSIGN_OR_RETURN(const TensorMap io, LoadTensors(io_path));
  const torch::NoGradGuard no_grad;
  const torch::Tensor images = io["images"];
  // README.md begins
  DigitsNet net;
  HOIST_RETURN_IF_ERROR(LoadIntoModule(path, *net, {.eval = true}).status());
  const torch::Tensor logits = net->forward(images);
  // README.md ends
  const double difference = (logits - io["logits"]).abs().max().item<double>();
  const int64_t right =
      (logits.argmax(1) == io["labels"]).sum().item<int64_t>();
  std::cout << right << " of " << logits.size(0)
            << " digits recognised; the largest difference from PyTorch's "
               "logits is "
            << difference << "\n";
  return difference < 1e-5;
}

}  // namespace
}  // namespace hoist::libtorch

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: digits_example digits.pt digits_io.safetensors\n";
    return 2;
  }
  const auto same = hoist::libtorch::RunExample(argv[1], argv[2]);
  if (!same.ok()) {
    std::cerr << same.status().message() << "\n";
    return 2;
  }
  return *same ? 0 : 1;
}
