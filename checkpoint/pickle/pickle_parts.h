#ifndef HOIST_CHECKPOINT_PICKLE_PICKLE_PARTS_H_
#define HOIST_CHECKPOINT_PICKLE_PICKLE_PARTS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "hoist/checkpoint/catalog/value.h"

namespace hoist {

// Of protocol 4, but read in a pickle of any protocol: makes an object of a
// class, a tuple and a dict of keywords.
inline constexpr char kNewObjEx = '\x92';

// What a pickle says of one value, in order, with the values inside of it by
// their ids: so that these can be written without recursion.
struct PicklePart {
  enum class Kind {
    kOp,           // number: the opcode
    kBool,         // number
    kInt,          // number
    kFloat,        // real
    kText,         // text
    kSharedText,   // text, which returns with other values
    kSharedClass,  // module and text, the same
    kType,         // number: the id of a kClass value, by its name alone
    kValue,        // number: the id of any value
    kPut,          // here it is on the stack, and can be referred to
    kItems,        // number: the id of a value whose items are added to what
                   // is on the stack
    kEntries,      // its entries, the same
  };
  Kind kind = Kind::kOp;
  int64_t number = 0;
  double real = 0;
  std::string text;
  absl::string_view module;  // a literal
};

// Builds them. Thread-compatible.
class PickleParts {
 public:
  using Kind = PicklePart::Kind;

  void Op(char opcode) { Add({.kind = Kind::kOp, .number = opcode}); }
  void None() { Op('N'); }
  void Mark() { Op('('); }
  void Bool(bool value) { Add({.kind = Kind::kBool, .number = value}); }
  void Int(int64_t value) { Add({.kind = Kind::kInt, .number = value}); }
  void Float(double value) { Add({.kind = Kind::kFloat, .real = value}); }
  void Text(std::string text) {
    Add({.kind = Kind::kText, .text = std::move(text)});
  }
  void SharedText(absl::string_view text) {
    Add({.kind = Kind::kSharedText, .text = std::string(text)});
  }
  // `module` outlives it.
  void Class(absl::string_view module, absl::string_view name) {
    Add({.kind = Kind::kSharedClass,
         .text = std::string(name),
         .module = module});
  }
  void Type(ValueId type) { Add({.kind = Kind::kType, .number = type}); }
  void Value(ValueId id) { Add({.kind = Kind::kValue, .number = id}); }
  void Put() { Add({.kind = Kind::kPut}); }
  void ItemsOf(ValueId id) { Add({.kind = Kind::kItems, .number = id}); }
  void EntriesOf(ValueId id) { Add({.kind = Kind::kEntries, .number = id}); }

  void Append(PickleParts other) {
    for (PicklePart& part : other.parts_) {
      Add(std::move(part));
    }
  }
  // Each begins before the items, and ends behind them.
  void BeginTuple(size_t size) {
    if (size > 3) {
      Mark();
    }
  }
  void EndTuple(size_t size) {
    constexpr char kTuples[] = {')', '\x85', '\x86', '\x87'};
    Op(size > 3 ? 't' : kTuples[size]);
  }
  void IntTuple(absl::Span<const int64_t> values) {
    BeginTuple(values.size());
    for (const int64_t value : values) {
      Int(value);
    }
    EndTuple(values.size());
  }
  // The call of a callable with a tuple, which are on the stack.
  void Call() { Op('R'); }

  std::vector<PicklePart> Take() && { return std::move(parts_); }

 private:
  void Add(PicklePart part) { parts_.push_back(std::move(part)); }

  std::vector<PicklePart> parts_;
};

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_PICKLE_PICKLE_PARTS_H_
