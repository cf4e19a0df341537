#ifndef HOIST_CHECKPOINT_COMPAT_TORCH_RELEASES_H_
#define HOIST_CHECKPOINT_COMPAT_TORCH_RELEASES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/core/tensor/dtype.h"

namespace hoist {

// A release of PyTorch, as far as files go.
struct TorchRelease {
  int major = 0;
  int minor = 0;
  friend auto operator<=>(const TorchRelease&, const TorchRelease&) = default;
};

// "1.13", or with what follows: "2.4.1", "2.1.0+cu118". kInvalidArgument for
// what is no release. Thread-safe, like all here.
absl::StatusOr<TorchRelease> ParseTorchRelease(absl::string_view text);
std::string TorchReleaseText(TorchRelease release);

// The newest release of which the facts here were checked.
inline constexpr TorchRelease kNewestKnownTorch = {2, 11};

// Since when torch.load() can something, and where that is known from.
struct TorchFact {
  enum class Kind {
    kFormat,      // FormatName(): a file of it
    kContainer,   // the version in a zip file's record: "3"
    kDType,       // a tensor of it
    kGlobal,      // a name that the pickle imports
    kSafeGlobal,  // the same with weights_only=True
  };
  Kind kind = Kind::kFormat;
  absl::string_view name;
  TorchRelease since;
  // False where the release is from memory, or was only narrowed down.
  bool is_certain = true;
  absl::string_view source;  // a section of pytorch-formats.md, or a file
};

// All of them, by kind.
absl::Span<const TorchFact> TorchFacts();

// What a file asks of who reads it.
struct TorchUse {
  Format format = Format::kTorchZip;
  std::string container_version;
  std::optional<int> pickle_protocol;
  // Module and name, Python 3's.
  std::vector<std::pair<std::string, std::string>> globals;
  std::vector<DType> dtypes;
};

struct TorchReleases {
  // One thing that older releases stop at.
  struct Limit {
    std::string what;  // "dtype float8_e4m3fn"
    TorchRelease since;
    bool is_certain = true;
    std::string source;
  };

  // torch.load(weights_only=False), or what else reads the format.
  std::string reader;         // "torch.load", "torch.jit.load", ...
  TorchRelease first;         // reads it, and all later do
  std::vector<Limit> limits;  // the newest first; at least one
  // With weights_only=True.
  std::optional<TorchRelease> first_safe;  // nullopt: none does
  std::vector<Limit> safe_limits;
  std::vector<std::string> refusals;  // why none does
  std::vector<std::string> remarks;
};

TorchReleases FindTorchReleases(const TorchUse& use);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_COMPAT_TORCH_RELEASES_H_
