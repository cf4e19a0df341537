#include "hoist/benchmarks/generated_checkpoint.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/benchmarks/torch_legacy_file.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/base/check.h"
#include "hoist/core/base/endian.h"

namespace hoist {
namespace {

constexpr int32_t kWidth = 2048;  // 2048 x 2048 float32 are 16 MiB
constexpr int32_t kVector = 4096;
constexpr int kSmallTensors = 20'000;
constexpr uint64_t kMaxBytes = uint64_t{2} << 30;

struct GeneratedTensor {
  std::string name;
  std::vector<int32_t> shape;

  int32_t elements() const {
    int32_t count = 1;
    for (const int32_t size : shape) {
      count *= size;
    }
    return count;
  }
  uint64_t size_bytes() const {
    return static_cast<uint64_t>(elements()) * sizeof(float);
  }
};

// Those of one layer follow each other.
std::vector<GeneratedTensor> Layer(Contents contents, int layer,
                                   uint64_t bytes) {
  switch (contents) {
    case Contents::kLarge:
      return {{absl::StrCat("layers.", layer, ".weight"), {kWidth, kWidth}},
              {absl::StrCat("layers.", layer, ".bias"), {kVector}},
              {absl::StrCat("layers.", layer, ".scale"), {kVector}}};
    case Contents::kSmall:
      return {{absl::StrCat("layers.", layer, ".weight"),
               {std::max(1, static_cast<int32_t>(bytes / kSmallTensors /
                                                 sizeof(float)))}}};
    case Contents::kTraining: {
      const std::string state = absl::StrCat("optimizer.state.", layer);
      return {{absl::StrCat("model.", layer, ".weight"), {kWidth, kWidth}},
              {state + ".step", {}},
              {state + ".exp_avg", {kWidth, kWidth}},
              {state + ".exp_avg_sq", {kWidth, kWidth}}};
    }
  }
  return {};
}

std::vector<GeneratedTensor> Layout(Contents contents, uint64_t bytes) {
  HOIST_CHECK(bytes <= kMaxBytes);
  std::vector<GeneratedTensor> tensors;
  uint64_t total = 0;
  for (int layer = 0;
       contents == Contents::kSmall ? layer < kSmallTensors : total < bytes;
       ++layer) {
    for (GeneratedTensor& tensor : Layer(contents, layer, bytes)) {
      total += tensor.size_bytes();
      tensors.push_back(std::move(tensor));
    }
  }
  return tensors;
}

// Floats between -0.5 and 0.5.
std::string Values(uint64_t size_bytes, uint32_t seed) {
  std::string bytes(size_bytes, '\0');
  float* const values = reinterpret_cast<float*>(bytes.data());
  for (uint64_t i = 0; i < size_bytes / sizeof(float); ++i) {
    seed = seed * 1664525 + 1013904223;
    values[i] = static_cast<float>(seed >> 8) / (1 << 24) - 0.5f;
  }
  return bytes;
}

// Of storage `index`. The legacy format has one more item, for views.
std::string PickledTensor(const GeneratedTensor& tensor, size_t index,
                          bool is_legacy) {
  using namespace pickle_builder;  // NOLINT: made for this
  std::vector<std::string> id = {
      Text("storage"), Class("torch", "FloatStorage"),
      Text(absl::StrCat(index)), Text("cpu"), Int(tensor.elements())};
  if (is_legacy) {
    id.push_back("N");
  }
  std::vector<int32_t> strides(tensor.shape.size(), 1);
  for (size_t i = strides.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * tensor.shape[i];
  }
  return Tensor(Tuple(id) + "Q", 0, tensor.shape, strides);
}

// The state dict, or a training checkpoint's dict of dicts.
std::string PickledState(Contents contents,
                         const std::vector<GeneratedTensor>& tensors,
                         bool is_legacy) {
  using namespace pickle_builder;  // NOLINT: made for this
  std::vector<std::string> model;
  std::vector<std::string> optimizer;
  const auto pickled = [&](size_t i) {
    return PickledTensor(tensors[i], i, is_legacy);
  };
  if (contents != Contents::kTraining) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      model.push_back(Text(tensors[i].name));
      model.push_back(pickled(i));
    }
    return Pickle(OrderedDict(model));
  }
  constexpr size_t kPerLayer = 4;
  std::vector<int32_t> parameters;
  for (size_t i = 0; i < tensors.size(); i += kPerLayer) {
    const auto layer = static_cast<int32_t>(i / kPerLayer);
    parameters.push_back(layer);
    model.push_back(Text(absl::StrCat(layer, ".weight")));
    model.push_back(pickled(i));
    optimizer.push_back(Int(layer));
    optimizer.push_back(
        Dict({Text("step"), pickled(i + 1), Text("exp_avg"), pickled(i + 2),
              Text("exp_avg_sq"), pickled(i + 3)}));
  }
  return Pickle(
      Dict({Text("model"), OrderedDict(model), Text("optimizer"),
            Dict({Text("state"), Dict(optimizer), Text("param_groups"),
                  List({Dict({Text("params"), Ints(parameters)})})}),
            Text("epoch"), Int(3)}));
}

}  // namespace

std::string GenerateTorchZip(Contents contents, uint64_t bytes) {
  const std::vector<GeneratedTensor> tensors = Layout(contents, bytes);
  ZipBuilder zip;
  zip.Add("archive/data.pkl",
          PickledState(contents, tensors, /*is_legacy=*/false));
  for (size_t i = 0; i < tensors.size(); ++i) {
    zip.Add(absl::StrCat("archive/data/", i),
            Values(tensors[i].size_bytes(), static_cast<uint32_t>(i)));
  }
  zip.Add("archive/version", "3\n");
  return zip.Finish();
}

std::string GenerateTorchLegacy(Contents contents, uint64_t bytes) {
  const std::vector<GeneratedTensor> tensors = Layout(contents, bytes);
  std::string content =
      TorchLegacyHead(PickledState(contents, tensors, /*is_legacy=*/true),
                      static_cast<int>(tensors.size()));
  for (size_t i = 0; i < tensors.size(); ++i) {
    content += TorchLegacyStorage(
        Values(tensors[i].size_bytes(), static_cast<uint32_t>(i)));
  }
  return content;
}

std::string GenerateSafetensors(Contents contents, uint64_t bytes) {
  const std::vector<GeneratedTensor> tensors = Layout(contents, bytes);
  std::string header = "{";
  uint64_t offset = 0;
  for (const GeneratedTensor& tensor : tensors) {
    absl::StrAppend(&header, header.size() > 1 ? "," : "", "\"", tensor.name,
                    "\":{\"dtype\":\"F32\",\"shape\":[",
                    absl::StrJoin(tensor.shape, ","), "],\"data_offsets\":[",
                    offset, ",");
    offset += tensor.size_bytes();
    absl::StrAppend(&header, offset, "]}");
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string content(sizeof(uint64_t), '\0');
  StoreLittleEndian<uint64_t>(header.size(), content.data());
  content += header;
  for (size_t i = 0; i < tensors.size(); ++i) {
    content += Values(tensors[i].size_bytes(), static_cast<uint32_t>(i));
  }
  return content;
}

}  // namespace hoist
