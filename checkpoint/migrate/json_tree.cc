#include "hoist/checkpoint/migrate/json_tree.h"

#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace hoist {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr size_t kMaxDepth = 32;

// Walks through the text, and lets know how far the parser has come.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, const char** progress)
      : at_(at), progress_(progress) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    *progress_ = at_;
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ == b.at_;
  }
  friend bool operator!=(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ != b.at_;
  }

 private:
  const char* at_;
  const char** progress_;
};

// Builds the tree. Its functions are those that nlohmann's parser calls.
class TreeBuilder {
 public:
  using Json = nlohmann::json;

  explicit TreeBuilder(absl::string_view text)
      : end_(text.data() + text.size()),
        progress_(text.data()),
        token_(text.data()),
        line_start_(text.data()) {}

  const char** progress() { return &progress_; }
  const absl::Status& status() const { return status_; }
  JsonTree& root() { return root_; }

  bool null() { return Add({.kind = JsonTree::Kind::kNull}); }
  bool boolean(bool value) {
    return Add({.kind = JsonTree::Kind::kBool, .integer = value});
  }
  bool number_integer(Json::number_integer_t value) {
    return Add({.kind = JsonTree::Kind::kInteger,
                .integer = value,
                .number = static_cast<double>(value)});
  }
  bool number_unsigned(Json::number_unsigned_t value) {
    if (value > static_cast<uint64_t>(INT64_MAX)) {
      NextToken();
      return Fail("An integer has more than 64 bits");
    }
    return number_integer(static_cast<int64_t>(value));
  }
  bool number_float(Json::number_float_t value, const std::string& text) {
    if (text.find_first_of(".eE") == std::string::npos) {
      NextToken();
      return Fail("An integer has more than 64 bits");
    }
    return Add({.kind = JsonTree::Kind::kFloat, .number = value});
  }
  bool string(std::string& value) {
    return Add({.kind = JsonTree::Kind::kString, .text = std::move(value)});
  }
  bool binary(Json::binary_t&) { return false; }  // JSON has none
  bool start_object(size_t) { return Add({.kind = JsonTree::Kind::kObject}); }
  bool start_array(size_t) { return Add({.kind = JsonTree::Kind::kArray}); }
  bool key(std::string& value) {
    NextToken();
    JsonTree& object = *open_.back();
    if (object.Find(value) != nullptr) {
      return Fail(absl::StrCat("Key \"", value, "\" is there twice"));
    }
    object.keys.emplace_back(std::move(value), position_);
    return true;
  }
  bool end_object() { return End(); }
  bool end_array() { return End(); }
  bool parse_error(size_t, const std::string& token,
                   const nlohmann::detail::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    std::string message = error.what();
    const size_t colon = message.find(": ");
    if (colon != std::string::npos) {
      message.erase(0, colon + 2);
    }
    MoveTo(progress_ - (progress_ > line_start_ && !token.empty() ? 1 : 0));
    return Fail(absl::StrCat("No JSON: ", message));
  }

 private:
  bool Fail(absl::string_view message) {
    status_ = JsonError(position_, message);
    return false;
  }
  void MoveTo(const char* place) {
    for (; token_ < place; ++token_) {
      if (*token_ == '\n') {
        ++position_.line;
        line_start_ = token_ + 1;
      }
    }
    position_.column = static_cast<int>(place - line_start_) + 1;
  }
  // To the first byte of what was read last. The parser has read that, and one
  // byte more where it is a number.
  void NextToken() {
    const char* next = token_end_ == nullptr ? token_ : token_end_;
    while (next < end_ && absl::StrContains(" \t\r\n,:", *next)) {
      ++next;
    }
    MoveTo(next);
    token_end_ = progress_;
  }
  bool Add(JsonTree tree) {
    NextToken();
    tree.position = position_;
    const bool is_open = tree.kind == JsonTree::Kind::kArray ||
                         tree.kind == JsonTree::Kind::kObject;
    JsonTree* added = &root_;
    if (open_.empty()) {
      root_ = std::move(tree);
    } else {
      added = &open_.back()->items.emplace_back(std::move(tree));
    }
    if (is_open) {
      if (open_.size() >= kMaxDepth) {
        return Fail(
            absl::StrCat("More than ", kMaxDepth, " values in each other"));
      }
      open_.push_back(added);
    }
    return true;
  }
  bool End() {
    NextToken();
    open_.pop_back();
    return true;
  }

  const char* const end_;
  const char* progress_;
  const char* token_;
  const char* token_end_ = nullptr;  // what is before is read
  const char* line_start_;
  JsonTree::Position position_;
  JsonTree root_;
  // Their items do not move while they are open: only the last one grows.
  std::vector<JsonTree*> open_;
  absl::Status status_;
};

}  // namespace

const JsonTree* JsonTree::Find(absl::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].first == key) {
      return &items[i];
    }
  }
  return nullptr;
}

absl::string_view KindName(JsonTree::Kind kind) {
  switch (kind) {
    case JsonTree::Kind::kNull:
      return "null";
    case JsonTree::Kind::kBool:
      return "true or false";
    case JsonTree::Kind::kInteger:
      return "an integer";
    case JsonTree::Kind::kFloat:
      return "a number with a fraction";
    case JsonTree::Kind::kString:
      return "a string";
    case JsonTree::Kind::kArray:
      return "an array";
    case JsonTree::Kind::kObject:
      return "an object";
  }
  return "";
}

absl::Status JsonError(JsonTree::Position position, absl::string_view message) {
  return absl::InvalidArgumentError(
      absl::StrCat(position.line, ":", position.column, ": ", message));
}

absl::StatusOr<JsonTree> ParseJsonTree(absl::string_view text) {
  if (text.size() > kMaxBytes) {
    return JsonError({}, absl::StrCat("It has ", text.size(),
                                      " bytes, and may have ", kMaxBytes));
  }
  TreeBuilder builder(text);
  const CountingIterator begin(text.data(), builder.progress());
  const CountingIterator end(text.data() + text.size(), builder.progress());
  if (!nlohmann::json::sax_parse(begin, end, &builder)) {
    return builder.status().ok() ? JsonError({}, "No JSON") : builder.status();
  }
  return std::move(builder.root());
}

}  // namespace hoist
