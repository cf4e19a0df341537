#include "hoist/checkpoint/formats/torch_zip/torch_zip_writer.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/checkpoint/catalog/user_metadata.h"
#include "hoist/checkpoint/formats/torch_zip/names_as_values.h"
#include "hoist/checkpoint/formats/torch_zip/pickled_storages.h"
#include "hoist/checkpoint/pickle/pickle_writer.h"
#include "hoist/checkpoint/write/execute_write.h"
#include "hoist/checkpoint/write/name_list.h"
#include "hoist/checkpoint/write/read_tensor.h"
#include "hoist/checkpoint/write/storage_reader.h"
#include "hoist/checkpoint/write/write_plan.h"
#include "hoist/checkpoint/zip/zip_writer.h"
#include "hoist/core/hash/crc32.h"
#include "hoist/core/io/atomic_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr uint64_t kAlignment = 64;
// Where padding is little beside what is padded.
constexpr uint64_t kPageAlignedBytes = uint64_t{128} << 10;

absl::Span<const uint8_t> BytesOf(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Whether the values are what is to be written.
bool HasValues(const Catalog& catalog) {
  if (catalog.values == nullptr || catalog.format == Format::kTorchScript ||
      catalog.format == Format::kTorchPt2) {
    return false;
  }
  const Value root = catalog.root();
  const bool is_empty = root.kind() == ValueKind::kNone ||
                        (root.kind() == ValueKind::kDict && root.size() == 0);
  return !is_empty || catalog.tensors.empty();
}

// One archive, from its catalog to its bytes.
class Archive {
 public:
  Archive(const Catalog& catalog, CatalogFiles files,
          const WriteOptions& options)
      : options_(options),
        catalog_(HasValues(catalog) ? catalog : WithNamesAsValues(catalog)),
        reader_(catalog_, files) {}

  // Makes the pickle, and finds a place for everything.
  absl::Status Plan();

  uint64_t file_bytes() const { return zip_.file_bytes(); }

  absl::Status Write(OutputFile& file);

  WriteReport report() const;

 private:
  static constexpr absl::string_view kFolder = "archive/";
  // A record whose content is there.
  struct Text {
    size_t member;
    std::string content;
  };

  void AddText(absl::string_view name, std::string content);
  void Warn(const PickledStorages& storages, const WrittenPickle& pickle);
  absl::Status WriteStorages(OutputFile& file, std::vector<uint32_t>& crc32s);
  void FillHeaders(int block, absl::Span<const uint32_t> piece_crc32s,
                   absl::Span<uint8_t> bytes) const;
  const ZipWriter::Member& member(int placement) const {
    return zip_.members()[first_storage_ + static_cast<size_t>(placement)];
  }

  const WriteOptions& options_;
  const Catalog catalog_;
  StorageReader reader_;
  ZipWriter zip_;
  std::vector<Text> texts_;
  size_t first_storage_ = 0;  // member of the first placement
  WritePlan plan_;
  int64_t tensor_count_ = 0;
  std::vector<std::string> warnings_;
};

void Archive::AddText(absl::string_view name, std::string content) {
  texts_.push_back({zip_.members().size(), std::move(content)});
  zip_.Add(absl::StrCat(kFolder, name), texts_.back().content.size(),
           kAlignment);
}

void Archive::Warn(const PickledStorages& storages,
                   const WrittenPickle& pickle) {
  warnings_ = storages.warnings;
  if (!pickle.refused.empty()) {
    warnings_.push_back(
        absl::StrCat("torch.load(..., weights_only=True) refuses it without "
                     "torch.serialization.add_safe_globals(), for: ",
                     absl::StrJoin(pickle.refused, ", ")));
  }
  if (pickle.lost_tensors > 0) {
    warnings_.push_back(absl::StrCat(
        pickle.lost_tensors,
        " tensors in places that Hoist looks for none in are left out"));
  }
  if (catalog_.format == Format::kTorchScript ||
      catalog_.format == Format::kTorchPt2) {
    warnings_.push_back("The program is left out: these are its tensors");
    NameList others;
    for (const TensorEntry& tensor : catalog_.tensors) {
      if (!tensor.is_persistent) {
        others.Add(tensor.name);
      }
    }
    if (others.count() > 0) {
      warnings_.push_back(absl::StrCat(
          "Tensors that no state dict has are left out: ", others.text()));
    }
  }
  std::vector<std::string> keys;
  for (const auto& [key, value] : UserMetadata(catalog_)) {
    if (key != "format") {  // which all safetensors files of PyTorch have
      keys.push_back(key);
    }
  }
  for (const auto& [key, value] : options_.metadata) {
    keys.push_back(key);
  }
  if (!keys.empty()) {
    warnings_.push_back(absl::StrCat(
        "torch.save's format has no place for metadata: left out is ",
        absl::StrJoin(keys, ", ")));
  }
}

absl::Status Archive::Plan() {
  PickledStorages storages = NamePickledStorages(catalog_);
  HOIST_ASSIGN_OR_RETURN(
      WrittenPickle pickle,
      WritePickle({.catalog = catalog_,
                   .storages = storages.names,
                   .read_array = [this](const TensorEntry& array) {
                     return ReadTensor(reader_, array);
                   }}));
  Warn(storages, pickle);
  tensor_count_ = storages.tensor_count;
  AddText("data.pkl", std::move(pickle.bytes));
  AddText("byteorder", "little");
  first_storage_ = zip_.members().size();
  std::vector<StoragePlacement> placements;
  for (size_t key = 0; key < storages.needs.size(); ++key) {
    const StorageNeed& need = storages.needs[key];
    zip_.Add(absl::StrCat(kFolder, "data/", key), need.size_bytes,
             need.size_bytes < kPageAlignedBytes ? kAlignment
                                                 : kDirectWriteAlignment);
    const ZipWriter::Member& member = zip_.members().back();
    placements.push_back({.storage = need.storage,
                          .begin_bytes = need.begin_bytes,
                          .size_bytes = need.size_bytes,
                          .file_offset = member.data_offset,
                          .lead_bytes = member.header_bytes()});
  }
  AddText("version", "3\n");
  plan_ = MakeWritePlan(catalog_, std::move(placements));
  return absl::OkStatus();
}

// The headers of storages that begin in the block: right ones for those that
// end in it too.
void Archive::FillHeaders(int index, absl::Span<const uint32_t> piece_crc32s,
                          absl::Span<uint8_t> bytes) const {
  const WritePlan::Block& block = plan_.blocks[static_cast<size_t>(index)];
  for (int i = block.first_piece; i < block.first_piece + block.piece_count;
       ++i) {
    const WritePlan::Piece& piece = plan_.pieces[static_cast<size_t>(i)];
    if (piece.offset_bytes == 0) {
      const ZipWriter::Member& to = member(piece.placement);
      const std::string header =
          zip_.Header(to, piece_crc32s[static_cast<size_t>(i)]);
      std::copy(header.begin(), header.end(),
                bytes.begin() +
                    static_cast<int64_t>(to.header_offset - block.file_offset));
    }
  }
}

absl::Status Archive::WriteStorages(OutputFile& file,
                                    std::vector<uint32_t>& crc32s) {
  std::vector<uint32_t> piece_crc32s(plan_.pieces.size());
  OutputFile* const files[] = {&file};
  HOIST_RETURN_IF_ERROR(ExecuteWrite({
      .plan = plan_,
      .reader = reader_,
      .files = files,
      .pool = options_.pool,
      .cancel = options_.cancel,
      .on_piece =
          [&piece_crc32s](int piece, absl::Span<const uint8_t> bytes) {
            piece_crc32s[static_cast<size_t>(piece)] = Crc32(bytes);
          },
      .on_block =
          [this, &piece_crc32s](int block, absl::Span<uint8_t> bytes) {
            FillHeaders(block, piece_crc32s, bytes);
          },
      .on_progress =
          [this](uint64_t done_bytes) {
            if (options_.on_progress) {
              options_.on_progress(done_bytes, plan_.bytes);
            }
          },
  }));
  HOIST_RETURN_IF_ERROR(reader_.CompareChecksums());
  for (size_t i = 0; i < plan_.pieces.size(); ++i) {
    const WritePlan::Piece& piece = plan_.pieces[i];
    uint32_t& crc32 =
        crc32s[first_storage_ + static_cast<size_t>(piece.placement)];
    crc32 = piece.offset_bytes == 0
                ? piece_crc32s[i]
                : CombineCrc32(crc32, piece_crc32s[i], piece.size_bytes);
    const ZipWriter::Member& to = member(piece.placement);
    const bool is_last = piece.offset_bytes + piece.size_bytes == to.size_bytes;
    if (is_last && piece.offset_bytes > 0) {
      HOIST_RETURN_IF_ERROR(
          file.WriteAt(to.header_offset, BytesOf(zip_.Header(to, crc32))));
    }
  }
  return absl::OkStatus();
}

absl::Status Archive::Write(OutputFile& file) {
  std::vector<uint32_t> crc32s(zip_.members().size(), 0);
  HOIST_RETURN_IF_ERROR(WriteStorages(file, crc32s));
  for (const Text& text : texts_) {
    const ZipWriter::Member& to = zip_.members()[text.member];
    crc32s[text.member] = Crc32(BytesOf(text.content));
    HOIST_RETURN_IF_ERROR(
        file.WriteAt(to.header_offset,
                     BytesOf(absl::StrCat(zip_.Header(to, crc32s[text.member]),
                                          text.content))));
  }
  return file.WriteAt(zip_.directory_offset(), BytesOf(zip_.Directory(crc32s)));
}

WriteReport Archive::report() const {
  return {.tensor_count = tensor_count_,
          .tensor_bytes = plan_.bytes,
          .file_bytes = file_bytes(),
          .warnings = warnings_};
}

}  // namespace

absl::StatusOr<WriteReport> WriteTorchZip(const Catalog& catalog,
                                          CatalogFiles files,
                                          FileSystem& file_system,
                                          const std::string& path,
                                          const WriteOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  if (options.max_shard_bytes > 0 || options.compress) {
    return absl::InvalidArgumentError(
        absl::StrCat("torch.save's format is one file, ",
                     options.compress ? "uncompressed" : "never several"));
  }
  Archive archive(catalog, files, options);
  HOIST_RETURN_IF_ERROR(archive.Plan());
  HOIST_ASSIGN_OR_RETURN(
      const std::unique_ptr<AtomicFile> output,
      AtomicFile::Create(file_system, path,
                         {.overwrite = options.overwrite,
                          .expected_bytes = archive.file_bytes(),
                          .check = options.check}));
  HOIST_RETURN_IF_ERROR(archive.Write(output->file()));
  if (options.cancel != nullptr && options.cancel->is_cancelled()) {
    return absl::CancelledError("Writing was cancelled");
  }
  HOIST_RETURN_IF_ERROR(output->Publish());
  WriteReport report = archive.report();
  report.files = {path};
  report.time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::steady_clock::now() - begin)
                       .count();
  return report;
}

}  // namespace hoist
