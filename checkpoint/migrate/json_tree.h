#ifndef HOIST_CHECKPOINT_MIGRATE_JSON_TREE_H_
#define HOIST_CHECKPOINT_MIGRATE_JSON_TREE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hoist {

// A JSON value that knows where it is in its text, for messages.
struct JsonTree {
  enum class Kind { kNull, kBool, kInteger, kFloat, kString, kArray, kObject };
  // Lines and bytes in a line, counted from 1.
  struct Position {
    int line = 1;
    int column = 1;
  };

  Kind kind = Kind::kNull;
  Position position;            // of its first byte
  int64_t integer = 0;          // kInteger; kBool: 0 or 1
  double number = 0;            // kFloat, kInteger
  std::string text;             // kString
  std::vector<JsonTree> items;  // kArray; kObject: the values
  // kObject: parallel to items, and where each is.
  std::vector<std::pair<std::string, Position>> keys;

  // The value under that key; null if there is none, or it is no object.
  const JsonTree* Find(absl::string_view key) const;
};

// "an object", "a string": for messages.
absl::string_view KindName(JsonTree::Kind kind);

// Reads all of `text`. kInvalidArgument for what is no JSON, a key that is
// twice in an object, an integer beyond 64 bits, nesting deeper than 32, more
// than 1 MiB: its message starts with line and column, "7:12: ". Thread-safe.
absl::StatusOr<JsonTree> ParseJsonTree(absl::string_view text);

// kInvalidArgument with a position before the message.
absl::Status JsonError(JsonTree::Position position, absl::string_view message);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_JSON_TREE_H_
