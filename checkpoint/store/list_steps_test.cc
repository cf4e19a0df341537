#include "hoist/checkpoint/store/list_steps.h"

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_directory.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using State = StoredStep::State;

// A safetensors file of one tensor.
std::string Safetensors() {
  const std::string header =
      R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  return bytes + header + "x";
}

class ListStepsTest : public ::testing::Test {
 protected:
  StoreListing List() {
    auto listing = ListSteps(*file_system_, folder_.path(), ExamineCheckpoint);
    EXPECT_THAT(listing, IsOk());
    return *std::move(listing);
  }
  // "NAME STEP STATE" of each.
  std::vector<std::string> Texts(const StoreListing& listing) {
    std::vector<std::string> texts;
    for (const StoredStep& step : listing.steps) {
      const char* const states[] = {"committed", "incomplete", "damaged",
                                    "unreadable"};
      texts.push_back(absl::StrCat(step.step, " ", step.name, " ",
                                   states[static_cast<int>(step.state)]));
    }
    return texts;
  }

  const TempDirectory folder_;
  std::unique_ptr<FileSystem> file_system_ = NewPosixFileSystem();
};

TEST_F(ListStepsTest, StepsAreInNumericOrderAndOtherFilesLeftOut) {
  folder_.Write("step-100.safetensors", Safetensors());
  folder_.Write("step-0009.safetensors", Safetensors());
  folder_.Write("step_20.safetensors", Safetensors().substr(0, 30));
  folder_.Write("step-30.pt", "no checkpoint at all");
  folder_.Write("config.json", "{}");
  folder_.Write("model.safetensors", Safetensors());
  folder_.Write(".step-7.safetensors.hoist-1-2.tmp", Safetensors());
  const StoreListing listing = List();
  EXPECT_THAT(
      Texts(listing),
      ElementsAre("9 step-0009.safetensors committed",
                  "20 step_20.safetensors damaged", "30 step-30.pt unreadable",
                  "100 step-100.safetensors committed"));
  EXPECT_EQ(listing.latest.index, 3);
  EXPECT_EQ(listing.steps[3].format, "safetensors");
  EXPECT_EQ(listing.steps[3].size_bytes, Safetensors().size());
  EXPECT_GT(listing.steps[3].time_ns, 0);
}

TEST_F(ListStepsTest, ReadsFoldersOfTrainer) {
  folder_.Write("checkpoint-500/model.safetensors", Safetensors());
  folder_.Write(
      "checkpoint-500/trainer_state.json",
      R"({"global_step":500,"log_history":[{"eval_loss":0.5,"step":500}]})");
  folder_.Write("checkpoint-1000/model.safetensors", Safetensors());
  folder_.Write("checkpoint-1500/trainer_state.json", R"({"global)");
  folder_.Write("trainer_state.json", "{}");
  const StoreListing listing = List();
  EXPECT_THAT(Texts(listing), ElementsAre("500 checkpoint-500 committed",
                                          "1000 checkpoint-1000 incomplete",
                                          "1500 checkpoint-1500 damaged"));
  EXPECT_EQ(listing.steps[0].metrics.at("eval_loss"), 0.5);
  EXPECT_FALSE(listing.steps[0].is_own);
  EXPECT_THAT(listing.steps[1].reason, HasSubstr("trainer_state.json"));
  EXPECT_EQ(listing.latest.index, 0);
}

TEST_F(ListStepsTest, ReadsFoldersOfDistributedCheckpoints) {
  folder_.Write("step-10/__0_0.distcp", "x");
  folder_.Write("step-10/.metadata", "x");
  folder_.Write("step-20/__0_0.distcp", "x");
  const StoreListing listing = List();
  EXPECT_THAT(Texts(listing),
              ElementsAre("10 step-10 committed", "20 step-20 incomplete"));
  EXPECT_EQ(listing.steps[0].format, "dcp");
  EXPECT_EQ(listing.latest.index, 0);
}

TEST_F(ListStepsTest, ReadsNamesOfLightningAndTheStepInLast) {
  ExamineFunction examine =
      [](const std::string& path) -> absl::StatusOr<Examined> {
    return absl::EndsWith(path, "last.ckpt")
               ? Examined{.format = "torch_zip", .step = 1300}
               : Examined{.format = "torch_zip"};
  };
  folder_.Write("epoch=2-step=1200-val_loss=0.25.ckpt", "x");
  folder_.Write("epoch=0-step=400.ckpt", "x");
  folder_.Write("last.ckpt", "x");
  folder_.Write("epoch=3.ckpt", "x");  // nothing says at which step
  HOIST_ASSERT_OK_AND_ASSIGN(const StoreListing listing,
                             ListSteps(*file_system_, folder_.path(), examine));
  EXPECT_THAT(Texts(listing),
              ElementsAre("400 epoch=0-step=400.ckpt committed",
                          "1200 epoch=2-step=1200-val_loss=0.25.ckpt committed",
                          "1300 last.ckpt committed"));
  EXPECT_EQ(listing.steps[1].metrics.at("val_loss"), 0.25);
  EXPECT_EQ(listing.latest.index, 2);
}

TEST_F(ListStepsTest, ShardsWithoutTheirIndexAreNotCommitted) {
  folder_.Write("step-10/shard-00001.hoist", "x");
  EXPECT_THAT(Texts(List()), ElementsAre("10 step-10 incomplete"));
}

TEST_F(ListStepsTest, RecordsThatAreNoneAreWarnings) {
  folder_.Write("step-1.safetensors", Safetensors());
  folder_.Write("step-1.safetensors.json", "{}");
  folder_.Write("step-2.safetensors", Safetensors());
  folder_.Write("step-2.safetensors.json", StepRecordText({.step = 3}));
  const StoreListing listing = List();
  EXPECT_THAT(listing.warnings,
              ElementsAre(HasSubstr("step-1.safetensors.json: "),
                          HasSubstr("It is of step 3")));
  EXPECT_FALSE(listing.steps[0].is_own);
  EXPECT_FALSE(listing.steps[1].is_own);
}

TEST_F(ListStepsTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_THAT(ListSteps(*file_system_, folder_.path("no"), ExamineCheckpoint),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(List().steps, IsEmpty());
}

}  // namespace
}  // namespace hoist
