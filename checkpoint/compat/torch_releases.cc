#include "hoist/checkpoint/compat/torch_releases.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

using Kind = TorchFact::Kind;
using Limit = TorchReleases::Limit;

// weights_only came then. (pytorch-formats.md 4.1)
constexpr TorchRelease kFirstSafe = {1, 13};

const TorchFact* FindFact(Kind kind, absl::string_view name) {
  for (const TorchFact& fact : TorchFacts()) {
    if (fact.kind == kind && fact.name == name) {
      return &fact;
    }
  }
  return nullptr;
}

Limit LimitOf(const TorchFact& fact, absl::string_view what) {
  return {absl::StrCat(what, fact.name), fact.since, fact.is_certain,
          std::string(fact.source)};
}

void Sort(std::vector<Limit>& limits) {
  std::stable_sort(
      limits.begin(), limits.end(),
      [](const Limit& a, const Limit& b) { return a.since > b.since; });
}

// Names of storages, dtypes and tensor types, each of which is on the list of
// what weights_only allows; when, the dtype's fact says.
bool IsOfDType(const std::string& module, const std::string& name) {
  if (module != "torch" && module != "torch.cuda" && module != "torch.sparse" &&
      module != "torch.cuda.sparse") {
    return false;
  }
  return absl::EndsWith(name, "Storage") || absl::EndsWith(name, "Tensor") ||
         DTypeFromName(name).has_value();
}

bool IsPickled(Format format) {
  switch (format) {
    case Format::kTorchZip:
    case Format::kTorchLegacy:
    case Format::kTorchTar:
    case Format::kTorchIndex:
    case Format::kPickle:
      return true;
    default:
      return false;
  }
}

void AddSafe(const TorchUse& use, TorchReleases& releases) {
  if (use.format == Format::kTorchTar) {
    releases.refusals.push_back(
        "weights_only=True does not read tar files (pytorch-formats.md 4.1)");
  }
  if (use.format == Format::kPickle) {
    releases.refusals.push_back("torch.load reads no bare pickles");
  }
  constexpr int kProtocol = 2;
  constexpr int kFirstFramed = 4;
  if (use.pickle_protocol && *use.pickle_protocol != kProtocol) {
    // Protocol 3 differs by opcodes for bytes alone.
    (*use.pickle_protocol < kProtocol || *use.pickle_protocol >= kFirstFramed
         ? releases.refusals
         : releases.remarks)
        .push_back(absl::StrCat(
            "weights_only=True reads pickles of protocol 2, and this is one of "
            "protocol ",
            *use.pickle_protocol, " (pytorch-formats.md 4.2)"));
  }
  releases.safe_limits.push_back(
      {"weights_only", kFirstSafe, true, "pytorch-formats.md 4.1"});
  absl::flat_hash_set<std::string> seen;
  for (const auto& [module, name] : use.globals) {
    const std::string full = absl::StrCat(module, ".", name);
    if (IsOfDType(module, name) || !seen.insert(full).second) {
      continue;
    }
    if (const TorchFact* const fact = FindFact(Kind::kSafeGlobal, full)) {
      releases.safe_limits.push_back(LimitOf(*fact, ""));
    } else {
      releases.refusals.push_back(
          absl::StrCat(full,
                       " is on no release's list of what "
                       "weights_only=True allows by itself"));
    }
  }
  for (const Limit& limit : releases.limits) {
    releases.safe_limits.push_back(limit);
  }
  Sort(releases.safe_limits);
  std::erase_if(releases.safe_limits,
                [](const Limit& limit) { return limit.since < kFirstSafe; });
  if (releases.refusals.empty()) {
    releases.first_safe = releases.safe_limits.front().since;
  }
}

std::string ReaderOf(Format format) {
  switch (format) {
    case Format::kTorchScript:
      return "torch.jit.load";
    case Format::kTorchPt2:
      return "torch.export.load";
    case Format::kSafetensors:
    case Format::kSafetensorsIndex:
      return "safetensors.torch.load_file";
    case Format::kHoist:
      return "hoist convert";
    default:
      return "torch.load";
  }
}

}  // namespace

absl::StatusOr<TorchRelease> ParseTorchRelease(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  TorchRelease release;
  const absl::string_view minor =
      parts.size() > 1
          ? parts[1].substr(0, parts[1].find_first_not_of("0123456789"))
          : "";
  constexpr int kMax = 1000;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &release.major) ||
      !absl::SimpleAtoi(minor, &release.minor) || release.major < 0 ||
      release.major > kMax || release.minor > kMax) {
    return WithHint(absl::InvalidArgumentError(
                        absl::StrCat("\"", text, "\" is no release")),
                    "PyTorch's are as 1.13, 2.4 or 2.4.1");
  }
  return release;
}

std::string TorchReleaseText(TorchRelease release) {
  return absl::StrCat(release.major, ".", release.minor);
}

TorchReleases FindTorchReleases(const TorchUse& use) {
  TorchReleases releases;
  releases.reader = ReaderOf(use.format);
  if (const TorchFact* const fact =
          FindFact(Kind::kFormat, FormatName(use.format))) {
    releases.limits.push_back(LimitOf(*fact, "format "));
  }
  if (use.format == Format::kTorchZip) {
    if (const TorchFact* const fact =
            FindFact(Kind::kContainer, use.container_version)) {
      releases.limits.push_back(LimitOf(*fact, "container version "));
    }
  }
  absl::flat_hash_set<DType> dtypes(use.dtypes.begin(), use.dtypes.end());
  for (const DType dtype : AllDTypes()) {
    if (!dtypes.contains(dtype)) {
      continue;
    }
    if (const TorchFact* const fact =
            FindFact(Kind::kDType, DTypeName(dtype))) {
      releases.limits.push_back(LimitOf(*fact, "dtype "));
    } else if (dtype == DType::kFloat6E2m3 || dtype == DType::kFloat6E3m2) {
      releases.remarks.push_back(absl::StrCat("PyTorch has no dtype for ",
                                              DTypeName(dtype),
                                              ": no release reads "
                                              "those tensors"));
    }
  }
  if (IsPickled(use.format)) {
    for (const auto& [module, name] : use.globals) {
      if (const TorchFact* const fact =
              FindFact(Kind::kGlobal, absl::StrCat(module, ".", name))) {
        releases.limits.push_back(LimitOf(*fact, ""));
      }
      if (module == "numpy._core" || absl::StartsWith(module, "numpy._core.")) {
        releases.remarks.push_back(
            "Saved with numpy 2: numpy 1.x before 1.26 has no numpy._core");
      }
    }
  }
  std::sort(releases.remarks.begin(), releases.remarks.end());
  releases.remarks.erase(
      std::unique(releases.remarks.begin(), releases.remarks.end()),
      releases.remarks.end());
  if (releases.limits.empty()) {
    releases.limits.push_back({absl::StrCat("format ", FormatName(use.format)),
                               TorchRelease{0, 4}, false,
                               "pytorch-formats.md 15"});
  }
  Sort(releases.limits);
  releases.first = releases.limits.front().since;
  if (IsPickled(use.format)) {
    AddSafe(use, releases);
  } else if (use.format == Format::kTorchScript ||
             use.format == Format::kTorchPt2) {
    releases.refusals.push_back(absl::StrCat(
        "torch.load(weights_only=True) does not read it: it is for ",
        releases.reader));
  } else if (use.format == Format::kSafetensors ||
             use.format == Format::kSafetensorsIndex) {
    // It holds nothing but tensors.
    releases.first_safe = releases.first;
    releases.safe_limits = releases.limits;
  }
  constexpr int kNewProtocol = 5;
  if (use.pickle_protocol && *use.pickle_protocol >= kNewProtocol) {
    releases.remarks.push_back("Pickle protocol 5 needs Python 3.8");
  }
  return releases;
}

}  // namespace hoist
