#include "hoist/checkpoint/formats/shard_index/shard_number.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace hoist {

std::optional<ShardNumber> ParseShardNumber(absl::string_view file) {
  constexpr absl::string_view kOf = "-of-";
  const size_t of = file.rfind(kOf);
  if (of == absl::string_view::npos) {
    return std::nullopt;
  }
  size_t begin = of;
  while (begin > 0 && absl::ascii_isdigit(file[begin - 1])) {
    --begin;
  }
  const size_t count_begin = of + kOf.size();
  size_t end = count_begin;
  while (end < file.size() && absl::ascii_isdigit(file[end])) {
    ++end;
  }
  ShardNumber shard;
  if (!absl::SimpleAtoi(file.substr(begin, of - begin), &shard.number) ||
      !absl::SimpleAtoi(file.substr(count_begin, end - count_begin),
                        &shard.count)) {
    return std::nullopt;
  }
  shard.around = absl::StrCat(file.substr(0, begin), "*", file.substr(end));
  return shard;
}

}  // namespace hoist
