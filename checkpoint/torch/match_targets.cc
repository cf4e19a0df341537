#include "hoist/checkpoint/torch/match_targets.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "hoist/checkpoint/torch/checkpoint_part.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist::libtorch {
namespace {

constexpr absl::string_view kExtraState = "_extra_state";
constexpr absl::string_view kBatchCount = "num_batches_tracked";
// The version of BatchNorm that has it.
constexpr int64_t kVersionWithBatchCount = 2;
constexpr size_t kShown = 5;

bool IsExtraState(absl::string_view name) {
  const std::vector<absl::string_view> keys = absl::StrSplit(name, '.');
  return std::find(keys.begin(), keys.end(), kExtraState) != keys.end();
}

std::string Named(const std::vector<std::string>& names) {
  const size_t shown = std::min(names.size(), kShown);
  return absl::StrCat(
      absl::StrJoin(names.begin(),
                    names.begin() + static_cast<ptrdiff_t>(shown), ", "),
      names.size() > shown
          ? absl::StrCat(" and ", names.size() - shown, " more")
          : "");
}

// The same elements of the same storage, in the same way.
bool IsSameTensor(const TensorEntry& a, const TensorEntry& b) {
  return a.storage && a.storage == b.storage &&
         a.storage_offset == b.storage_offset && a.spec == b.spec &&
         a.is_conjugate == b.is_conjugate && a.is_negative == b.is_negative;
}

class Matcher {
 public:
  Matcher(const Catalog& catalog, absl::Span<const LoadTarget> targets,
          const LoadIntoOptions& options)
      : catalog_(catalog),
        targets_(targets),
        options_(options),
        parts_(FindParts(catalog)) {}

  absl::StatusOr<TargetMatches> Run();

 private:
  // The tensors of a part under their new names.
  absl::StatusOr<std::vector<TensorEntry>> Renamed(
      const std::string& path) const;
  // How many of the targets have a tensor in the part; those that share one
  // count together.
  int CountIn(const std::string& path) const;
  absl::Status ChoosePart();
  absl::Status UsePart(const std::string& path);
  void Match();
  void MatchTarget(int index);
  // What keeps the tensor from the target, if anything does.
  std::optional<LoadMismatch> Mismatch(const LoadTarget& target,
                                       const TensorEntry& tensor) const;
  bool IsScalarOfOne(const LoadTarget& target, const TensorEntry& tensor) const;
  void NoteMissing();
  bool MayLack(const std::string& name) const;
  void NoteUnexpected();
  void NoteOthers();
  std::string Hint() const;
  std::string PrefixHint() const;

  const Catalog& catalog_;
  const absl::Span<const LoadTarget> targets_;
  const LoadIntoOptions& options_;
  const std::vector<CheckpointPart> parts_;
  CheckpointPart part_;                 // the one that is meant
  std::vector<TensorEntry> tensors_;    // its
  std::vector<std::string> old_names_;  // parallel, before renames
  // The first of each name.
  absl::flat_hash_map<absl::string_view, int> by_name_;
  absl::flat_hash_set<absl::string_view> repeated_;
  absl::flat_hash_set<absl::string_view> used_;
  // By identity, whether a target of it has its tensor.
  absl::flat_hash_map<int, std::vector<int>> matched_;
  std::vector<bool> is_found_;  // by target: by its own name, fitting or not
  TargetMatches result_;
};

absl::StatusOr<TargetMatches> Matcher::Run() {
  result_.catalog = catalog_;
  result_.catalog.tensors.clear();
  HOIST_RETURN_IF_ERROR(ChoosePart());
  result_.report.sub_dict = part_.path;
  Match();
  NoteMissing();
  NoteUnexpected();
  NoteOthers();
  if (!result_.report.Fits(options_.strict)) {
    result_.report.hint = Hint();
  }
  return std::move(result_);
}

absl::StatusOr<std::vector<TensorEntry>> Matcher::Renamed(
    const std::string& path) const {
  std::vector<TensorEntry> tensors = TensorsOfPart(catalog_, path);
  HOIST_RETURN_IF_ERROR(RenameEntries(options_.renames, tensors));
  return tensors;
}

int Matcher::CountIn(const std::string& path) const {
  const auto tensors = Renamed(path);
  if (!tensors.ok()) {
    return 0;
  }
  absl::flat_hash_set<absl::string_view> names;
  for (const TensorEntry& tensor : *tensors) {
    names.insert(tensor.name);
  }
  absl::flat_hash_set<int> found;
  for (const LoadTarget& target : targets_) {
    if (names.contains(target.name)) {
      found.insert(target.identity);
    }
  }
  return static_cast<int>(found.size());
}

absl::Status Matcher::ChoosePart() {
  if (options_.sub_dict) {
    return UsePart(*options_.sub_dict);
  }
  absl::flat_hash_set<int> identities;
  for (const LoadTarget& target : targets_) {
    identities.insert(target.identity);
  }
  if (parts_.size() == 1 || identities.empty() || CountIn("") > 0) {
    return UsePart("");
  }
  std::vector<std::string> whole;
  for (size_t i = 1; i < parts_.size(); ++i) {
    if (CountIn(parts_[i].path) == static_cast<int>(identities.size())) {
      whole.push_back(parts_[i].path);
    }
  }
  if (whole.size() > 1) {
    return WithHint(
        absl::InvalidArgumentError(
            absl::StrCat("The checkpoint has all tensors in several places: ",
                         Named(whole))),
        absl::StrCat("Say which is meant by LoadIntoOptions::sub_dict, as \"",
                     whole.front(), "\""));
  }
  return UsePart(whole.empty() ? "" : whole.front());
}

absl::Status Matcher::UsePart(const std::string& path) {
  part_.path = path;
  for (const CheckpointPart& part : parts_) {
    if (part.path == path) {
      part_ = part;
    }
  }
  for (TensorEntry& tensor : TensorsOfPart(catalog_, path)) {
    old_names_.push_back(std::move(tensor.name));
  }
  if (old_names_.empty() && !path.empty()) {
    std::vector<std::string> names;
    for (const CheckpointPart& part : parts_) {
      if (!part.path.empty()) {
        names.push_back(absl::StrCat("\"", part.path, "\""));
      }
    }
    return WithHint(absl::InvalidArgumentError(absl::StrCat(
                        "The checkpoint has no tensors in \"", path, "\"")),
                    names.empty() ? "It has no dicts in it"
                                  : absl::StrCat("It has ", Named(names)));
  }
  HOIST_ASSIGN_OR_RETURN(tensors_, Renamed(path));
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (!by_name_.try_emplace(tensors_[i].name, static_cast<int>(i)).second) {
      repeated_.insert(tensors_[i].name);
    }
  }
  return absl::OkStatus();
}

void Matcher::Match() {
  is_found_.resize(targets_.size());
  for (size_t i = 0; i < targets_.size(); ++i) {
    MatchTarget(static_cast<int>(i));
  }
}

void Matcher::MatchTarget(int index) {
  const LoadTarget& target = targets_[index];
  const auto found = by_name_.find(target.name);
  if (found == by_name_.end()) {
    return;
  }
  is_found_[index] = true;
  used_.insert(found->first);
  const TensorEntry& tensor = tensors_[found->second];
  if (auto mismatch = Mismatch(target, tensor)) {
    result_.report.mismatched.push_back(*std::move(mismatch));
    return;
  }
  std::vector<int>& before = matched_[target.identity];
  if (std::none_of(before.begin(), before.end(), [&](int other) {
        return IsSameTensor(tensors_[other], tensor);
      })) {
    before.push_back(found->second);
    result_.matches.push_back(
        {.target = index, .is_scalar_of_one = IsScalarOfOne(target, tensor)});
    result_.catalog.tensors.push_back(tensor);
  }
}

bool Matcher::IsScalarOfOne(const LoadTarget& target,
                            const TensorEntry& tensor) const {
  return target.shape.empty() && tensor.spec.shape == std::vector<int64_t>{1};
}

std::optional<LoadMismatch> Matcher::Mismatch(const LoadTarget& target,
                                              const TensorEntry& tensor) const {
  const auto mismatch = [&target](LoadMismatch::Kind kind, std::string detail) {
    return LoadMismatch{
        .kind = kind, .name = target.name, .detail = std::move(detail)};
  };
  if (!target.obstacle.empty() || !target.dtype) {
    return mismatch(LoadMismatch::Kind::kTarget, target.obstacle);
  }
  if (repeated_.contains(tensor.name)) {
    return mismatch(LoadMismatch::Kind::kNotUnique,
                    "the checkpoint has several tensors of that name");
  }
  if (target.shape != tensor.spec.shape && !IsScalarOfOne(target, tensor)) {
    return mismatch(
        LoadMismatch::Kind::kShape,
        absl::StrCat(ShapeString(tensor.spec.shape), " in the file, ",
                     ShapeString(target.shape), " in the module"));
  }
  if (!IsCastOnLoad(tensor.spec.dtype, *target.dtype)) {
    return mismatch(LoadMismatch::Kind::kDtype,
                    absl::StrCat(DTypeName(tensor.spec.dtype), " in the file, ",
                                 DTypeName(*target.dtype),
                                 " in the module, which is no cast between "
                                 "floating-point dtypes"));
  }
  if (!tensor.storage) {
    return mismatch(LoadMismatch::Kind::kNoData,
                    "it has no data in the file (device \"meta\")");
  }
  return std::nullopt;
}

void Matcher::NoteMissing() {
  absl::flat_hash_set<absl::string_view> mismatched;
  for (const LoadMismatch& mismatch : result_.report.mismatched) {
    mismatched.insert(mismatch.name);
  }
  std::vector<std::string> tied;
  std::vector<std::string> old;
  for (size_t i = 0; i < targets_.size(); ++i) {
    const std::string& name = targets_[i].name;
    if (mismatched.contains(name)) {
      continue;
    }
    if (matched_.contains(targets_[i].identity)) {
      result_.report.loaded.push_back(name);
      if (!is_found_[i]) {
        tied.push_back(name);
      }
    } else if (MayLack(name)) {
      old.push_back(name);
    } else {
      result_.report.missing.push_back(name);
    }
  }
  if (!tied.empty()) {
    result_.report.remarks.push_back(absl::StrCat(
        "Not in the checkpoint, and filled through what it is tied to: ",
        Named(tied)));
  }
  if (!old.empty()) {
    result_.report.remarks.push_back(absl::StrCat(
        "Not in the checkpoint, which may be from before they were saved "
        "(PyTorch 0.4.1), and left as they were: ",
        Named(old)));
  }
}

bool Matcher::MayLack(const std::string& name) const {
  absl::string_view module = name;
  if (!absl::ConsumeSuffix(&module, kBatchCount) ||
      (!module.empty() && !absl::ConsumeSuffix(&module, "."))) {
    return false;
  }
  const auto mean = by_name_.find(
      absl::StrCat(module, module.empty() ? "" : ".", "running_mean"));
  if (mean == by_name_.end()) {
    return false;
  }
  // `_metadata` has the names before renames.
  absl::string_view old_module = old_names_[mean->second];
  if (!absl::ConsumeSuffix(&old_module, "running_mean")) {
    return true;
  }
  absl::ConsumeSuffix(&old_module, ".");
  const auto versions = ModuleVersions(part_);
  const auto version = versions.find(old_module);
  return version == versions.end() || version->second < kVersionWithBatchCount;
}

void Matcher::NoteUnexpected() {
  std::vector<std::string> extra;
  for (const TensorEntry& tensor : tensors_) {
    if (used_.contains(tensor.name) || !tensor.is_persistent) {
      continue;
    }
    (IsExtraState(tensor.name) ? extra : result_.report.unexpected)
        .push_back(tensor.name);
  }
  if (!extra.empty()) {
    result_.report.remarks.push_back(
        absl::StrCat("Extra state was left out, which only the modules' own "
                     "code understands: ",
                     Named(extra)));
  }
}

void Matcher::NoteOthers() {
  std::vector<std::string> others;
  const bool is_dict = part_.value && part_.value->kind() == ValueKind::kDict;
  for (size_t i = 0; is_dict && i < part_.value->size(); ++i) {
    const Value item = part_.value->value(i);
    if (item.kind() == ValueKind::kTensor) {
      continue;
    }
    const std::string name = ValueText(part_.value->key(i));
    const std::string start = absl::StrCat(name, ".");
    if (std::none_of(old_names_.begin(), old_names_.end(),
                     [&start](const std::string& tensor) {
                       return absl::StartsWith(tensor, start);
                     })) {
      others.push_back(name);
    }
  }
  if (!others.empty()) {
    result_.report.remarks.push_back(
        absl::StrCat("What is no tensor was left out: ", Named(others)));
  }
  const size_t outside = catalog_.tensors.size() - tensors_.size();
  if (outside > 0) {
    result_.report.remarks.push_back(
        absl::StrCat(outside, " tensors are outside of \"", part_.path,
                     "\", and were left out"));
  }
}

std::string Matcher::Hint() const {
  const CheckpointPart* best = nullptr;
  int best_count = CountIn(part_.path);
  for (const CheckpointPart& part : parts_) {
    const int count = CountIn(part.path);
    if (count > best_count) {
      best = &part;
      best_count = count;
    }
  }
  if (best != nullptr) {
    return absl::StrCat("In \"", best->path, "\" are ", best_count, " of ",
                        targets_.size(),
                        " names: set LoadIntoOptions::sub_dict to it");
  }
  if (const std::string hint = PrefixHint(); !hint.empty()) {
    return hint;
  }
  return result_.report.mismatched.empty()
             ? "To load what is in both, set LoadIntoOptions::strict to false"
             : "";
}

std::string Matcher::PrefixHint() const {
  if (result_.report.missing.empty() || result_.report.unexpected.empty()) {
    return "";
  }
  const absl::flat_hash_set<absl::string_view> there(
      result_.report.unexpected.begin(), result_.report.unexpected.end());
  const std::string& first = result_.report.missing.front();
  for (absl::string_view name : result_.report.unexpected) {
    absl::string_view prefix = name;
    if (absl::ConsumeSuffix(&prefix, absl::StrCat(".", first)) &&
        std::all_of(result_.report.missing.begin(),
                    result_.report.missing.end(),
                    [&](const std::string& missing) {
                      return there.contains(absl::StrCat(prefix, ".", missing));
                    })) {
      return absl::StrCat("All that is missing is there behind \"", prefix,
                          ".\": add RenameRule::Prefix(\"", prefix,
                          ".\", \"\") to LoadIntoOptions::renames");
    }
    prefix = first;
    if (absl::ConsumeSuffix(&prefix, absl::StrCat(".", name)) &&
        std::all_of(result_.report.missing.begin(),
                    result_.report.missing.end(),
                    [&](absl::string_view missing) {
                      return absl::ConsumePrefix(&missing, prefix) &&
                             absl::ConsumePrefix(&missing, ".") &&
                             there.contains(missing);
                    })) {
      return absl::StrCat("All that is missing is there without \"", prefix,
                          ".\": add RenameRule::Prefix(\"\", \"", prefix,
                          ".\") to LoadIntoOptions::renames");
    }
  }
  return "";
}

// float8_e8m0fnu has powers of two only, and float4 is two numbers an element.
bool IsCastableFloat(DType dtype) {
  return IsFloatingPoint(dtype) && dtype != DType::kFloat8E8m0fnu &&
         dtype != DType::kFloat4E2m1fnX2 && dtype != DType::kFloat6E2m3 &&
         dtype != DType::kFloat6E3m2;
}

}  // namespace

bool IsCastOnLoad(DType from, DType to) {
  return from == to || (IsCastableFloat(from) && IsCastableFloat(to)) ||
         (IsComplex(from) && IsComplex(to));
}

absl::StatusOr<TargetMatches> MatchTargets(const Catalog& catalog,
                                           absl::Span<const LoadTarget> targets,
                                           const LoadIntoOptions& options) {
  return Matcher(catalog, targets, options).Run();
}

}  // namespace hoist::libtorch
