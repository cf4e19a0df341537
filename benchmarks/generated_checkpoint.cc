#include "hoist/benchmarks/generated_checkpoint.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/base/check.h"
#include "hoist/core/base/endian.h"

namespace hoist {
namespace {

constexpr int32_t kWidth = 2048;  // 2048 x 2048 float32 are 16 MiB
constexpr int32_t kVector = 4096;
constexpr uint64_t kMaxBytes = uint64_t{2} << 30;

struct GeneratedTensor {
  std::string name;
  std::vector<int32_t> shape;
  uint64_t size_bytes;
};

std::vector<GeneratedTensor> Layout(uint64_t bytes) {
  HOIST_CHECK(bytes <= kMaxBytes);
  std::vector<GeneratedTensor> tensors;
  uint64_t total = 0;
  for (int layer = 0; total < bytes; ++layer) {
    const std::string prefix = absl::StrCat("layers.", layer);
    tensors.push_back({prefix + ".weight",
                       {kWidth, kWidth},
                       uint64_t{kWidth} * kWidth * sizeof(float)});
    for (const char* name : {".bias", ".scale"}) {
      tensors.push_back({prefix + name, {kVector}, kVector * sizeof(float)});
    }
    total += tensors.end()[-3].size_bytes + 2 * tensors.back().size_bytes;
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

}  // namespace

std::string GenerateTorchZip(uint64_t bytes) {
  using namespace pickle_builder;  // NOLINT: made for this
  const std::vector<GeneratedTensor> tensors = Layout(bytes);
  std::vector<std::string> items;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const std::vector<int32_t>& shape = tensors[i].shape;
    const auto count =
        static_cast<int32_t>(tensors[i].size_bytes / sizeof(float));
    items.push_back(Text(tensors[i].name));
    items.push_back(Tensor(Storage("FloatStorage", absl::StrCat(i), count), 0,
                           shape,
                           shape.size() == 2 ? std::vector<int32_t>{kWidth, 1}
                                             : std::vector<int32_t>{1}));
  }
  ZipBuilder zip;
  zip.Add("archive/data.pkl", Pickle(OrderedDict(items)));
  for (size_t i = 0; i < tensors.size(); ++i) {
    zip.Add(absl::StrCat("archive/data/", i),
            Values(tensors[i].size_bytes, static_cast<uint32_t>(i)));
  }
  zip.Add("archive/version", "3\n");
  return zip.Finish();
}

std::string GenerateSafetensors(uint64_t bytes) {
  std::string header = "{";
  std::string data;
  for (const GeneratedTensor& tensor : Layout(bytes)) {
    absl::StrAppend(&header, header.size() > 1 ? "," : "", "\"", tensor.name,
                    "\":{\"dtype\":\"F32\",\"shape\":[", tensor.shape[0]);
    if (tensor.shape.size() == 2) {
      absl::StrAppend(&header, ",", tensor.shape[1]);
    }
    absl::StrAppend(&header, "],\"data_offsets\":[", data.size(), ",",
                    data.size() + tensor.size_bytes, "]}");
    data += Values(tensor.size_bytes, static_cast<uint32_t>(data.size()));
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string length(sizeof(uint64_t), '\0');
  StoreLittleEndian<uint64_t>(header.size(), length.data());
  return absl::StrCat(length, header, data);
}

}  // namespace hoist
