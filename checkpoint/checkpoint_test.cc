#include "hoist/checkpoint/checkpoint.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/zip/zip_builder.h"
#include "hoist/core/io/memory_file.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"

namespace hoist {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A safetensors file with `size` bytes of data.
std::string SafetensorsOf(const std::string& header, size_t size) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(header.size() >> (8 * i));
  }
  return absl::StrCat(bytes, header, std::string(size, 'x'));
}

// Of the vectors "a.weight", "a.bias" and "b.weight", of 1000, 10 and 100,000
// bytes.
std::string SafetensorsBytes() {
  return SafetensorsOf(
      R"({"a.weight":{"dtype":"U8","shape":[1000],"data_offsets":[0,1000]},)"
      R"("a.bias":{"dtype":"U8","shape":[10],"data_offsets":[1000,1010]},)"
      R"("b.weight":{"dtype":"U8","shape":[100000],)"
      R"("data_offsets":[1010,101010]}})",
      101'010);
}

Checkpoint OpenBytes(const std::string& bytes) {
  absl::StatusOr<Checkpoint> checkpoint =
      Checkpoint::Open(std::make_shared<MemoryFile>(bytes));
  EXPECT_THAT(checkpoint, IsOk());
  return *std::move(checkpoint);
}

std::vector<std::string> Names(const StateDict& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    names.push_back(name);
  }
  return names;
}

TEST(LoadTest, BringsOnlyWhatIsSelected) {
  const Checkpoint checkpoint = OpenBytes(SafetensorsBytes());
  HOIST_ASSERT_OK_AND_ASSIGN(
      const LoadResult loaded,
      Load(checkpoint, {.select = {"a"}, .exclude = {"*.bias"}}));
  EXPECT_THAT(Names(loaded.tensors), ElementsAre("a.weight"));
  EXPECT_EQ(loaded.report.bytes, 1000u);
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult part,
                             Load(checkpoint, {.select = {"b.weight[7:9]"}}));
  EXPECT_THAT(Names(part.tensors), ElementsAre("b.weight[7:9]"));
  EXPECT_EQ(part.report.bytes, 2u);
}

TEST(LoadTest, TimeToSelectIsPlanning) {
  // So many patterns that all else is quick.
  constexpr int kTensors = 2000;
  constexpr int kPatterns = 50;
  std::string header;
  for (int i = 0; i < kTensors; ++i) {
    absl::StrAppend(&header, i == 0 ? "{" : ",", "\"t", i,
                    R"(":{"dtype":"U8","shape":[1],"data_offsets":[)", i, ",",
                    i + 1, "]}");
  }
  header += "}";
  const Checkpoint checkpoint = OpenBytes(SafetensorsOf(header, kTensors));
  const LoadOptions options = {.select =
                                   std::vector<std::string>(kPatterns, "*0")};
  // The machine may stop any load in another phase.
  double most_planning = 0;
  for (int attempt = 0; attempt < 10 && most_planning <= 0.5; ++attempt) {
    HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded,
                               Load(checkpoint, options));
    int64_t sum_ns = 0;
    for (const LoadReport::Phase& phase : loaded.report.phases) {
      sum_ns += phase.time_ns;
    }
    const LoadReport::Phase& plan = loaded.report.phases[1];
    const auto total_ns = static_cast<double>(loaded.report.time_ns);
    ASSERT_EQ(plan.name, "plan");
    EXPECT_NEAR(static_cast<double>(sum_ns), total_ns, total_ns * 0.2);
    most_planning =
        std::max(most_planning, static_cast<double>(plan.time_ns) / total_ns);
  }
  EXPECT_GT(most_planning, 0.5);
}

TEST(LoadTest, ASelectionThatMeansNothingIsAnError) {
  const Checkpoint checkpoint = OpenBytes(SafetensorsBytes());
  EXPECT_THAT(
      Load(checkpoint, {.select = {"c"}}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("c, of 3 tensors")));
  EXPECT_THAT(Load(checkpoint, {.exclude = {"c"}}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(PlanLoad(checkpoint, {.exclude = {"a[0]"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PlanLoadTest, SaysWhatWouldBeRead) {
  const std::string path =
      WriteTempFile("plan.safetensors", SafetensorsBytes());
  HOIST_ASSERT_OK_AND_ASSIGN(const Checkpoint checkpoint,
                             Checkpoint::Open(path));
  HOIST_ASSERT_OK_AND_ASSIGN(const PlannedLoad all, PlanLoad(checkpoint));
  EXPECT_EQ(all.plan.needed_bytes, 101'010u);
  EXPECT_THAT(all.reads[0].reason, HasSubstr("small"));
  HOIST_ASSERT_OK_AND_ASSIGN(const PlannedLoad part,
                             PlanLoad(checkpoint, {.select = {"*.weight"}}));
  EXPECT_EQ(part.plan.needed_bytes, 101'000u);
  EXPECT_EQ(part.plan.read_bytes, 101'010u);
  HOIST_ASSERT_OK_AND_ASSIGN(const LoadResult loaded,
                             Load(checkpoint, {.select = {"*.weight"}}));
  EXPECT_EQ(loaded.report.peak_host_bytes, part.host_bytes);
}

TEST(PlanLoadTest, ToADeviceNeedsNone) {
  const Checkpoint checkpoint = OpenBytes(SafetensorsBytes());
  HOIST_ASSERT_OK_AND_ASSIGN(const PlannedLoad planned,
                             PlanLoad(checkpoint, {.device = Device::Cuda(7)}));
  EXPECT_GE(planned.device_bytes, 101'010u);
  EXPECT_GT(planned.pinned_bytes, 0u);
}

TEST(PlanLoadTest, RefusesDangerousNamesAlsoForAPart) {
  ZipBuilder zip;
  zip.Add("m/data.pkl", "cposix\nsystem\n(S'ls'\ntR.");
  zip.Add("m/version", "3\n");
  const Checkpoint checkpoint = OpenBytes(zip.Finish());
  const LoadOptions strict = {.select = {"*"}, .refuse_dangerous = true};
  EXPECT_THAT(
      PlanLoad(checkpoint, strict),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("posix.system")));
  EXPECT_THAT(Load(checkpoint, strict),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(PlanLoad(checkpoint), IsOk());
}

}  // namespace
}  // namespace hoist
