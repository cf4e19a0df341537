#include "hoist/checkpoint/formats/torch_pt2/payload_config.h"

#include <simdjson.h>

#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

namespace dom = simdjson::dom;

absl::Status Mistyped(absl::string_view what, absl::string_view wanted) {
  return absl::DataLossError(
      absl::StrCat(what, " is not there or not ", wanted));
}

// torch.export's numbers, which are not ScalarType's.
std::optional<DType> DTypeOfExport(int64_t number) {
  static constexpr std::pair<int64_t, DType> kDTypes[] = {
      {1, DType::kUint8},           {2, DType::kInt8},
      {3, DType::kInt16},           {4, DType::kInt32},
      {5, DType::kInt64},           {6, DType::kFloat16},
      {7, DType::kFloat32},         {8, DType::kFloat64},
      {9, DType::kComplex32},       {10, DType::kComplex64},
      {11, DType::kComplex128},     {12, DType::kBool},
      {13, DType::kBfloat16},       {28, DType::kUint16},
      {29, DType::kFloat8E4m3fn},   {30, DType::kFloat8E5m2},
      {31, DType::kFloat8E4m3fnuz}, {32, DType::kFloat8E5m2fnuz},
  };
  for (const auto& [known, dtype] : kDTypes) {
    if (known == number) {
      return dtype;
    }
  }
  return std::nullopt;
}

absl::StatusOr<int64_t> ReadInt(dom::object object, const char* key) {
  int64_t number;
  if (object[key].get(number) != simdjson::SUCCESS) {
    return Mistyped(key, "an integer");
  }
  return number;
}

absl::StatusOr<bool> ReadBool(dom::object object, const char* key) {
  bool flag;
  if (object[key].get(flag) != simdjson::SUCCESS) {
    return Mistyped(key, "true or false");
  }
  return flag;
}

// {"as_int": 3}. Others are of symbols, which no weight has.
absl::StatusOr<int64_t> ReadSymInt(dom::element value, const char* what) {
  int64_t number;
  if (value["as_int"].get(number) != simdjson::SUCCESS) {
    return Mistyped(what, "{\"as_int\": a number}");
  }
  return number;
}

absl::StatusOr<std::vector<int64_t>> ReadSymInts(dom::object object,
                                                 const char* key) {
  dom::array items;
  if (object[key].get(items) != simdjson::SUCCESS) {
    return Mistyped(key, "an array");
  }
  std::vector<int64_t> numbers;
  for (const dom::element item : items) {
    HOIST_ASSIGN_OR_RETURN(const int64_t number, ReadSymInt(item, key));
    numbers.push_back(number);
  }
  return numbers;
}

// {"type": "cuda", "index": 0}
absl::StatusOr<std::string> ReadDevice(dom::object object) {
  std::string_view type;
  if (object["device"]["type"].get(type) != simdjson::SUCCESS) {
    return Mistyped("device", "an object with a type");
  }
  int64_t index;
  if (type != "cpu" &&
      object["device"]["index"].get(index) == simdjson::SUCCESS) {
    return absl::StrCat(std::string(type), ":", index);
  }
  return std::string(type);
}

absl::StatusOr<Payload::Tensor> ReadTensor(dom::object meta) {
  constexpr int64_t kStrided = 7;
  Payload::Tensor tensor;
  HOIST_ASSIGN_OR_RETURN(const int64_t dtype, ReadInt(meta, "dtype"));
  const auto known = DTypeOfExport(dtype);
  if (!known) {
    return absl::UnimplementedError(
        absl::StrCat("dtype ", dtype, " of torch.export is not known"));
  }
  tensor.spec.dtype = *known;
  HOIST_ASSIGN_OR_RETURN(const int64_t layout, ReadInt(meta, "layout"));
  if (layout != kStrided) {
    return absl::UnimplementedError(
        absl::StrCat("layout ", layout, " of torch.export is not read; ",
                     kStrided, ", strided, is"));
  }
  HOIST_ASSIGN_OR_RETURN(tensor.spec.shape, ReadSymInts(meta, "sizes"));
  HOIST_ASSIGN_OR_RETURN(tensor.spec.strides, ReadSymInts(meta, "strides"));
  dom::element offset;
  if (meta["storage_offset"].get(offset) != simdjson::SUCCESS) {
    return Mistyped("storage_offset", "an object");
  }
  HOIST_ASSIGN_OR_RETURN(tensor.storage_offset,
                         ReadSymInt(offset, "storage_offset"));
  HOIST_ASSIGN_OR_RETURN(tensor.requires_grad, ReadBool(meta, "requires_grad"));
  HOIST_ASSIGN_OR_RETURN(tensor.location, ReadDevice(meta));
  return tensor;
}

absl::StatusOr<Payload> ReadPayload(dom::element value) {
  dom::object fields;
  if (value.get(fields) != simdjson::SUCCESS) {
    return Mistyped("its entry", "an object");
  }
  absl::flat_hash_set<std::string> keys;
  for (const dom::key_value_pair field : fields) {
    if (!keys.insert(std::string(field.key)).second) {
      return absl::DataLossError(
          absl::StrCat("its entry has ", std::string(field.key), " twice"));
    }
  }
  Payload payload;
  std::string_view record;
  if (fields["path_name"].get(record) != simdjson::SUCCESS) {
    return Mistyped("path_name", "a string");
  }
  payload.record = std::string(record);
  HOIST_ASSIGN_OR_RETURN(payload.is_parameter, ReadBool(fields, "is_param"));
  HOIST_ASSIGN_OR_RETURN(payload.is_pickled, ReadBool(fields, "use_pickle"));
  dom::object meta;
  if (fields["tensor_meta"].get(meta) == simdjson::SUCCESS) {
    // What is pickled says itself what it is, and may be more than this tells.
    if (payload.is_pickled) {
      payload.tensor = Payload::Tensor();
    } else {
      HOIST_ASSIGN_OR_RETURN(payload.tensor, ReadTensor(meta));
    }
  } else if (!payload.is_pickled) {
    return Mistyped("tensor_meta", "an object");
  }
  return payload;
}

// The document lives in `parser`.
absl::StatusOr<dom::object> ParseObject(dom::parser& parser,
                                        absl::string_view json) {
  dom::object root;
  const auto error = parser.parse(json.data(), json.size()).get(root);
  if (error == simdjson::MEMALLOC) {
    return absl::ResourceExhaustedError(
        absl::StrCat("No memory to read JSON of ", json.size(), " bytes"));
  }
  if (error != simdjson::SUCCESS) {
    return absl::DataLossError(absl::StrCat(
        "It is no JSON object: ", std::string(simdjson::error_message(error))));
  }
  return root;
}

}  // namespace

absl::StatusOr<std::vector<Payload>> ParsePayloadConfig(
    absl::string_view json) {
  dom::parser parser;
  HOIST_ASSIGN_OR_RETURN(const dom::object root, ParseObject(parser, json));
  dom::object config;
  if (root["config"].get(config) != simdjson::SUCCESS) {
    return Mistyped("Key \"config\"", "an object");
  }
  std::vector<Payload> payloads;
  absl::flat_hash_set<std::string> names;
  for (const dom::key_value_pair field : config) {
    std::string name(field.key);
    auto payload = ReadPayload(field.value);
    if (!payload.ok()) {
      return Annotate(payload.status(), absl::StrCat("Tensor ", name));
    }
    payload->name = name;
    payloads.push_back(*std::move(payload));
    if (!names.insert(std::move(name)).second) {
      return absl::DataLossError(
          absl::StrCat("Tensor ", payloads.back().name, " is there twice"));
    }
  }
  return payloads;
}

absl::StatusOr<ModelInfo> ParseModelInfo(absl::string_view json) {
  dom::parser parser;
  HOIST_ASSIGN_OR_RETURN(const dom::object root, ParseObject(parser, json));
  ModelInfo info;
  int64_t major;
  int64_t minor;
  if (root["schema_version"]["major"].get(major) == simdjson::SUCCESS &&
      root["schema_version"]["minor"].get(minor) == simdjson::SUCCESS) {
    info.schema_version = absl::StrCat(major, ".", minor);
  }
  std::string_view version;
  if (root["torch_version"].get(version) == simdjson::SUCCESS) {
    info.torch_version = std::string(version);
  }
  return info;
}

}  // namespace hoist
