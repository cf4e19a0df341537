#include "hoist/checkpoint/scan/file_scan.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/testing/raw_deflate.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <size_t kSize>
std::string Bytes(const char (&literal)[kSize]) {
  return std::string(literal, kSize - 1);
}

const std::string kEvil =
    "\x80\2cposix\nsystem\nX\2" + std::string(3, '\0') + "ls\x85R.";
const std::string kGood = "\x80\2ccollections\nOrderedDict\n)R.";

ScanReport Scan(const std::string& content,
                const std::string& name = "file.dat") {
  const auto report = ScanFile(WriteTempFile(name, content));
  EXPECT_THAT(report, IsOk());
  return report.ok() ? *report : ScanReport();
}

// "member@position module.name class".
std::vector<std::string> Findings(const ScanReport& report) {
  std::vector<std::string> texts;
  for (const ScanFinding& finding : report.findings) {
    texts.push_back(absl::StrCat(finding.member, "@", finding.position, " ",
                                 finding.module, ".", finding.name, " ",
                                 GlobalClassName(finding.global_class)));
  }
  return texts;
}

std::vector<std::string> Problems(const ScanReport& report) {
  std::vector<std::string> texts;
  for (const ScanProblem& problem : report.problems) {
    texts.push_back(absl::StrCat(problem.member, ": ", problem.message));
  }
  return texts;
}

std::string Zip(const std::string& name, const std::string& content,
                const ZipBuilder::MemberOptions& options = {}) {
  ZipBuilder zip;
  zip.Add(name, content, options);
  return zip.Finish();
}

std::string TarMember(const std::string& name, const std::string& content) {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  char size[12];
  snprintf(size, sizeof(size), "%011zo", content.size());
  header.replace(124, 11, size);
  header[156] = '0';
  header.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char c : header) {
    sum += static_cast<unsigned char>(c);
  }
  char text[8];
  snprintf(text, sizeof(text), "%06o", sum);
  header.replace(148, 7, std::string(text, 7));
  return header + content + std::string((512 - content.size() % 512) % 512, 0);
}

TEST(ScanFileTest, BarePicklesOfAnyProtocol) {
  for (const std::string& pickle :
       {std::string("cposix\nsystem\n(Vls\ntR."), kEvil,
        Bytes("\x80\4\x8c\5posix\x94\x8c\6system\x94\x93\x8c\2ls\x85R.")}) {
    const ScanReport report = Scan(pickle);
    EXPECT_TRUE(report.is_complete());
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.findings[0].global_class, GlobalClass::kDangerous);
  }
}

TEST(ScanFileTest, EveryPickleOfAStack) {
  // As torch.save wrote before 1.6, and as stream loaders read.
  const std::string magic = Bytes("\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.");
  const std::string start = magic + Bytes("\x80\2M\xe9\3.") + "\x80\2}.";
  // 640 elements: a count that begins as a pickle does.
  const std::string storages =
      Bytes("\x80\2\0\0\0\0\0\0") + std::string(2560, '\x3f');
  const ScanReport good = Scan(start + kGood + "\x80\2]." + storages);
  EXPECT_THAT(Findings(good),
              ElementsAre("@27 collections.OrderedDict harmless"));
  EXPECT_THAT(Problems(good), IsEmpty());
  EXPECT_THAT(Findings(Scan(start + kGood + kEvil + storages)),
              Contains(HasSubstr("posix.system dangerous")));
  // Also where no reader would look for one.
  EXPECT_THAT(Findings(Scan(start + kGood + "\x80\2]." + storages + kEvil)),
              Contains(HasSubstr("posix.system dangerous")));
}

TEST(ScanFileTest, NamesMadeWhileRunningCountWhereTheyAreCalled) {
  EXPECT_THAT(Findings(Scan(Bytes("bytes\x80\2\x82\5)R."))),
              ElementsAre(HasSubstr("dangerous")));
}

TEST(ScanFileTest, OtherFilesAreClean) {
  std::string floats;
  for (int i = 0; i < 5000; ++i) {
    const float value = 0.01f * static_cast<float>(i % 777) - 3;
    floats.append(reinterpret_cast<const char*>(&value), 4);
  }
  for (const std::string& content :
       {std::string(), std::string("abc"), std::string("plain text\n"),
        std::string("class Net:\n  pass\n"),
        std::string("import os\nos.system('ls')\n"),
        std::string("cat\ndog\nbird\nfish\n"), std::string("{\"a\": 1}"),
        std::string(100'000, '\0'), std::string(100'000, '\x80'), floats,
        Bytes("\x10\0\0\0\0\0\0\0{\"__metadata__\":"),
        Bytes("\x80\2\0\0\x80\2\0\0"),
        // Extension 5 of Python's registry: three bytes say nothing.
        Bytes("\x01\x80\2\x82\5\x3b\x01\x80\2\x82\5.")}) {
    const ScanReport report = Scan(content);
    EXPECT_THAT(Findings(report), IsEmpty());
    EXPECT_THAT(Problems(report), IsEmpty()) << content.substr(0, 20);
  }
}

TEST(ScanFileTest, RepeatedProtocolsTakeNoQuadraticTime) {
  std::string content;
  for (int i = 0; i < 1'000'000; ++i) {
    content += Bytes("\x80\0");
  }
  EXPECT_THAT(Problems(Scan(content + "\xff")), testing::SizeIs(1));
  EXPECT_THAT(Problems(Scan("\xff" + content + "\xff")), IsEmpty());
}

TEST(ScanFileTest, CutOffPicklesAreIncomplete) {
  for (size_t size = 1; size < kEvil.size(); ++size) {
    const ScanReport report = Scan(kEvil.substr(0, size), "cut.pkl");
    EXPECT_EQ(report.is_complete(), false) << size;
  }
  const ScanReport report = Scan(kEvil.substr(0, 20));
  EXPECT_THAT(Findings(report), ElementsAre("@2 posix.system dangerous"));
}

TEST(ScanFileTest, FilesNamedAsPicklesHaveToBeOnes) {
  const std::string image = "\x89PNG\r\n\x1a\n";
  EXPECT_TRUE(Scan(image, "image.png").is_complete());
  EXPECT_FALSE(Scan(image, "model.pt").is_complete());
  EXPECT_TRUE(Scan("abc", "model.pt").is_complete());
}

TEST(ScanFileTest, CompressedFilesAreIncomplete) {
  EXPECT_THAT(Problems(Scan(Bytes("\x1f\x8b\x08\0"))),
              ElementsAre(HasSubstr("gzip")));
  EXPECT_THAT(Problems(Scan("x\x9c" + RawDeflate(kEvil))),
              ElementsAre(HasSubstr("zlib")));
}

TEST(ScanFileTest, MembersOfZipsWhateverTheirNames) {
  ZipBuilder zip;
  zip.Add("m/data.pkl", kGood);
  zip.Add("m/data/0", kEvil);
  zip.Add("m/notes.txt", std::string("padding ") + kEvil);
  const ScanReport report = Scan(zip.Finish());
  EXPECT_THAT(Problems(report), IsEmpty());
  EXPECT_THAT(Findings(report),
              ElementsAre("m/data.pkl@2 collections.OrderedDict harmless",
                          "m/data/0@2 posix.system dangerous",
                          "m/notes.txt@10 posix.system dangerous"));
}

TEST(ScanFileTest, DeflatedMembers) {
  // ZipBuilder stores, so that the sizes are put right by hand.
  const std::string deflated = RawDeflate(kEvil);
  std::string zip = Zip("a", deflated, {.crc32 = 0, .method = 8});
  const size_t entry = zip.find("PK\1\2");
  ASSERT_NE(entry, std::string::npos);
  zip[entry + 24] = static_cast<char>(kEvil.size());
  const ScanReport report = Scan(zip);
  EXPECT_THAT(Problems(report), IsEmpty());
  EXPECT_THAT(Findings(report), ElementsAre("a@2 posix.system dangerous"));
  // What is not deflated, but says so, is seen as it is.
  const ScanReport lie = Scan(Zip("a", kEvil, {.method = 8}));
  EXPECT_FALSE(lie.is_complete());
  EXPECT_THAT(Findings(lie), Contains("a@2 posix.system dangerous"));
}

TEST(ScanFileTest, BombsAreIncomplete) {
  std::string zip = Zip("a", RawDeflate(kGood), {.method = 8});
  const size_t entry = zip.find("PK\1\2");
  for (int i = 24; i < 28; ++i) {
    zip[entry + i] = '\x7f';
  }
  EXPECT_THAT(Problems(Scan(zip)), Contains(HasSubstr("claims 2139062143")));
}

TEST(ScanFileTest, ZipsInZips) {
  std::string content = Zip("evil", kEvil);
  std::string path = "evil";
  for (int depth = 2; depth <= 4; ++depth) {
    content = Zip("in", content);
    path = "in/" + path;
  }
  const ScanReport report = Scan(content);
  EXPECT_THAT(Problems(report), IsEmpty());
  EXPECT_THAT(Findings(report),
              ElementsAre(path + "@2 posix.system dangerous"));
  const ScanReport deeper = Scan(Zip("in", content));
  EXPECT_THAT(Problems(deeper), ElementsAre(HasSubstr("more than 4 deep")));
}

TEST(ScanFileTest, MembersThatHideAreProblems) {
  const std::vector<std::pair<std::string, std::string>> zips = {
      {Zip("a", kGood, {.flags = 0x0809}), "encrypted"},
      {Zip("a", kGood, {.flags = 0x0820}), "flags"},
      {Zip("a", kGood, {.flags = 0x0840}), "flags"},
      {Zip("a", kGood, {.crc32 = 1}), "checksum"},
      {Zip("a", kGood, {.method = 9}), "method 9"},
      {Zip("a", kGood, {.local_name = "b"}), "another name"},
      {Zip("a", kGood, {.header_offset = 3}), "no header"},
      {Zip("a", kGood, {.stored_bytes = 5}), "bytes stored for"},
      {Zip("a", kGood, {.stored_bytes = 500'000}), "archive ends at"},
      {kGood + Zip("a", kGood), "where its end record says"},
      {Zip("a", kGood) + "tail", "belong to no member"},
      {Zip("a", kGood).substr(0, 100), "no directory"},
  };
  for (const auto& [zip, problem] : zips) {
    EXPECT_THAT(Problems(Scan(zip)), Contains(HasSubstr(problem)));
  }
  ZipBuilder twice;
  twice.Add("a", kGood);
  twice.Add("a", kEvil);
  const ScanReport report = Scan(twice.Finish());
  EXPECT_THAT(Problems(report), Contains(HasSubstr("the same name")));
  EXPECT_THAT(Findings(report), Contains("a@2 posix.system dangerous"));
}

TEST(ScanFileTest, BytesOutsideOfMembersAreSearched) {
  ZipBuilder zip;
  zip.Add("a", kGood);
  // A member that the directory does not have: its entry is cut out.
  ZipBuilder hidden;
  hidden.Add("evil", kEvil);
  const std::string member = hidden.Finish();
  const std::string local = member.substr(0, member.find("PK\1\2"));
  for (const std::string& content :
       {kEvil + zip.Finish(), local + Zip("a", kGood),
        Zip("a", kGood) + kEvil}) {
    const ScanReport report = Scan(content);
    EXPECT_THAT(Findings(report),
                Contains(HasSubstr("posix.system dangerous")));
    EXPECT_FALSE(report.is_complete());
  }
}

TEST(ScanFileTest, ArchivesBehindEachOtherAreLookedIntoOneByOne) {
  const std::string good = Zip("a", kGood);
  const std::string evil = Zip("b", kEvil);
  const ScanReport clean = Scan(good + good + good);
  EXPECT_THAT(Problems(clean), IsEmpty());
  EXPECT_TRUE(clean.is_complete());
  for (const std::string& content :
       {evil + good, good + evil, good + evil + good}) {
    const ScanReport report = Scan(content);
    EXPECT_THAT(Findings(report),
                Contains(HasSubstr("b@2 posix.system dangerous")));
    EXPECT_TRUE(report.is_complete());
  }
  EXPECT_FALSE(Scan(good + "between" + good).is_complete());
  EXPECT_FALSE(Scan("before" + good + good).is_complete());
}

TEST(ScanFileTest, MembersOfTars) {
  const std::string end(1024, '\0');
  const ScanReport report =
      Scan(TarMember("sys_info", kGood) + TarMember("pickle", kEvil) + end);
  EXPECT_THAT(Problems(report), IsEmpty());
  EXPECT_THAT(Findings(report),
              ElementsAre("sys_info@2 collections.OrderedDict harmless",
                          "pickle@2 posix.system dangerous"));
  EXPECT_FALSE(Scan(TarMember("a", kGood) + end + "more" + end).is_complete());
  EXPECT_FALSE(Scan(TarMember("a", kGood) + kEvil).is_complete());
  EXPECT_FALSE(Scan(TarMember("a", kGood).substr(0, 520)).is_complete());
}

TEST(ScanFileTest, NumpyArraysOfObjects) {
  const auto npy = [](const std::string& type, const std::string& data) {
    const std::string header =
        "{'descr': " + type + ", 'fortran_order': False, 'shape': (2,), }\n";
    return Bytes("\x93NUMPY\1\0") + static_cast<char>(header.size()) + '\0' +
           header + data;
  };
  EXPECT_THAT(Findings(Scan(npy("'|O'", kEvil))),
              ElementsAre(HasSubstr("posix.system dangerous")));
  EXPECT_FALSE(Scan(npy("[('a', '|O')]", "\xff")).is_complete());
  EXPECT_TRUE(Scan(npy("'<f4'", std::string(8, '\x3f'))).is_complete());
}

TEST(ScanFileTest, EveryPrefixOfAnArchiveIsIncomplete) {
  const std::string zip = Zip("m/data.pkl", kGood);
  for (size_t size = 4; size < zip.size(); ++size) {
    EXPECT_FALSE(Scan(zip.substr(0, size)).is_complete()) << size;
  }
}

TEST(ScanFileTest, AFileThatIsNotThereIsAnError) {
  EXPECT_THAT(ScanFile("/not/there"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace hoist
