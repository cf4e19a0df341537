#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/catalog/value.h"
#include "hoist/checkpoint/pickle/pickle_machine.h"
#include "hoist/checkpoint/scan/dangerous_classes.h"
#include "hoist/checkpoint/scan/file_scan.h"
#include "hoist/core/base/check.h"
#include "hoist/core/io/memory_file.h"

namespace hoist {
namespace {

std::string ReportText(const ScanReport& report) {
  std::string text;
  for (const ScanFinding& finding : report.findings) {
    absl::StrAppend(&text, finding.member, "@", finding.position, " ",
                    finding.module, ".", finding.name, " ",
                    GlobalClassName(finding.global_class), "\n");
  }
  for (const ScanProblem& problem : report.problems) {
    HOIST_CHECK(!problem.message.empty());
    absl::StrAppend(&text, problem.member, ": ", problem.message, "\n");
  }
  return text;
}

// Takes whatever persistent ids there are for None.
class AnyVocabulary : public PickleVocabulary {
 public:
  absl::StatusOr<std::optional<ValueId>> Call(
      ValueGraph&, absl::string_view, absl::Span<const ValueId>) override {
    return std::nullopt;
  }
  absl::StatusOr<ValueId> LoadPersistent(ValueGraph&, Value) override {
    return ValueGraph::kNoneId;
  }
};

}  // namespace
}  // namespace hoist

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const hoist::MemoryFile file("fuzz.dat", {data, data + size});
  const hoist::ScanReport report = hoist::ScanOpenFile(file);
  HOIST_CHECK(hoist::ReportText(report) ==
              hoist::ReportText(hoist::ScanOpenFile(file)));
  const hoist::ScanVerdict verdict = hoist::VerdictOf(report, false);

  // The scanner and the reader of pickles are two programs that walk the same
  // opcodes: a pickle that the one reads, with dangerous names in it, is never
  // clean to the other.
  hoist::AnyVocabulary vocabulary;
  hoist::ValueGraph graph;
  const auto read =
      hoist::ReadPickle({data, size}, vocabulary, graph,
                        {.max_values = 100'000, .max_memo = 100'000});
  if (read.ok() && !hoist::DangerousClasses(graph).empty()) {
    HOIST_CHECK(verdict != hoist::ScanVerdict::kClean);
  }
  return 0;
}
