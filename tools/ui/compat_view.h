#ifndef HOIST_TOOLS_UI_COMPAT_VIEW_H_
#define HOIST_TOOLS_UI_COMPAT_VIEW_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "hoist/checkpoint/compat/compat_report.h"
#include "hoist/checkpoint/compat/torch_releases.h"
#include "hoist/checkpoint/migrate/producer_migrations.h"
#include "hoist/tools/ui/terminal.h"

namespace hoist {

// Whether something fits, as hoist compat's exit status says.
enum class CompatVerdict { kFits, kDoesNotFit, kUnknown };
absl::string_view CompatVerdictName(CompatVerdict verdict);

// Whether that release reads the file at all: kUnknown where what stops it is
// not certain. Thread-safe, like all here.
CompatVerdict VerdictOf(const TorchReleases& releases, TorchRelease release);

// What hoist compat found out.
struct CompatAnswer {
  std::string path;
  std::string target;  // empty if it was held against none
  std::optional<CompatReport> report;
  TorchReleases releases;
  std::optional<TorchRelease> release;  // that was asked for
  // Devices that tensors were saved from and this machine has not.
  std::vector<std::string> absent_devices;
  // What PyTorch has changed since the file's modules were written.
  std::vector<ProducerFinding> producer_steps;
};

// The worse of the two.
CompatVerdict VerdictOf(const CompatAnswer& answer);

// Lines for people: the verdict, what is the matter, rules, releases. Safe to
// show.
std::string CompatView(const CompatAnswer& answer, const Terminal& terminal);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_COMPAT_VIEW_H_
