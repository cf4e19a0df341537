#include "hoist/tools/commands/trace_file.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "hoist/core/testing/status_matchers.h"
#include "hoist/core/testing/temp_file.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

using ::testing::HasSubstr;

TEST(TraceFileTest, HoldsTheTraceAlone) {
  const std::string path = WriteTempFile("trace.json", "what was there before");
  HOIST_ASSERT_OK_AND_ASSIGN(TraceFile file, TraceFile::Create(path));
  TraceRecorder recorder;
  recorder.AddSpan({.name = "one", .lane = "l", .duration_ns = 5});
  ASSERT_THAT(file.Write(recorder), IsOk());
  std::ifstream in(path);
  EXPECT_THAT(nlohmann::json::parse(in).dump(), HasSubstr("\"one\""));
}

TEST(TraceFileTest, WhatCannotBeWrittenIsAnError) {
  EXPECT_THAT(
      TraceFile::Create("/not/there/trace.json").status(),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/not/there/trace")));
  if (access("/dev/full", W_OK) != 0) {
    GTEST_SKIP() << "no /dev/full";
  }
  HOIST_ASSERT_OK_AND_ASSIGN(TraceFile full, TraceFile::Create("/dev/full"));
  EXPECT_THAT(full.Write(TraceRecorder()),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace hoist
