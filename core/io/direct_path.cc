#include "hoist/core/io/direct_path.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "hoist/core/io/direct_file.h"
#include "hoist/core/io/direct_read.h"
#include "hoist/core/io/one_read_queue.h"
#include "hoist/core/io/uring_queue.h"

namespace hoist {
namespace {

// One read at a time, by preadv(2).
class BlockingDirectQueue : public OneReadQueue {
 public:
  BlockingDirectQueue(DirectFile& file, size_t max_read_bytes)
      : file_(file),
        bounce_(DirectRead::BounceMemory(1, max_read_bytes)),
        read_(bounce_ == nullptr ? absl::Span<uint8_t>() : bounce_->bytes()) {}

 private:
  absl::Status Read(uint64_t offset,
                    std::vector<absl::Span<uint8_t>> parts) override {
    read_.Prepare(offset, std::move(parts));
    ssize_t result = 0;
    if (file_.is_direct() && !read_.blocks().empty()) {
      result = preadv(file_.descriptor(), read_.blocks().data(),
                      static_cast<int>(read_.blocks().size()), read_.begin());
      if (result < 0) {
        result = -errno;
      }
    }
    return file_.Finish(read_, result);
  }

  DirectFile& file_;
  const std::shared_ptr<HostArena> bounce_;
  DirectRead read_;
};

class DirectPath : public ReadPath {
 public:
  explicit DirectPath(std::shared_ptr<const RandomAccessFile> file)
      : file_(std::move(file)) {}

  ReadMethod method() const override { return ReadMethod::kDirect; }
  std::unique_ptr<ReadQueue> MakeQueue(int depth,
                                       size_t max_read_bytes) override {
    if (file_.is_direct()) {
      if (auto queue =
              MakeUringQueue(file_, std::max(depth, 1), max_read_bytes)) {
        return queue;
      }
    }
    return std::make_unique<BlockingDirectQueue>(file_, max_read_bytes);
  }
  std::string Note() const override { return file_.note(); }

 private:
  mutable DirectFile file_;
};

}  // namespace

std::unique_ptr<ReadPath> MakeDirectPath(
    std::shared_ptr<const RandomAccessFile> file) {
  return std::make_unique<DirectPath>(std::move(file));
}

}  // namespace hoist
