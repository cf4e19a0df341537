#include "hoist/checkpoint/verify/verify_checkpoint.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/formats/detect/detect.h"
#include "hoist/checkpoint/load/file_facts.h"
#include "hoist/checkpoint/load/load_catalog.h"
#include "hoist/checkpoint/open_shards.h"
#include "hoist/checkpoint/plan/read_choice.h"
#include "hoist/checkpoint/verify/archive_members.h"
#include "hoist/checkpoint/verify/byte_ranges.h"
#include "hoist/checkpoint/verify/range_checksums.h"
#include "hoist/checkpoint/verify/read_ranges.h"
#include "hoist/checkpoint/verify/tensor_scans.h"
#include "hoist/core/io/open_read_path.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/core/thread/mutex.h"

namespace hoist {
namespace {

using Clock = std::chrono::steady_clock;

// What a read brings at once.
constexpr uint64_t kChunkBytes = uint64_t{512} << 10;
// Tensors with gaps or repeats that take more memory are not looked at.
constexpr int64_t kMaxWholeBytes = int64_t{1} << 30;

int64_t NanosecondsSince(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() -
                                                              start)
      .count();
}

// The files of `checkpoint` that are zip archives.
std::vector<int> ArchivesOf(const Checkpoint& checkpoint) {
  switch (checkpoint.catalog().format) {
    case Format::kTorchZip:
    case Format::kTorchScript:
    case Format::kTorchPt2:
      return {0};
    case Format::kTorchIndex:
      break;
    default:
      return {};
  }
  std::vector<int> archives;
  for (size_t i = 0; i < checkpoint.files().size(); ++i) {
    const absl::StatusOr<Format> format = DetectFormat(*checkpoint.files()[i]);
    if (format.ok() && *format == Format::kTorchZip) {
      archives.push_back(static_cast<int>(i));
    }
  }
  return archives;
}

// One verification.
class Verification {
 public:
  // `archives` are those of the files that are zip archives, all of which are
  // to be looked at.
  Verification(const Catalog& catalog, CatalogFiles files,
               std::vector<int> archives, const VerifyOptions& options)
      : catalog_(catalog),
        files_(files),
        archives_(std::move(archives)),
        options_(options),
        tensors_over_(catalog.storages.size()) {
    for (size_t i = 0; i < catalog.tensors.size(); ++i) {
      if (catalog.tensors[i].storage) {
        tensors_over_[*catalog.tensors[i].storage].push_back(
            static_cast<int>(i));
      }
    }
  }

  absl::StatusOr<VerifyReport> Run();

 private:
  bool LooksAtValues() const { return options_.level == VerifyLevel::kValues; }
  // Whether it is one of a tensor in pieces, which are storages too, and have
  // the checksums; or of what was in a pickle beside those.
  bool IsMadeOfOthers(const StorageEntry& storage) const {
    return catalog_.format == Format::kDcp &&
           catalog_.files[storage.file].content != nullptr;
  }
  void FindRanges();
  void AddStorage(int index);
  void AddChunks(int index);
  void CountStorages();
  // Leaves those that the level has a use for.
  void DropUnread();
  absl::Status ReadAll();
  absl::Status OpenPaths(const std::vector<uint64_t>& read_bytes);
  absl::Status ScanScattered(TensorScans& scans);
  std::vector<std::string> TensorsOver(const ByteRange& range) const;
  void AddDamage(const ByteRange& range, std::string problem);

  const Catalog& catalog_;
  const CatalogFiles files_;
  const std::vector<int> archives_;
  const VerifyOptions& options_;
  VerifyReport report_;
  std::vector<std::vector<int>> tensors_over_;  // by storage
  std::vector<ByteRange> ranges_;
  std::vector<std::unique_ptr<ReadPath>> paths_;
};

void Verification::FindRanges() {
  // Those of archives, by file and offset.
  absl::flat_hash_map<std::pair<int, uint64_t>, size_t> members;
  for (const int file : archives_) {
    absl::StatusOr<ArchiveMembers> archive =
        ReadArchiveMembers(*files_[file], file);
    if (!archive.ok()) {
      report_.damages.push_back(
          {.path = files_[file]->path(),
           .problem = std::string(archive.status().message())});
      continue;
    }
    for (const ArchiveMembers::Problem& problem : archive->problems) {
      report_.damages.push_back({.path = files_[file]->path(),
                                 .place = problem.member,
                                 .problem = problem.text});
    }
    for (ByteRange& range : archive->ranges) {
      if (range.size_bytes > 0) {
        members[{file, range.offset_bytes}] = ranges_.size();
      }
      ranges_.push_back(std::move(range));
    }
  }
  for (size_t i = 0; i < catalog_.storages.size(); ++i) {
    const StorageEntry& storage = catalog_.storages[i];
    const auto member = members.find({storage.file, storage.offset_bytes});
    if (member != members.end() && storage.stored_bytes() > 0) {
      ranges_[member->second].storage = static_cast<int>(i);
    } else if (!storage.chunks.empty()) {
      AddChunks(static_cast<int>(i));
    } else {
      AddStorage(static_cast<int>(i));
    }
  }
}

void Verification::AddStorage(int index) {
  const StorageEntry& storage = catalog_.storages[index];
  ByteRange range = {.file = storage.file,
                     .offset_bytes = storage.offset_bytes,
                     .size_bytes = storage.stored_bytes(),
                     .crc32 = storage.crc32,
                     .storage = index,
                     .name = storage.name};
  if (storage.deflated_bytes) {
    range.inflated_bytes = storage.size_bytes;
  }
  if (IsMadeOfOthers(storage)) {
    range.crc32.reset();
  }
  ranges_.push_back(std::move(range));
}

void Verification::AddChunks(int index) {
  const StorageEntry& storage = catalog_.storages[index];
  uint64_t offset = 0;
  for (size_t i = 0; i < storage.chunks.size(); ++i) {
    const StorageChunk& chunk = storage.chunks[i];
    ByteRange range = {.file = storage.file,
                       .offset_bytes = chunk.offset_bytes,
                       .size_bytes = chunk.stored_bytes,
                       .crc32c = chunk.stored_crc32c,
                       .storage = index,
                       .storage_offset_bytes = offset,
                       .storage_bytes = chunk.size_bytes,
                       .name = storage.name};
    if (storage.chunks.size() > 1) {
      absl::StrAppend(&range.name, ", chunk ", i, " of ",
                      storage.chunks.size());
    }
    // Only numbers are looked at decoded.
    if (LooksAtValues() && chunk.encoding != ChunkEncoding::kRaw) {
      range.encoding = chunk.encoding;
      range.decoded_bytes = chunk.size_bytes;
      range.crc32c = chunk.crc32c;
    }
    ranges_.push_back(std::move(range));
    offset += chunk.size_bytes;
  }
}

void Verification::CountStorages() {
  int64_t not_recorded = 0;
  for (const StorageEntry& storage : catalog_.storages) {
    if (IsMadeOfOthers(storage)) {
      continue;
    }
    ++report_.storage_count;
    report_.storage_bytes += storage.size_bytes;
    if (storage.size_bytes == 0) {
      continue;
    }
    if (!storage.crc32 && storage.chunks.empty()) {
      ++not_recorded;
    } else if (options_.level != VerifyLevel::kStructure) {
      report_.compared_bytes += storage.size_bytes;
    }
  }
  if (options_.level != VerifyLevel::kStructure && not_recorded > 0) {
    report_.not_possible.push_back(
        {VerifyLevel::kChecksum,
         report_.compared_bytes == 0
             ? "it records no checksums of tensors"
             : absl::StrCat("it records no checksum of ", not_recorded, " of ",
                            report_.storage_count, " storages")});
  }
}

void Verification::DropUnread() {
  std::erase_if(ranges_, [this](const ByteRange& range) {
    return !range.has_checksum() && !(LooksAtValues() && range.storage >= 0 &&
                                      !tensors_over_[range.storage].empty());
  });
}

absl::Status Verification::OpenPaths(const std::vector<uint64_t>& read_bytes) {
  for (size_t i = 0; i < files_.size(); ++i) {
    const bool is_file = files_[i]->descriptor() >= 0;
    const ReadChoice choice =
        is_file && options_.read_method
            ? ReadChoice{.method = *options_.read_method,
                         .reason = "as was asked for"}
            : ChooseReadMethod(FactsOf(*files_[i], read_bytes[i]));
    HOIST_ASSIGN_OR_RETURN(paths_.emplace_back(),
                           OpenReadPath(files_[i], choice.method));
    if (read_bytes[i] > 0) {
      report_.io.push_back(
          {.path = files_[i]->path(),
           .method = std::string(ReadMethodName(choice.method)),
           .reason = choice.reason});
    }
  }
  return absl::OkStatus();
}

absl::Status Verification::ReadAll() {
  const RangePlan plan = PlanRangeReads(ranges_, kChunkBytes);
  std::vector<uint64_t> read_bytes(files_.size(), 0);
  for (const ByteRange& range : ranges_) {
    read_bytes[range.file] += range.size_bytes;
  }
  HOIST_RETURN_IF_ERROR(OpenPaths(read_bytes));
  RangeChecksums checksums(ranges_);
  TensorScans scans(catalog_);
  Mutex mu;
  std::vector<std::string> errors(ranges_.size());  // guarded by mu
  const auto start = Clock::now();
  RangeInputs inputs = {.ranges = ranges_,
                        .plan = plan,
                        .files = files_,
                        .paths = paths_,
                        .pool = options_.pool,
                        .cancel = options_.cancel};
  inputs.on_bytes = [&](int index, uint64_t offset,
                        absl::Span<const uint8_t> bytes) {
    checksums.Add(index, offset, bytes);
    const ByteRange& range = ranges_[index];
    if (LooksAtValues() && range.storage >= 0) {
      scans.Add(range.storage, range.storage_offset_bytes + offset, bytes);
    }
  };
  inputs.on_error = [&](int index, const absl::Status& status) {
    MutexLock lock(&mu);
    if (errors[index].empty()) {
      errors[index] = std::string(status.message());
    }
  };
  if (options_.on_progress) {
    inputs.on_progress = [this, &plan](uint64_t done_bytes) {
      options_.on_progress(done_bytes, plan.bytes);
    };
  }
  HOIST_RETURN_IF_ERROR(ReadRanges(inputs));
  for (size_t i = 0; i < ranges_.size(); ++i) {
    std::string problem = errors[i].empty()
                              ? checksums.Compare(static_cast<int>(i))
                              : std::move(errors[i]);
    if (!problem.empty()) {
      AddDamage(ranges_[i], std::move(problem));
    }
  }
  report_.read_bytes = plan.bytes;
  report_.read_time_ns = NanosecondsSince(start);
  for (const auto& file : files_) {
    HOIST_RETURN_IF_ERROR(file->CheckUnchanged());
  }
  if (LooksAtValues()) {
    HOIST_RETURN_IF_ERROR(ScanScattered(scans));
    std::vector<std::optional<TensorValues>> values = scans.Finish();
    for (size_t i = 0; i < values.size(); ++i) {
      report_.tensors[i].values = std::move(values[i]);
    }
  }
  return absl::OkStatus();
}

absl::Status Verification::ScanScattered(TensorScans& scans) {
  for (const int index : scans.scattered()) {
    const TensorEntry& tensor = catalog_.tensors[index];
    const absl::StatusOr<int64_t> logical = LogicalBytes(tensor.spec);
    const absl::StatusOr<int64_t> required =
        RequiredStorageBytes(tensor.spec, tensor.storage_offset);
    if (!logical.ok() || *logical > kMaxWholeBytes || !required.ok() ||
        *required > kMaxWholeBytes) {
      report_.not_possible.push_back(
          {VerifyLevel::kValues,
           absl::StrCat("Tensor ", tensor.name,
                        " has gaps or repeats and is too large to be looked "
                        "at as a whole")});
      continue;
    }
    const Catalog one = {.format = catalog_.format,
                         .files = catalog_.files,
                         .storages = catalog_.storages,
                         .tensors = {tensor}};
    const absl::StatusOr<LoadResult> loaded =
        LoadCatalog(one, files_,
                    {.pool = options_.pool,
                     .verify_checksums = false,
                     .read_method = ReadMethod::kPread,
                     .cancel = options_.cancel});
    if (loaded.ok()) {
      scans.AddWhole(index, loaded->tensors.begin()->tensor);
    } else if (absl::IsDataLoss(loaded.status())) {
      report_.not_possible.push_back(
          {VerifyLevel::kValues, absl::StrCat("Tensor ", tensor.name, ": ",
                                              loaded.status().message())});
    } else {
      return loaded.status();
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> Verification::TensorsOver(
    const ByteRange& range) const {
  std::vector<std::string> names;
  if (range.storage < 0) {
    return names;
  }
  const uint64_t begin = range.storage_offset_bytes;
  const uint64_t end = begin + range.content_bytes();
  for (const int index : tensors_over_[range.storage]) {
    const TensorEntry& tensor = catalog_.tensors[index];
    const auto tensor_begin =
        static_cast<uint64_t>(tensor.storage_offset) *
        static_cast<uint64_t>(DTypeBits(tensor.spec.dtype)) / 8;
    const auto tensor_end = static_cast<uint64_t>(
        RequiredStorageBytes(tensor.spec, tensor.storage_offset).value_or(0));
    if (tensor_begin < end && tensor_end > begin) {
      names.push_back(tensor.name);
    }
  }
  return names;
}

void Verification::AddDamage(const ByteRange& range, std::string problem) {
  report_.damages.push_back({.path = files_[range.file]->path(),
                             .place = range.name,
                             .tensors = TensorsOver(range),
                             .problem = std::move(problem)});
}

absl::StatusOr<VerifyReport> Verification::Run() {
  const auto start = Clock::now();
  report_.format = std::string(FormatName(catalog_.format));
  report_.level = options_.level;
  for (const TensorEntry& tensor : catalog_.tensors) {
    report_.tensors.push_back({.name = tensor.name});
  }
  FindRanges();
  CountStorages();
  if (options_.level != VerifyLevel::kStructure) {
    DropUnread();
    HOIST_RETURN_IF_ERROR(ReadAll());
  }
  report_.time_ns = NanosecondsSince(start);
  return std::move(report_);
}

// All that the files of a checkpoint in several do not agree about. Whether
// there is anything for which none of it may be loaded.
bool AddShardFindings(const std::string& path, ThreadPool* pool,
                      VerifyReport& report) {
  absl::StatusOr<std::optional<ShardSet>> set = FindShardsAt(path, pool);
  if (!set.ok() || !*set) {
    return false;
  }
  for (ShardFinding& finding : (*set)->findings) {
    if (finding.is_error) {
      report.damages.push_back({.path = path,
                                .place = std::move(finding.file),
                                .tensors = std::move(finding.tensors),
                                .problem = std::move(finding.text)});
    } else {
      report.warnings.push_back(std::move(finding.text));
    }
  }
  return !report.damages.empty();
}

}  // namespace

absl::StatusOr<VerifyReport> VerifyCatalog(const Catalog& catalog,
                                           CatalogFiles files,
                                           const VerifyOptions& options) {
  return Verification(catalog, files, /*archives=*/{}, options).Run();
}

absl::StatusOr<VerifyReport> VerifyCheckpoint(const Checkpoint& checkpoint,
                                              const VerifyOptions& options) {
  const Catalog& catalog = checkpoint.catalog();
  HOIST_ASSIGN_OR_RETURN(
      VerifyReport report,
      Verification(catalog, checkpoint.files(), ArchivesOf(checkpoint), options)
          .Run());
  report.path = checkpoint.path();
  report.warnings = catalog.warnings;
  report.time_ns += checkpoint.open_time_ns();
  return report;
}

absl::StatusOr<VerifyReport> VerifyPath(const std::string& path,
                                        const VerifyOptions& options) {
  const absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(path);
  if (checkpoint.ok()) {
    return VerifyCheckpoint(*checkpoint, options);
  }
  VerifyReport report = {.path = path, .level = options.level};
  if (AddShardFindings(path, options.pool, report)) {
    return report;
  }
  // What is not there may be one of its files.
  const bool is_incomplete = absl::IsNotFound(checkpoint.status()) &&
                             !absl::IsNotFound(OpenFile(path).status());
  if (!absl::IsDataLoss(checkpoint.status()) && !is_incomplete) {
    return checkpoint.status();
  }
  report.damages.push_back(
      {.path = path, .problem = std::string(checkpoint.status().message())});
  return report;
}

}  // namespace hoist
