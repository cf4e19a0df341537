#include "hoist/checkpoint/torch/fill_from_arena.h"

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/load/plan_load.h"
#include "hoist/checkpoint/torch/cast_and_count.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/checkpoint/torch/try_copies.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist::libtorch {
namespace {

LoadOptions OptionsOf(const FillInputs& inputs) {
  LoadOptions load = inputs.options.load;
  load.device = Device::Cpu();
  load.one_buffer_each = false;
  load.dtype.reset();
  return load;
}

// Fills the targets, step by step.
class ArenaFiller {
 public:
  ArenaFiller(const FillInputs& inputs, TargetMatches matches)
      : inputs_(inputs),
        catalog_(std::move(matches.catalog)),
        matches_(std::move(matches.matches)),
        report_(std::move(matches.report)) {}

  absl::StatusOr<LoadIntoReport> Run();

 private:
  const at::Tensor& TargetOf(size_t match) const {
    return inputs_.TargetOf(matches_[match]);
  }
  const std::string& NameOf(size_t match) const {
    return inputs_.NameOf(matches_[match]);
  }
  absl::Status Read();
  // Refuses other elements for a tensor that has got some.
  absl::Status CheckTied();
  void CastSources();
  void Copy();

  const FillInputs& inputs_;
  const Catalog catalog_;  // with the tensors that are read only
  const std::vector<TargetMatches::Match> matches_;
  LoadIntoReport report_;
  std::vector<at::Tensor> sources_;  // parallel to the matches
};

absl::StatusOr<LoadIntoReport> ArenaFiller::Run() {
  HOIST_RETURN_IF_ERROR(Read());
  HOIST_RETURN_IF_ERROR(CheckTied());
  CastSources();
  CopyTrial trial;
  for (size_t i = 0; i < sources_.size(); ++i) {
    trial.TryCopy(TargetOf(i));
  }
  Copy();
  return std::move(report_);
}

absl::Status ArenaFiller::Read() {
  HOIST_ASSIGN_OR_RETURN(LoadResult loaded, LoadCatalog(catalog_, inputs_.files,
                                                        OptionsOf(inputs_)));
  report_.extra_bytes = loaded.report.peak_host_bytes;
  report_.load = std::move(loaded.report);
  for (const auto& [name, tensor] : loaded.tensors) {
    auto source = ToTorch(tensor);
    if (!source.ok()) {
      return Annotate(source.status(), absl::StrCat("Tensor ", name));
    }
    sources_.push_back(*std::move(source));
    if (matches_[sources_.size() - 1].is_scalar_of_one) {
      sources_.back() = sources_.back().squeeze();
    }
  }
  return absl::OkStatus();
}

absl::Status ArenaFiller::CheckTied() {
  std::map<int, size_t> first;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const auto [other, is_first] =
        first.emplace(inputs_.IdentityOf(matches_[i]), i);
    if (is_first) {
      continue;
    }
    const at::ScalarType dtype = TargetOf(i).scalar_type();
    const at::Tensor a = sources_[other->second].to(dtype).contiguous();
    const at::Tensor b = sources_[i].to(dtype).contiguous();
    if (a.nbytes() > 0 &&
        std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) != 0) {
      report_.mismatched.push_back(
          TiedMismatch(NameOf(i), NameOf(other->second)));
    }
  }
  return FitStatus(report_, inputs_.options.strict);
}

void ArenaFiller::CastSources() {
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
    report_.extra_bytes += cast.tensor.nbytes();
    sources_[i] = std::move(cast.tensor);
  }
}

void ArenaFiller::Copy() {
  std::map<int, size_t> first;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const at::Tensor& target = TargetOf(i);
    // What is tied is the same, and there once.
    if (first.emplace(inputs_.IdentityOf(matches_[i]), i).second) {
      target.copy_(sources_[i]);
      report_.bytes += target.nbytes();
    }
  }
}

}  // namespace

absl::StatusOr<LoadIntoReport> FillFromArena(const FillInputs& inputs,
                                             TargetMatches matches) {
  return ArenaFiller(inputs, std::move(matches)).Run();
}

absl::StatusOr<uint64_t> ArenaFillBytes(const FillInputs& inputs,
                                        const TargetMatches& matches) {
  HOIST_ASSIGN_OR_RETURN(
      const PlannedLoad planned,
      PlanLoad(matches.catalog, inputs.files, OptionsOf(inputs)));
  uint64_t bytes = planned.host_bytes;
  std::map<int, int> seen;
  for (size_t i = 0; i < matches.matches.size(); ++i) {
    const TensorEntry& entry = matches.catalog.tensors[i];
    const at::Tensor& target = inputs.TargetOf(matches.matches[i]);
    const uint64_t file_bytes =
        static_cast<uint64_t>(target.numel()) *
        static_cast<uint64_t>(DTypeBits(entry.spec.dtype)) / 8;
    if (DTypeOf(target.scalar_type()) != entry.spec.dtype) {
      bytes += target.nbytes();
    }
    if (entry.is_conjugate || entry.is_negative) {
      bytes += file_bytes;
    }
    if (++seen[inputs.IdentityOf(matches.matches[i])] > 1) {
      // Both are compared as the target will be.
      bytes += 2 * target.nbytes();
    }
  }
  return bytes;
}

}  // namespace hoist::libtorch
