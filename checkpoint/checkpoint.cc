#include "hoist/checkpoint/checkpoint.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/checkpoint/formats/detect/folders.h"
#include "hoist/checkpoint/formats/detect/index_file.h"
#include "hoist/checkpoint/formats/native/native_layout.h"
#include "hoist/checkpoint/formats/native/native_reader.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/migrate/rename_rule.h"
#include "hoist/checkpoint/open_dcp.h"
#include "hoist/checkpoint/open_shards.h"
#include "hoist/checkpoint/read_catalog.h"
#include "hoist/checkpoint/scan/dangerous_classes.h"
#include "hoist/checkpoint/selection/select_tensors.h"
#include "hoist/checkpoint/shard/rank_slices.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Clock = std::chrono::steady_clock;

int64_t NanosecondsSince(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() -
                                                              start)
      .count();
}

// "posix.system and 2 more"; empty if there are none.
std::string DangerousNames(const Catalog& catalog) {
  if (catalog.values == nullptr) {
    return "";
  }
  const std::vector<std::string> names = DangerousClasses(*catalog.values);
  constexpr size_t kShown = 5;
  std::string text = absl::StrJoin(
      names.begin(),
      names.begin() + static_cast<ptrdiff_t>(std::min(names.size(), kShown)),
      ", ");
  if (names.size() > kShown) {
    absl::StrAppend(&text, " and ", names.size() - kShown, " more");
  }
  return text;
}

// What is to be loaded: the whole, or a part, which is held here.
struct Part {
  const Catalog* catalog = nullptr;
  CatalogFiles files;
  Catalog selected;
  std::optional<RankSlices> slices;
};

absl::Status FindPart(const Checkpoint& checkpoint, const LoadOptions& options,
                      Part& part) {
  part.catalog = &checkpoint.catalog();
  part.files = checkpoint.files();
  // Of a file that is dangerous no part is loaded either.
  if (const std::string names =
          options.refuse_dangerous ? DangerousNames(*part.catalog) : "";
      !names.empty()) {
    return WithHint(
        absl::PermissionDeniedError(
            absl::StrCat(checkpoint.path(), ": Refused: the file imports ",
                         names, "; nothing of it was run")),
        "For all that is in it: hoist scan; its tensors can be read without "
        "--strict");
  }
  Catalog* changed = nullptr;
  if (!options.select.empty() || !options.exclude.empty() ||
      (!options.renames.empty() && !options.rank)) {
    HOIST_ASSIGN_OR_RETURN(
        part.selected,
        SelectTensors(*part.catalog, options.select, options.exclude));
    part.catalog = changed = &part.selected;
  }
  if (options.rank) {
    HOIST_ASSIGN_OR_RETURN(
        part.slices, SliceForRank(*part.catalog, part.files, *options.rank,
                                  options.verify_checksums));
    part.catalog = changed = &part.slices->catalog;
    part.files = part.slices->files;
  }
  return changed == nullptr ? absl::OkStatus()
                            : RenameEntries(options.renames, changed->tensors);
}

// Completes what is known of a rank's slices when they are loaded.
void ReportRank(const RankSlices& slices, const LoadOptions& options,
                LoadReport& report) {
  RankReport& rank = report.rank.emplace(slices.report);
  for (const LoadReport::Phase& phase : report.phases) {
    if (phase.name == "read") {
      rank.read_bytes = phase.bytes;
    }
  }
  uint64_t served_bytes = 0;
  uint64_t padding_bytes = 0;
  uint64_t box_bytes = 0;
  uint64_t page_bytes = 0;
  for (const auto& file : slices.box_files) {
    page_bytes += file->page_bytes();
    served_bytes += file->served_bytes();
    padding_bytes += file->padding_bytes();
    box_bytes += file->read_bytes();
  }
  rank.read_bytes += box_bytes - served_bytes - padding_bytes;
  // What is said of it from here on: a twentieth.
  const auto is_more = [](uint64_t read, uint64_t needed) {
    return read / 21 > needed / 20;
  };
  if (is_more(box_bytes, served_bytes)) {
    rank.notes.push_back(absl::StrCat(
        served_bytes, " bytes lie in short runs, and took ", box_bytes,
        " to read: gaps of up to ", options.rank->max_gap_bytes,
        " bytes between them are read along, and chunks whole"));
  }
  if (is_more(page_bytes, box_bytes)) {
    rank.notes.push_back(absl::StrCat(
        "Runs are short beside the pages of 4096 bytes that a disk is read "
        "by: ",
        page_bytes, " bytes where none of them is in memory yet"));
  }
  if (is_more(rank.read_bytes - box_bytes, rank.needed_bytes - served_bytes)) {
    rank.notes.push_back(
        "Small parts that lie close together are read with what is between "
        "them, and storages that are compressed or in chunks by whole ones");
  }
  if (options.verify_checksums && rank.unverified_bytes > 0) {
    rank.notes.push_back(absl::StrCat(
        rank.unverified_bytes,
        " bytes are parts of storages that have one checksum for all their "
        "bytes, and were not verified (hoist verify reads everything)"));
  }
  if (slices.is_all_checked && rank.needed_bytes > 0 &&
      (report.verified == Verified::kStructure ||
       report.verified == Verified::kNotRecorded)) {
    report.verified = Verified::kChecksum;
  }
}

}  // namespace

absl::StatusOr<Checkpoint> Checkpoint::Open(const std::string& path,
                                            const OpenOptions& options) {
  const auto start = Clock::now();
  HOIST_ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenPath(path, options));
  checkpoint.path_ = path;
  checkpoint.open_time_ns_ = NanosecondsSince(start);
  return checkpoint;
}

absl::StatusOr<Checkpoint> Checkpoint::OpenPath(const std::string& path,
                                                const OpenOptions& options) {
  absl::StatusOr<std::shared_ptr<const RandomAccessFile>> opened =
      OpenFile(path);
  if (absl::IsInvalidArgument(opened.status()) && IsFolder(path)) {
    return OpenFolder(path, "", options);
  }
  HOIST_ASSIGN_OR_RETURN(auto file, std::move(opened));
  if (IsNative(*file)) {
    return OpenNative(std::move(file));
  }
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string name =
      slash == std::string::npos ? path : path.substr(slash + 1);
  // Of a distributed checkpoint it is the only file that all others belong to.
  if (name == kDcpMetadataName) {
    return OpenFolder(folder, "", options);
  }
  return IsShardIndexFile(*file) ? OpenFolder(folder, name, options)
                                 : Open(std::move(file), options);
}

absl::StatusOr<Checkpoint> Checkpoint::Open(
    std::shared_ptr<const RandomAccessFile> file, const OpenOptions& options) {
  const auto start = Clock::now();
  const std::string path = file->path();
  absl::StatusOr<Catalog> catalog = ReadCatalog(*file, options.pool);
  if (!catalog.ok()) {
    return Annotate(catalog.status(), path);
  }
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  checkpoint.files_ = FilesOf(*catalog, std::move(file));
  checkpoint.SetCatalog(*std::move(catalog));
  checkpoint.open_time_ns_ = NanosecondsSince(start);
  return checkpoint;
}

absl::StatusOr<Checkpoint> Checkpoint::OpenNative(
    std::shared_ptr<const RandomAccessFile> file) {
  const std::string path = file->path();
  absl::StatusOr<NativeCheckpoint> native = ReadNativeShards(std::move(file));
  if (!native.ok()) {
    return Annotate(native.status(), path);
  }
  Checkpoint checkpoint;
  checkpoint.files_ = std::move(native->files);
  checkpoint.SetCatalog(std::move(native->catalog));
  return checkpoint;
}

absl::StatusOr<Checkpoint> Checkpoint::OpenFolder(const std::string& folder,
                                                  const std::string& index_file,
                                                  const OpenOptions& options) {
  if (auto native = OpenFile(absl::StrCat(folder, "/", kNativeIndexName));
      native.ok() && index_file.empty() && IsNative(**native)) {
    return OpenNative(*std::move(native));
  }
  if (index_file.empty()) {
    HOIST_ASSIGN_OR_RETURN(std::optional<PiecedCheckpoint> pieced,
                           OpenDcp(folder, options.pool));
    if (pieced) {
      Checkpoint checkpoint;
      checkpoint.files_ = std::move(pieced->files);
      checkpoint.SetCatalog(std::move(pieced->catalog));
      return checkpoint;
    }
  }
  HOIST_ASSIGN_OR_RETURN(std::optional<ShardSet> shards,
                         FindShards(folder, index_file, options.pool));
  if (!shards) {
    return RefuseFolder(folder);
  }
  absl::StatusOr<JoinedShards> joined = Join(*std::move(shards));
  if (!joined.ok()) {
    return Annotate(joined.status(), folder);
  }
  Checkpoint checkpoint;
  checkpoint.files_ = std::move(joined->files);
  checkpoint.SetCatalog(std::move(joined->catalog));
  return checkpoint;
}

void Checkpoint::SetCatalog(Catalog catalog) {
  if (const std::string names = DangerousNames(catalog); !names.empty()) {
    catalog.warnings.insert(
        catalog.warnings.begin(),
        absl::StrCat("DANGEROUS: the file imports ", names,
                     ". Nothing of it was run here; do not give it to Python "
                     "(for all that is in it: hoist scan)"));
  }
  catalog_ = std::make_shared<const Catalog>(std::move(catalog));
}

absl::StatusOr<LoadResult> Load(const Checkpoint& checkpoint,
                                const LoadOptions& options) {
  const auto start = Clock::now();
  Part part;
  HOIST_RETURN_IF_ERROR(FindPart(checkpoint, options, part));
  const int64_t select_time_ns = NanosecondsSince(start);
  HOIST_ASSIGN_OR_RETURN(LoadResult result,
                         LoadCatalog(*part.catalog, part.files, options));
  LoadReport& report = result.report;
  if (part.slices) {
    ReportRank(*part.slices, options, report);
  }
  // To select is a part of the first phase, planning.
  report.phases.front().time_ns += select_time_ns;
  report.phases.insert(report.phases.begin(),
                       {.name = "open", .time_ns = checkpoint.open_time_ns()});
  report.time_ns += checkpoint.open_time_ns() + select_time_ns;
  return result;
}

absl::StatusOr<PlannedLoad> PlanLoad(const Checkpoint& checkpoint,
                                     const LoadOptions& options) {
  Part part;
  HOIST_RETURN_IF_ERROR(FindPart(checkpoint, options, part));
  return PlanLoad(*part.catalog, part.files, options);
}

}  // namespace hoist
