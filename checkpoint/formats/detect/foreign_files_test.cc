#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/detect/detect.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;
constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

absl::Status DetectFile(const std::string& path) {
  const auto file = OpenFile(path);
  return file.ok() ? DetectFormat(**file).status() : file.status();
}

// Named as what it is not: names say nothing.
absl::Status Detect(absl::string_view content) {
  return DetectFile(WriteTempFile("model.pt", content));
}

std::string Bytes(const std::vector<int>& values) {
  return std::string(values.begin(), values.end());
}

// A field of bytes in a protocol buffer.
std::string Field(int number, const std::string& content) {
  std::string size;
  size_t left = content.size();
  for (; left >= 0x80; left >>= 7) {
    size += static_cast<char>((left & 0x7f) | 0x80);
  }
  size += static_cast<char>(left);
  return absl::StrCat(std::string(1, static_cast<char>(number << 3 | 2)), size,
                      content);
}

std::string Number(int number, int value) {
  return Bytes({number << 3, value});
}

TEST(ForeignFilesTest, SignaturesAreNamed) {
  const std::string rest(200, '\1');
  std::string program = "MZ" + rest;
  program.replace(0x3c, 4, Bytes({0x40, 0, 0, 0}));
  program.replace(0x40, 4, Bytes({'P', 'E', 0, 0}));
  for (const auto& [content, code, text] :
       std::vector<std::tuple<std::string, absl::StatusCode, std::string>>{
           {Bytes({24, 0, 0, 0, 'E', 'T', '1', '2'}), kUnimplemented,
            "ExecuTorch"},
           {Bytes({28, 0, 0, 0, 'T', 'F', 'L', '3'}), kInvalidArgument,
            "TensorFlow Lite"},
           {"lmgg", kInvalidArgument, "GGML model"},
           {"fmgg", kInvalidArgument, "GGMF model"},
           {"tjgg", kInvalidArgument, "GGJT model"},
           {"algg", kInvalidArgument, "GGLA adapter"},
           {"MATLAB 5.0 MAT-file, Platform", kInvalidArgument, "MATLAB"},
           {Bytes({0x5d, 0, 0, 0x80, 0, 0xff, 0xff, 0xff, 0xff}),
            kInvalidArgument, "lzma"},
           {Bytes({4, 0x22, 0x4d, 0x18, 0x64}), kInvalidArgument, "lz4"},
           {Bytes({0x1f, 0x9d, 0x90}), kInvalidArgument, "(.Z)"},
           {Bytes({'R', 'a', 'r', '!', 0x1a, 7, 1, 0}), kInvalidArgument,
            "RAR archive"},
           {"ZF0x12", kInvalidArgument, "joblib"},
           // As joblib writes with compress=3: zlib, a block, a pickle.
           {Bytes({0x78, 0x5e, 0x6b, 0x60, 0x99, 0xba}), kInvalidArgument,
            "zlib"},
           {Bytes({0x7f, 'E', 'L', 'F', 2, 1, 1, 0}), kInvalidArgument,
            "Linux (ELF)"},
           {Bytes({0xcf, 0xfa, 0xed, 0xfe}), kInvalidArgument, "Mach-O"},
           {program, kInvalidArgument, "Windows (PE)"},
           {Bytes({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}),
            kInvalidArgument, "PNG image"},
           {Bytes({0xff, 0xd8, 0xff, 0xe0}), kInvalidArgument, "JPEG image"},
           {"GIF89a", kInvalidArgument, "GIF image"},
           {"%PDF-1.7\n", kInvalidArgument, "PDF document"},
           {Bytes({'S', 'Q', 'L', 'i', 't', 'e', ' ', 'f', 'o', 'r', 'm', 'a',
                   't', ' ', '3', 0}),
            kInvalidArgument, "SQLite"},
           {"PAR1", kInvalidArgument, "Parquet"},
       }) {
    const absl::Status status = Detect(content + rest);
    EXPECT_THAT(status, StatusIs(code, HasSubstr(text)));
    EXPECT_NE(HintOf(status), "") << text;
  }
}

TEST(ForeignFilesTest, WhatOnlyStartsLikeASignatureIsNot) {
  EXPECT_THAT(Detect("MZ" + std::string(200, '\1')),
              StatusIs(kInvalidArgument, HasSubstr("format that Hoist knows")));
  // A checksum of the two bytes that is wrong; no such block.
  for (const char* start : {"\x78\x9d\x6b", "\x78\x9c\x6f"}) {
    EXPECT_THAT(
        Detect(absl::StrCat(start, "\1\1")),
        StatusIs(kInvalidArgument, HasSubstr("format that Hoist knows")));
  }
  EXPECT_THAT(Detect("x^2 + y^2, and so on, in a text that is longer"),
              StatusIs(kInvalidArgument, HasSubstr("text file")));
}

std::string OnnxGraph() {
  return Field(1, Field(1, "x") + Field(2, "y")) + Field(2, "main_graph");
}

TEST(ForeignFilesTest, Onnx) {
  const std::string start = Number(1, 8);
  const absl::Status status =
      Detect(start + Field(2, "pytorch") + Field(3, "2.1.0") +
             Field(7, OnnxGraph()) + Field(8, Number(2, 17)));
  EXPECT_THAT(status, StatusIs(kInvalidArgument,
                               HasSubstr("ONNX model, written by pytorch,")));
  EXPECT_THAT(HintOf(status), HasSubstr("PyTorch model that it was made from"));
  // Without a producer; with all fields; with a graph that goes on for longer
  // than what is looked at.
  EXPECT_THAT(Detect(start + Field(7, OnnxGraph())),
              StatusIs(kInvalidArgument, HasSubstr("ONNX model, not")));
  EXPECT_THAT(Detect(start + Field(2, "a") + Field(3, "1") + Field(4, "ai") +
                     Number(5, 0) + Field(6, "") +
                     Field(7, OnnxGraph() + std::string(100'000, 'w'))),
              StatusIs(kInvalidArgument, HasSubstr("ONNX model")));
}

TEST(ForeignFilesTest, WhatIsNotOnnxIsNotTakenForIt) {
  const std::string graph = Field(7, OnnxGraph());
  const std::vector<std::pair<const char*, std::string>> others = {
      {"no version", Field(2, "pytorch") + graph},
      {"no version that there is", Number(1, 100) + graph},
      {"no graph", Number(1, 8) + Field(2, "pytorch")},
      {"a graph of other fields", Number(1, 8) + Field(7, Number(1, 1))},
      {"a number for a graph", Number(1, 8) + Number(7, 5)},
      {"a name that is none", Number(1, 8) + Field(2, "\1\2") + graph},
      {"a graph beyond the file",
       Number(1, 8) + Bytes({0x3a, 0xff, 0x7f}) + OnnxGraph()},
  };
  for (const auto& [what, content] : others) {
    const absl::Status status = Detect(content);
    EXPECT_FALSE(status.ok()) << what;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("ONNX"))) << what;
  }
}

TEST(ForeignFilesTest, TensorFlow) {
  const std::string ops = Field(1, Field(1, "Const")) + Field(1, "");
  for (const std::string& info :
       {Field(2, ops), Field(1, "v1") + Field(2, ops)}) {
    EXPECT_THAT(
        Detect(Number(1, 1) + Field(2, Field(1, info + Field(4, "serve")))),
        StatusIs(kInvalidArgument, HasSubstr("TensorFlow SavedModel")));
  }
  // Of CoreML: texts in these places.
  EXPECT_THAT(Detect(Number(1, 1) +
                     Field(2, Field(1, Field(1, "input") + Field(2, "text")))),
              StatusIs(kInvalidArgument, HasSubstr("that Hoist knows")));
  EXPECT_THAT(Detect(Field(1, Field(1, "input") + Field(2, "Placeholder"))),
              StatusIs(kInvalidArgument, HasSubstr("TensorFlow graph")));
  EXPECT_THAT(Detect(Field(1, Field(1, "\1input") + Field(2, "Place"))),
              StatusIs(kInvalidArgument, HasSubstr("that Hoist knows")));
  const std::string table =
      Bytes({0, 0, 1, 8, 1}) + std::string(100, 'x') +
      Bytes({0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb});
  const absl::Status status = Detect(table);
  EXPECT_THAT(status, StatusIs(kInvalidArgument,
                               HasSubstr("checkpoint of TensorFlow")));
  EXPECT_THAT(HintOf(status), HasSubstr("load_checkpoint"));
  EXPECT_THAT(Detect(table + "x"),
              StatusIs(kInvalidArgument, HasSubstr("that Hoist knows")));
}

TEST(ForeignFilesTest, LfsPointersAreFetchedByName) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n";
  EXPECT_THAT(HintOf(DetectFile(WriteTempFile("model-1.bin", pointer))),
              EndsWith("_model-1.bin"));
  EXPECT_THAT(HintOf(DetectFile(WriteTempFile("it's mine.bin", pointer))),
              AllOf(HasSubstr("--include '"), EndsWith("_it'\\''s mine.bin'")));
}

TEST(ForeignFilesTest, PagesAreNamedByTheirTitle) {
  EXPECT_THAT(Detect("<html>\n<head><TITLE class=\"x\">\n Sign in </TITLE>"),
              StatusIs(kInvalidArgument, HasSubstr("page (\"Sign in\")")));
  // One that goes on after what is looked at.
  EXPECT_THAT(Detect("<html><title>" + std::string(5000, 'x')),
              StatusIs(kInvalidArgument, HasSubstr("page (\"xxxxxx")));
  EXPECT_THAT(
      Detect("<?xml version=\"1.0\"?><Error><Code>Denied</Code>"
             "<Message>Access Denied</Message></Error>"),
      StatusIs(kInvalidArgument, HasSubstr("document (\"Access Denied\")")));
  EXPECT_THAT(Detect("<?xml version=\"1.0\"?><html><title>Hi</title></html>"),
              StatusIs(kInvalidArgument, HasSubstr("HTML page (\"Hi\")")));
}

TEST(ForeignFilesTest, ErrorsInJsonHaveAnotherWayOut) {
  EXPECT_THAT(HintOf(Detect("{\"error\":\"Invalid credentials\"}")),
              HasSubstr("need a login"));
  EXPECT_THAT(HintOf(Detect("{\"model_type\":\"llama\"}")),
              HasSubstr("file with the weights"));
  EXPECT_THAT(Detect("[{\"a\": 1}]"),
              StatusIs(kInvalidArgument, HasSubstr("JSON")));
}

TEST(ForeignFilesTest, Text) {
  EXPECT_THAT(
      Detect("Hello: the weights\nare elsewhere\n"),
      StatusIs(kInvalidArgument,
               HasSubstr("A text file (33 bytes), not a checkpoint; it starts "
                         "\"Hello: the weights\\nare elsewhere\"")));
  // A character that is cut where the head ends.
  EXPECT_THAT(Detect(std::string(4095, 'x') + "\xc3\xa4 and more"),
              StatusIs(kInvalidArgument, HasSubstr("text file")));
  // Not UTF-8; a control character.
  for (const char* other : {"some words \xff", "some words \2"}) {
    EXPECT_THAT(Detect(other),
                StatusIs(kInvalidArgument, HasSubstr("that Hoist knows")));
  }
  const absl::Status annex = Detect("/annex/objects/SHA256E-s1--4d7a.pt\n");
  EXPECT_THAT(annex, StatusIs(kInvalidArgument, HasSubstr("git-annex")));
  EXPECT_THAT(HintOf(annex), HasSubstr("git annex get"));
}

TEST(ForeignFilesTest, FilesOfZeros) {
  for (const size_t size : {1, 15, 200'000}) {
    const absl::Status status = Detect(std::string(size, '\0'));
    EXPECT_THAT(status, StatusIs(kDataLoss, HasSubstr(absl::StrCat(
                                                "The file is ", size,
                                                size == 1 ? " byte" : " bytes",
                                                ", all zero"))));
    EXPECT_THAT(HintOf(status), HasSubstr("reserved the space"));
  }
  // Not all of this one is looked at.
  const size_t size = size_t{5} << 20;
  EXPECT_THAT(Detect(std::string(size, '\0')),
              StatusIs(kDataLoss, HasSubstr("that were looked at")));
}

TEST(ForeignFilesTest, FilesThatStartWithZeros) {
  for (const auto& [size, other] : std::vector<std::pair<size_t, size_t>>{
           {17, 16}, {100'000, 99'999}, {8 << 20, (8 << 20) - 1}}) {
    std::string content(size, '\0');
    content[other] = 'x';
    EXPECT_THAT(Detect(content),
                StatusIs(kDataLoss, HasSubstr(absl::StrCat(
                                        "starts with zeros, and has other "
                                        "bytes at ",
                                        other, " of its ", size))));
  }
}

}  // namespace
}  // namespace hoist
