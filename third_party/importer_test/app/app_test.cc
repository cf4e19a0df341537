#include "absl/status/status.h"
#include "core/status/status_macros.h"
#include "gtest/gtest.h"
#include "hoist/checkpoint/checkpoint.h"

namespace {

TEST(ImporterTest, OpensCheckpointsBesideItsOwnCore) {
  EXPECT_EQ(importer::kOwnHeader, 1);
  const auto checkpoint = hoist::Checkpoint::Open("no-such-file.pt");
  EXPECT_EQ(checkpoint.status().code(), absl::StatusCode::kNotFound) << checkpoint.status();
}

}  // namespace
