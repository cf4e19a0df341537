#ifndef HOIST_TOOLS_UI_HUMAN_SIZE_H_
#define HOIST_TOOLS_UI_HUMAN_SIZE_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace hoist {

// Numbers as people read them. Thread-safe.

// "0 B", "512 B", "1.50 KiB", "13.4 GiB": three digits.
std::string HumanBytes(uint64_t bytes);

// "1,234,567".
std::string GroupedDigits(int64_t number);

// A count and its noun: "1 tensor", "2 tensors".
std::string CountText(int64_t count, absl::string_view noun);

// What follows a long count, in three digits: " (1.24 M)", " (6.74 B)"; nothing
// below ten thousand.
std::string CountSuffix(int64_t count);

// "850 ns", "12.3 us", "1.50 ms", "2.31 s", "3 min 5 s".
std::string HumanTime(int64_t time_ns);

// "3.21 GB/s", "45.0 MB/s": powers of ten, as storage and links are sold; "" if
// no time passed or there are no bytes.
std::string HumanRate(uint64_t bytes, int64_t time_ns);

}  // namespace hoist

#endif  // HOIST_TOOLS_UI_HUMAN_SIZE_H_
