#include "hoist/checkpoint/formats/detect/foreign_files.h"

#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "hoist/core/compress/zstd.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

using absl::InvalidArgumentError;
using absl::UnimplementedError;

// A literal with the zeros in it.
template <size_t kSize>
constexpr absl::string_view Bytes(const char (&literal)[kSize]) {
  return absl::string_view(literal, kSize - 1);
}

constexpr absl::string_view kZstdMagic = Bytes("\x28\xb5\x2f\xfd");
constexpr absl::string_view kDecompress =
    "Decompress it first, and give Hoist what comes out";

struct Signature {
  size_t offset;
  absl::string_view bytes;
  absl::Status (*error)(absl::string_view message);
  absl::string_view what;
  absl::string_view hint;
};

constexpr Signature kSignatures[] = {
    {0, Bytes("PYTORCH1"), UnimplementedError,
     "A checkpoint in the format of PyTorch's 1.0 preview releases: "
     "recognised, "
     "not read, by PyTorch neither",
     "Load it with the release that saved it, and save it again with torch 1.6 "
     "or later"},
    {4, Bytes("PTMF"), UnimplementedError,
     "A mobile TorchScript model (flatbuffer, .ptl or .ff): recognised, not "
     "read yet",
     "Save the weights of the model it was made from: "
     "torch.save(model.state_dict(), \"weights.pt\")"},
    {0, Bytes("\x1f\x8b"), InvalidArgumentError,
     "The file is compressed with gzip", kDecompress},
    {0, Bytes("BZh"), InvalidArgumentError, "The file is compressed with bzip2",
     kDecompress},
    {0,
     Bytes("\xfd"
           "7zXZ\0"),
     InvalidArgumentError, "The file is compressed with xz", kDecompress},
    {0, Bytes("7z\xbc\xaf"), InvalidArgumentError, "The file is a 7z archive",
     kDecompress},
    {0, Bytes("GGUF"), InvalidArgumentError,
     "A GGUF model (llama.cpp's format), not a PyTorch checkpoint",
     "Take the safetensors or PyTorch files that it was converted from"},
    {0, Bytes("\x89HDF"), InvalidArgumentError,
     "An HDF5 file (as Keras writes), not a PyTorch checkpoint",
     "Convert the weights with the program that wrote it, and save them as "
     "safetensors"},
    {0, Bytes("\x93NUMPY"), InvalidArgumentError,
     "A NumPy array (.npy), not a PyTorch checkpoint",
     "Save it as a tensor: torch.save(torch.from_numpy(numpy.load(path)), "
     "new_path)"},
};

bool HasAt(absl::string_view head, size_t offset, absl::string_view bytes) {
  return offset <= head.size() && absl::StartsWith(head.substr(offset), bytes);
}

// What stands between `before` and `after`; empty if they are not there.
absl::string_view Between(absl::string_view text, absl::string_view before,
                          absl::string_view after) {
  const size_t start = text.find(before);
  if (start == absl::string_view::npos) {
    return "";
  }
  text.remove_prefix(start + before.size());
  const size_t end = text.find(after);
  return end == absl::string_view::npos ? "" : text.substr(0, end);
}

// In quotes, printable, of bounded length.
std::string Quoted(absl::string_view text) {
  constexpr size_t kMaxBytes = 60;
  text = absl::StripAsciiWhitespace(text);
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMaxBytes)),
                      text.size() > kMaxBytes ? "...\"" : "\"");
}

absl::Status LfsPointer(absl::string_view head, uint64_t size_bytes) {
  std::string wanted;
  uint64_t size;
  if (absl::SimpleAtoi(Between(head, "\nsize ", "\n"), &size)) {
    wanted = absl::StrCat(": wanted are ", size, " bytes");
    const absl::string_view oid = Between(head, "\noid ", "\n");
    if (!oid.empty()) {
      absl::StrAppend(&wanted, ", oid ", absl::CHexEscape(oid.substr(0, 80)));
    }
  }
  return WithHint(InvalidArgumentError(absl::StrCat(
                      "A Git LFS pointer (", size_bytes,
                      " bytes), not the file that it points to", wanted)),
                  "Run in the repository: git lfs pull");
}

absl::Status Zstd(absl::string_view head) {
  const auto size = ZstdContentSize(absl::MakeConstSpan(
      reinterpret_cast<const uint8_t*>(head.data()), head.size()));
  return WithHint(InvalidArgumentError(absl::StrCat(
                      "The file is compressed with zstd",
                      size ? absl::StrCat(", from ", *size, " bytes") : "")),
                  kDecompress);
}

absl::Status BarePickle() {
  return WithHint(
      UnimplementedError(
          "A bare pickle, which torch.save did not write: recognised, not read "
          "yet"),
      "If you trust it (to unpickle it may run any code), save it again: "
      "torch.save(pickle.load(open(path, \"rb\")), new_path)");
}

absl::Status Markup(absl::string_view head, absl::string_view text) {
  const bool is_xml = absl::StartsWith(text, "<?xml");
  absl::string_view title = Between(head, "<title>", "</title>");
  if (title.empty()) {
    title = text;
  }
  return WithHint(
      InvalidArgumentError(
          absl::StrCat(is_xml ? "An XML document (" : "An HTML page (",
                       Quoted(title), ") instead of a checkpoint")),
      "A download gave a web page: the address may be wrong, or need a login");
}

absl::Status Json(absl::string_view head) {
  if (absl::StrContains(head, "\"weight_map\"")) {
    return WithHint(UnimplementedError(
                        "The index of a checkpoint in several files (JSON with "
                        "\"weight_map\"): recognised, not read yet"),
                    "Load the files that it names one by one");
  }
  return WithHint(
      InvalidArgumentError(absl::StrCat(
          "A JSON file, not a checkpoint; it starts ", Quoted(head))),
      "Give the file with the weights beside it: .safetensors, "
      ".pt, .pth or .bin");
}

// Whether `text` starts as a JSON object does, as far as it goes.
bool LooksLikeJson(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "{")) {
    return false;
  }
  text = absl::StripLeadingAsciiWhitespace(text);
  return text.empty() || text[0] == '"' || text[0] == '}';
}

// Whether `head` starts as a text does and not as a binary number.
bool LooksLikeText(absl::string_view head) {
  for (const char c : head.substr(0, sizeof(uint64_t))) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) &&
        !absl::ascii_isspace(static_cast<unsigned char>(c))) {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::Status RefuseForeignFile(absl::string_view head, uint64_t size_bytes) {
  for (const Signature& known : kSignatures) {
    if (HasAt(head, known.offset, known.bytes)) {
      return WithHint(known.error(known.what), known.hint);
    }
  }
  if (absl::StartsWith(head, kZstdMagic)) {
    return Zstd(head);
  }
  if (head.size() >= 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5) {
    return BarePickle();
  }
  if (absl::StartsWith(head, "version http")) {
    return LfsPointer(head, size_bytes);
  }
  if (!LooksLikeText(head)) {
    return absl::OkStatus();
  }
  absl::string_view text = head;
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");
  text = absl::StripLeadingAsciiWhitespace(text);
  if (absl::StartsWith(text, "<")) {
    return Markup(head, text);
  }
  if (LooksLikeJson(text)) {
    return Json(text);
  }
  return absl::OkStatus();
}

}  // namespace hoist
