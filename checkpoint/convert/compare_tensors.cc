#include "hoist/checkpoint/convert/compare_tensors.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/write/read_tensor.h"
#include "hoist/checkpoint/write/storage_reader.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

constexpr uint64_t kReadBytes = uint64_t{4} << 20;

// Bytes of a storage of each that are to be the same.
struct Pair {
  int wanted_storage = 0;
  uint64_t wanted_begin = 0;
  int found_storage = 0;
  uint64_t found_begin = 0;
  uint64_t size_bytes = 0;
  absl::string_view tensor;
};

// Two whose elements are the same, and do not lie the same way.
using OtherLayout = std::pair<const TensorEntry*, const TensorEntry*>;

struct Comparison {
  std::vector<Pair> pairs;
  std::vector<OtherLayout> layouts;
};

// A part of one, that is compared by one thread.
struct Part {
  size_t pair = 0;
  uint64_t begin = 0;  // from the pair's
  uint64_t end = 0;
};

absl::Status Differs(absl::string_view tensor, absl::string_view how) {
  return absl::DataLossError(
      absl::StrCat("Tensor ", tensor, " is not what it should be: ", how));
}

uint64_t BeginOf(const TensorEntry& tensor) {
  return static_cast<uint64_t>(tensor.storage_offset) *
         static_cast<uint64_t>(DTypeBits(tensor.spec.dtype)) / 8;
}

// From the first to behind the last element, where the layout is the same.
absl::StatusOr<uint64_t> SpanBytes(const TensorSpec& spec) {
  HOIST_ASSIGN_OR_RETURN(const int64_t bytes, RequiredStorageBytes(spec, 0));
  return static_cast<uint64_t>(bytes);
}

absl::Status CompareEntries(const TensorEntry& wanted,
                            const TensorEntry& found) {
  const TensorSpec& a = wanted.spec;
  const TensorSpec& b = found.spec;
  if (a.dtype != b.dtype || a.shape != b.shape) {
    return Differs(
        wanted.name,
        absl::StrCat(DTypeName(b.dtype), ShapeString(b.shape), ", and not ",
                     DTypeName(a.dtype), ShapeString(a.shape)));
  }
  if (wanted.is_conjugate != found.is_conjugate ||
      wanted.is_negative != found.is_negative) {
    return Differs(wanted.name, "it is conjugated or negated otherwise");
  }
  if (wanted.storage.has_value() != found.storage.has_value()) {
    return Differs(wanted.name, "one has data, and one has none");
  }
  return absl::OkStatus();
}

// What is to be the same, each once.
absl::StatusOr<Comparison> ComparisonOf(const Catalog& wanted,
                                        const Catalog& found) {
  absl::flat_hash_map<absl::string_view, std::vector<const TensorEntry*>>
      by_name;
  for (const TensorEntry& tensor : found.tensors) {
    by_name[tensor.name].push_back(&tensor);
  }
  // Next of those with one name.
  absl::flat_hash_map<absl::string_view, size_t> taken;
  std::set<std::tuple<int, uint64_t, int, uint64_t, uint64_t>> known;
  Comparison comparison;
  for (const TensorEntry& tensor : wanted.tensors) {
    const auto named = by_name.find(tensor.name);
    const size_t next = taken[tensor.name]++;
    if (named == by_name.end() || next >= named->second.size()) {
      return Differs(tensor.name, "it is not there");
    }
    const TensorEntry& twin = *named->second[next];
    HOIST_RETURN_IF_ERROR(CompareEntries(tensor, twin));
    if (!tensor.storage) {
      continue;
    }
    if (tensor.spec.strides != twin.spec.strides &&
        !(IsContiguous(tensor.spec) && IsContiguous(twin.spec))) {
      comparison.layouts.emplace_back(&tensor, &twin);
      continue;
    }
    HOIST_ASSIGN_OR_RETURN(const uint64_t size, SpanBytes(twin.spec));
    if (known
            .insert({*tensor.storage, BeginOf(tensor), *twin.storage,
                     BeginOf(twin), size})
            .second) {
      comparison.pairs.push_back({*tensor.storage, BeginOf(tensor),
                                  *twin.storage, BeginOf(twin), size,
                                  tensor.name});
    }
  }
  for (const auto& [name, entries] : by_name) {
    if (taken[name] != entries.size()) {
      return Differs(name, "it is there, and should not be");
    }
  }
  return comparison;
}

std::vector<Part> PartsOf(const std::vector<Pair>& pairs, const Catalog& wanted,
                          const Catalog& found) {
  std::vector<Part> parts;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const Pair& pair = pairs[i];
    // Streams are read by one thread, from their start on.
    const bool is_stream =
        wanted.storages[pair.wanted_storage].deflated_bytes.has_value() ||
        found.storages[pair.found_storage].deflated_bytes.has_value();
    const uint64_t step =
        is_stream ? std::max<uint64_t>(pair.size_bytes, 1) : kReadBytes;
    for (uint64_t at = 0; at < pair.size_bytes; at += step) {
      parts.push_back({i, at, std::min(pair.size_bytes, at + step)});
    }
  }
  return parts;
}

}  // namespace

absl::Status CompareTensors(const TensorSource& wanted,
                            const TensorSource& found, ThreadPool* pool,
                            const CancelToken* cancel) {
  HOIST_ASSIGN_OR_RETURN(const Comparison comparison,
                         ComparisonOf(wanted.catalog, found.catalog));
  const std::vector<Pair>& pairs = comparison.pairs;
  const std::vector<Part> parts = PartsOf(pairs, wanted.catalog, found.catalog);
  StorageReader wanted_reader(wanted.catalog, wanted.files);
  StorageReader found_reader(found.catalog, found.files);
  const auto compare = [&](int64_t index) -> absl::Status {
    const Part& part = parts[static_cast<size_t>(index)];
    const Pair& pair = pairs[part.pair];
    std::vector<uint8_t> a;
    std::vector<uint8_t> b;
    for (uint64_t at = part.begin; at < part.end; at += a.size()) {
      if (cancel != nullptr && cancel->is_cancelled()) {
        return absl::CancelledError("Comparing was cancelled");
      }
      a.resize(std::min(part.end - at, kReadBytes));
      b.resize(a.size());
      HOIST_RETURN_IF_ERROR(wanted_reader.Read(
          pair.wanted_storage, pair.wanted_begin + at, absl::MakeSpan(a)));
      HOIST_RETURN_IF_ERROR(found_reader.Read(
          pair.found_storage, pair.found_begin + at, absl::MakeSpan(b)));
      if (std::memcmp(a.data(), b.data(), a.size()) != 0) {
        return Differs(pair.tensor, "its elements are others");
      }
    }
    return absl::OkStatus();
  };
  const auto count = static_cast<int64_t>(parts.size());
  if (pool != nullptr) {
    HOIST_RETURN_IF_ERROR(ParallelFor(*pool, count, compare));
  } else {
    for (int64_t i = 0; i < count; ++i) {
      HOIST_RETURN_IF_ERROR(compare(i));
    }
  }
  for (const auto& [tensor, twin] : comparison.layouts) {
    HOIST_ASSIGN_OR_RETURN(const std::vector<uint8_t> a,
                           ReadTensor(wanted_reader, *tensor));
    HOIST_ASSIGN_OR_RETURN(const std::vector<uint8_t> b,
                           ReadTensor(found_reader, *twin));
    if (a != b) {
      return Differs(tensor->name, "its elements are others");
    }
  }
  HOIST_RETURN_IF_ERROR(wanted_reader.CompareChecksums());
  return found_reader.CompareChecksums();
}

}  // namespace hoist
