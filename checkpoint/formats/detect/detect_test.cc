#include "hoist/checkpoint/formats/detect/detect.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/compress/zstd.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

absl::StatusOr<Format> DetectFile(const std::string& path) {
  const auto file = OpenFile(path);
  return file.ok() ? DetectFormat(**file)
                   : absl::StatusOr<Format>(file.status());
}

absl::StatusOr<Format> Detect(absl::string_view content) {
  return DetectFile(WriteTempFile("checkpoint", content));
}

// Expects an error with a hint; returns its message.
std::string Refusal(absl::StatusCode code, absl::string_view content) {
  const absl::Status status = Detect(content).status();
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_NE(HintOf(status), "") << status;
  return std::string(status.message());
}

std::string Refusal(absl::StatusCode code, const std::vector<int>& content) {
  return Refusal(code, std::string(content.begin(), content.end()));
}

std::string Safetensors(uint64_t header_size, absl::string_view rest) {
  char length[sizeof(header_size)];
  StoreLittleEndian(header_size, length);
  return absl::StrCat(absl::string_view(length, sizeof(length)), rest);
}

MATCHER_P(IsFormat, format, "") {
  *result_listener << arg.status().ToString();
  return arg.ok() && *arg == format;
}

TEST(DetectFormatTest, FilesOfTheRealLibraries) {
  EXPECT_THAT(DetectFile("checkpoint/testdata/torch-2.11/dict_plain.pt"),
              IsFormat(Format::kTorchZip));
  EXPECT_THAT(DetectFile("checkpoint/testdata/torch-2.11/script_module.pt"),
              IsFormat(Format::kTorchScript));
  for (const absl::string_view name :
       {"state_dict", "empty", "handwritten_header"}) {
    EXPECT_THAT(DetectFile(absl::StrCat("checkpoint/testdata/safetensors-0.8/",
                                        name, ".safetensors")),
                IsFormat(Format::kSafetensors));
  }
  EXPECT_THAT(DetectFile("checkpoint/testdata/torch-2.11/legacy_state_dict.pt"),
              IsFormat(Format::kTorchLegacy));
}

TEST(DetectFormatTest, Zip) {
  EXPECT_THAT(Detect("PK\3\4"), IsFormat(Format::kTorchZip));
  EXPECT_THAT(Detect("PK\3\4 and more"), IsFormat(Format::kTorchZip));
}

TEST(DetectFormatTest, Native) {
  for (const absl::string_view name :
       {"version_1.hoist", "version_2_encoded.hoist",
        "version_2_directory/index.hoist"}) {
    EXPECT_THAT(
        DetectFile(absl::StrCat("checkpoint/formats/native/testdata/", name)),
        IsFormat(Format::kHoist));
  }
  EXPECT_THAT(Detect("\xF8HOIST\n\n\x1A\n").status().ok(), false);
}

TEST(DetectFormatTest, SafetensorsWithBlanksFirst) {
  EXPECT_THAT(Detect(Safetensors(3, " {}")), IsFormat(Format::kSafetensors));
  EXPECT_THAT(Detect(Safetensors(6, "\r\n\t {}")),
              IsFormat(Format::kSafetensors));
  EXPECT_THAT(Detect(Safetensors(8194, std::string(8192, ' ') + "{}")),
              IsFormat(Format::kSafetensors));
}

TEST(DetectFormatTest, HeaderLengthsThatSpellOtherSignatures) {
  for (const uint64_t size :
       {0x280, 0x580, 0x3c, 0x7b, 0x8b1f, 0x685a42, 0x04034b50}) {
    EXPECT_THAT(Detect(Safetensors(size, "{}")), IsFormat(Format::kSafetensors))
        << size;
  }
}

TEST(DetectFormatTest, SafetensorsWithAnAbsurdHeaderLength) {
  for (const uint64_t size :
       {uint64_t{100'000'001}, uint64_t{1} << 40, uint64_t{1} << 63,
        ~uint64_t{0}, ~uint64_t{0} - 0x84}) {
    EXPECT_THAT(Detect(Safetensors(size, "{\"a\":{}}")),
                IsFormat(Format::kSafetensors))
        << size;
    EXPECT_THAT(Detect(Safetensors(size, " \n{\"a\":{}}")),
                IsFormat(Format::kSafetensors))
        << size;
  }
}

TEST(DetectFormatTest, HeaderLengthsThatAreText) {
  EXPECT_THAT(Detect(R"(version {"a":{"dtype":"U8","data_offsets":[0,1]}})"),
              IsFormat(Format::kSafetensors));
  EXPECT_THAT(Refusal(kInvalidArgument, "version {1} of it"),
              HasSubstr("text file"));
}

TEST(DetectFormatTest, JsonWithABraceWhereSafetensorsHasOne) {
  EXPECT_THAT(Refusal(kInvalidArgument, R"({"abcd":{"a":1}})"),
              HasSubstr("JSON"));
}

TEST(DetectFormatTest, Empty) {
  EXPECT_EQ(Refusal(kDataLoss, ""), "The file is empty (0 bytes)");
}

TEST(DetectFormatTest, LfsPointer) {
  const absl::string_view pointer =
      "version https://git-lfs.github.com/spec/v1\n"
      "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17\n"
      "size 4976698672\n";
  const absl::Status status = Detect(pointer).status();
  EXPECT_THAT(status, StatusIs(kInvalidArgument,
                               AllOf(HasSubstr("Git LFS pointer (130 bytes)"),
                                     HasSubstr("wanted are 4976698672 bytes"),
                                     HasSubstr("oid sha256:4d7a"))));
  EXPECT_THAT(HintOf(status), HasSubstr("git lfs pull --include "));
  EXPECT_THAT(Refusal(kInvalidArgument, "version http"),
              HasSubstr("Git LFS pointer"));
}

TEST(DetectFormatTest, WebPages) {
  EXPECT_THAT(
      Refusal(kInvalidArgument, "<!DOCTYPE html>\n<title> Sign in\n</title>"),
      HasSubstr("HTML page (\"Sign in\")"));
  EXPECT_THAT(Refusal(kInvalidArgument, "\n\n<html>"), HasSubstr("HTML page"));
  EXPECT_THAT(Refusal(kInvalidArgument, "\xef\xbb\xbf<html>"),
              HasSubstr("HTML page"));
  EXPECT_THAT(Refusal(kInvalidArgument, "<"), HasSubstr("HTML page"));
  EXPECT_THAT(Refusal(kInvalidArgument, "<?xml version=\"1.0\"?><Error>"),
              HasSubstr("XML document"));
}

TEST(DetectFormatTest, Json) {
  EXPECT_THAT(
      Refusal(kUnimplemented,
              R"({"metadata":{},"weight_map":{"w":"model.safetensors"}})"),
      HasSubstr("index"));
  EXPECT_THAT(Refusal(kInvalidArgument, "{\n \"model_type\": \"llama\"}"),
              HasSubstr("model_type"));
  EXPECT_THAT(Refusal(kInvalidArgument, "{"), HasSubstr("JSON"));
}

TEST(DetectFormatTest, Compressed) {
  EXPECT_THAT(Refusal(kInvalidArgument, {0x1f, 0x8b, 8, 0}), HasSubstr("gzip"));
  EXPECT_THAT(Refusal(kInvalidArgument, "BZh91AY"), HasSubstr("bzip2"));
  EXPECT_THAT(Refusal(kInvalidArgument, {0xfd, '7', 'z', 'X', 'Z', 0}),
              HasSubstr("xz"));
  EXPECT_THAT(Refusal(kInvalidArgument, {'7', 'z', 0xbc, 0xaf, 0x27, 0x1c}),
              HasSubstr("7z"));
}

TEST(DetectFormatTest, ZstdNamesTheSizeOfItsContent) {
  HOIST_ASSERT_OK_AND_ASSIGN(
      const std::vector<uint8_t> frame,
      ZstdCompress(std::vector<uint8_t>(123'456, 7), /*level=*/3));
  EXPECT_THAT(
      Refusal(kInvalidArgument, std::string(frame.begin(), frame.end())),
      HasSubstr("zstd, from 123456 bytes"));
  EXPECT_EQ(Refusal(kInvalidArgument, {0x28, 0xb5, 0x2f, 0xfd}),
            "The file is compressed with zstd");
}

TEST(DetectFormatTest, OtherFrameworks) {
  // 123 tensors: a brace at byte 8.
  EXPECT_THAT(Refusal(kInvalidArgument, {'G', 'G', 'U', 'F', 3, 0, 0, 0, 123, 0,
                                         0, 0, 0, 0, 0, 0}),
              HasSubstr("GGUF"));
  EXPECT_THAT(Refusal(kInvalidArgument, "\x89HDF\r\n\x1a\n"),
              HasSubstr("HDF5"));
  EXPECT_THAT(Refusal(kInvalidArgument, "\x93NUMPY\1"), HasSubstr("NumPy"));
}

TEST(DetectFormatTest, OlderAndOtherFormatsOfPyTorch) {
  EXPECT_THAT(Refusal(kUnimplemented, "PYTORCH1"), HasSubstr("1.0 preview"));
  EXPECT_THAT(Refusal(kUnimplemented, {0x18, 0, 0, 0, 'P', 'T', 'M', 'F'}),
              HasSubstr("mobile"));
  std::string tar(512, '\0');
  tar.replace(0, 7, "storage").replace(257, 5, "ustar");
  EXPECT_THAT(Detect(tar), IsFormat(Format::kTorchTar));
}

TEST(DetectFormatTest, LegacyTorchSaveInEveryProtocol) {
  const std::string number =
      "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
  const std::string frame("\x95\x0d\0\0\0\0\0\0\0", 9);
  for (const std::string& start :
       {std::string("L119547037146038801333356L\n."), "\x80\x02" + number,
        "\x80\x03" + number, "\x80\x04" + frame + number,
        "\x80\x05" + frame + number}) {
    EXPECT_THAT(Detect(start + "\x80\x02M\xe9\x03."),
                IsFormat(Format::kTorchLegacy));
  }
}

TEST(DetectFormatTest, BarePickle) {
  EXPECT_THAT(Detect("\x80\x02}q\1."), IsFormat(Format::kPickle));
  EXPECT_THAT(Detect("\x80\x04"), IsFormat(Format::kPickle));
  EXPECT_THAT(Detect("(dp0\n."), IsFormat(Format::kPickle));
  // A string with a brace at byte 8.
  EXPECT_THAT(Detect(std::string("\x80\2X\2\0\0\0a{q\0.", 12)),
              IsFormat(Format::kPickle));
}

TEST(DetectFormatTest, UnknownShowsItsFirstBytes) {
  EXPECT_EQ(Refusal(kInvalidArgument, "\x88QNG\r\n\x1a\n and more of it"),
            "Not a checkpoint format that Hoist knows: it starts 88 51 4e 47 "
            "0d 0a 1a 0a 20 61 6e 64 20 6d 6f 72 (as text: \".QNG.... and "
            "mor\")");
  EXPECT_EQ(Refusal(kInvalidArgument, std::string(1, '\1')),
            "Not a checkpoint format that Hoist knows: it starts 01 (as text: "
            "\".\")");
}

TEST(DetectFormatTest, EveryShortFileIsAnswered) {
  const std::string file = Safetensors(2, "{}");
  for (size_t size = 0; size <= 8; ++size) {
    EXPECT_FALSE(Detect(file.substr(0, size)).ok()) << size;
  }
  EXPECT_THAT(Detect(file.substr(0, 9)), IsFormat(Format::kSafetensors));
  for (int byte = 0; byte < 256; ++byte) {
    for (const size_t size : {1, 2, 4, 8, 9, 15}) {
      EXPECT_FALSE(Detect(std::string(size, static_cast<char>(byte))).ok())
          << byte << " " << size;
    }
  }
}

}  // namespace
}  // namespace hoist
