#include "hoist/checkpoint/torch/load_into_tensors.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <map>
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

// One load into tensors, step by step.
class TensorFiller {
 public:
  TensorFiller(const Checkpoint& checkpoint,
               absl::Span<const NamedTensor> targets,
               const LoadIntoOptions& options)
      : checkpoint_(checkpoint), targets_(targets), options_(options) {}

  absl::StatusOr<LoadIntoReport> Run();

 private:
  const at::Tensor& TargetOf(size_t match) const {
    return targets_[matches_.matches[match].target].tensor;
  }
  absl::Status Read();
  // Refuses other elements for a tensor that has got some.
  absl::Status CheckTied();
  absl::Status CastSources();
  // Whether LibTorch copies these dtypes on these devices.
  absl::Status TryCopies();
  absl::Status Copy();

  const Checkpoint& checkpoint_;
  const absl::Span<const NamedTensor> targets_;
  const LoadIntoOptions& options_;
  std::vector<LoadTarget> described_;
  TargetMatches matches_;
  LoadResult loaded_;
  std::vector<at::Tensor> sources_;  // parallel to the matches
};

absl::StatusOr<LoadIntoReport> TensorFiller::Run() {
  described_ = Describe(targets_);
  HOIST_ASSIGN_OR_RETURN(
      matches_, MatchTargets(checkpoint_.catalog(), described_, options_));
  HOIST_RETURN_IF_ERROR(FitStatus(matches_.report, options_.strict));
  HOIST_RETURN_IF_ERROR(Read());
  HOIST_RETURN_IF_ERROR(CheckTied());
  HOIST_RETURN_IF_ERROR(CastSources());
  HOIST_RETURN_IF_ERROR(TryCopies());
  HOIST_RETURN_IF_ERROR(Copy());
  return std::move(matches_.report);
}

absl::Status TensorFiller::Read() {
  LoadOptions load = options_.load;
  load.device = Device::Cpu();
  load.one_buffer_each = false;
  load.dtype.reset();
  HOIST_ASSIGN_OR_RETURN(
      loaded_, LoadCatalog(matches_.catalog, checkpoint_.files(), load));
  matches_.report.load = loaded_.report;
  matches_.report.extra_bytes = loaded_.report.peak_host_bytes;
  for (const auto& [name, tensor] : loaded_.tensors) {
    auto source = ToTorch(tensor);
    if (!source.ok()) {
      return Annotate(source.status(), absl::StrCat("Tensor ", name));
    }
    sources_.push_back(*std::move(source));
    if (matches_.matches[sources_.size() - 1].is_scalar_of_one) {
      sources_.back() = sources_.back().squeeze();
    }
  }
  return absl::OkStatus();
}

absl::Status TensorFiller::CheckTied() {
  std::map<int, size_t> first;
  std::vector<LoadMismatch>& mismatched = matches_.report.mismatched;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const LoadTarget& target = described_[matches_.matches[i].target];
    const auto [other, is_first] = first.emplace(target.identity, i);
    if (is_first) {
      continue;
    }
    const at::ScalarType dtype = TargetOf(i).scalar_type();
    const at::Tensor a = sources_[other->second].to(dtype).contiguous();
    const at::Tensor b = sources_[i].to(dtype).contiguous();
    if (a.nbytes() > 0 &&
        std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) != 0) {
      mismatched.push_back(
          {.kind = LoadMismatch::Kind::kTied,
           .name = target.name,
           .detail = absl::StrCat(
               "tied to ",
               described_[matches_.matches[other->second].target].name,
               " in the module, and other numbers in the file")});
    }
  }
  return FitStatus(matches_.report, options_.strict);
}

absl::Status TensorFiller::CastSources() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    const at::ScalarType dtype = TargetOf(i).scalar_type();
    if (sources_[i].scalar_type() == dtype) {
      continue;
    }
    CountedCast cast = CastAndCount(sources_[i], dtype);
    matches_.report.casts.push_back(
        {.name = described_[matches_.matches[i].target].name,
         .from = std::string(DTypeName(*DTypeOf(sources_[i].scalar_type()))),
         .to = std::string(DTypeName(*DTypeOf(dtype))),
         .infinite_count = cast.infinite_count,
         .nan_count = cast.nan_count});
    matches_.report.extra_bytes += cast.tensor.nbytes();
    sources_[i] = std::move(cast.tensor);
  }
  return absl::OkStatus();
}

absl::Status TensorFiller::TryCopies() {
  std::set<std::pair<at::ScalarType, std::string>> tried;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const at::Tensor& target = TargetOf(i);
    if (tried.emplace(target.scalar_type(), target.device().str()).second) {
      at::empty({2}, target.options().requires_grad(false))
          .copy_(at::empty({2}, sources_[i].options()));
    }
  }
  return absl::OkStatus();
}

absl::Status TensorFiller::Copy() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    const at::Tensor& target = TargetOf(i);
    target.copy_(sources_[i]);
    matches_.report.bytes += target.nbytes();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoadIntoReport> FillTensors(
    const Checkpoint& checkpoint, absl::Span<const NamedTensor> targets,
    const LoadIntoOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<LoadIntoReport> {
    const at::NoGradGuard no_grad;
    return TensorFiller(checkpoint, targets, options).Run();
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
