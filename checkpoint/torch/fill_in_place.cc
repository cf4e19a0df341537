#include "hoist/checkpoint/torch/fill_in_place.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/load/storage_sink.h"
#include "hoist/checkpoint/load/stream_catalog.h"
#include "hoist/checkpoint/torch/cast_and_count.h"
#include "hoist/checkpoint/torch/compare_tied.h"
#include "hoist/checkpoint/torch/overlapping_targets.h"
#include "hoist/checkpoint/torch/resolved_part.h"
#include "hoist/checkpoint/torch/target_sink.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/checkpoint/torch/try_copies.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist::libtorch {
namespace {

// For bytes that are read to be checked.
class NoSink : public StorageSink {
 public:
  uint8_t* PlaceFor(int, uint64_t, uint64_t) override { return nullptr; }
  absl::Status Take(int, uint64_t, absl::Span<const uint8_t>) override {
    return absl::OkStatus();
  }
};

class InPlaceFiller {
 public:
  InPlaceFiller(const FillInputs& inputs, TargetMatches matches,
                uint64_t max_extra_bytes)
      : inputs_(inputs),
        max_extra_bytes_(max_extra_bytes),
        catalog_(std::move(matches.catalog)),
        tensors_(catalog_.tensors),
        matches_(std::move(matches.matches)),
        report_(std::move(matches.report)),
        cast_of_(matches_.size(), -1) {}

  absl::StatusOr<LoadIntoReport> Run();

 private:
  const std::string& NameOf(size_t match) const {
    return inputs_.NameOf(matches_[match]);
  }
  const at::Tensor& TargetOf(size_t match) const {
    return inputs_.TargetOf(matches_[match]);
  }
  // Which matches are filled at once, in which order.
  void ChooseRounds();
  void ListCasts();
  void AddLosses(size_t match, uint64_t infinite_count, uint64_t nan_count);
  // Whether LibTorch copies and casts these dtypes: throws if not.
  absl::Status TryOut();
  // Puts the tensors of `matches` into the catalog.
  void Select(const std::vector<size_t>& matches);
  // Brings what is selected, as a part of the progress of all.
  absl::StatusOr<LoadReport> Stream(const StreamLimits& limits,
                                    StorageSink& sink);
  absl::Status Check();
  absl::Status CheckTied();
  absl::Status Fill(const std::vector<size_t>& round);
  // Adds the times of another stream.
  void AddToReport(const LoadReport& load);

  const FillInputs& inputs_;
  const uint64_t max_extra_bytes_;
  Catalog catalog_;  // with the tensors that are selected
  const std::vector<TensorEntry> tensors_;
  const std::vector<TargetMatches::Match> matches_;  // parallel to tensors_
  // Matches of targets that have another one already, and which that is.
  std::vector<std::pair<size_t, size_t>> repeats_;
  std::vector<std::vector<size_t>> rounds_;
  LoadIntoReport report_;
  std::vector<int> cast_of_;  // by match: index into LoadIntoReport::casts
  uint64_t all_bytes_ = 0;    // that are to be brought, in all streams
  uint64_t done_bytes_ = 0;   // by streams that are over
  bool has_touched_ = false;
};

absl::StatusOr<LoadIntoReport> InPlaceFiller::Run() {
  ChooseRounds();
  ListCasts();
  HOIST_RETURN_IF_ERROR(TryOut());
  HOIST_RETURN_IF_ERROR(Check());
  HOIST_RETURN_IF_ERROR(CheckTied());
  for (const std::vector<size_t>& round : rounds_) {
    if (absl::Status status = Fill(round); !status.ok()) {
      return has_touched_
                 ? WithHint(Annotate(status,
                                     "Tensors are partly filled, in a second "
                                     "pass after the file was checked"),
                            "Load again before the tensors are used")
                 : status;
    }
  }
  return std::move(report_);
}

void InPlaceFiller::ChooseRounds() {
  std::map<int, size_t> first;  // by identity
  std::vector<size_t> firsts;
  std::vector<at::Tensor> targets;
  for (size_t i = 0; i < matches_.size(); ++i) {
    const auto [other, is_first] =
        first.emplace(inputs_.IdentityOf(matches_[i]), i);
    if (is_first) {
      firsts.push_back(i);
      targets.push_back(TargetOf(i));
    } else {
      repeats_.emplace_back(i, other->second);
    }
  }
  const std::vector<bool> overlaps = OverlappingTargets(targets);
  rounds_.emplace_back();
  for (size_t i = 0; i < firsts.size(); ++i) {
    if (overlaps[i]) {
      rounds_.push_back({firsts[i]});
    } else {
      rounds_.front().push_back(firsts[i]);
    }
  }
  all_bytes_ = StreamedBytes(catalog_, inputs_.options.load);
  for (const std::vector<size_t>& round : rounds_) {
    Select(round);
    all_bytes_ += StreamedBytes(catalog_, inputs_.options.load);
  }
}

void InPlaceFiller::ListCasts() {
  for (size_t i = 0; i < matches_.size(); ++i) {
    const DType from = tensors_[i].spec.dtype;
    const DType to = *DTypeOf(TargetOf(i).scalar_type());
    if (from != to) {
      cast_of_[i] = static_cast<int>(report_.casts.size());
      report_.casts.push_back({.name = NameOf(i),
                               .from = std::string(DTypeName(from)),
                               .to = std::string(DTypeName(to))});
    }
  }
}

void InPlaceFiller::AddLosses(size_t match, uint64_t infinite_count,
                              uint64_t nan_count) {
  if (cast_of_[match] >= 0) {
    LoadIntoReport::Cast& cast = report_.casts[cast_of_[match]];
    cast.infinite_count += infinite_count;
    cast.nan_count += nan_count;
  }
}

absl::Status InPlaceFiller::TryOut() {
  CopyTrial trial;
  std::set<std::tuple<DType, at::ScalarType, bool, bool>> tried;
  for (size_t i = 0; i < matches_.size(); ++i) {
    const at::Tensor& target = TargetOf(i);
    trial.TryCopy(target);
    if (!tried
             .emplace(tensors_[i].spec.dtype, target.scalar_type(),
                      tensors_[i].is_conjugate, tensors_[i].is_negative)
             .second) {
      continue;
    }
    const at::Tensor element =
        at::empty({1}, *ScalarTypeOf(tensors_[i].spec.dtype)).zero_();
    HOIST_ASSIGN_OR_RETURN(const at::Tensor resolved,
                           ResolvedPart(tensors_[i], element));
    if (resolved.scalar_type() != target.scalar_type()) {
      CastAndCount(resolved, target.scalar_type());
    }
  }
  return absl::OkStatus();
}

void InPlaceFiller::Select(const std::vector<size_t>& matches) {
  catalog_.tensors.clear();
  for (const size_t match : matches) {
    catalog_.tensors.push_back(tensors_[match]);
  }
}

absl::StatusOr<LoadReport> InPlaceFiller::Stream(const StreamLimits& limits,
                                                 StorageSink& sink) {
  LoadOptions load = inputs_.options.load;
  if (inputs_.options.load.on_progress) {
    load.on_progress = [this](uint64_t done_bytes, uint64_t) {
      inputs_.options.load.on_progress(done_bytes_ + done_bytes, all_bytes_);
    };
  }
  absl::StatusOr<LoadReport> report =
      StreamCatalog(catalog_, inputs_.files, load, limits, sink);
  if (report.ok()) {
    done_bytes_ += report->bytes;
    report_.extra_bytes =
        std::max(report_.extra_bytes, report->peak_host_bytes);
  }
  return report;
}

absl::Status InPlaceFiller::Check() {
  catalog_.tensors = tensors_;
  NoSink sink;
  HOIST_ASSIGN_OR_RETURN(report_.load,
                         Stream({.max_bytes = max_extra_bytes_}, sink));
  return absl::OkStatus();
}

absl::Status InPlaceFiller::CheckTied() {
  for (const auto& [match, first] : repeats_) {
    HOIST_ASSIGN_OR_RETURN(
        const TiedComparison comparison,
        CompareTied(catalog_, inputs_.files, tensors_[first], tensors_[match],
                    TargetOf(match).scalar_type(), max_extra_bytes_,
                    inputs_.options.load.cancel));
    if (!comparison.is_same) {
      report_.mismatched.push_back(TiedMismatch(NameOf(match), NameOf(first)));
    }
    AddLosses(match, comparison.infinite_count, comparison.nan_count);
  }
  return FitStatus(report_, inputs_.options.strict);
}

absl::Status InPlaceFiller::Fill(const std::vector<size_t>& round) {
  Select(round);
  TargetSink sink(catalog_.storages.size());
  for (size_t i = 0; i < round.size(); ++i) {
    sink.Add(catalog_.tensors[i], TargetOf(round[i]));
  }
  const auto streamed = Stream(
      {.max_bytes = max_extra_bytes_,
       .sink_bytes_of_thread = sink.converts() ? TargetSink::kConvertBytes : 0},
      sink);
  has_touched_ = has_touched_ || sink.has_touched();
  sink.BumpVersions();
  HOIST_RETURN_IF_ERROR(streamed.status());
  HOIST_RETURN_IF_ERROR(sink.CheckWhole());
  AddToReport(*streamed);
  for (size_t i = 0; i < round.size(); ++i) {
    const int target = static_cast<int>(i);
    AddLosses(round[i], sink.infinite_count(target), sink.nan_count(target));
    report_.bytes += TargetOf(round[i]).nbytes();
  }
  return absl::OkStatus();
}

void InPlaceFiller::AddToReport(const LoadReport& load) {
  LoadReport& all = report_.load;
  all.time_ns += load.time_ns;
  all.peak_host_bytes = std::max(all.peak_host_bytes, load.peak_host_bytes);
  for (const LoadReport::Phase& phase : load.phases) {
    const auto same = std::find_if(all.phases.begin(), all.phases.end(),
                                   [&phase](const LoadReport::Phase& other) {
                                     return other.name == phase.name;
                                   });
    if (same == all.phases.end()) {
      all.phases.push_back(phase);
    } else {
      same->time_ns += phase.time_ns;
      same->bytes += phase.bytes;
    }
  }
}

}  // namespace

absl::StatusOr<LoadIntoReport> FillInPlace(const FillInputs& inputs,
                                           TargetMatches matches,
                                           uint64_t max_extra_bytes) {
  return InPlaceFiller(inputs, std::move(matches), max_extra_bytes).Run();
}

}  // namespace hoist::libtorch
