#ifndef HOIST_CORE_BASE_STABLE_VECTOR_H_
#define HOIST_CORE_BASE_STABLE_VECTOR_H_

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace hoist {

// A sequence that grows at its end and whose elements stay where they are: in
// chunks of `kChunk`, so that it takes no memory beyond its elements and the
// rest of a chunk, and never moves any. Thread-compatible.
template <typename T, size_t kChunk = 1024>
class StableVector {
 public:
  StableVector() = default;
  StableVector(StableVector&& other) noexcept
      : chunks_(std::move(other.chunks_)),
        size_(std::exchange(other.size_, 0)) {}
  StableVector& operator=(StableVector&& other) noexcept {
    std::swap(chunks_, other.chunks_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~StableVector() {
    for (size_t i = 0; i < size_; ++i) {
      std::destroy_at(&(*this)[i]);
    }
  }

  T& push_back(const T& value) { return emplace_back(value); }
  T& push_back(T&& value) { return emplace_back(std::move(value)); }

  template <typename... Arguments>
  T& emplace_back(Arguments&&... arguments) {
    if (size_ % kChunk == 0) {
      chunks_.push_back(std::make_unique_for_overwrite<Chunk>());
    }
    T* const added =
        std::construct_at(At(size_), std::forward<Arguments>(arguments)...);
    ++size_;
    return *added;
  }

  T& operator[](size_t i) { return *std::launder(At(i)); }
  const T& operator[](size_t i) const { return *std::launder(At(i)); }
  size_t size() const { return size_; }

 private:
  struct Chunk {
    alignas(T) unsigned char bytes[kChunk * sizeof(T)];
  };

  T* At(size_t i) const {
    return reinterpret_cast<T*>(chunks_[i / kChunk]->bytes) + i % kChunk;
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  size_t size_ = 0;
};

}  // namespace hoist

#endif  // HOIST_CORE_BASE_STABLE_VECTOR_H_
