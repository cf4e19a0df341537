#include "hoist/core/io/pread_path.h"

#include <utility>

namespace hoist {
namespace {

class PreadQueue : public ReadQueue {
 public:
  explicit PreadQueue(const RandomAccessFile& file) : file_(file) {}

  int depth() const override { return 1; }

  void Start(uint64_t offset, std::vector<absl::Span<uint8_t>> parts,
             uint64_t tag) override {
    offset_ = offset;
    parts_ = std::move(parts);
    tag_ = tag;
  }

  Done Wait() override {
    return {.tag = tag_, .status = file_.ReadScattered(offset_, parts_)};
  }

 private:
  const RandomAccessFile& file_;
  uint64_t offset_ = 0;
  std::vector<absl::Span<uint8_t>> parts_;
  uint64_t tag_ = 0;
};

class PreadPath : public ReadPath {
 public:
  explicit PreadPath(std::shared_ptr<const RandomAccessFile> file)
      : file_(std::move(file)) {}

  ReadMethod method() const override { return ReadMethod::kPread; }
  std::unique_ptr<ReadQueue> MakeQueue(int, size_t) override {
    return std::make_unique<PreadQueue>(*file_);
  }

 private:
  const std::shared_ptr<const RandomAccessFile> file_;
};

}  // namespace

std::unique_ptr<ReadPath> MakePreadPath(
    std::shared_ptr<const RandomAccessFile> file) {
  return std::make_unique<PreadPath>(std::move(file));
}

}  // namespace hoist
