#include "hoist/core/io/pread_path.h"

#include <utility>
#include <vector>

#include "hoist/core/io/one_read_queue.h"

namespace hoist {
namespace {

class PreadQueue : public OneReadQueue {
 public:
  explicit PreadQueue(const RandomAccessFile& file) : file_(file) {}

 private:
  absl::Status Read(uint64_t offset,
                    std::vector<absl::Span<uint8_t>> parts) override {
    return file_.ReadScattered(offset, parts);
  }

  const RandomAccessFile& file_;
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
