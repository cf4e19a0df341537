#include "hoist/checkpoint/formats/torch_zip/foreign_archives.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/formats/detect/detect.h"
#include "hoist/checkpoint/formats/detect/shell_word.h"
#include "hoist/core/compress/inflate.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

using absl::InvalidArgumentError;
using absl::UnimplementedError;

constexpr absl::string_view kPickle = "data.pkl";
constexpr size_t kMaxOpened = 64;
constexpr size_t kMaxNamed = 3;

// The start of a member as a file.
class Head : public RandomAccessFile {
 public:
  explicit Head(std::string bytes) : bytes_(std::move(bytes)) {}

  const std::string& path() const override { return path_; }
  uint64_t size_bytes() const override { return bytes_.size(); }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      return absl::DataLossError("not so much was read of it");
    }
    if (!out.empty()) {
      std::memcpy(out.data(), bytes_.data() + offset, out.size());
    }
    return absl::OkStatus();
  }

 private:
  const std::string path_;
  const std::string bytes_;
};

// The first bytes of what a member holds; none if they cannot be read.
std::string HeadOf(const RandomAccessFile& file, const ZipMember& member) {
  constexpr uint64_t kHeadBytes = 4096;
  const auto offset = ZipDataOffset(file, member);
  std::string head(static_cast<size_t>(std::min(member.size_bytes, kHeadBytes)),
                   '\0');
  const auto bytes =
      absl::MakeSpan(reinterpret_cast<uint8_t*>(head.data()), head.size());
  absl::Status status = offset.status();
  if (status.ok() && member.is_stored()) {
    status = file.ReadAt(*offset, bytes);
  } else if (status.ok() && member.is_deflated()) {
    status = InflateReader(file, *offset, member.stored_bytes).Read(bytes);
  } else if (status.ok()) {
    status = UnimplementedError("compressed by other means");
  }
  return status.ok() ? head : "";
}

// Whether an archive that starts so is one of PyTorch's: by the record that is
// first in it.
bool IsTorchArchive(absl::string_view head) {
  constexpr size_t kNameOffset = 30;
  if (head.size() < kNameOffset) {
    return false;
  }
  absl::string_view record = head.substr(kNameOffset);
  const size_t slash = record.find('/');
  if (slash == absl::string_view::npos) {
    return false;
  }
  record.remove_prefix(slash + 1);
  for (const absl::string_view start :
       {"data.pkl", "data/", ".data/", "version", "byteorder", "constants",
        "code/", "extra/", "archive_format"}) {
    if (absl::StartsWith(record, start)) {
      return true;
    }
  }
  return false;
}

bool IsCheckpoint(const std::string& head) {
  const auto format = DetectFormat(Head(head));
  return format.ok() &&
         (!absl::StartsWith(head, "PK\3\4") || IsTorchArchive(head));
}

// "a.pt, b.pt, c.pt and 5 more".
std::string NameList(const std::vector<std::string>& names) {
  std::string text = absl::StrJoin(
      names.begin(),
      names.begin() +
          static_cast<std::ptrdiff_t>(std::min(names.size(), kMaxNamed)),
      ", ");
  if (names.size() > kMaxNamed) {
    absl::StrAppend(&text, " and ", names.size() - kMaxNamed, " more");
  }
  return text;
}

bool HasSuffix(const ZipDirectory& zip, absl::string_view suffix) {
  return std::any_of(zip.members().begin(), zip.members().end(),
                     [suffix](const ZipMember& member) {
                       return absl::EndsWith(member.name, suffix);
                     });
}

// torch.package: a folder with a version and without torch.save's pickle.
absl::Status RefusePackage(const ZipDirectory& zip) {
  for (const ZipMember& member : zip.members()) {
    absl::string_view prefix = member.name;
    if (absl::ConsumeSuffix(&prefix, ".data/version") &&
        std::count(prefix.begin(), prefix.end(), '/') == 1 &&
        zip.Find(absl::StrCat(prefix, kPickle)) == nullptr) {
      return WithHint(
          UnimplementedError(
              "This is a torch.package archive: recognised, not read"),
          "Save the weights alone: torch.save(model.state_dict(), "
          "\"weights.pt\")");
    }
  }
  return absl::OkStatus();
}

// Records of torch.save that are not in a folder of their own at the root:
// somebody unpacked and packed them.
absl::Status RefuseMovedRecords(const ZipDirectory& zip) {
  std::vector<std::string> folders;
  for (const ZipMember& member : zip.members()) {
    absl::string_view folder = member.name;
    if (member.name == kPickle) {
      return WithHint(
          InvalidArgumentError("The records of a PyTorch zip archive are here "
                               "without the folder that they have to be in: "
                               "data.pkl is at the root"),
          "Unpack it into a new folder, and pack that, uncompressed: zip -0 -r "
          "model.pt FOLDER");
    }
    if (absl::ConsumeSuffix(&folder, absl::StrCat("/", kPickle))) {
      folders.emplace_back(folder);
    }
  }
  if (folders.empty()) {
    return absl::OkStatus();
  }
  const size_t slash = folders[0].rfind('/');
  return WithHint(
      InvalidArgumentError(absl::StrCat(
          "The records of ",
          folders.size() == 1
              ? "a PyTorch zip archive"
              : absl::StrCat(folders.size(), " PyTorch zip archives"),
          " are in other folders here: data.pkl is in ", NameList(folders))),
      absl::StrCat("Unpack it, and pack the innermost folder alone, "
                   "uncompressed: cd ",
                   ShellWord(folders[0].substr(0, slash)),
                   " && zip -0 -r model.pt ", ShellWord(FileName(folders[0]))));
}

// Archives around checkpoints or arrays: by how their members start.
absl::Status RefuseByContent(const RandomAccessFile& file,
                             const ZipDirectory& zip) {
  std::vector<std::string> checkpoints;
  std::vector<std::string> arrays;
  size_t file_count = 0;
  bool has_hdf5 = false;
  for (const ZipMember& member : zip.members()) {
    if (member.is_folder() || ++file_count > kMaxOpened) {
      continue;
    }
    const std::string head = HeadOf(file, member);
    has_hdf5 = has_hdf5 || absl::StartsWith(head, "\x89HDF\r\n\x1a\n");
    if (absl::StartsWith(head, "\x93NUMPY")) {
      absl::string_view name = member.name;
      absl::ConsumeSuffix(&name, ".npy");
      arrays.emplace_back(name);
    } else if (!head.empty() && IsCheckpoint(head)) {
      checkpoints.push_back(member.name);
    }
  }
  const bool is_served = zip.Find("MAR-INF/MANIFEST.json") != nullptr;
  if (is_served || !checkpoints.empty()) {
    std::string text = is_served ? "This is a TorchServe archive (.mar)"
                                 : "This is a zip archive around checkpoints";
    if (!checkpoints.empty()) {
      absl::StrAppend(&text, "; of its ", file_count,
                      file_count == 1 ? " file " : " files ",
                      checkpoints.size(),
                      checkpoints.size() == 1 ? " is one: " : " are such: ",
                      NameList(checkpoints));
    }
    return WithHint(
        InvalidArgumentError(text),
        checkpoints.empty()
            ? "Unpack it (it is a zip), and load the model file inside"
            : absl::StrCat("Unpack it, and give Hoist the file inside: unzip ",
                           ShellWord(FileName(file.path())), " ",
                           ShellWord(checkpoints[0])));
  }
  if (!arrays.empty()) {
    return WithHint(
        InvalidArgumentError(absl::StrCat(
            "A NumPy archive (.npz), not a PyTorch checkpoint; its arrays are ",
            NameList(arrays))),
        "Save them as tensors: torch.save({k: torch.from_numpy(v) for k, v in "
        "numpy.load(path).items()}, new_path)");
  }
  if (has_hdf5 && zip.Find("config.json") != nullptr) {
    return WithHint(
        InvalidArgumentError("A Keras model (.keras), not a PyTorch "
                             "checkpoint; its weights are an HDF5 file inside"),
        "Convert the weights with Keras, and save them as safetensors");
  }
  return absl::OkStatus();
}

// Other programs' archives: by a member that they all have.
absl::Status RefuseByName(const ZipDirectory& zip) {
  static constexpr struct {
    absl::string_view suffix;
    absl::string_view what;
  } kKnown[] = {
      {"[Content_Types].xml", "An Office document (.docx, .xlsx, .pptx)"},
      {"META-INF/container.xml", "A book (.epub)"},
      {"AndroidManifest.xml", "An Android program (.apk)"},
      {".dist-info/WHEEL", "A Python package (.whl)"},
      {"META-INF/MANIFEST.MF", "A Java archive (.jar)"},
      {"content.xml", "An OpenDocument file (.odt, .ods, .odp)"},
  };
  for (const auto& known : kKnown) {
    if (HasSuffix(zip, known.suffix)) {
      return WithHint(
          InvalidArgumentError(absl::StrCat(known.what, ", not a checkpoint")),
          "Check that this is the right file: checkpoints are what torch.save "
          "and safetensors write");
    }
  }
  return absl::OkStatus();
}

absl::Status NotOfPyTorch(const ZipDirectory& zip) {
  std::string found = "it is empty";
  if (!zip.members().empty()) {
    found = absl::StrCat("it has ", zip.members().size(), " members, ",
                         zip.members()[0].name, " first");
  }
  return WithHint(
      InvalidArgumentError(absl::StrCat(
          "This zip archive is no checkpoint: no folder in it has a data.pkl; ",
          found)),
      "If a checkpoint is inside, unpack the archive first");
}

}  // namespace

absl::Status ForeignArchiveError(const RandomAccessFile& file,
                                 const ZipDirectory& zip) {
  for (const absl::Status& status :
       {RefusePackage(zip), RefuseMovedRecords(zip)}) {
    if (!status.ok()) {
      return status;
    }
  }
  if (absl::Status status = RefuseByContent(file, zip); !status.ok()) {
    return status;
  }
  if (absl::Status status = RefuseByName(zip); !status.ok()) {
    return status;
  }
  return NotOfPyTorch(zip);
}

}  // namespace hoist
