#include "hoist/tools/commands/shard_arguments.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/shard/shard_layout.h"
#include "hoist/checkpoint/shard/shard_presets.h"
#include "hoist/core/io/text_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/tools/commands/parse_bytes.h"

namespace hoist {
namespace {

constexpr uint64_t kMaxSpecBytes = uint64_t{1} << 20;

absl::StatusOr<ShardSpec> ReadSpecFile(const std::string& path) {
  HOIST_ASSIGN_OR_RETURN(const std::string text,
                         ReadTextFile(path, kMaxSpecBytes));
  auto spec = ParseShardSpec(text);
  if (!spec.ok()) {
    // "path:7:12: ", as compilers have it.
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", spec.status().message()));
  }
  return spec;
}

// The flag, or the variable; nullopt if there is neither.
absl::StatusOr<std::optional<int>> NumberOf(std::optional<int> flag,
                                            const char* variable,
                                            const CommandContext& context) {
  if (flag || !context.environment) {
    return flag;
  }
  const std::string text = context.environment(variable);
  if (text.empty()) {
    return std::nullopt;
  }
  int number = 0;
  if (!absl::SimpleAtoi(text, &number)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The environment has ", variable, "=", text, ", which is no number"));
  }
  return number;
}

}  // namespace

void AddShardOptions(CLI::App& command, ShardArguments& arguments,
                     bool has_rank) {
  command
      .add_option("--shard-spec", arguments.spec,
                  "How tensors are divided among ranks: a JSON file, or gpt2, "
                  "gpt_neox, llama or mixtral")
      ->type_name("SPEC");
  command
      .add_option("--shard-dim", arguments.dim,
                  "Without a spec: divide every tensor that has this "
                  "dimension, as torch.chunk does, and replicate the others")
      ->type_name("D");
  if (has_rank) {
    command
        .add_option("--rank", arguments.rank,
                    "Load this rank's part only, of 0 to N - 1; as RANK in the "
                    "environment, unless given")
        ->type_name("R");
  }
  command
      .add_option("--world-size", arguments.world_size,
                  "How many ranks there are; as WORLD_SIZE in the environment, "
                  "unless given")
      ->type_name("N");
  command
      .add_option("--slice-gap", arguments.max_gap,
                  "Read gaps of up to so many bytes between the runs of a part "
                  "along, and leave larger ones out; 4KiB, unless given")
      ->type_name("SIZE");
}

absl::StatusOr<uint64_t> MaxGapOf(const ShardArguments& arguments) {
  if (arguments.max_gap.empty()) {
    return RankOptions::kDefaultMaxGapBytes;
  }
  const absl::StatusOr<uint64_t> bytes = ParseBytes(arguments.max_gap);
  if (!bytes.ok()) {
    return Annotate(bytes.status(), "--slice-gap");
  }
  return bytes;
}

absl::StatusOr<std::optional<ShardSpec>> ShardSpecOf(
    const ShardArguments& arguments, const CommandContext& context) {
  if (!arguments.spec.empty() && arguments.dim) {
    return absl::InvalidArgumentError(
        "Give --shard-spec or --shard-dim, not both");
  }
  if (arguments.dim) {
    return SplitEveryTensor(*arguments.dim);
  }
  if (arguments.spec.empty()) {
    return std::nullopt;
  }
  if (!ShardPresetText(arguments.spec).empty()) {
    return ShardPreset(arguments.spec);
  }
  absl::StatusOr<ShardSpec> spec =
      ReadSpecFile(ResolvePath(context, arguments.spec));
  if (absl::IsNotFound(spec.status())) {
    return WithHint(absl::NotFoundError(absl::StrCat(
                        "There is no shard preset or file ", arguments.spec)),
                    HintOf(ShardPreset(arguments.spec).status()));
  }
  if (spec.ok() && spec->name.empty()) {
    spec->name = arguments.spec;
  }
  return spec;
}

absl::StatusOr<std::optional<RankOptions>> RankOptionsOf(
    const ShardArguments& arguments, const CommandContext& context) {
  HOIST_ASSIGN_OR_RETURN(std::optional<ShardSpec> spec,
                         ShardSpecOf(arguments, context));
  if (!spec) {
    if (arguments.rank || arguments.world_size) {
      return WithHint(
          absl::InvalidArgumentError(
              "A rank is given, and not how tensors are divided among ranks"),
          "Give --shard-spec or --shard-dim");
    }
    return std::nullopt;
  }
  HOIST_ASSIGN_OR_RETURN(const std::optional<int> rank,
                         NumberOf(arguments.rank, "RANK", context));
  HOIST_ASSIGN_OR_RETURN(const std::optional<int> world_size,
                         NumberOf(arguments.world_size, "WORLD_SIZE", context));
  if (!rank || !world_size) {
    return WithHint(
        absl::InvalidArgumentError(
            absl::StrCat("It is not known ", rank ? "how many ranks there are"
                                                  : "which rank this is")),
        "Give --rank and --world-size, or start it by torchrun, which sets "
        "RANK and WORLD_SIZE");
  }
  RankOptions options = {
      .spec = *std::move(spec), .rank = *rank, .world_size = *world_size};
  HOIST_ASSIGN_OR_RETURN(options.max_gap_bytes, MaxGapOf(arguments));
  return options;
}

}  // namespace hoist
