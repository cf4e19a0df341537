#include "hoist/checkpoint/formats/torch_zip/cut_archive.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/pickle/tensor_names.h"
#include "hoist/checkpoint/pickle/torch_vocabulary.h"
#include "hoist/checkpoint/zip/zip_walk.h"
#include "hoist/core/base/checked_math.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr absl::string_view kPickle = "/data.pkl";

// The storages and tensors that a pickle names.
class PickledTensors {
 public:
  // Reads the pickle of an archive whose folder is `prefix` ("model/"). Says
  // nothing of one that it cannot read: the file is damaged in any case.
  void Read(absl::Span<const uint8_t> pickle, absl::string_view prefix);

  std::optional<uint64_t> SizeOf(absl::string_view member) const {
    const auto storage = storages_.find(member);
    return storage == storages_.end()
               ? std::nullopt
               : std::optional<uint64_t>(storage->second.size_bytes);
  }
  size_t count() const { return tensors_.size(); }
  // How many of the tensors lie in storages that are among `members`.
  size_t WholeCount(const absl::flat_hash_set<std::string>& members) const;

 private:
  struct Storage {
    int index = 0;
    uint64_t size_bytes = 0;
  };

  absl::StatusOr<TorchVocabulary::Persistent> Load(Value id,
                                                   absl::string_view prefix);

  absl::flat_hash_map<std::string, Storage> storages_;  // by their members
  std::vector<TensorEntry> tensors_;
};

absl::StatusOr<TorchVocabulary::Persistent> PickledTensors::Load(
    Value id, absl::string_view prefix) {
  if (id.kind() != ValueKind::kTuple || id.size() != 5 ||
      id[1].kind() != ValueKind::kClass || id[2].kind() != ValueKind::kString ||
      id[4].kind() != ValueKind::kInt || id[4].AsInt() < 0) {
    return absl::DataLossError("its id is that of no storage");
  }
  const auto dtype = StorageClassDType(id[1].AsString());
  const auto size_bytes =
      dtype ? CheckedMul<int64_t>(id[4].AsInt(), DTypeBits(*dtype) / 8)
            : std::nullopt;
  if (!size_bytes) {
    return absl::DataLossError("its class or its size are not known");
  }
  const auto [storage, is_new] = storages_.try_emplace(
      absl::StrCat(prefix, "data/", id[2].AsString()),
      Storage{.index = static_cast<int>(storages_.size()),
              .size_bytes = static_cast<uint64_t>(*size_bytes)});
  return PickledStorage{.index = storage->second.index, .dtype = *dtype};
}

void PickledTensors::Read(absl::Span<const uint8_t> pickle,
                          absl::string_view prefix) {
  // There may be a pickle in each of several folders: the last counts.
  storages_.clear();
  tensors_.clear();
  TorchVocabulary vocabulary(
      [&](ValueGraph&, Value id) { return Load(id, prefix); });
  ValueGraph graph;
  const auto read = ReadPickle(pickle, vocabulary, graph);
  auto tensors =
      read.ok()
          ? NameTensors(graph, read->root, std::move(vocabulary.tensors()))
          : absl::StatusOr<std::vector<TensorEntry>>(read.status());
  if (tensors.ok()) {
    tensors_ = *std::move(tensors);
  } else {
    storages_.clear();
  }
}

size_t PickledTensors::WholeCount(
    const absl::flat_hash_set<std::string>& members) const {
  std::vector<bool> is_whole(storages_.size(), false);
  for (const auto& [member, storage] : storages_) {
    is_whole[storage.index] = members.contains(member);
  }
  return static_cast<size_t>(std::count_if(
      tensors_.begin(), tensors_.end(), [&](const TensorEntry& tensor) {
        return !tensor.storage || is_whole[*tensor.storage];
      }));
}

// What is left of an archive.
struct Remains {
  absl::flat_hash_set<std::string> members;
  std::string last_name;
  uint64_t end_offset_bytes = 0;  // of the last member
  std::string cut_name;
  bool has_directory = false;
  bool is_of_torch = false;
  PickledTensors tensors;
};

absl::StatusOr<Remains> FindRemains(const RandomAccessFile& file) {
  constexpr uint64_t kMaxPickleBytes = uint64_t{256} << 20;
  Remains remains;
  ZipWalk walk(file);
  while (true) {
    HOIST_ASSIGN_OR_RETURN(const auto member,
                           walk.Next([&remains](absl::string_view name) {
                             return remains.tensors.SizeOf(name);
                           }));
    if (!member) {
      break;
    }
    // A pickle may follow its storages.
    remains.members.insert(member->name);
    remains.last_name = member->name;
    const size_t slash = member->name.find('/');
    if (slash != std::string::npos &&
        absl::string_view(member->name).substr(slash) == kPickle) {
      remains.is_of_torch = true;
      const auto pickle = ReadZipMember(
          file, *member, MaxExpandingBytes(*member, kMaxPickleBytes));
      if (pickle.ok()) {
        remains.tensors.Read(
            *pickle, absl::string_view(member->name).substr(0, slash + 1));
      }
    }
  }
  remains.end_offset_bytes = walk.end_offset_bytes();
  remains.cut_name = walk.cut_name();
  remains.is_of_torch =
      remains.is_of_torch || absl::EndsWith(remains.cut_name, kPickle);
  remains.has_directory = walk.has_directory();
  return remains;
}

// How many of the file's last bytes are zero, of those that are looked at.
absl::StatusOr<uint64_t> ZerosAtTheEnd(const RandomAccessFile& file) {
  constexpr uint64_t kLookedBytes = 64 << 10;
  std::vector<uint8_t> tail(
      static_cast<size_t>(std::min(kLookedBytes, file.size_bytes())));
  HOIST_RETURN_IF_ERROR(
      file.ReadAt(file.size_bytes() - tail.size(), absl::MakeSpan(tail)));
  const auto other = std::find_if(tail.rbegin(), tail.rend(),
                                  [](uint8_t byte) { return byte != 0; });
  return static_cast<uint64_t>(other - tail.rbegin());
}

}  // namespace

absl::Status CutArchiveError(const RandomAccessFile& file) {
  HOIST_ASSIGN_OR_RETURN(const Remains remains, FindRemains(file));
  std::string text = absl::StrCat(
      "The file is cut off: it starts as a ",
      remains.is_of_torch ? "PyTorch zip archive" : "zip archive", ", and its ",
      file.size_bytes(), " bytes have no end record; ");
  if (remains.members.empty()) {
    absl::StrAppend(&text, "not even its first entry",
                    remains.cut_name.empty() ? "" : ", ", remains.cut_name,
                    remains.cut_name.empty() ? " is whole" : ", is whole");
  } else {
    absl::StrAppend(&text, remains.members.size(),
                    remains.members.size() == 1 ? " entry is" : " entries are",
                    " whole, the last ", remains.last_name, " up to byte ",
                    remains.end_offset_bytes);
    if (!remains.cut_name.empty()) {
      absl::StrAppend(&text, ", and ", remains.cut_name, " after it is not");
    } else if (remains.has_directory) {
      absl::StrAppend(&text, ", and the directory after it is not");
    }
  }
  if (remains.tensors.count() > 0) {
    absl::StrAppend(&text, "; ", remains.tensors.WholeCount(remains.members),
                    " of ", remains.tensors.count(),
                    " tensors have all their bytes");
  }
  HOIST_ASSIGN_OR_RETURN(const uint64_t zeros, ZerosAtTheEnd(file));
  constexpr uint64_t kManyZeros = 512;
  if (zeros >= kManyZeros) {
    return WithHint(
        absl::DataLossError(absl::StrCat(text, "; the file ends with zeros (",
                                         zeros, " bytes or more)")),
        "A download or a copy reserved the space and did not fill all of it: "
        "get the file again");
  }
  return WithHint(absl::DataLossError(text),
                  "Download or copy it again, and compare the sizes; if it was "
                  "being saved, take the checkpoint before it");
}

}  // namespace hoist
