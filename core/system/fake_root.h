#ifndef HOIST_CORE_SYSTEM_FAKE_ROOT_H_
#define HOIST_CORE_SYSTEM_FAKE_ROOT_H_

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace hoist {

// A folder for files under the paths that they have in a machine, as root of
// what is tested. Removed with this object. Thread-compatible.
class FakeRoot {
 public:
  FakeRoot() : path_(::testing::TempDir() + "/root_XXXXXX") {
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~FakeRoot() { std::filesystem::remove_all(path_); }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;

  void Write(const std::string& path, const std::string& content) {
    const std::filesystem::path file = path_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out << content;
    out.close();
    EXPECT_TRUE(out.good()) << file;
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace hoist

#endif  // HOIST_CORE_SYSTEM_FAKE_ROOT_H_
