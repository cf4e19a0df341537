#include "hoist/checkpoint/plan/read_choice.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace hoist {
namespace {

// Below it, to open the file once more costs more than can be won.
constexpr uint64_t kSmallBytes = uint64_t{8} << 20;
// A page cache gives bytes several times as fast as a disk; but what it has
// not, it reads slower than O_DIRECT does.
constexpr double kMostlyResident = 0.5;

std::string Percent(double fraction) {
  return absl::StrCat(std::lround(fraction * 100), " %");
}

}  // namespace

ReadChoice ChooseReadMethod(const FileFacts& facts) {
  if (!facts.is_file) {
    return {.reason = "its bytes are in memory"};
  }
  if (facts.is_memory) {
    return {.reason = absl::StrCat(facts.file_system, " is memory")};
  }
  if (facts.read_bytes < kSmallBytes) {
    return {.reason = "it is small"};
  }
  if (facts.is_network) {
    return {.reason =
                absl::StrCat("the system reads ahead on ", facts.file_system)};
  }
  if (!facts.supports_direct) {
    return {.reason = absl::StrCat("the file system, ", facts.file_system,
                                   ", has no direct reads")};
  }
  if (!facts.resident) {
    return {.reason = "what is in the page cache is not known"};
  }
  const std::string text =
      absl::StrCat(Percent(*facts.resident), " of it is in the page cache");
  if (*facts.resident >= kMostlyResident) {
    return {.reason = text};
  }
  return {.method = ReadMethod::kDirect, .reason = text};
}

}  // namespace hoist
