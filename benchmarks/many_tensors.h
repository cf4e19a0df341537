#ifndef HOIST_BENCHMARKS_MANY_TENSORS_H_
#define HOIST_BENCHMARKS_MANY_TENSORS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hoist {

// A generated file, and where in it is what describes its tensors: offset and
// bytes of the pickle, the zip directory, the header. What opens it has to read
// these at least.
struct ManyTensorsFile {
  std::string content;
  std::vector<std::pair<uint64_t, uint64_t>> descriptions;
};

// A state dict of `count` float32 tensors of 8 to 128 elements, named as a
// transformer's ("model.layers.12.self_attn.q_proj.weight").
ManyTensorsFile ManyTensorsTorchZip(int count);
ManyTensorsFile ManyTensorsTorchLegacy(int count);
ManyTensorsFile ManyTensorsSafetensors(int count);

// The torch zip's data.pkl: byte by byte what torch.save writes of it.
std::string ManyTensorsPickle(int count);

}  // namespace hoist

#endif  // HOIST_BENCHMARKS_MANY_TENSORS_H_
