#include "hoist/checkpoint/torch/load_into_tensors.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/torch/cast_and_count.h"
#include "hoist/checkpoint/torch/match_targets.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/checkpoint/torch/without_exceptions.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist::libtorch {
namespace {

// Whether several elements are one number in memory, as after expand().
bool OverlapsItself(const at::Tensor& tensor) {
  for (int64_t i = 0; i < tensor.dim(); ++i) {
    if (tensor.size(i) > 1 && tensor.stride(i) == 0) {
      return true;
    }
  }
  return false;
}

std::string ObstacleOf(const at::Tensor& tensor) {
  if (tensor.is_meta()) {
    return "it is on the meta device, and has no memory to load into";
  }
  if (tensor.layout() != c10::kStrided || tensor.is_quantized() ||
      tensor.is_nested()) {
    return "it is sparse, quantized or nested in the module, and Hoist loads "
           "into plain tensors";
  }
  if (OverlapsItself(tensor)) {
    return "several of its elements are one in the module (expand())";
  }
  if (tensor.is_inference() && !c10::InferenceMode::is_enabled()) {
    return "it was made in inference mode, and is constant outside of it";
  }
  if (!DTypeOf(tensor.scalar_type())) {
    return absl::StrCat("Hoist has no dtype ",
                        c10::toString(tensor.scalar_type()));
  }
  return "";
}

std::vector<LoadTarget> Describe(absl::Span<const NamedTensor> targets) {
  using Place = std::tuple<const void*, int64_t, std::vector<int64_t>,
                           std::vector<int64_t>, at::ScalarType>;
  std::map<Place, int> places;
  std::vector<LoadTarget> described;
  described.reserve(targets.size());
  for (const auto& [name, tensor] : targets) {
    LoadTarget target = {.name = name,
                         .dtype = DTypeOf(tensor.scalar_type()),
                         .shape = tensor.sizes().vec(),
                         .obstacle = ObstacleOf(tensor)};
    // Where something can be written to, there is a storage.
    const bool has_storage = target.obstacle.empty();
    const void* const owner =
        has_storage
            ? static_cast<const void*>(tensor.storage().unsafeGetStorageImpl())
            : tensor.unsafeGetTensorImpl();
    Place place = {owner, 0, target.shape, {}, tensor.scalar_type()};
    if (has_storage) {
      std::get<1>(place) = tensor.storage_offset();
      std::get<3>(place) = tensor.strides().vec();
    }
    target.identity =
        places.emplace(std::move(place), static_cast<int>(places.size()))
            .first->second;
    described.push_back(std::move(target));
  }
  return described;
}

// What is read and copied at once.
struct Group {
  Catalog catalog;  // with its tensors only
  std::vector<TargetMatches::Match> matches;
};

// What all groups of a load have to do with.
struct FillInputs {
  const Checkpoint& checkpoint;
  absl::Span<const NamedTensor> targets;
  const std::vector<LoadTarget>& described;
  const LoadIntoOptions& options;
};

// Fills the targets of one group, step by step.
class GroupFiller {
 public:
  GroupFiller(const FillInputs& inputs, const Group& group,
              LoadIntoReport& report)
      : inputs_(inputs), group_(group), report_(report) {}

  // Everything that may fail, and changes nothing.
  absl::Status Prepare();
  // Gives the targets their elements, which Prepare() has readied.
  void Copy();

 private:
  const at::Tensor& TargetOf(size_t match) const {
    return inputs_.targets[group_.matches[match].target].tensor;
  }
  const std::string& NameOf(size_t match) const {
    return inputs_.described[group_.matches[match].target].name;
  }
  absl::Status Read();
  void AddToReport(const LoadReport& load);
  // Refuses other elements for a tensor that has got some.
  absl::Status CheckTied();
  void CastSources();
  // Whether LibTorch copies these dtypes on these devices: throws if not.
  void TryCopies();

  const FillInputs& inputs_;
  const Group& group_;
  LoadIntoReport& report_;
  uint64_t extra_bytes_ = 0;
  std::vector<at::Tensor> sources_;  // parallel to the matches
};

absl::Status GroupFiller::Prepare() {
  HOIST_RETURN_IF_ERROR(Read());
  HOIST_RETURN_IF_ERROR(CheckTied());
  CastSources();
  TryCopies();
  report_.extra_bytes = std::max(report_.extra_bytes, extra_bytes_);
  return absl::OkStatus();
}

absl::Status GroupFiller::Read() {
  LoadOptions load = inputs_.options.load;
  load.device = Device::Cpu();
  load.one_buffer_each = false;
  load.dtype.reset();
  HOIST_ASSIGN_OR_RETURN(
      const LoadResult loaded,
      LoadCatalog(group_.catalog, inputs_.checkpoint.files(), load));
  extra_bytes_ = loaded.report.peak_host_bytes;
  AddToReport(loaded.report);
  for (const auto& [name, tensor] : loaded.tensors) {
    auto source = ToTorch(tensor);
    if (!source.ok()) {
      return Annotate(source.status(), absl::StrCat("Tensor ", name));
    }
    sources_.push_back(*std::move(source));
    if (group_.matches[sources_.size() - 1].is_scalar_of_one) {
      sources_.back() = sources_.back().squeeze();
    }
  }
  return absl::OkStatus();
}

void GroupFiller::AddToReport(const LoadReport& load) {
  LoadReport& all = report_.load;
  if (all.tensor_count == 0) {
    all = load;
    return;
  }
  all.tensor_count += load.tensor_count;
  all.bytes += load.bytes;
  all.time_ns += load.time_ns;
  all.peak_host_bytes = std::max(all.peak_host_bytes, load.peak_host_bytes);
  if (all.verified != load.verified) {
    all.verified = Verified::kStructure;
  }
}

absl::Status GroupFiller::CheckTied() {
  std::map<int, size_t> first;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const int identity = inputs_.described[group_.matches[i].target].identity;
    const auto [other, is_first] = first.emplace(identity, i);
    if (is_first) {
      continue;
    }
    const at::ScalarType dtype = TargetOf(i).scalar_type();
    const at::Tensor a = sources_[other->second].to(dtype).contiguous();
    const at::Tensor b = sources_[i].to(dtype).contiguous();
    if (a.nbytes() > 0 &&
        std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) != 0) {
      report_.mismatched.push_back(
          {.kind = LoadMismatch::Kind::kTied,
           .name = NameOf(i),
           .detail =
               absl::StrCat("tied to ", NameOf(other->second),
                            " in the module, and other numbers in the file")});
    }
  }
  return FitStatus(report_, inputs_.options.strict);
}

void GroupFiller::CastSources() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    const at::ScalarType dtype = TargetOf(i).scalar_type();
    if (sources_[i].scalar_type() == dtype) {
      continue;
    }
    CountedCast cast = CastAndCount(sources_[i], dtype);
    report_.casts.push_back(
        {.name = NameOf(i),
         .from = std::string(DTypeName(*DTypeOf(sources_[i].scalar_type()))),
         .to = std::string(DTypeName(*DTypeOf(dtype))),
         .infinite_count = cast.infinite_count,
         .nan_count = cast.nan_count});
    extra_bytes_ += cast.tensor.nbytes();
    sources_[i] = std::move(cast.tensor);
  }
}

void GroupFiller::TryCopies() {
  std::set<std::pair<at::ScalarType, std::string>> tried;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const at::Tensor& target = TargetOf(i);
    if (tried.emplace(target.scalar_type(), target.device().str()).second) {
      at::empty({2}, target.options().requires_grad(false))
          .copy_(at::empty({2}, sources_[i].options()));
    }
  }
}

void GroupFiller::Copy() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    const at::Tensor& target = TargetOf(i);
    target.copy_(sources_[i]);
    report_.bytes += target.nbytes();
  }
}

// All in one, or groups of whose storages as few bytes are needed as can be, up
// to `max_bytes`. What is for one target is in one group.
std::vector<Group> GroupsOf(TargetMatches& matches,
                            const std::vector<LoadTarget>& described,
                            std::optional<uint64_t> max_bytes) {
  std::vector<Group> groups;
  if (!max_bytes) {
    groups.push_back({std::move(matches.catalog), std::move(matches.matches)});
    return groups;
  }
  std::vector<size_t> order(matches.matches.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto identity = [&](size_t i) {
    return described[matches.matches[i].target].identity;
  };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return identity(a) < identity(b);
  });
  const std::vector<TensorEntry> tensors =
      std::exchange(matches.catalog.tensors, {});
  uint64_t bytes = 0;
  std::set<int> storages;  // of the last group
  for (size_t at = 0; at < order.size(); ++at) {
    const size_t i = order[at];
    const int storage = *tensors[i].storage;
    const uint64_t size = storages.contains(storage)
                              ? 0
                              : matches.catalog.storages[storage].size_bytes;
    const bool is_for_last = at > 0 && identity(order[at - 1]) == identity(i);
    if (groups.empty() || (bytes + size > *max_bytes && !is_for_last)) {
      groups.push_back({matches.catalog, {}});
      bytes = 0;
      storages.clear();
    }
    bytes += storages.insert(storage).second
                 ? matches.catalog.storages[storage].size_bytes
                 : 0;
    groups.back().catalog.tensors.push_back(tensors[i]);
    groups.back().matches.push_back(matches.matches[i]);
  }
  return groups;
}

absl::StatusOr<LoadIntoReport> Fill(const FillInputs& inputs,
                                    TargetMatches matches) {
  const std::vector<Group> groups =
      GroupsOf(matches, inputs.described, inputs.options.max_extra_bytes);
  if (groups.size() > 1) {
    LoadIntoReport first_pass = matches.report;
    for (const Group& group : groups) {
      HOIST_RETURN_IF_ERROR(GroupFiller(inputs, group, first_pass).Prepare());
    }
  }
  for (const Group& group : groups) {
    GroupFiller filler(inputs, group, matches.report);
    if (absl::Status status = filler.Prepare(); !status.ok()) {
      return &group == &groups.front()
                 ? status
                 : Annotate(status,
                            "The file was read once and cannot be read again, "
                            "and tensors are partly filled");
    }
    filler.Copy();
  }
  return std::move(matches.report);
}

}  // namespace

absl::StatusOr<LoadIntoReport> FillTensors(
    const Checkpoint& checkpoint, absl::Span<const NamedTensor> targets,
    const LoadIntoOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<LoadIntoReport> {
    const at::NoGradGuard no_grad;
    const std::vector<LoadTarget> described = Describe(targets);
    HOIST_ASSIGN_OR_RETURN(
        TargetMatches matches,
        MatchTargets(checkpoint.catalog(), described, options));
    HOIST_RETURN_IF_ERROR(FitStatus(matches.report, options.strict));
    return Fill({.checkpoint = checkpoint,
                 .targets = targets,
                 .described = described,
                 .options = options},
                std::move(matches));
  });
}

absl::StatusOr<LoadIntoReport> CompareTensors(
    const Checkpoint& checkpoint, absl::Span<const NamedTensor> targets,
    const LoadIntoOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<LoadIntoReport> {
    HOIST_ASSIGN_OR_RETURN(
        TargetMatches matches,
        MatchTargets(checkpoint.catalog(), Describe(targets), options));
    return std::move(matches.report);
  });
}

}  // namespace hoist::libtorch
