#include "hoist/tools/commands/plan_command.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/checkpoint/checkpoint.h"
#include "hoist/checkpoint/shard/rank_plan.h"
#include "hoist/checkpoint/shard/shard_layout.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/commands/worker_threads.h"
#include "hoist/tools/ui/catalog_header.h"
#include "hoist/tools/ui/rank_plan_view.h"

namespace hoist {
namespace {

// What is to be said of a plan, for people.
std::vector<std::string> NotesOf(const ShardLayout& layout, bool is_file) {
  std::vector<std::string> notes;
  if (layout.unmeant_count() > 0) {
    notes.push_back(absl::StrCat(layout.unmeant_count(),
                                 " tensors are meant by no rule, and are whole "
                                 "on every rank"));
  }
  // Presets have rules for what some models have.
  if (is_file && !layout.unused_rules().empty()) {
    notes.push_back(absl::StrCat("Rules that mean no tensor: ",
                                 absl::StrJoin(layout.unused_rules(), "; ")));
  }
  return notes;
}

}  // namespace

CLI::App* AddPlanCommand(CLI::App& app, PlanArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "plan", "Show what each rank of many would read of a checkpoint");
  command->add_option("path", arguments.path, "The checkpoint")
      ->type_name("PATH")
      ->required();
  AddShardOptions(*command, arguments.shard, /*has_rank=*/false);
  command->add_flag("--json", arguments.json,
                    "Print JSON (schema hoist.plan/1)");
  command->footer(
      "No tensor is read. Requests are reads of up to 2 MiB, tensor by tensor: "
      "where\ntensors lie close together, a load makes fewer of them, and "
      "reads "
      "up to 64 KiB\nbetween two; hoist load --rank=R --dry-run has one rank's "
      "numbers exactly.\n\n"
      "Exit status: 0 done; 2 could not.\n\n"
      "Examples:\n"
      "  hoist plan model/ --world-size=8 --shard-spec=llama\n"
      "  hoist plan model.pt --world-size=4 --shard-dim=0\n"
      "  hoist plan model.pt --world-size=16 --shard-spec=shards.json --json");
  return command;
}

absl::Status RunPlan(const PlanArguments& arguments,
                     const CommandContext& context) {
  HOIST_ASSIGN_OR_RETURN(const std::optional<ShardSpec> spec,
                         ShardSpecOf(arguments.shard, context));
  if (!spec) {
    return WithHint(absl::InvalidArgumentError(
                        "It is not said how tensors are divided among ranks"),
                    "Give --shard-spec or --shard-dim");
  }
  ShardArguments shard = arguments.shard;
  shard.rank = 0;
  HOIST_ASSIGN_OR_RETURN(const std::optional<RankOptions> options,
                         RankOptionsOf(shard, context));
  const std::string path = ResolvePath(context, arguments.path);
  const WorkerThreads threads(DefaultThreadCount());
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         Checkpoint::Open(path, {.pool = threads.pool()}));
  const Catalog& catalog = checkpoint.catalog();
  auto layout = ShardLayout::Create(catalog, *spec, options->world_size);
  if (!layout.ok()) {
    return Annotate(layout.status(), path);
  }
  RankPlans plans = {
      .spec = spec->name,
      .ranks = PlanRanks(catalog, *layout, options->max_gap_bytes,
                         /*verify=*/true),
      .notes = NotesOf(*layout, arguments.shard.spec == spec->name)};
  *context.out << (arguments.json
                       ? JsonText(RankPlanJson(plans, path))
                       : absl::StrCat(
                             CatalogHeader(catalog, path, context.out_terminal),
                             "\n", RankPlanView(plans, context.out_terminal)));
  return absl::OkStatus();
}

}  // namespace hoist
