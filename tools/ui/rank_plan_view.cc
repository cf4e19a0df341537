#include "hoist/tools/ui/rank_plan_view.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/tools/ui/display_text.h"
#include "hoist/tools/ui/human_size.h"
#include "hoist/tools/ui/text_table.h"

namespace hoist {
namespace {

// "1.02x": what is read for what is needed.
std::string Ratio(uint64_t read_bytes, uint64_t needed_bytes) {
  return needed_bytes == 0
             ? ""
             : absl::StrFormat("%.2fx", static_cast<double>(read_bytes) /
                                            static_cast<double>(needed_bytes));
}

std::string NoteLines(absl::Span<const std::string> notes) {
  std::string text;
  for (const std::string& note : notes) {
    absl::StrAppend(&text, "  note: ", DisplayText(note), "\n");
  }
  return text;
}

}  // namespace

std::string RankPlanView(const RankPlans& plans, const Terminal& terminal) {
  const std::vector<RankPlan>& ranks = plans.ranks;
  std::string text = absl::StrCat(
      Styled("Would load", TextStyle::kBold, terminal.has_color), " as ",
      CountText(static_cast<int64_t>(ranks.size()), "rank"), " by ",
      DisplayText(plans.spec), "\n");
  TextTable table;
  const auto cell = [](std::string value) {
    return TextTable::Cell{.text = std::move(value), .align_right = true};
  };
  const auto head = [](const char* title, bool is_right = true) {
    return TextTable::Cell{
        .text = title, .style = TextStyle::kDim, .align_right = is_right};
  };
  table.AddRow({head("rank", false), head("tensors"), head("in part"),
                head("needed"), head("read"), head(""), head("memory"),
                head("requests")});
  RankPlan all;
  for (size_t i = 0; i < ranks.size();) {
    size_t end = i;
    while (end < ranks.size() && ranks[end] == ranks[i]) {
      all.needed_bytes += ranks[end].needed_bytes;
      all.read_bytes += ranks[end].read_bytes;
      ++end;
    }
    const RankPlan& plan = ranks[i];
    table.AddRow(
        {{.text =
              end - i == 1 ? absl::StrCat(i) : absl::StrCat(i, "-", end - 1)},
         cell(GroupedDigits(plan.tensor_count)),
         cell(GroupedDigits(plan.part_count)),
         cell(HumanBytes(plan.needed_bytes)),
         cell(HumanBytes(plan.read_bytes)),
         cell(Ratio(plan.read_bytes, plan.needed_bytes)),
         cell(HumanBytes(plan.memory_bytes)),
         cell(GroupedDigits(static_cast<int64_t>(plan.request_count)))});
    i = end;
  }
  absl::StrAppend(&text, table.Render(terminal.has_color, 2), "All ranks need ",
                  HumanBytes(all.needed_bytes), " and read ",
                  HumanBytes(all.read_bytes), "\n", NoteLines(plans.notes));
  return text;
}

Json RankPlanJson(const RankPlans& plans, absl::string_view path) {
  Json json;
  json["schema"] = "hoist.plan/1";
  json["path"] = std::string(path);
  json["shard_spec"] = plans.spec;
  json["world_size"] = plans.ranks.size();
  json["ranks"] = Json::array();
  for (size_t rank = 0; rank < plans.ranks.size(); ++rank) {
    const RankPlan& plan = plans.ranks[rank];
    Json entry;
    entry["rank"] = rank;
    entry["tensors"] = plan.tensor_count;
    entry["parts"] = plan.part_count;
    entry["needed_bytes"] = plan.needed_bytes;
    entry["read_bytes"] = plan.read_bytes;
    entry["memory_bytes"] = plan.memory_bytes;
    entry["requests"] = plan.request_count;
    json["ranks"].push_back(std::move(entry));
  }
  json["notes"] = plans.notes;
  return json;
}

std::string RankLines(const RankReport& report) {
  return absl::StrCat(
      "Rank ", report.rank, " of ", report.world_size, ": ",
      CountText(report.whole_count + report.part_count, "tensor"), ", ",
      GroupedDigits(report.part_count), " of them in part; ",
      HumanBytes(report.needed_bytes), " needed, ",
      HumanBytes(report.read_bytes), " read",
      report.needed_bytes == 0
          ? ""
          : absl::StrCat(" (", Ratio(report.read_bytes, report.needed_bytes),
                         ")"),
      "\n", NoteLines(report.notes));
}

Json RankJson(const RankReport& report) {
  Json json;
  json["rank"] = report.rank;
  json["world_size"] = report.world_size;
  json["whole_tensors"] = report.whole_count;
  json["part_tensors"] = report.part_count;
  json["absent_tensors"] = report.absent_count;
  json["needed_bytes"] = report.needed_bytes;
  json["read_bytes"] = report.read_bytes;
  json["unverified_bytes"] = report.unverified_bytes;
  json["notes"] = report.notes;
  return json;
}

}  // namespace hoist
