#include "hoist/tools/commands/hoist_program.h"

#include <signal.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/testing/temp_file.h"
#include "hoist/core/thread/cancel_token.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kSample[] = "tools/sample/digits.pt";

class HoistProgramTest : public ::testing::Test {
 protected:
  HoistProgramTest() {
    context_.out = &out_;
    context_.err = &err_;
    context_.find_sample = [] { return std::string(kSample); };
    context_.count_devices = []() -> absl::StatusOr<int> { return NoDevice(); };
    context_.describe_device = [](int) -> absl::StatusOr<DeviceInfo> {
      return NoDevice();
    };
  }

  static absl::Status NoDevice() {
    return WithHint(absl::UnavailableError("No CUDA device: no driver"),
                    "Use --device=cpu");
  }

  int Run(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return RunHoist(arguments, context_);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  std::ostringstream out_;
  std::ostringstream err_;
  CommandContext context_;
};

TEST_F(HoistProgramTest, LoadsTheSampleWithoutAPath) {
  ASSERT_EQ(Run({"load"}), kExitDone) << err();
  EXPECT_THAT(err(), HasSubstr("the sample"));
  EXPECT_THAT(out(), StartsWith("digits.pt  "));
  EXPECT_THAT(out(), HasSubstr("blocks.0-3  (4 identical)"));
  EXPECT_THAT(out(), HasSubstr("optimizer_state_dict  optimizer state: "));
  EXPECT_THAT(out(), HasSubstr("\n  epoch                 30\n"));
  EXPECT_THAT(
      out(), HasSubstr("Loaded to cpu, as no GPU is usable: No CUDA device: no "
                       "driver\n"));
  EXPECT_THAT(out(), HasSubstr("Verified: every byte"));
}

TEST_F(HoistProgramTest, LoadSaysItInJson) {
  ASSERT_EQ(Run({"load", "--json", "--device=cpu", "--threads", "3", kSample}),
            kExitDone)
      << err();
  EXPECT_THAT(err(), IsEmpty());
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["schema"], "hoist.load/1");
  EXPECT_EQ(json["path"], kSample);
  EXPECT_EQ(json["device"], "cpu");
  EXPECT_EQ(json["verified"], "checksum");
  EXPECT_GT(json["tensors"], 50);
}

TEST_F(HoistProgramTest, LoadMakesAnotherDtypeOfTensors) {
  ASSERT_EQ(Run({"load", "--device=cpu", "--dtype=bfloat16", kSample}),
            kExitDone)
      << err();
  EXPECT_THAT(out(), HasSubstr("    convert "));
  EXPECT_EQ(Run({"load", "--device=cpu", "--dtype=float33", kSample}),
            kExitError);
  EXPECT_THAT(err(), HasSubstr("no dtype float33"));
  EXPECT_EQ(Run({"load", "--device=cpu", "--dtype=int8", kSample}), kExitError);
}

TEST_F(HoistProgramTest, LoadShowsItsShareOfTheCeilingIfAsked) {
  ASSERT_EQ(Run({"load", "--device=cpu", "--ceiling", kSample}), kExitDone);
  EXPECT_THAT(out(), HasSubstr(" % of the ceiling"));
}

TEST_F(HoistProgramTest, LoadWithoutVerifyingSaysSo) {
  ASSERT_EQ(Run({"load", "--json", "--verify=off", kSample}), kExitDone);
  EXPECT_EQ(ordered_json::parse(out())["verified"], "none");
}

TEST_F(HoistProgramTest, TensorsAreLoadedUnderOtherNames) {
  ASSERT_EQ(Run({"load", "--select=*.head", "--device=cpu", kSample,
                 "--rename=model_state_dict.*=*", "--rename=s/^head/fc/"}),
            kExitDone)
      << err();
  EXPECT_THAT(out(), AllOf(HasSubstr("fc"), Not(HasSubstr("head"))));
  EXPECT_EQ(Run({"load", kSample, "--rename=nothing.*=*"}), kExitError);
  EXPECT_THAT(err(), HasSubstr("nothing.*=*"));
  EXPECT_EQ(Run({"load", kSample, "--rename=nothing"}), kExitError);
  EXPECT_THAT(err(), HasSubstr("--rename"));
}

TEST_F(HoistProgramTest, LoadsOnlyWhatIsSelected) {
  ASSERT_EQ(Run({"load", "--json", "--select", "*.head", "--select",
                 "*.stem.0.weight", "--exclude", "*.bias", kSample}),
            kExitDone)
      << err();
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["tensors"], 2);
  EXPECT_EQ(json["bytes"], 4 * (160 + 144));

  ASSERT_EQ(Run({"load", "--select=*.head", "--device=cpu"}), kExitDone);
  EXPECT_THAT(out(), HasSubstr("[10, 16]"));
  EXPECT_THAT(out(), Not(HasSubstr("stem")));
  EXPECT_THAT(out(), HasSubstr("\n  2 tensors, 680 B in "));

  EXPECT_EQ(Run({"load", "--select=head", kSample}), kExitError);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_THAT(err(), HasSubstr("There is model_state_dict.head"));
  EXPECT_EQ(Run({"load", "--exclude=head", kSample}), kExitError);
  EXPECT_THAT(err(), HasSubstr("error[NOT_FOUND]"));
}

// A checkpoint whose payload is damaged: whoever reads it notices.
std::string DamagedSample() {
  std::ifstream in(kSample, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  std::string damaged = bytes.str();
  damaged[damaged.size() / 2] ^= 1;
  return WriteTempFile("damaged.pt", damaged);
}

TEST_F(HoistProgramTest, ADryRunReadsNoTensors) {
  const std::string path = DamagedSample();
  ASSERT_EQ(Run({"load", "--device=cpu", path}), kExitError);
  EXPECT_THAT(err(), HasSubstr("error[DATA_LOSS]"));
  ASSERT_EQ(Run({"load", "--device=cpu", "--dry-run", path}), kExitDone)
      << err();
  EXPECT_THAT(err(), IsEmpty());
  EXPECT_THAT(out(), StartsWith(absl::StrCat(path, "  260 KiB\nPyTorch zip")));
  EXPECT_THAT(out(), HasSubstr("\nWould load to cpu\n  143 tensors, "));
  EXPECT_THAT(out(), HasSubstr("\n  read by pread: it is small\n"));
  EXPECT_THAT(out(), HasSubstr("\nIt fits\n"));
  EXPECT_THAT(out(), Not(HasSubstr("stem")));
  // The same options count as do in a load.
  ASSERT_EQ(Run({"load", "--dry-run", "--json", "--select=*.head", "--io=mmap",
                 kSample}),
            kExitDone);
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["schema"], "hoist.load_plan/1");
  EXPECT_EQ(json["path"], kSample);
  EXPECT_EQ(json["tensors"], 2);
  EXPECT_EQ(json["bytes"], 680);
  EXPECT_EQ(json["io"][0]["method"], "mmap");
  EXPECT_EQ(json["fits"], true);
  // Without a path it is the sample's.
  ASSERT_EQ(Run({"load", "--dry-run"}), kExitDone);
  EXPECT_THAT(out(), StartsWith("digits.pt  "));
}

TEST_F(HoistProgramTest, WhatDoesNotFitIsFoundOrRefused) {
  EXPECT_EQ(Run({"load", "--dry-run", "--max-host-mem=10KiB", kSample}),
            kExitFound);
  EXPECT_THAT(out(), HasSubstr("It does not fit: "));
  EXPECT_THAT(out(), HasSubstr("and 10240 are allowed\n  hint: "));
  EXPECT_THAT(err(), IsEmpty());
  EXPECT_EQ(
      Run({"load", "--dry-run", "--json", "--max-host-mem=10KiB", kSample}),
      kExitFound);
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["fits"], false);
  EXPECT_THAT(json["hint"].get<std::string>(), HasSubstr("--io=mmap"));
  EXPECT_EQ(Run({"load", "--max-host-mem=10KiB", kSample}), kExitError);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_THAT(err(), StartsWith("hoist: error[RESOURCE_EXHAUSTED]: "));
  EXPECT_EQ(Run({"load", "--max-host-mem=1MiB", kSample}), kExitDone);
}

std::string FileText(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST_F(HoistProgramTest, TracesLoadsAlsoThoseThatFail) {
  const std::string path = WriteTempFile("trace.json", "");
  ASSERT_EQ(Run({"load", "--trace", path, kSample}), kExitDone) << err();
  EXPECT_THAT(ordered_json::parse(FileText(path)).dump(),
              HasSubstr(R"("name":"open")"));
  const std::string of_failure = WriteTempFile("failed.json", "");
  ASSERT_EQ(Run({"load", "--trace", of_failure, DamagedSample()}), kExitError);
  EXPECT_THAT(err(), HasSubstr("error[DATA_LOSS]"));
  EXPECT_THAT(FileText(of_failure), HasSubstr(R"("name":"open")"));
  // Known before the load, and after it.
  for (const char* file : {"/not/there/trace.json", "/dev/full"}) {
    EXPECT_EQ(Run({"load", "--trace", file, kSample}), kExitError);
    EXPECT_THAT(out(), IsEmpty());
    EXPECT_THAT(err(), HasSubstr("Writing the trace to "));
  }
}

TEST_F(HoistProgramTest, ACancelledLoadIsOneLine) {
  CancelToken cancel;
  context_.cancel = &cancel;
  EXPECT_EQ(Run({"load", kSample}), kExitDone);
  cancel.Cancel();
  const std::string trace = WriteTempFile("cancelled.json", "");
  EXPECT_EQ(Run({"load", "--trace", trace, kSample}), kExitCancelled);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_EQ(err(), "hoist: error[CANCELLED]: The load was cancelled\n");
  EXPECT_THAT(FileText(trace), HasSubstr(R"("name":"open")"));
}

TEST_F(HoistProgramTest, SignalsCancelWhileALoadIsUnderWay) {
  for (const auto& [signal_number, exit_status] :
       {std::pair(SIGINT, kExitCancelled), std::pair(SIGTERM, 143)}) {
    CancelToken cancel;
    context_.cancel = &cancel;
    // The clock is first asked when the load begins.
    std::atomic<bool> is_first = true;
    context_.now_ns = [&, number = signal_number] {
      if (is_first.exchange(false)) {
        raise(number);
      }
      return int64_t{0};
    };
    EXPECT_EQ(Run({"load", kSample}), exit_status);
    EXPECT_EQ(signal(signal_number, SIG_DFL), SIG_DFL);
  }
}

// A safetensors file of zeros that takes no room on the disk.
std::string SparseCheckpoint(uint64_t size) {
  std::string header = absl::StrCat(R"({"w":{"dtype":"U8","shape":[)", size,
                                    R"(],"data_offsets":[0,)", size, "]}}");
  header.resize(120, ' ');
  const std::string path =
      WriteTempFile("sparse.safetensors",
                    absl::StrCat(std::string("\x78\0\0\0\0\0\0\0", 8), header));
  std::filesystem::resize_file(path, 128 + size);
  return path;
}

TEST_F(HoistProgramTest, ShowsProgressUnlessItIsQuiet) {
  // So that every draw is late.
  std::atomic<int64_t> now_s = 0;
  context_.now_ns = [&] { return (now_s += 10) * 1'000'000'000; };
  // However fast the machine is, the load is to take so long that there is
  // something to draw after its first bytes.
  const std::string drawn = "iB";
  std::string path;
  for (uint64_t size = 64 << 20; size <= uint64_t{2} << 30; size *= 2) {
    path = SparseCheckpoint(size);
    ASSERT_EQ(Run({"load", "--json", "--device=cpu", "--threads=1", path}),
              kExitDone);
    if (absl::StrContains(err(), drawn)) {
      break;
    }
    std::filesystem::remove(path);
  }
  EXPECT_THAT(err(), HasSubstr(drawn));
  EXPECT_THAT(err(), MatchesRegex("(loaded [^\n]*\n)+"));
  EXPECT_NO_THROW(ordered_json::parse(out()));

  ASSERT_EQ(Run({"load", "-q", "--device=cpu", "--threads=1", path}),
            kExitDone);
  EXPECT_THAT(err(), IsEmpty());
  ASSERT_EQ(Run({"load", "--quiet"}), kExitDone);
  EXPECT_THAT(err(), IsEmpty());
  std::filesystem::remove(path);
}

TEST_F(HoistProgramTest, AnAbsentGpuIsOneErrorAndNothingElse) {
  // The file is not even looked at.
  for (const char* json : {"--json", "--verify=off"}) {
    EXPECT_EQ(Run({"load", "--device=cuda:0", json, "no such file"}),
              kExitError);
    EXPECT_THAT(out(), IsEmpty());
    EXPECT_EQ(err(),
              "hoist: error[UNAVAILABLE]: cuda:0: No CUDA device: no driver\n"
              "  hint: Use --device=cpu\n");
  }
}

constexpr char kEvilPickle[] = "cposix\nsystem\n(S'ls'\ntR.";

TEST_F(HoistProgramTest, ScanTellsCleanDangerousAndUnread) {
  EXPECT_EQ(Run({"scan", kSample}), kExitDone) << err();
  EXPECT_THAT(out(), HasSubstr("  clean  "));
  const std::string evil = WriteTempFile("model.pkl", kEvilPickle);
  EXPECT_EQ(Run({"scan", kSample, evil}), kExitFound);
  EXPECT_THAT(out(), HasSubstr("dangerous  posix.system  byte 0\n"));
  EXPECT_THAT(out(), HasSubstr("2 files: 1 dangerous, 0 could not all be read, "
                               "1 clean\n"));
  const std::string cut = WriteTempFile("cut.pkl", "\x80");
  EXPECT_EQ(Run({"scan", kSample, cut}), kExitError);
  EXPECT_THAT(out(), HasSubstr("NOT CLEAN"));
  // What cannot be opened is not clean, and hides nothing.
  EXPECT_EQ(Run({"scan", kSample, "/not/there"}), kExitError);
  EXPECT_EQ(Run({"scan", evil, "/not/there"}), kExitFound);
  EXPECT_EQ(Run({"scan"}), kExitError);
}

TEST_F(HoistProgramTest, ScanWalksFolders) {
  const std::string folder = absl::StrCat(testing::TempDir(), "/walked");
  std::filesystem::create_directories(folder + "/a/b");
  const std::string evil = folder + "/a/b/notes.txt";
  std::ofstream(evil) << kEvilPickle;
  std::filesystem::create_directory_symlink(folder, folder + "/a/loop");
  ASSERT_EQ(Run({"scan", "--json", folder}), kExitFound) << err();
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["schema"], "hoist.scan/1");
  EXPECT_EQ(json["verdict"], "dangerous");
  ASSERT_EQ(json["files"].size(), 1u);
  EXPECT_EQ(json["files"][0]["path"], evil);
  EXPECT_EQ(json["files"][0]["names"][0]["module"], "posix");
}

TEST_F(HoistProgramTest, StrictScanTakesUnknownNamesForDangerous) {
  const std::string path = WriteTempFile("own.pkl", "cmine\nThing\n)\x81.");
  EXPECT_EQ(Run({"scan", path}), kExitDone);
  EXPECT_EQ(Run({"scan", "--strict", path}), kExitFound);
}

TEST_F(HoistProgramTest, LoadSaysLoudlyWhatIsDangerous) {
  ZipBuilder zip;
  zip.Add("m/data.pkl",
          absl::StrCat(
              "(lp0\n",
              absl::string_view(kEvilPickle).substr(0, sizeof(kEvilPickle) - 2),
              "a."));
  zip.Add("m/version", "3\n");
  const std::string path = WriteTempFile("evil.pt", zip.Finish());
  ASSERT_EQ(Run({"load", "--device=cpu", path}), kExitDone) << err();
  EXPECT_THAT(out(), HasSubstr("DANGEROUS: the file imports posix.system"));
  ASSERT_EQ(Run({"inspect", "--json", path}), kExitDone) << err();
  EXPECT_THAT(ordered_json::parse(out())["warnings"][0].get<std::string>(),
              HasSubstr("posix.system"));
  EXPECT_EQ(Run({"load", "--device=cpu", "--strict", path}), kExitError);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_THAT(err(), HasSubstr("error[PERMISSION_DENIED]"));
  EXPECT_EQ(Run({"load", "--device=cpu", "--strict", kSample}), kExitDone);
}

TEST_F(HoistProgramTest, InspectsWithoutLoading) {
  ASSERT_EQ(Run({"inspect", kSample}), kExitDone) << err();
  EXPECT_THAT(err(), IsEmpty());
  EXPECT_THAT(out(), StartsWith(absl::StrCat(kSample, "  ")));
  EXPECT_THAT(out(), HasSubstr("head"));
  EXPECT_THAT(out(), Not(HasSubstr("Loaded")));
}

TEST_F(HoistProgramTest, InspectSaysItInJson) {
  ASSERT_EQ(Run({"inspect", "--json", kSample}), kExitDone) << err();
  const ordered_json json = ordered_json::parse(out());
  EXPECT_EQ(json["schema"], "hoist.inspect/1");
  EXPECT_EQ(json["tensors"][0]["name"], "model_state_dict.stem.0.weight");
  EXPECT_FALSE(json["tensors"][0].contains("sha256"));

  ASSERT_EQ(Run({"inspect", "--json", "--digests", kSample}), kExitDone);
  const ordered_json with_digests = ordered_json::parse(out());
  EXPECT_THAT(with_digests["tensors"][0]["sha256"].get<std::string>(),
              MatchesRegex("[0-9a-f]{64}"));
}

TEST_F(HoistProgramTest, InspectsOnlyWhatIsNamed) {
  ASSERT_EQ(Run({"inspect", "--json", kSample, "*.head", "*.stem.0.weight"}),
            kExitDone)
      << err();
  const ordered_json json = ordered_json::parse(out());
  std::vector<std::string> names;
  for (const auto& tensor : json["tensors"]) {
    names.push_back(tensor["name"]);
  }
  EXPECT_THAT(names, ElementsAre("model_state_dict.stem.0.weight",
                                 "model_state_dict.head.weight",
                                 "model_state_dict.head.bias"));

  ASSERT_EQ(Run({"inspect", kSample, "*.head"}), kExitDone);
  EXPECT_THAT(out(), HasSubstr("[10, 16]"));
  EXPECT_THAT(out(), Not(HasSubstr("epoch")));

  EXPECT_EQ(Run({"inspect", kSample, "head"}), kExitError);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_THAT(err(), HasSubstr("There is model_state_dict.head"));
}

TEST_F(HoistProgramTest, InspectPrintsValues) {
  ASSERT_EQ(Run({"inspect", "--values", kSample, "*.head.bias[2:6]",
                 "*.stem.1.num_batches_tracked"}),
            kExitDone)
      << err();
  EXPECT_EQ(out(),
            "model_state_dict.stem.1.num_batches_tracked: tensor(660)\n"
            "model_state_dict.head.bias[2:6]: "
            "tensor([-0.0510, -0.0312,  0.1108, -0.1439])\n");

  ASSERT_EQ(Run({"inspect", "--values", kSample}), kExitDone);
  EXPECT_THAT(out(), StartsWith("model_state_dict.stem.0.weight: tensor([[[["));
  EXPECT_THAT(out(), HasSubstr("\nepoch: 30\n"));
  EXPECT_THAT(out(), HasSubstr("\nclasses: ['0', '1', "));
}

TEST_F(HoistProgramTest, InspectSaysValuesInJson) {
  ASSERT_EQ(Run({"inspect", "--values", "--json", kSample, "*.head.bias[:2]",
                 "*.conv1.weight"}),
            kExitDone)
      << err();
  const ordered_json tensors = ordered_json::parse(out())["tensors"];
  EXPECT_EQ(tensors[0]["values_omitted"], true);
  EXPECT_FALSE(tensors[0].contains("values"));
  EXPECT_EQ(tensors.back()["shape"], ordered_json({2}));
  EXPECT_EQ(tensors.back()["values"].dump(),
            "[0.06347070634365082,0.13182887434959412]");
  ASSERT_EQ(Run({"inspect", "--json", kSample}), kExitDone);
  EXPECT_FALSE(ordered_json::parse(out())["tensors"][0].contains("values"));
}

TEST_F(HoistProgramTest, APartOfATensorIsListedAsOne) {
  ASSERT_EQ(Run({"inspect", kSample, "*.head.weight[0:4, 0]"}), kExitDone);
  EXPECT_THAT(out(), HasSubstr("[4]"));
  EXPECT_EQ(Run({"inspect", kSample, "*.head.weight[10]"}), kExitError);
  EXPECT_THAT(err(), HasSubstr("Index 10 is out of range for dimension 0 of "
                               "size 10\n  hint: Take one of -10 to 9"));
}

TEST_F(HoistProgramTest, AFileThatIsNotThereIsAnError) {
  for (const char* verb : {"inspect", "load"}) {
    EXPECT_EQ(Run({verb, "--json", "not/there.pt"}), kExitError);
    EXPECT_THAT(out(), IsEmpty());
    EXPECT_THAT(err(), StartsWith("hoist: error[NOT_FOUND]: "));
    EXPECT_THAT(err(), HasSubstr("not/there.pt"));
  }
}

TEST_F(HoistProgramTest, WhatIsNoCheckpointIsAnError) {
  const std::string path = WriteTempFile("model.pt", "no checkpoint at all");
  EXPECT_EQ(Run({"inspect", "--json", path}), kExitError);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_THAT(err(), StartsWith("hoist: error["));
}

TEST_F(HoistProgramTest, RelativePathsStartWhereTheUserIs) {
  context_.working_directory = absl::StrCat(std::getenv("PWD"), "/tools");
  EXPECT_EQ(Run({"inspect", "sample/digits.pt"}), kExitDone) << err();
}

TEST_F(HoistProgramTest, MistakesOnTheCommandLineAreErrors) {
  const std::vector<std::vector<std::string>> mistakes = {
      {"lod"},
      {"load", "--devise=cpu"},
      {"load", "--device=tpu", kSample},
      {"load", "--threads", "0", kSample},
      {"load", "--threads", "many", kSample},
      {"load", "--max-host-mem=1G", kSample},
      {"load", "--select"},
      {"load", "a", "b"},
      {"inspect"},
  };
  for (const std::vector<std::string>& arguments : mistakes) {
    EXPECT_EQ(Run(arguments), kExitError);
    EXPECT_THAT(out(), IsEmpty());
    EXPECT_THAT(err(), StartsWith("hoist: error[INVALID_ARGUMENT]: "));
    EXPECT_THAT(err(), HasSubstr("\n  hint: "));
  }
}

TEST_F(HoistProgramTest, AWordThatIsNoVerbIsNamed) {
  EXPECT_EQ(Run({"lod", "model.pt"}), kExitError);
  EXPECT_EQ(err(),
            "hoist: error[INVALID_ARGUMENT]: There is no verb lod\n"
            "  hint: Verbs are checkpoints, compat, convert, inspect, load, "
            "migrate, scan, verify; for more: hoist --help\n");
}

TEST_F(HoistProgramTest, WithoutArgumentsItHelpsAndFails) {
  EXPECT_EQ(Run({}), kExitError);
  EXPECT_THAT(out(), IsEmpty());
  EXPECT_THAT(err(), HasSubstr("Examples:"));
}

TEST_F(HoistProgramTest, HelpAndVersionAreResults) {
  const std::vector<std::vector<std::string>> questions = {
      {"--help"}, {"load", "--help"}, {"inspect", "-h"}};
  for (const std::vector<std::string>& arguments : questions) {
    EXPECT_EQ(Run(arguments), kExitDone);
    EXPECT_THAT(out(), HasSubstr("Examples:"));
    EXPECT_THAT(err(), IsEmpty());
  }
  EXPECT_EQ(Run({"--version"}), kExitDone);
  EXPECT_THAT(out(), StartsWith("hoist "));
  EXPECT_EQ(Run({"load", "--version"}), kExitDone);
  EXPECT_THAT(out(), StartsWith("hoist "));
}

TEST_F(HoistProgramTest, AResultThatCannotBeWrittenIsAnError) {
  out_.setstate(std::ios::badbit);
  EXPECT_EQ(RunHoist({"inspect", kSample}, context_), kExitError);
  EXPECT_THAT(err(), HasSubstr("Cannot write the result"));
}

}  // namespace
}  // namespace hoist
