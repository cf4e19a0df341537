#include "hoist/benchmarks/many_tensors.h"

#include <iterator>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "hoist/benchmarks/torch_legacy_file.h"
#include "hoist/checkpoint/pickle/pickle_builder.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/base/endian.h"

namespace hoist {
namespace {

struct SmallTensor {
  std::string name;
  std::vector<int> shape;
  int elements;
};

std::vector<SmallTensor> Layout(int count) {
  struct Part {
    const char* name;
    std::vector<int> shape;
  };
  static const auto* const parts = new std::vector<Part>{
      {"input_layernorm.weight", {16}},
      {"self_attn.q_proj.weight", {8, 8}},
      {"self_attn.q_proj.bias", {8}},
      {"self_attn.k_proj.weight", {4, 8}},
      {"self_attn.v_proj.weight", {4, 8}},
      {"self_attn.o_proj.weight", {8, 8}},
      {"post_attention_layernorm.weight", {16}},
      {"mlp.gate_proj.weight", {16, 8}},
      {"mlp.up_proj.weight", {16, 8}},
      {"mlp.down_proj.weight", {8, 16}},
  };
  std::vector<SmallTensor> tensors;
  for (int i = 0; i < count; ++i) {
    const auto layers = static_cast<int>(parts->size());
    const Part& part = (*parts)[static_cast<size_t>(i % layers)];
    int elements = 1;
    for (const int size : part.shape) {
      elements *= size;
    }
    tensors.push_back(
        {absl::StrCat("model.layers.", i / layers, ".", part.name), part.shape,
         elements});
  }
  return tensors;
}

std::string Data(const SmallTensor& tensor) {
  std::string bytes;
  for (int i = 0; i < tensor.elements; ++i) {
    std::string element(sizeof(float), '\0');
    StoreLittleEndian(static_cast<uint32_t>(0x3f000000 + i), element.data());
    bytes += element;
  }
  return bytes;
}

// Writes as CPython's pickler does at protocol 2: text, globals and tuples are
// put into the memo, and taken from there the next time.
class Pickler {
 public:
  // The state dict; each storage's id as of the format.
  std::string StateDict(const std::vector<SmallTensor>& tensors,
                        bool is_legacy) {
    pickle_ = "\x80\2";
    Global("collections", "OrderedDict");
    absl::StrAppend(&pickle_, ")R");
    Put();
    pickle_ += '(';
    constexpr size_t kBatch = 1000;  // CPython's
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (i > 0 && i % kBatch == 0) {
        pickle_ += "u(";
      }
      Text(tensors[i].name);
      Tensor(tensors[i], i, is_legacy);
    }
    return pickle_ + "u.";
  }

 private:
  void Tensor(const SmallTensor& tensor, size_t key, bool is_legacy) {
    Global("torch._utils", "_rebuild_tensor_v2");
    absl::StrAppend(&pickle_, "((");
    Text("storage");
    Global("torch", "FloatStorage");
    Text(absl::StrCat(key));
    Text("cpu");
    Int(tensor.elements);
    absl::StrAppend(&pickle_, is_legacy ? "Nt" : "t");
    Put();
    absl::StrAppend(&pickle_, "Q");
    Int(0);
    Tuple(tensor.shape);
    Tuple(tensor.shape.size() == 1 ? std::vector<int>{1}
                                   : std::vector<int>{tensor.shape[1], 1});
    absl::StrAppend(&pickle_, "\x89");
    Global("collections", "OrderedDict");
    absl::StrAppend(&pickle_, ")R");
    Put();
    absl::StrAppend(&pickle_, "t");
    Put();
    absl::StrAppend(&pickle_, "R");
    Put();
  }

  void Text(const std::string& text) {
    if (!Get(text)) {
      absl::StrAppend(&pickle_, pickle_builder::Text(text));
      known_[text] = next_;
      Put();
    }
  }

  void Global(const std::string& module, const std::string& name) {
    const std::string global = pickle_builder::Class(module, name);
    if (!Get(global)) {
      absl::StrAppend(&pickle_, global);
      known_[global] = next_;
      Put();
    }
  }

  void Int(int value) {
    absl::StrAppend(&pickle_, "K");
    pickle_ += static_cast<char>(value);
  }

  // Of one or two.
  void Tuple(const std::vector<int>& items) {
    for (const int item : items) {
      Int(item);
    }
    absl::StrAppend(&pickle_, items.size() == 1 ? "\x85" : "\x86");
    Put();
  }

  void Put() { Memo('q', 'r', next_++); }

  bool Get(const std::string& value) {
    const auto known = known_.find(value);
    if (known != known_.end()) {
      Memo('h', 'j', known->second);
    }
    return known != known_.end();
  }

  void Memo(char short_opcode, char long_opcode, uint32_t index) {
    if (index < 256) {
      pickle_ += short_opcode;
      pickle_ += static_cast<char>(index);
      return;
    }
    std::string bytes(sizeof(index), '\0');
    StoreLittleEndian(index, bytes.data());
    absl::StrAppend(&pickle_, std::string(1, long_opcode), bytes);
  }

  std::string pickle_;
  absl::flat_hash_map<std::string, uint32_t> known_;
  uint32_t next_ = 0;
};

}  // namespace

std::string ManyTensorsPickle(int count) {
  return Pickler().StateDict(Layout(count), /*is_legacy=*/false);
}

ManyTensorsFile ManyTensorsTorchZip(int count) {
  ManyTensorsFile file;
  ZipBuilder zip;
  const std::string pickle = ManyTensorsPickle(count);
  zip.Add("archive/data.pkl", pickle);
  file.descriptions = {{zip.last_offset(), pickle.size()}};
  zip.Add("archive/byteorder", "little");
  const std::vector<SmallTensor> tensors = Layout(count);
  for (size_t i = 0; i < tensors.size(); ++i) {
    zip.Add(absl::StrCat("archive/data/", i), Data(tensors[i]));
  }
  constexpr absl::string_view kLast = "3\n";
  constexpr uint64_t kDescriptorBytes = 16;
  zip.Add("archive/version", kLast);
  const uint64_t directory_offset =
      zip.last_offset() + kLast.size() + kDescriptorBytes;
  file.content = zip.Finish();
  file.descriptions.emplace_back(directory_offset,
                                 file.content.size() - directory_offset);
  return file;
}

ManyTensorsFile ManyTensorsTorchLegacy(int count) {
  const std::vector<SmallTensor> tensors = Layout(count);
  ManyTensorsFile file;
  file.content =
      TorchLegacyHead(Pickler().StateDict(tensors, /*is_legacy=*/true), count);
  file.descriptions = {{0, file.content.size()}};
  for (const SmallTensor& tensor : tensors) {
    file.content += TorchLegacyStorage(Data(tensor));
  }
  return file;
}

ManyTensorsFile ManyTensorsSafetensors(int count) {
  std::string header = "{";
  std::string data;
  for (const SmallTensor& tensor : Layout(count)) {
    const std::string bytes = Data(tensor);
    absl::StrAppend(&header, header.size() > 1 ? "," : "", "\"", tensor.name,
                    "\":{\"dtype\":\"F32\",\"shape\":[",
                    absl::StrJoin(tensor.shape, ","), "],\"data_offsets\":[",
                    data.size(), ",");
    absl::StrAppend(&header, data.size() + bytes.size(), "]}");
    data += bytes;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string length(sizeof(uint64_t), '\0');
  StoreLittleEndian<uint64_t>(header.size(), length.data());
  return {.content = absl::StrCat(length, header, data),
          .descriptions = {{0, length.size() + header.size()}}};
}

}  // namespace hoist
