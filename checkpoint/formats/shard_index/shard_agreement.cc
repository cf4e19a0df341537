#include "hoist/checkpoint/formats/shard_index/shard_agreement.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "hoist/checkpoint/formats/safetensors/safetensors_header.h"
#include "hoist/checkpoint/formats/shard_index/shard_number.h"
#include "hoist/core/tensor/tensor_spec.h"

namespace hoist {
namespace {

using Kind = ShardFinding::Kind;

// "w", "w and 2 more"
std::string FirstOf(const std::vector<absl::string_view>& names) {
  return absl::StrCat(
      QuotedName(names[0]),
      names.size() > 1 ? absl::StrCat(" and ", names.size() - 1, " more") : "");
}

std::string TensorCount(size_t count) {
  return absl::StrCat(count, count == 1 ? " tensor" : " tensors");
}

class Comparison {
 public:
  Comparison(const ShardIndex* index, absl::Span<const Shard> shards)
      : index_(index), shards_(shards) {}

  std::vector<ShardFinding> Run(absl::Span<const std::string> other_files) {
    CompareFiles();
    CompareNames();
    CompareNumbers();
    if (index_ != nullptr) {
      CompareTotal();
    }
    if (!other_files.empty()) {
      Note(Kind::kOtherFile,
           absl::StrCat(other_files.size(),
                        other_files.size() == 1 ? " file is" : " files are",
                        " not in the index, and ignored: ",
                        absl::StrJoin(other_files, ", ")));
    }
    std::stable_partition(
        findings_.begin(), findings_.end(),
        [](const ShardFinding& finding) { return finding.is_error; });
    return std::move(findings_);
  }

 private:
  ShardFinding& Error(Kind kind, std::string text,
                      absl::StatusCode code = absl::StatusCode::kDataLoss) {
    findings_.push_back({.kind = kind,
                         .is_error = true,
                         .text = std::move(text),
                         .code = code});
    return findings_.back();
  }
  // One that is about tensors of a file.
  void Error(Kind kind, std::string text, absl::string_view file,
             const std::vector<absl::string_view>& tensors) {
    ShardFinding& finding = Error(kind, std::move(text));
    finding.file = std::string(file);
    for (const absl::string_view tensor : tensors) {
      finding.tensors.emplace_back(tensor);
    }
  }
  void Note(Kind kind, std::string text) {
    findings_.push_back({.kind = kind, .text = std::move(text)});
  }

  void CompareFiles();
  void CompareNames();
  void CompareNumbers();
  void CompareTotal();
  void CompareRepeated(
      const absl::flat_hash_map<absl::string_view, const Shard*>& holders);

  const ShardIndex* const index_;
  const absl::Span<const Shard> shards_;
  bool has_unread_ = false;
  std::vector<ShardFinding> findings_;
};

void Comparison::CompareFiles() {
  std::vector<std::string> missing;
  std::vector<std::string> tensors;
  for (const Shard& shard : shards_) {
    has_unread_ |= !shard.status.ok();
    if (absl::IsNotFound(shard.status) && index_ != nullptr) {
      const size_t before = tensors.size();
      for (const auto& [tensor, file] : index_->weight_map) {
        if (file == shard.file) {
          tensors.push_back(tensor);
        }
      }
      missing.push_back(absl::StrCat(
          shard.file, " (", TensorCount(tensors.size() - before), ")"));
    } else if (!shard.status.ok()) {
      Error(Kind::kUnreadableShard,
            absl::StrCat(shard.file, ": ", shard.status.message()),
            shard.status.code())
          .file = shard.file;
    }
  }
  if (!missing.empty()) {
    Error(Kind::kMissingShard,
          absl::StrCat("The index names ", shards_.size(), " files, ",
                       missing.size(), missing.size() == 1 ? " is" : " are",
                       " missing: ", absl::StrJoin(missing, ", ")),
          absl::StatusCode::kNotFound)
        .tensors = std::move(tensors);
  }
}

void Comparison::CompareRepeated(
    const absl::flat_hash_map<absl::string_view, const Shard*>& holders) {
  // By the two files that have them, in the order of these.
  std::map<std::pair<const Shard*, const Shard*>,
           std::vector<absl::string_view>>
      repeated;
  for (const Shard& shard : shards_) {
    for (const TensorEntry& tensor : shard.catalog.tensors) {
      const Shard* const first = holders.at(tensor.name);
      if (first != &shard) {
        repeated[{first, &shard}].push_back(tensor.name);
      }
    }
  }
  for (const auto& [files, tensors] : repeated) {
    Error(Kind::kRepeatedTensor,
          absl::StrCat(tensors.size() == 1 ? "Tensor " : "Tensors ",
                       FirstOf(tensors),
                       tensors.size() == 1 ? " is in " : " are in ",
                       files.first->file, " and in ", files.second->file,
                       ": they are of different revisions"),
          files.second->file, tensors);
  }
}

void Comparison::CompareNames() {
  absl::flat_hash_map<absl::string_view, const Shard*> holders;
  for (const Shard& shard : shards_) {
    for (const TensorEntry& tensor : shard.catalog.tensors) {
      holders.emplace(tensor.name, &shard);
    }
  }
  CompareRepeated(holders);
  if (index_ == nullptr) {
    return;
  }
  // By file: what the index says that the file does not have, and back.
  absl::flat_hash_map<absl::string_view, const Shard*> by_file;
  for (const Shard& shard : shards_) {
    by_file.emplace(shard.file, &shard);
  }
  std::map<absl::string_view, std::vector<absl::string_view>> missing;
  std::set<absl::string_view> indexed;
  for (const auto& [tensor, file] : index_->weight_map) {
    indexed.insert(tensor);
    const auto holder = holders.find(tensor);
    if (by_file.at(file)->status.ok() &&
        (holder == holders.end() || holder->second->file != file)) {
      missing[file].push_back(tensor);
    }
  }
  for (const auto& [file, tensors] : missing) {
    Error(Kind::kMissingTensor,
          absl::StrCat("The index has ", FirstOf(tensors), " in ", file,
                       ", which does not have ",
                       tensors.size() == 1 ? "it" : "them",
                       ": index and file are of different revisions"),
          file, tensors);
  }
  for (const Shard& shard : shards_) {
    std::vector<absl::string_view> unlisted;
    for (const TensorEntry& tensor : shard.catalog.tensors) {
      if (!indexed.contains(tensor.name)) {
        unlisted.push_back(tensor.name);
      }
    }
    if (!unlisted.empty()) {
      Error(Kind::kUnlistedTensor,
            absl::StrCat(shard.file, " has ", FirstOf(unlisted),
                         ", which the index does not have: index and file are "
                         "of different revisions"),
            shard.file, unlisted);
    }
  }
}

void Comparison::CompareNumbers() {
  // By what is around the numbers, and how many there are to be.
  std::map<std::pair<std::string, uint64_t>, std::set<uint64_t>> sets;
  for (const Shard& shard : shards_) {
    const auto name = ParseShardNumber(shard.file);
    if (!name) {
      continue;
    }
    std::set<uint64_t>& numbers = sets[{name->around, name->count}];
    if (name->number == 0 || name->number > name->count) {
      Error(Kind::kWrongNumber,
            absl::StrCat(shard.file, ": There is no number ", name->number,
                         " of ", name->count, " files"))
          .file = shard.file;
      continue;
    }
    numbers.insert(name->number);
  }
  for (const auto& [set, numbers] : sets) {
    const auto& [around, count] = set;
    if (numbers.size() < count) {
      Error(Kind::kMissingNumber,
            absl::StrCat(
                "By their names there are ", count, " files ", around,
                index_ != nullptr ? ", and the index has " : ", and here are ",
                numbers.size()));
    }
  }
}

void Comparison::CompareTotal() {
  if (!index_->total_size_bytes || has_unread_) {
    return;
  }
  double total = 0;
  for (const Shard& shard : shards_) {
    for (const TensorEntry& tensor : shard.catalog.tensors) {
      const auto bytes = LogicalBytes(tensor.spec);
      total += bytes.ok() ? static_cast<double>(*bytes) : 0;
    }
  }
  if (total != *index_->total_size_bytes) {
    Note(Kind::kTotalSize,
         absl::StrCat("The index counts ",
                      static_cast<int64_t>(*index_->total_size_bytes),
                      " bytes of tensors, and there are ",
                      static_cast<int64_t>(total)));
  }
}

}  // namespace

std::vector<ShardFinding> CompareShards(
    const ShardIndex* index, absl::Span<const Shard> shards,
    absl::Span<const std::string> other_files) {
  return Comparison(index, shards).Run(other_files);
}

}  // namespace hoist
