#include "hoist/benchmarks/device_rates.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "hoist/benchmarks/fresh_memory.h"
#include "hoist/benchmarks/statistics.h"
#include "hoist/core/status/status_macros.h"
#include "hoist/cuda/benchmark/blocking_copy.h"
#include "hoist/cuda/device_buffer.h"
#include "hoist/cuda/pinned_buffer.h"

namespace hoist {
namespace {

// What a loader may pin.
constexpr uint64_t kBytes = uint64_t{256} << 20;

}  // namespace

absl::StatusOr<std::vector<Rate>> DeviceRates(int device) {
  // Makes the context too, which is no part of a rate.
  HOIST_ASSIGN_OR_RETURN(DeviceBuffer buffer,
                         DeviceBuffer::Allocate(device, kBytes));
  const auto destination = std::make_shared<DeviceBuffer>(std::move(buffer));
  std::vector<Rate> rates;
  rates.push_back(
      {.name = "pin",
       .description = "memory made real and pinned",
       .bytes = kBytes,
       .measure = [device]() -> absl::StatusOr<double> {
         HOIST_RETURN_IF_ERROR(TouchAndFreeBallast(kBytes, nullptr));
         return SecondsOf(
             [device] { return PinnedBuffer::Allocate(device, kBytes); });
       }});
  rates.push_back(
      {.name = "copy_pinned",
       .description = "pinned memory to the device",
       .bytes = kBytes,
       .measure = [device, destination]() -> absl::StatusOr<double> {
         HOIST_ASSIGN_OR_RETURN(const PinnedBuffer source,
                                PinnedBuffer::Allocate(device, kBytes));
         return SecondsOf(
             [&] { return BlockingCopy(source.bytes(), *destination); });
       }});
  rates.push_back({.name = "copy_pageable",
                   .description = "memory that is not pinned to the device",
                   .bytes = kBytes,
                   .measure = [destination]() -> absl::StatusOr<double> {
                     HOIST_ASSIGN_OR_RETURN(
                         const FreshMemory source,
                         FreshMemory::Map(kBytes, Pages::kHuge));
                     HOIST_RETURN_IF_ERROR(Touch(source.bytes(), nullptr));
                     return SecondsOf([&] {
                       return BlockingCopy(source.bytes(), *destination);
                     });
                   }});
  return rates;
}

}  // namespace hoist
