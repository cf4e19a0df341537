#include "hoist/checkpoint/formats/detect/folders.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/detect/detect.h"
#include "hoist/checkpoint/formats/detect/folder_names.h"
#include "hoist/checkpoint/formats/detect/index_file.h"
#include "hoist/checkpoint/formats/detect/shell_word.h"
#include "hoist/checkpoint/formats/native/native_layout.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

// Files that are opened.
constexpr size_t kMaxOpened = 200;

bool Has(const std::vector<std::string>& names, absl::string_view name) {
  return std::binary_search(names.begin(), names.end(), name);
}

std::string CountText(size_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

// A checkpoint that is a directory, told by the names that its program gives.
absl::Status RefuseKnownFolder(const FolderNames& names,
                               const std::string& path) {
  const auto parts = std::count_if(
      names.files.begin(), names.files.end(), [](const std::string& name) {
        return absl::StartsWith(name, kNativeShardPrefix) &&
               absl::EndsWith(name, kNativeSuffix);
      });
  if (parts > 0 && !Has(names.files, std::string(kNativeIndexName))) {
    return WithHint(
        absl::DataLossError(
            absl::StrCat("An incomplete save: ",
                         CountText(static_cast<size_t>(parts), "shard"),
                         " of a Hoist checkpoint, and no ", kNativeIndexName,
                         ", which is written when all of them are there")),
        "Take the checkpoint before it, or copy all of its files again");
  }
  const auto distributed = std::count_if(
      names.files.begin(), names.files.end(),
      [](const std::string& name) { return absl::EndsWith(name, ".distcp"); });
  if (distributed > 0) {
    return WithHint(
        absl::DataLossError(absl::StrCat(
            "An incomplete save: ",
            CountText(static_cast<size_t>(distributed), ".distcp file"),
            " of torch.distributed.checkpoint, and no .metadata, which is "
            "written when all of them are there")),
        "Take the checkpoint before it, or copy all of its files again, also "
        "that whose name begins with a dot");
  }
  const bool has_steps = std::any_of(
      names.folders.begin(), names.folders.end(), [](const std::string& name) {
        return absl::StartsWith(name, "global_step");
      });
  if (has_steps && Has(names.files, "latest")) {
    return WithHint(
        absl::UnimplementedError("A DeepSpeed checkpoint (latest and "
                                 "global_step folders): recognised, not read "
                                 "yet"),
        "Make one state dict of it with DeepSpeed's zero_to_fp32.py, which "
        "lies in it");
  }
  if (Has(names.files, "latest_checkpointed_iteration.txt")) {
    return WithHint(
        absl::UnimplementedError(
            "A Megatron-LM checkpoint (latest_checkpointed_iteration.txt): "
            "recognised, not read yet"),
        "Name one of the files in it, model_optim_rng.pt in an iter_ folder");
  }
  if (Has(names.files, "data.pkl") && Has(names.folders, "data")) {
    const std::string folder = path.substr(0, path.find_last_not_of('/') + 1);
    return WithHint(
        absl::UnimplementedError("What a PyTorch zip archive has inside "
                                 "(data.pkl and data/): it was unpacked"),
        absl::StrCat("Pack it again, uncompressed: cd ",
                     ShellWord(absl::StrCat(folder, "/..")),
                     " && zip -0 -r model.pt ", ShellWord(FileName(folder))));
  }
  if (Has(names.files, "saved_model.pb")) {
    return WithHint(
        absl::InvalidArgumentError(
            "A TensorFlow SavedModel, not a PyTorch checkpoint"),
        "Convert the weights with TensorFlow, and save them as safetensors");
  }
  return absl::OkStatus();
}

// Files of one kind: how many, and which is first.
struct Kind {
  absl::string_view noun;
  size_t count = 0;
  std::string first;

  void Add(const std::string& name) {
    if (count++ == 0) {
      first = name;
    }
  }
};

}  // namespace

bool IsFolder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

absl::Status RefuseFolder(const std::string& path) {
  const FolderNames names = ListFolder(path);
  if (absl::Status known = RefuseKnownFolder(names, path); !known.ok()) {
    return Annotate(known, path);
  }
  Kind safetensors{"safetensors file"};
  Kind torch{"PyTorch file"};
  Kind native{"Hoist checkpoint"};
  Kind index{"index of a checkpoint in several files"};
  Kind other{"other file"};
  for (size_t i = 0; i < names.files.size(); ++i) {
    const std::string& name = names.files[i];
    const auto file = i < kMaxOpened ? OpenFile(absl::StrCat(path, "/", name))
                                     : absl::OutOfRangeError("not looked at");
    const auto format = file.ok() ? DetectFormat(**file)
                                  : absl::StatusOr<Format>(file.status());
    if (format.ok()) {
      (*format == Format::kSafetensors ? safetensors
       : *format == Format::kHoist     ? native
                                       : torch)
          .Add(name);
    } else {
      (file.ok() && IsShardIndexFile(**file) ? index : other).Add(name);
    }
  }
  std::vector<std::string> parts;
  for (const Kind* kind : {&native, &safetensors, &torch, &index}) {
    if (kind->count > 0) {
      parts.push_back(absl::StrCat(CountText(kind->count, kind->noun), " (",
                                   kind->first,
                                   kind->count > 1 ? " first)" : ")"));
    }
  }
  if (other.count > 0) {
    parts.push_back(CountText(other.count, other.noun));
  }
  if (!names.folders.empty()) {
    parts.push_back(absl::StrCat(CountText(names.folders.size(), "folder"),
                                 " (", names.folders[0],
                                 names.folders.size() > 1 ? " first)" : ")"));
  }
  const absl::Status error = absl::InvalidArgumentError(
      absl::StrCat(path, ": A directory, and a file is wanted; in it: ",
                   parts.empty() ? "nothing" : absl::StrJoin(parts, ", ")));
  const Kind& best = native.count > 0        ? native
                     : safetensors.count > 0 ? safetensors
                                             : torch;
  if (best.count == 0) {
    return WithHint(error, "Name a file: no checkpoint was found right in it");
  }
  return WithHint(
      error,
      absl::StrCat("Name one file: ",
                   ShellWord(absl::StrCat(
                       path, absl::EndsWith(path, "/") ? "" : "/", best.first)),
                   best.count > 1 ? ", then the others one by one" : ""));
}

}  // namespace hoist
