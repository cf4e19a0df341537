#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

namespace dom = simdjson::dom;

constexpr absl::string_view kBlanks = " \t\r\n";
constexpr absl::string_view kMetadataKey = "__metadata__";
constexpr size_t kMaxDepth = 128;  // the reference's
constexpr size_t kMaxShownBytes = 120;

// Abseil's string_view need not be the standard library's.
absl::string_view View(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

// The start of `text`, cut between two characters of UTF-8.
absl::string_view Clipped(absl::string_view text) {
  if (text.size() <= kMaxShownBytes) {
    return text;
  }
  size_t size = kMaxShownBytes;
  while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xc0) == 0x80) {
    --size;
  }
  return text.substr(0, size);
}

// A JSON value for messages. A long one is not written out first.
std::string Shown(dom::element value) {
  switch (value.type()) {
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::ARRAY:
      return "an array";
    case dom::element_type::STRING:
      return QuotedName(View(value.get_string().value_unsafe()));
    default:
      return simdjson::minify(value);
  }
}

absl::Status Mistyped(absl::string_view what, dom::element found,
                      absl::string_view wanted) {
  return absl::DataLossError(
      absl::StrCat(what, " is ", Shown(found), ", and should be ", wanted));
}

absl::Status CheckKeysDiffer(dom::object object) {
  const auto twice = [](absl::string_view key) {
    return absl::DataLossError(
        absl::StrCat("Key ", QuotedName(key), " is there twice"));
  };
  // A tensor's entry has three, which need no set.
  constexpr size_t kMaxCompared = 4;
  std::array<absl::string_view, kMaxCompared> first;
  size_t count = 0;
  absl::flat_hash_set<absl::string_view> others;
  others.reserve(object.size() > kMaxCompared ? object.size() : 0);
  for (const dom::key_value_pair field : object) {
    const absl::string_view key = View(field.key);
    const auto end = first.begin() + static_cast<ptrdiff_t>(count);
    if (std::find(first.begin(), end, key) != end) {
      return twice(key);
    }
    if (count < kMaxCompared) {
      first[count++] = key;
    } else if (!others.insert(key).second) {
      return twice(key);
    }
  }
  return absl::OkStatus();
}

// In the order by which the reference sorts tensors: of rising alignment.
constexpr std::pair<absl::string_view, DType> kDTypes[] = {
    {"BOOL", DType::kBool},
    {"F4", DType::kFloat4E2m1fnX2},
    {"F6_E2M3", DType::kFloat6E2m3},
    {"F6_E3M2", DType::kFloat6E3m2},
    {"U8", DType::kUint8},
    {"I8", DType::kInt8},
    {"F8_E5M2", DType::kFloat8E5m2},
    {"F8_E4M3", DType::kFloat8E4m3fn},
    {"F8_E8M0", DType::kFloat8E8m0fnu},
    {"F8_E4M3FNUZ", DType::kFloat8E4m3fnuz},
    {"F8_E5M2FNUZ", DType::kFloat8E5m2fnuz},
    {"I16", DType::kInt16},
    {"U16", DType::kUint16},
    {"F16", DType::kFloat16},
    {"BF16", DType::kBfloat16},
    {"I32", DType::kInt32},
    {"U32", DType::kUint32},
    {"F32", DType::kFloat32},
    {"C64", DType::kComplex64},
    {"F64", DType::kFloat64},
    {"I64", DType::kInt64},
    {"U64", DType::kUint64},
};

std::optional<DType> DTypeOfSafetensors(absl::string_view name) {
  for (const auto& [known, dtype] : kDTypes) {
    if (known == name) {
      return dtype;
    }
  }
  return std::nullopt;
}

// The dtypes of a header that are not known, each with its tensors.
class UnknownDTypes {
 public:
  void Add(absl::string_view dtype, absl::string_view tensor) {
    const auto known =
        std::find_if(uses_.begin(), uses_.end(),
                     [dtype](const Use& use) { return use.dtype == dtype; });
    if (known != uses_.end()) {
      ++known->count;
    } else if (uses_.size() < kMaxKept) {
      uses_.push_back({std::string(dtype), std::string(tensor), 1});
    }
    ++count_;
  }

  // kUnimplemented if there are any, of `tensor_count`.
  absl::Status ToStatus(size_t tensor_count) const;

 private:
  static constexpr size_t kMaxKept = 3;
  struct Use {
    std::string dtype;
    std::string first;
    size_t count;
  };
  std::vector<Use> uses_;
  size_t count_ = 0;
};

absl::Status UnknownDTypes::ToStatus(size_t tensor_count) const {
  if (count_ == 0) {
    return absl::OkStatus();
  }
  std::string text;
  for (const Use& use : uses_) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", QuotedName(use.dtype),
                    " (", use.count, use.count == 1 ? ": " : ", first ",
                    QuotedName(use.first), ")");
  }
  const absl::string_view dtype = uses_[0].dtype;
  const std::string spelled = absl::AsciiStrToUpper(dtype);
  const bool is_misspelled =
      spelled != dtype && DTypeOfSafetensors(spelled).has_value();
  return WithHint(
      absl::UnimplementedError(absl::StrCat(
          count_, " of ", tensor_count,
          " tensors have a dtype that Hoist does not know, so nothing is "
          "read: ",
          text)),
      is_misspelled
          ? absl::StrCat("The format writes ", spelled,
                         ": correct the program that wrote the file")
          : "If a newer version of safetensors has the dtype, a newer Hoist "
            "may too; else save these tensors as one of the dtypes of "
            "safetensors 0.8");
}

// One that is not known goes to `unknown`; it lives as long as the document.
absl::Status ReadDType(dom::element value, DType& dtype,
                       std::optional<absl::string_view>& unknown) {
  std::string_view name;
  if (value.get(name) != simdjson::SUCCESS) {
    return Mistyped("dtype", value, "a string");
  }
  const auto known = DTypeOfSafetensors(View(name));
  if (known) {
    dtype = *known;
  } else {
    unknown = View(name);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> ReadShape(dom::element value) {
  dom::array sizes;
  if (value.get(sizes) != simdjson::SUCCESS) {
    return Mistyped("shape", value, "an array");
  }
  std::vector<int64_t> shape;
  shape.reserve(sizes.size());
  for (const dom::element item : sizes) {
    int64_t size;
    if (item.get(size) != simdjson::SUCCESS || size < 0) {
      return Mistyped(absl::StrCat("shape[", shape.size(), "]"), item,
                      "an integer from 0 to 2^63-1");
    }
    shape.push_back(size);
  }
  return shape;
}

absl::Status ReadOffsets(dom::element value, SafetensorsHeader::Tensor& into) {
  dom::array items;
  if (value.get(items) != simdjson::SUCCESS) {
    return Mistyped("data_offsets", value, "an array");
  }
  uint64_t* const offsets[] = {&into.begin, &into.end};
  size_t count = 0;
  for (const dom::element item : items) {
    if (count < std::size(offsets) &&
        item.get(*offsets[count]) != simdjson::SUCCESS) {
      return Mistyped(absl::StrCat("data_offsets[", count, "]"), item,
                      "an integer from 0 to 2^64-1");
    }
    ++count;
  }
  if (count != std::size(offsets)) {
    return absl::DataLossError(absl::StrCat(
        "data_offsets has ", count, " items, and should have 2: begin, end"));
  }
  return absl::OkStatus();
}

// The file counts numbers, torch the bytes that hold two each.
absl::Status HalveLastSize(std::vector<int64_t>& shape) {
  if (shape.empty() || shape.back() % 2 != 0) {
    return WithHint(
        absl::UnimplementedError(
            "dtype F4 with a last dimension that is not even: torch has no "
            "such tensor, since one byte holds two numbers"),
        "Pad the last dimension before saving");
  }
  shape.back() /= 2;
  return absl::OkStatus();
}

absl::Status ReadTensor(dom::element value, SafetensorsHeader::Tensor& into,
                        std::optional<absl::string_view>& unknown) {
  dom::object fields;
  if (value.get(fields) != simdjson::SUCCESS) {
    return Mistyped("its entry", value, "an object");
  }
  HOIST_RETURN_IF_ERROR(CheckKeysDiffer(fields));
  int found = 0;
  for (const dom::key_value_pair field : fields) {
    if (field.key == "dtype") {
      HOIST_RETURN_IF_ERROR(ReadDType(field.value, into.dtype, unknown));
    } else if (field.key == "shape") {
      HOIST_ASSIGN_OR_RETURN(into.shape, ReadShape(field.value));
    } else if (field.key == "data_offsets") {
      HOIST_RETURN_IF_ERROR(ReadOffsets(field.value, into));
    } else {
      continue;
    }
    ++found;
  }
  if (found != 3) {
    return absl::DataLossError(
        "its entry lacks one of dtype, shape and data_offsets");
  }
  return !unknown && into.dtype == DType::kFloat4E2m1fnX2
             ? HalveLastSize(into.shape)
             : absl::OkStatus();
}

absl::Status ReadMetadata(dom::element value, SafetensorsHeader& into) {
  if (value.is_null()) {
    return absl::OkStatus();
  }
  dom::object fields;
  if (value.get(fields) != simdjson::SUCCESS) {
    return Mistyped("it", value, "an object of strings");
  }
  HOIST_RETURN_IF_ERROR(CheckKeysDiffer(fields));
  for (const dom::key_value_pair field : fields) {
    std::string_view text;
    if (field.value.get(text) != simdjson::SUCCESS) {
      return Mistyped(QuotedName(View(field.key)), field.value, "a string");
    }
    into.metadata.emplace_back(std::string(field.key), std::string(text));
  }
  return absl::OkStatus();
}

// The document lives in `parser`.
absl::StatusOr<dom::object> ParseJson(dom::parser& parser,
                                      absl::string_view text) {
  const size_t start = text.find_first_not_of(kBlanks);
  if (start == absl::string_view::npos) {
    return absl::DataLossError(
        absl::StrCat("The header's ", text.size(),
                     " bytes are blank, without a JSON object"));
  }
  if (text[start] != '{') {
    return absl::DataLossError(absl::StrCat(
        "The header starts with \"", absl::CHexEscape(text.substr(start, 16)),
        "\", and should be a JSON object"));
  }
  dom::element root;
  simdjson::error_code error = parser.allocate(text.size(), kMaxDepth);
  if (error == simdjson::SUCCESS) {
    error = parser.parse(text.data(), text.size()).get(root);
  }
  switch (error) {
    case simdjson::SUCCESS:
      return root.get_object().value_unsafe();  // it starts with '{'
    case simdjson::MEMALLOC:
      return absl::ResourceExhaustedError(absl::StrCat(
          "No memory to read the header of ", text.size(), " bytes"));
    case simdjson::UTF8_ERROR:
      return absl::DataLossError("The header is not UTF-8");
    case simdjson::DEPTH_ERROR:
      return absl::DataLossError(absl::StrCat(
          "The header's JSON is nested deeper than ", kMaxDepth - 1));
    default:
      return absl::DataLossError(
          absl::StrCat("The header is not valid JSON: ",
                       absl::string_view(simdjson::error_message(error))));
  }
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(
    absl::string_view text) {
  dom::parser parser;
  HOIST_ASSIGN_OR_RETURN(const dom::object root, ParseJson(parser, text));
  HOIST_RETURN_IF_ERROR(CheckKeysDiffer(root));
  SafetensorsHeader header;
  UnknownDTypes unknown_dtypes;
  header.tensors.reserve(root.size());
  for (const dom::key_value_pair field : root) {
    if (View(field.key) == kMetadataKey) {
      if (absl::Status status = ReadMetadata(field.value, header);
          !status.ok()) {
        return Annotate(status, kMetadataKey);
      }
      continue;
    }
    SafetensorsHeader::Tensor tensor;
    std::optional<absl::string_view> unknown;
    if (absl::Status status = ReadTensor(field.value, tensor, unknown);
        !status.ok()) {
      return Annotate(status,
                      absl::StrCat("Tensor ", QuotedName(View(field.key))));
    }
    tensor.name = std::string(field.key);
    if (unknown) {
      unknown_dtypes.Add(*unknown, tensor.name);
    }
    header.tensors.push_back(std::move(tensor));
  }
  HOIST_RETURN_IF_ERROR(unknown_dtypes.ToStatus(header.tensors.size()));
  return header;
}

std::optional<SafetensorsDType> SafetensorsDTypeOf(DType dtype) {
  for (int rank = 0; rank < static_cast<int>(std::size(kDTypes)); ++rank) {
    if (kDTypes[rank].second == dtype) {
      return SafetensorsDType{.name = kDTypes[rank].first, .rank = rank};
    }
  }
  return std::nullopt;
}

std::string QuotedName(absl::string_view name) {
  const absl::string_view shown = Clipped(name);
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(shown),
                      shown.size() < name.size() ? "...\"" : "\"");
}

}  // namespace hoist
