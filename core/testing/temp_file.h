#ifndef HOIST_CORE_TESTING_TEMP_FILE_H_
#define HOIST_CORE_TESTING_TEMP_FILE_H_

#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace hoist {

// Writes `content` to a new file in the test's own folder; returns its path.
inline std::string WriteTempFile(absl::string_view name,
                                 absl::string_view content) {
  static int counter = 0;
  const std::string path = absl::StrCat(::testing::TempDir(), "/", getpid(),
                                        "_", counter++, "_", name);
  std::ofstream out(path, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  EXPECT_TRUE(out.good()) << path;
  return path;
}

}  // namespace hoist

#endif  // HOIST_CORE_TESTING_TEMP_FILE_H_
