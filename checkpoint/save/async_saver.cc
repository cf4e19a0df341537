#include "hoist/checkpoint/save/async_saver.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/write/tensor_layout.h"
#include "hoist/core/base/check.h"
#include "hoist/core/io/random_access_file.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/download.h"

namespace hoist {
namespace {

// What one thread copies at once.
constexpr uint64_t kPieceBytes = uint64_t{8} << 20;
// Slots of pinned memory that are under way from a GPU.
constexpr int kSlots = 4;

// A copy of tensors. Thread-safe.
class StagingFile : public RandomAccessFile {
 public:
  StagingFile(std::shared_ptr<HostArena> staging, uint64_t size_bytes)
      : staging_(std::move(staging)), size_bytes_(size_bytes) {}

  const std::string& path() const override { return path_; }
  uint64_t size_bytes() const override { return size_bytes_; }
  absl::Status ReadAt(uint64_t offset, absl::Span<uint8_t> out) const override {
    if (offset > size_bytes_ || out.size() > size_bytes_ - offset) {
      return absl::DataLossError(absl::StrCat("Wanted ", out.size(),
                                              " bytes from byte ", offset,
                                              " of a copy of ", size_bytes_));
    }
    if (!out.empty()) {
      std::memcpy(out.data(), staging_->bytes().data() + offset, out.size());
    }
    return absl::OkStatus();
  }

 private:
  const std::string path_ = "memory";
  const std::shared_ptr<HostArena> staging_;
  const uint64_t size_bytes_;
};

}  // namespace

AsyncSaver::AsyncSaver(const AsyncSaverOptions& options) : options_(options) {
  HOIST_CHECK(options.pool != nullptr);
}

AsyncSaver::~AsyncSaver() { Wait().IgnoreError(); }

uint64_t AsyncSaver::staging_bytes() const {
  MutexLock lock(&mu_);
  return used_bytes_ + (spare_ == nullptr ? 0 : spare_->bytes().size());
}

absl::StatusOr<std::shared_ptr<HostArena>> AsyncSaver::TakeStaging(
    uint64_t bytes) {
  if (bytes > options_.max_staging_bytes) {
    return WithHint(
        absl::ResourceExhaustedError(
            absl::StrCat("A copy of the tensors takes ", bytes, " bytes, and ",
                         options_.max_staging_bytes, " are allowed")),
        "Allow more, or save without a copy, while the training waits");
  }
  {
    MutexLock lock(&mu_);
    while (used_bytes_ > options_.max_staging_bytes - bytes) {
      changed_.Wait(&mu_);
    }
    if (spare_ != nullptr &&
        (spare_->bytes().size() < bytes ||
         spare_->bytes().size() > options_.max_staging_bytes - used_bytes_)) {
      spare_ = nullptr;
    }
    if (spare_ != nullptr) {
      used_bytes_ += spare_->bytes().size();
      return std::exchange(spare_, nullptr);
    }
    used_bytes_ += bytes;
  }
  absl::StatusOr<std::shared_ptr<HostArena>> staging =
      HostArena::Allocate(bytes);
  if (!staging.ok()) {
    MutexLock lock(&mu_);
    used_bytes_ -= bytes;
    changed_.SignalAll();
  }
  return staging;
}

void AsyncSaver::GiveBack(std::shared_ptr<HostArena> staging) {
  MutexLock lock(&mu_);
  used_bytes_ -= staging->bytes().size();
  if (spare_ == nullptr || spare_->bytes().size() < staging->bytes().size()) {
    spare_ = std::move(staging);
  }
  changed_.SignalAll();
}

absl::Status AsyncSaver::CopyFromDevice(int device, const TensorLayout& layout,
                                        uint8_t* staging) const {
  std::unique_ptr<PinnedPool> own_pool;
  PinnedPool* pool = options_.pinned_pool;
  if (pool == nullptr) {
    HOIST_ASSIGN_OR_RETURN(own_pool, PinnedPool::Create({}, options_.pool));
    pool = own_pool.get();
  }
  std::vector<DeviceCopy> copies;
  for (const TensorLayout::Run& run : layout.runs) {
    if (run.device == Device::Cuda(device)) {
      copies.push_back({.device_source = run.data,
                        .size_bytes = run.size_bytes,
                        .destination = staging + run.file_offset});
    }
  }
  return Download(device, copies, *pool, kSlots);
}

absl::Status AsyncSaver::Copy(const TensorLayout& layout,
                              uint8_t* staging) const {
  struct Piece {
    const uint8_t* from;
    uint8_t* to;
    uint64_t size_bytes;
  };
  std::set<int> devices;
  std::vector<Piece> pieces;
  for (const TensorLayout::Run& run : layout.runs) {
    if (!run.device.is_cpu()) {
      devices.insert(run.device.index);
      continue;
    }
    for (uint64_t at = 0; at < run.size_bytes; at += kPieceBytes) {
      pieces.push_back(
          {.from = run.data + at,
           .to = staging + run.file_offset + at,
           .size_bytes = std::min(kPieceBytes, run.size_bytes - at)});
    }
  }
  for (const int device : devices) {
    HOIST_RETURN_IF_ERROR(CopyFromDevice(device, layout, staging));
  }
  return ParallelFor(*options_.pool, static_cast<int64_t>(pieces.size()),
                     [&pieces](int64_t i) {
                       std::memcpy(pieces[i].to, pieces[i].from,
                                   pieces[i].size_bytes);
                       return absl::OkStatus();
                     });
}

absl::Status AsyncSaver::Save(const StateDict& tensors,
                              const NamedValues& values, WriteFunction write) {
  {
    MutexLock lock(&mu_);
    if (!failure_.ok()) {
      return std::exchange(failure_, absl::OkStatus());
    }
  }
  HOIST_ASSIGN_OR_RETURN(const TensorLayout layout, LayOutTensors(tensors));
  HOIST_ASSIGN_OR_RETURN(std::shared_ptr<HostArena> staging,
                         TakeStaging(layout.file_bytes));
  Pending pending = {.staging = staging, .write = std::move(write)};
  absl::Status status = Copy(layout, staging->bytes().data());
  if (status.ok()) {
    absl::StatusOr<TensorCatalog> source = CatalogOfCopy(
        tensors, values, layout,
        std::make_shared<StagingFile>(staging, layout.file_bytes));
    status = source.status();
    if (source.ok()) {
      pending.source = *std::move(source);
    }
  }
  if (!status.ok()) {
    GiveBack(std::move(staging));
    return status;
  }
  MutexLock lock(&mu_);
  pending_.push_back(std::move(pending));
  if (!is_writing_) {
    is_writing_ = true;
    options_.pool->Schedule([this] { WritePending(); });
  }
  return absl::OkStatus();
}

void AsyncSaver::WritePending() {
  for (;;) {
    Pending next;
    {
      MutexLock lock(&mu_);
      if (pending_.empty()) {
        is_writing_ = false;
        // Under the lock: whoever waits may destroy this then.
        changed_.SignalAll();
        return;
      }
      next = std::move(pending_.front());
      pending_.pop_front();
    }
    const absl::Status status = next.write(next.source);
    // Its file has the memory, too.
    next.source = TensorCatalog();
    if (!status.ok()) {
      MutexLock lock(&mu_);
      if (failure_.ok()) {
        failure_ = status;
      }
    }
    GiveBack(std::move(next.staging));
  }
}

absl::Status AsyncSaver::Wait() {
  MutexLock lock(&mu_);
  while (is_writing_) {
    changed_.Wait(&mu_);
  }
  return std::exchange(failure_, absl::OkStatus());
}

}  // namespace hoist
