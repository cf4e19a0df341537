#include "hoist/checkpoint/formats/detect/file_signatures.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "hoist/core/base/endian.h"
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
constexpr absl::string_view kConvert =
    "Convert the weights with the program that wrote it, and save them as "
    "safetensors";
constexpr absl::string_view kTakeSource =
    "Take the safetensors or PyTorch files that it was converted from";
constexpr absl::string_view kSaveWeights =
    "Save the weights of the model it was made from: "
    "torch.save(model.state_dict(), \"weights.pt\")";
constexpr absl::string_view kWrongFile =
    "Check that this is the right file: checkpoints are what torch.save and "
    "safetensors write";

struct Signature {
  size_t offset;
  absl::string_view bytes;
  absl::Status (*error)(absl::string_view message);
  absl::string_view what;
  absl::string_view hint;
};

// What models are kept in.
constexpr Signature kModels[] = {
    {0, Bytes("PYTORCH1"), UnimplementedError,
     "A checkpoint in the format of PyTorch's 1.0 preview releases: "
     "recognised, not read, by PyTorch neither",
     "Load it with the release that saved it, and save it again with torch 1.6 "
     "or later"},
    {4, Bytes("PTMF"), UnimplementedError,
     "A mobile TorchScript model (flatbuffer, .ptl or .ff): recognised, not "
     "read yet",
     kSaveWeights},
    {4, Bytes("ET12"), UnimplementedError,
     "An ExecuTorch program (.pte): recognised, not read", kSaveWeights},
    {4, Bytes("TFL3"), InvalidArgumentError,
     "A TensorFlow Lite model (.tflite), not a PyTorch checkpoint",
     kTakeSource},
    {0, Bytes("GGUF"), InvalidArgumentError,
     "A GGUF model (llama.cpp's format), not a PyTorch checkpoint",
     kTakeSource},
    {0, Bytes("lmgg"), InvalidArgumentError,
     "A GGML model (llama.cpp's format before GGUF), not a PyTorch checkpoint",
     kTakeSource},
    {0, Bytes("fmgg"), InvalidArgumentError,
     "A GGMF model (llama.cpp's format before GGUF), not a PyTorch checkpoint",
     kTakeSource},
    {0, Bytes("tjgg"), InvalidArgumentError,
     "A GGJT model (llama.cpp's format before GGUF), not a PyTorch checkpoint",
     kTakeSource},
    {0, Bytes("algg"), InvalidArgumentError,
     "A GGLA adapter (llama.cpp's LoRA format before GGUF), not a PyTorch "
     "checkpoint",
     kTakeSource},
    {0, Bytes("\x89HDF\r\n\x1a\n"), InvalidArgumentError,
     "An HDF5 file (as Keras writes), not a PyTorch checkpoint", kConvert},
    {0, Bytes("\x93NUMPY"), InvalidArgumentError,
     "A NumPy array (.npy), not a PyTorch checkpoint",
     "Save it as a tensor: torch.save(torch.from_numpy(numpy.load(path)), "
     "new_path)"},
    {0, Bytes("MATLAB 5.0 MAT-file"), InvalidArgumentError,
     "A MATLAB file (.mat), not a PyTorch checkpoint",
     "Read it with scipy.io.loadmat, and save its arrays as tensors"},
};

// What files are packed in.
constexpr Signature kPackings[] = {
    {0, Bytes("\x1f\x8b"), InvalidArgumentError,
     "The file is compressed with gzip", kDecompress},
    {0, Bytes("BZh"), InvalidArgumentError, "The file is compressed with bzip2",
     kDecompress},
    {0,
     Bytes("\xfd"
           "7zXZ\0"),
     InvalidArgumentError, "The file is compressed with xz", kDecompress},
    {0,
     Bytes("\x5d\0\0\x80\0"
           "\xff\xff\xff\xff"),
     InvalidArgumentError, "The file is compressed with lzma", kDecompress},
    {0, Bytes("\x04\x22\x4d\x18"), InvalidArgumentError,
     "The file is compressed with lz4", kDecompress},
    {0, Bytes("\x1f\x9d"), InvalidArgumentError,
     "The file is compressed with compress (.Z)", kDecompress},
    {0, Bytes("7z\xbc\xaf"), InvalidArgumentError, "The file is a 7z archive",
     "Unpack it first, and give Hoist the file inside"},
    {0, Bytes("Rar!\x1a\x07"), InvalidArgumentError,
     "The file is a RAR archive",
     "Unpack it first, and give Hoist the file inside"},
    {0, Bytes("ZF0x"), InvalidArgumentError,
     "A compressed file of joblib before 0.10, not a PyTorch checkpoint",
     "If you trust it (to unpickle it may run any code), read it with "
     "joblib.load, and save its arrays as safetensors"},
};

// What has nothing to do with weights.
constexpr Signature kOthers[] = {
    {0,
     Bytes("\x7f"
           "ELF"),
     InvalidArgumentError,
     "A program or library of Linux (ELF), not a checkpoint",
     "If it is a model compiled by AOTInductor, save the weights of the model "
     "it was made from"},
    {0, Bytes("\xcf\xfa\xed\xfe"), InvalidArgumentError,
     "A program or library of macOS (Mach-O), not a checkpoint", kWrongFile},
    {0, Bytes("\x89PNG\r\n\x1a\n"), InvalidArgumentError,
     "A PNG image, not a checkpoint", kWrongFile},
    {0, Bytes("\xff\xd8\xff"), InvalidArgumentError,
     "A JPEG image, not a checkpoint", kWrongFile},
    {0, Bytes("GIF8"), InvalidArgumentError, "A GIF image, not a checkpoint",
     kWrongFile},
    {0, Bytes("%PDF-"), InvalidArgumentError,
     "A PDF document, not a checkpoint", kWrongFile},
    {0, Bytes("SQLite format 3\0"), InvalidArgumentError,
     "An SQLite database, not a checkpoint", kWrongFile},
    {0, Bytes("PAR1"), InvalidArgumentError,
     "A Parquet table, not a checkpoint", kWrongFile},
};

bool HasAt(absl::string_view head, size_t offset, absl::string_view bytes) {
  return offset <= head.size() && absl::StartsWith(head.substr(offset), bytes);
}

absl::Status RefuseAnyOf(absl::Span<const Signature> signatures,
                         absl::string_view head) {
  for (const Signature& known : signatures) {
    if (HasAt(head, known.offset, known.bytes)) {
      return WithHint(known.error(known.what), known.hint);
    }
  }
  return absl::OkStatus();
}

absl::Status Zstd(absl::string_view head) {
  const auto size = ZstdContentSize(absl::MakeConstSpan(
      reinterpret_cast<const uint8_t*>(head.data()), head.size()));
  return WithHint(InvalidArgumentError(absl::StrCat(
                      "The file is compressed with zstd",
                      size ? absl::StrCat(", from ", *size, " bytes") : "")),
                  kDecompress);
}

// The header of DOS, and where it points to that of Windows.
bool IsPortableExecutable(absl::string_view head) {
  constexpr size_t kPointer = 0x3c;
  return absl::StartsWith(head, "MZ") &&
         head.size() >= kPointer + sizeof(uint32_t) &&
         HasAt(head, LoadLittleEndian<uint32_t>(head.data() + kPointer),
               Bytes("PE\0\0"));
}

bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_isprint(byte) || absl::ascii_isspace(byte);
  });
}

// A zlib stream: deflate with a window of 32 KiB, a checksum of these two bytes
// that is right, and a first block of a kind that there is. A text may start
// so too.
bool IsZlib(absl::string_view head) {
  constexpr size_t kLooked = 32;
  if (head.size() < 3 || head[0] != 0x78 ||
      IsPrintable(head.substr(0, kLooked))) {
    return false;
  }
  const auto second = static_cast<uint8_t>(head[1]);
  const auto block = static_cast<uint8_t>(head[2]);
  const bool has_dictionary = (second & 0x20) != 0;
  return (0x7800 + second) % 31 == 0 && !has_dictionary &&
         ((block >> 1) & 3) != 3;
}

}  // namespace

absl::Status RefuseBySignature(absl::string_view head) {
  absl::Status refusal = RefuseAnyOf(kModels, head);
  refusal.Update(RefuseAnyOf(kPackings, head));
  refusal.Update(RefuseAnyOf(kOthers, head));
  if (!refusal.ok()) {
    return refusal;
  }
  if (absl::StartsWith(head, kZstdMagic)) {
    return Zstd(head);
  }
  if (IsPortableExecutable(head)) {
    return WithHint(InvalidArgumentError("A program or library of Windows "
                                         "(PE), not a checkpoint"),
                    kWrongFile);
  }
  if (IsZlib(head)) {
    return WithHint(
        InvalidArgumentError("The file is compressed with zlib, as "
                             "joblib.dump does with compress="),
        "If you trust it (to unpickle it may run any code), read it with "
        "joblib.load, and save its arrays as safetensors");
  }
  return absl::OkStatus();
}

}  // namespace hoist
