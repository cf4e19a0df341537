#include "hoist/checkpoint/formats/native/sample_checkpoint.h"

#include <bit>
#include <complex>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/io/memory_file.h"

namespace hoist {
namespace {

// Numbers that are the same with every library.
class Random {
 public:
  uint32_t Next() {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return static_cast<uint32_t>(state_ >> 33);
  }
  // Between -1 and 1, small ones more often.
  float NextWeight() {
    float sum = 0;
    for (int i = 0; i < 6; ++i) {
      sum += static_cast<float>(Next()) / 2147483648.F - 0.5F;
    }
    return sum / 3 * 0.05F;
  }

 private:
  uint64_t state_ = 1;
};

class Builder {
 public:
  // Returns the storage's index.
  int Add(std::string bytes) {
    content_.append(3, '~');
    checkpoint_.catalog.storages.push_back(
        {.offset_bytes = content_.size(),
         .size_bytes = bytes.size(),
         .name = absl::StrCat("data/", checkpoint_.catalog.storages.size())});
    content_ += bytes;
    return static_cast<int>(checkpoint_.catalog.storages.size()) - 1;
  }
  // Floats of which the lowest `dropped` bytes are cut off.
  int AddWeights(uint64_t bytes, size_t dropped) {
    const size_t width = sizeof(float) - dropped;
    std::string content(bytes, '\0');
    for (uint64_t i = 0; i + width <= bytes; i += width) {
      const auto bits = std::bit_cast<uint32_t>(random_.NextWeight());
      std::memcpy(&content[i], reinterpret_cast<const char*>(&bits) + dropped,
                  width);
    }
    return Add(std::move(content));
  }
  int AddRandom(uint64_t bytes) {
    std::string content(bytes, '\0');
    for (char& byte : content) {
      byte = static_cast<char>(random_.Next() >> 8);
    }
    return Add(std::move(content));
  }
  ValueId AddTensor(TensorEntry tensor) {
    checkpoint_.catalog.tensors.push_back(std::move(tensor));
    return values_->Add(
        {.kind = ValueKind::kTensor,
         .data = static_cast<int64_t>(checkpoint_.catalog.tensors.size()) - 1});
  }
  ValueGraph& values() { return *values_; }
  Catalog& catalog() { return checkpoint_.catalog; }

  SampleCheckpoint Finish(ValueId root) {
    Catalog& catalog = checkpoint_.catalog;
    catalog.values = std::move(values_);
    catalog.root_id = root;
    catalog.files = {{.path = "sample", .size_bytes = content_.size()}};
    checkpoint_.files = {std::make_shared<MemoryFile>(content_)};
    return std::move(checkpoint_);
  }

 private:
  SampleCheckpoint checkpoint_;
  std::string content_;
  std::shared_ptr<ValueGraph> values_ = std::make_shared<ValueGraph>();
  Random random_;
};

int64_t Count(uint64_t bytes, int width) {
  return static_cast<int64_t>(bytes) / width;
}

// Values of every kind that is no tensor, `storage` among them.
std::vector<ValueId> EveryKind(ValueGraph& values, int storage) {
  const ValueId ordered = values.AddClass("collections", "OrderedDict");
  const ValueId namespace_class = values.AddClass("argparse", "Namespace");
  const ValueId list = values.AddItems(ValueKind::kList, {});
  const ValueId text = values.AddString("run \xC3\xA9 1");
  values.node(list).data = ValueGraph::Items{list, text, text};
  const ValueId dict =
      values.AddItems(ValueKind::kDict, {text, list, list, text}, ordered);
  values.node(dict).state = values.AddItems(ValueKind::kTuple, {dict});
  const ValueId object =
      values.Add({.kind = ValueKind::kOpaque,
                  .type = namespace_class,
                  .state = values.AddItems(
                      ValueKind::kDict,
                      {values.AddString("lr"),
                       values.Add({.kind = ValueKind::kFloat, .data = 1e-3})}),
                  .data = ValueGraph::Items{}});
  std::string big(9, '\xFF');
  return {
      ValueGraph::kNoneId,
      ValueGraph::kTrueId,
      ValueGraph::kFalseId,
      values.AddInt(std::numeric_limits<int64_t>::min()),
      values.Add({.kind = ValueKind::kBigInt, .data = std::move(big)}),
      values.Add({.kind = ValueKind::kFloat,
                  .data = std::numeric_limits<double>::quiet_NaN()}),
      values.Add(
          {.kind = ValueKind::kComplex, .data = std::complex<double>(-0.0, 2)}),
      values.Add({.kind = ValueKind::kBytes, .data = std::string("\0\n", 2)}),
      list,
      dict,
      object,
      values.AddItems(ValueKind::kSet, {text}),
      values.Add({.kind = ValueKind::kStorage, .data = int64_t{storage}}),
      values.AddClass("builtins", "int"),
      values.Add({.kind = ValueKind::kTensor, .data = int64_t{-1}})};
}

}  // namespace

SampleCheckpoint MakeSampleCheckpoint(uint64_t large_bytes) {
  Builder builder;
  const int bias = builder.AddRandom(100);
  const int large = builder.AddWeights(large_bytes, 2);
  const int floats = builder.AddWeights(16'800, 0);
  const int random = builder.AddRandom(16'500);
  const int zeros = builder.Add(std::string(16'384, '\0'));
  const int alone = builder.AddRandom(77);
  const int partly = builder.AddWeights(large_bytes, 0);
  const int empty = builder.Add("");
  builder.AddRandom(50);  // nobody has a use for it
  const int64_t count = Count(large_bytes, 2);

  std::vector<ValueId> items;
  const auto add = [&](const std::string& key, TensorEntry tensor) {
    tensor.name = absl::StrCat("model.", key);
    items.push_back(builder.values().AddString(key));
    items.push_back(builder.AddTensor(std::move(tensor)));
  };
  add("embed", {.spec = {DType::kBfloat16, {count / 4, 4}, {4, 1}},
                .storage = large,
                .location = "cuda:0",
                .requires_grad = true,
                .is_parameter = true});
  add("head",
      {.spec = {DType::kBfloat16, {4, count / 4}, {1, 4}}, .storage = large});
  add("column", {.spec = {DType::kBfloat16, {count / 4 - 1}, {4}},
                 .storage = large,
                 .storage_offset = 6});
  add("bias", {.spec = {DType::kUint8, {100}, {1}},
               .storage = bias,
               .is_persistent = false});
  add("floats", {.spec = {DType::kFloat32, {4200}, {1}}, .storage = floats});
  add("random", {.spec = {DType::kUint8, {16'500}, {1}}, .storage = random});
  add("zeros", {.spec = {DType::kComplex64, {2048}, {1}},
                .storage = zeros,
                .is_conjugate = true,
                .is_negative = true});
  const int64_t quarter = Count(large_bytes, 16);
  add("late", {.spec = {DType::kFloat32, {quarter}, {1}},
               .storage = partly,
               .storage_offset = 3 * quarter});
  add("empty", {.spec = {DType::kFloat64, {0, 3}, {3, 1}},
                .storage = empty,
                .storage_offset = 12});
  add("nothing",
      {.spec = {DType::kFloat16, {2, 3}, {3, 1}}, .location = "meta"});
  add("scalar",
      {.spec = {DType::kInt64, {}, {}}, .storage = bias, .storage_offset = 2});

  ValueGraph& values = builder.values();
  const ValueId model = values.AddItems(ValueKind::kDict, items);
  const ValueId others =
      values.AddItems(ValueKind::kTuple, EveryKind(values, alone));
  const ValueId root = values.AddItems(
      ValueKind::kDict,
      {values.AddString("model"), model, values.AddString("others"), others});
  builder.catalog().producer = "torch 2.11";
  builder.catalog().metadata = {{"format", "pt"}, {"step", "1200"}};
  return builder.Finish(root);
}

SampleCheckpoint MakeSmallCheckpoint() {
  Builder builder;
  const int weight = builder.AddWeights(8192 * 2 + 600, 2);
  const int bytes = builder.AddRandom(200);
  ValueGraph& values = builder.values();
  const ValueId root = values.AddItems(
      ValueKind::kDict,
      {values.AddString("weight"),
       builder.AddTensor({.name = "weight",
                          .spec = {DType::kBfloat16, {8492}, {1}},
                          .storage = weight}),
       values.AddString("bytes"),
       builder.AddTensor({.name = "bytes",
                          .spec = {DType::kUint8, {200}, {1}},
                          .storage = bytes}),
       values.AddString("step"), values.AddInt(7)});
  builder.catalog().metadata = {{"run", "seven"}};
  return builder.Finish(root);
}

}  // namespace hoist
