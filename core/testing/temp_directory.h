#ifndef HOIST_CORE_TESTING_TEMP_DIRECTORY_H_
#define HOIST_CORE_TESTING_TEMP_DIRECTORY_H_

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace hoist {

// An empty directory of the test's own, which is removed with this object and
// all that is in it. Thread-compatible.
class TempDirectory {
 public:
  TempDirectory() : path_(::testing::TempDir() + "/test_XXXXXX") {
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

  // Makes the directories that it is in, too.
  void Write(const std::string& name, const std::string& content) const {
    const std::filesystem::path file = path(name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out << content;
    out.close();
    EXPECT_TRUE(out.good()) << file;
  }

  std::string Read(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    EXPECT_TRUE(in.good()) << path(name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // Of what is in it, or in a directory in it; sorted.
  std::vector<std::string> Names(const std::string& directory = ".") const {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(path(directory))) {
      names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  std::string path_;
};

}  // namespace hoist

#endif  // HOIST_CORE_TESTING_TEMP_DIRECTORY_H_
