#include "hoist/tools/ui/error_print.h"

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "hoist/core/status/annotate.h"

namespace hoist {
namespace {

TEST(ErrorTextTest, SaysCodeMessageAndHint) {
  EXPECT_EQ(ErrorText(absl::DataLossError("best.pt: cut off"), false),
            "hoist: error[DATA_LOSS]: best.pt: cut off\n");
  EXPECT_EQ(ErrorText(WithHint(absl::UnavailableError("No CUDA device"),
                               "Use --device=cpu"),
                      false),
            "hoist: error[UNAVAILABLE]: No CUDA device\n"
            "  hint: Use --device=cpu\n");
}

TEST(ErrorTextTest, NamesFromFilesCannotWriteToTheTerminal) {
  EXPECT_EQ(
      ErrorText(absl::NotFoundError("a\x1b[2J\nhoist: all is well"), false),
      "hoist: error[NOT_FOUND]: a\\x1b[2J\\nhoist: all is well\n");
}

TEST(ErrorTextTest, ColorsTheCode) {
  EXPECT_EQ(ErrorText(absl::NotFoundError("x"), true),
            "hoist: \x1b[1;31merror[NOT_FOUND]\x1b[0m: x\n");
}

}  // namespace
}  // namespace hoist
