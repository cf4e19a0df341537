#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/formats/torch_zip/torch_zip_reader.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kInvalidArgument = absl::StatusCode::kInvalidArgument;

using Members = std::vector<std::pair<std::string, std::string>>;

// The error for an archive with these members; it has a hint.
absl::Status Read(const Members& members) {
  ZipBuilder zip;
  for (const auto& [name, content] : members) {
    zip.Add(name, content);
  }
  auto file = OpenFile(WriteTempFile("model.pt", zip.Finish()));
  HOIST_EXPECT_OK(file.status());
  const absl::Status status = ReadTorchZip(**file).status();
  EXPECT_NE(HintOf(status), "") << status;
  return status;
}

std::string TorchZip() {
  ZipBuilder zip;
  zip.Add("archive/data.pkl", "\x80\2}.");
  zip.Add("archive/version", "3\n");
  return zip.Finish();
}

const std::string kSafetensors("\2\0\0\0\0\0\0\0{}", 10);
const std::string kHdf5 = "\x89HDF\r\n\x1a\n";

TEST(ForeignArchivesTest, NumPyArchives) {
  const absl::Status status =
      Read({{"w.npy", "\x93NUMPY\1"}, {"b.npy", "\x93NUMPY\1"}});
  EXPECT_THAT(status,
              StatusIs(kInvalidArgument, HasSubstr("(.npz), not a PyTorch "
                                                   "checkpoint; its arrays are "
                                                   "w, b")));
  EXPECT_THAT(HintOf(status), HasSubstr("numpy.load(path).items()"));
}

TEST(ForeignArchivesTest, ArchivesAroundCheckpoints) {
  const absl::Status one =
      Read({{"config.yml", "a: b"}, {"runs/it's.pt", TorchZip()}});
  EXPECT_THAT(one, StatusIs(kInvalidArgument, HasSubstr("zip archive around "
                                                        "checkpoints; of its 2 "
                                                        "files 1 is one: "
                                                        "runs/it's.pt")));
  EXPECT_THAT(HintOf(one), HasSubstr("model.pt 'runs/it'\\''s.pt'"));
  Members many;
  for (int i = 0; i < 5; ++i) {
    many.emplace_back(absl::StrCat(i), kSafetensors);
  }
  EXPECT_THAT(Read(many), StatusIs(kInvalidArgument,
                                   HasSubstr("of its 5 files 5 are such: 0, 1, "
                                             "2 and 2 more")));
}

TEST(ForeignArchivesTest, CompressedMembersAreLookedIntoToo) {
  ZipBuilder zip;
  const std::string content = kSafetensors + std::string(10'000, 'x');
  zip.Add("a", content, {.method = 8, .stored = RawDeflate(content)});
  auto file = OpenFile(WriteTempFile("model.pt", zip.Finish()));
  HOIST_ASSERT_OK(file.status());
  EXPECT_THAT(ReadTorchZip(**file).status(),
              StatusIs(kInvalidArgument, HasSubstr("1 is one: a")));
}

TEST(ForeignArchivesTest, AnArchiveInsideNeedNotBeACheckpoint) {
  ZipBuilder inner;
  inner.Add("word/document.xml", "x");
  EXPECT_THAT(Read({{"a.docx", inner.Finish()}}),
              StatusIs(kInvalidArgument, Not(HasSubstr("around"))));
}

TEST(ForeignArchivesTest, TorchServe) {
  const absl::Status status =
      Read({{"MAR-INF/MANIFEST.json", "{}"}, {"net.bin", TorchZip()}});
  EXPECT_THAT(status, StatusIs(kInvalidArgument,
                               HasSubstr("TorchServe archive (.mar); of its 2 "
                                         "files 1 is one: net.bin")));
  EXPECT_THAT(HintOf(status), HasSubstr("unzip "));
}

TEST(ForeignArchivesTest, RecordsInOtherFolders) {
  const absl::Status deep =
      Read({{"a b/archive/data.pkl", "x"}, {"a b/archive/version", "3"}});
  EXPECT_THAT(deep, StatusIs(kInvalidArgument,
                             AllOf(HasSubstr("a PyTorch zip archive are in"),
                                   HasSubstr("data.pkl is in a b/archive"))));
  EXPECT_THAT(HintOf(deep),
              HasSubstr("cd 'a b' && zip -0 -r model.pt archive"));
  EXPECT_THAT(Read({{"x/a/data.pkl", "x"}, {"x/b/data.pkl", "x"}}),
              StatusIs(kInvalidArgument,
                       HasSubstr("2 PyTorch zip archives are in other folders "
                                 "here: data.pkl is in x/a, x/b")));
  EXPECT_THAT(Read({{"data.pkl", "x"}, {"data/0", "x"}}),
              StatusIs(kInvalidArgument, HasSubstr("is at the root")));
}

TEST(ForeignArchivesTest, OtherProgramsArchives) {
  for (const auto& [members, text] :
       std::vector<std::pair<Members, std::string>>{
           {{{"config.json", "{}"}, {"model.weights.h5", kHdf5}},
            "Keras model (.keras)"},
           {{{"[Content_Types].xml", "x"}, {"word/document.xml", "x"}},
            "Office document"},
           {{{"META-INF/MANIFEST.MF", "x"}}, "Java archive"},
           {{{"META-INF/MANIFEST.MF", "x"}, {"AndroidManifest.xml", "x"}},
            "Android program"},
           {{{"a-1.dist-info/WHEEL", "x"}}, "Python package"},
           {{{"mimetype", "x"}, {"content.xml", "x"}}, "OpenDocument"},
           {{{"mimetype", "x"}, {"META-INF/container.xml", "x"}}, "book"},
           {{{"a.txt", "x"}}, "it has 1 members, a.txt first"}}) {
    EXPECT_THAT(Read(members), StatusIs(kInvalidArgument, HasSubstr(text)));
  }
}

TEST(ForeignArchivesTest, PackagesAreRecognised) {
  EXPECT_THAT(
      Read({{"m/.data/version", "6"}, {"m/model/model.pkl", "x"}}),
      StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("torch.package")));
}

}  // namespace
}  // namespace hoist
