#include "hoist/checkpoint/pickle/pickle_machine.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/checkpoint/pickle/memo.h"
#include "hoist/checkpoint/pickle/object_arguments.h"
#include "hoist/checkpoint/pickle/python_types.h"
#include "hoist/checkpoint/pickle/repeated_keys.h"
#include "hoist/checkpoint/pickle/text_escapes.h"
#include "hoist/core/base/endian.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

constexpr int kNewestProtocol = 5;
// What calls may copy, in bytes for each byte of the pickle: real ones copy
// every byte at most once.
constexpr size_t kMaxCopyFactor = 4;
constexpr size_t kFreeCopyBytes = size_t{1} << 20;

using Items = ValueGraph::Items;

class Machine {
 public:
  Machine(absl::Span<const uint8_t> bytes, PickleVocabulary& vocabulary,
          ValueGraph& graph, const PickleLimits& limits)
      : bytes_(bytes), vocabulary_(vocabulary), graph_(graph), limits_(limits) {
    for (int i = 0; i < 256; ++i) {
      small_ints_[i] = ValueGraph::kNoneId;
    }
  }

  absl::StatusOr<PickleResult> Run();

  // --- opcode handlers ---

  absl::Status Proto();
  absl::Status Frame();
  absl::Status Stop();
  absl::Status Mark();
  absl::Status Pop();
  absl::Status PopMark();
  absl::Status Dup();

  absl::Status None() { return Push(ValueGraph::kNoneId); }
  absl::Status True() { return Push(ValueGraph::kTrueId); }
  absl::Status False() { return Push(ValueGraph::kFalseId); }
  template <typename T>
  absl::Status BinInt();
  template <typename Length>
  absl::Status BinLong();
  absl::Status IntLine();
  absl::Status LongLine();
  absl::Status BinFloat();
  absl::Status FloatLine();

  template <typename Length>
  absl::Status BinString();
  template <typename Length>
  absl::Status BinBytes();
  absl::Status ByteArray();
  absl::Status StringLine();
  absl::Status UnicodeLine();

  absl::Status EmptyList() { return PushNew(ValueKind::kList, {}); }
  absl::Status EmptyTuple();
  absl::Status EmptyDict() { return PushNew(ValueKind::kDict, {}); }
  absl::Status EmptySet() { return PushNew(ValueKind::kSet, {}); }
  absl::Status List() { return PushMarked(ValueKind::kList); }
  absl::Status Tuple() { return PushMarked(ValueKind::kTuple); }
  absl::Status Dict() { return PushMarked(ValueKind::kDict); }
  absl::Status FrozenSet();
  template <int kSize>
  absl::Status TupleOf();
  absl::Status Append() { return Extend(1); }
  absl::Status Appends();
  absl::Status SetItem() { return Extend(2); }
  absl::Status SetItems();

  absl::Status PutLine();
  template <typename Index>
  absl::Status BinPut();
  absl::Status Memoize();
  absl::Status GetLine();
  template <typename Index>
  absl::Status BinGet();

  absl::Status Global();
  absl::Status StackGlobal();
  absl::Status Reduce();
  absl::Status NewObj();
  absl::Status NewObjEx();
  absl::Status Build();
  absl::Status Inst();
  absl::Status Obj();
  absl::Status PersId();
  absl::Status BinPersId();
  absl::Status Refuse();

 private:
  // --- what is left of the pickle ---

  absl::StatusOr<absl::Span<const uint8_t>> Take(uint64_t size);
  // Into `number`: every other opcode has one.
  template <typename T>
  absl::Status TakeNumber(T& number);
  template <typename Length>
  absl::StatusOr<absl::string_view> TakeCounted();
  absl::StatusOr<absl::string_view> TakeLine();

  // --- stack and memo ---

  absl::Status Push(ValueId id);
  absl::Status PushNode(ValueGraph::Node node);
  absl::Status PushNew(ValueKind kind, absl::Span<const ValueId> items);
  absl::Status PushText(ValueKind kind, absl::string_view text);
  absl::Status PushInt(int64_t value);
  absl::Status PushClass(absl::string_view module, absl::string_view name);
  absl::StatusOr<ValueId> PopValue();
  absl::StatusOr<absl::Span<const ValueId>> PopToMark();
  absl::Span<const ValueId> PopSpan(size_t count);
  absl::Status PushMarked(ValueKind kind);
  size_t StackFloor() const { return marks_.empty() ? 0 : marks_.back(); }
  absl::Status Put(uint64_t index);
  absl::Status Get(uint64_t index);

  absl::Status Extend(size_t count);
  void AddToOpaque(ValueId object, absl::Span<const ValueId> items, bool pairs);
  absl::Status ExtendWith(ValueId object, absl::Span<const ValueId> items,
                          bool pairs);
  absl::Status Call(ValueId callable, absl::Span<const ValueId> arguments);
  absl::Status CountCopies(ValueId made);
  void MarkNew();

  const absl::Span<const uint8_t> bytes_;
  PickleVocabulary& vocabulary_;
  ValueGraph& graph_;
  const PickleLimits& limits_;

  size_t position_ = 0;
  bool stopped_ = false;
  std::vector<ValueId> stack_;
  std::vector<ValueId> popped_;  // what PopSpan() gave last
  std::vector<size_t> marks_;    // heights of the stack
  Memo memo_;
  size_t copied_bytes_ = 0;
  size_t first_value_ = 0;
  // Immutable values that there need be only one of.
  std::array<ValueId, 256> small_ints_;
  ValueId empty_tuple_ = ValueGraph::kNoneId;
};

struct Opcode {
  const char* name = nullptr;
  absl::Status (Machine::*run)() = nullptr;
};

using Opcodes = std::array<Opcode, 256>;

// Every opcode of protocols 0 to 5.
constexpr Opcodes MakeOpcodes() {
  Opcodes table{};
  table[0x80] = {"PROTO", &Machine::Proto};
  table[0x95] = {"FRAME", &Machine::Frame};
  table['.'] = {"STOP", &Machine::Stop};
  table['('] = {"MARK", &Machine::Mark};
  table['0'] = {"POP", &Machine::Pop};
  table['1'] = {"POP_MARK", &Machine::PopMark};
  table['2'] = {"DUP", &Machine::Dup};

  table['N'] = {"NONE", &Machine::None};
  table[0x88] = {"NEWTRUE", &Machine::True};
  table[0x89] = {"NEWFALSE", &Machine::False};
  table['K'] = {"BININT1", &Machine::BinInt<uint8_t>};
  table['M'] = {"BININT2", &Machine::BinInt<uint16_t>};
  table['J'] = {"BININT", &Machine::BinInt<int32_t>};
  table[0x8a] = {"LONG1", &Machine::BinLong<uint8_t>};
  table[0x8b] = {"LONG4", &Machine::BinLong<int32_t>};
  table['I'] = {"INT", &Machine::IntLine};
  table['L'] = {"LONG", &Machine::LongLine};
  table['G'] = {"BINFLOAT", &Machine::BinFloat};
  table['F'] = {"FLOAT", &Machine::FloatLine};

  table[0x8c] = {"SHORT_BINUNICODE", &Machine::BinString<uint8_t>};
  table['X'] = {"BINUNICODE", &Machine::BinString<uint32_t>};
  table[0x8d] = {"BINUNICODE8", &Machine::BinString<uint64_t>};
  table['V'] = {"UNICODE", &Machine::UnicodeLine};
  table['U'] = {"SHORT_BINSTRING", &Machine::BinString<uint8_t>};
  table['T'] = {"BINSTRING", &Machine::BinString<int32_t>};
  table['S'] = {"STRING", &Machine::StringLine};
  table['C'] = {"SHORT_BINBYTES", &Machine::BinBytes<uint8_t>};
  table['B'] = {"BINBYTES", &Machine::BinBytes<uint32_t>};
  table[0x8e] = {"BINBYTES8", &Machine::BinBytes<uint64_t>};
  table[0x96] = {"BYTEARRAY8", &Machine::ByteArray};

  table[']'] = {"EMPTY_LIST", &Machine::EmptyList};
  table['l'] = {"LIST", &Machine::List};
  table['a'] = {"APPEND", &Machine::Append};
  table['e'] = {"APPENDS", &Machine::Appends};
  table[')'] = {"EMPTY_TUPLE", &Machine::EmptyTuple};
  table['t'] = {"TUPLE", &Machine::Tuple};
  table[0x85] = {"TUPLE1", &Machine::TupleOf<1>};
  table[0x86] = {"TUPLE2", &Machine::TupleOf<2>};
  table[0x87] = {"TUPLE3", &Machine::TupleOf<3>};
  table['}'] = {"EMPTY_DICT", &Machine::EmptyDict};
  table['d'] = {"DICT", &Machine::Dict};
  table['s'] = {"SETITEM", &Machine::SetItem};
  table['u'] = {"SETITEMS", &Machine::SetItems};
  table[0x8f] = {"EMPTY_SET", &Machine::EmptySet};
  table[0x90] = {"ADDITEMS", &Machine::Appends};
  table[0x91] = {"FROZENSET", &Machine::FrozenSet};

  table['g'] = {"GET", &Machine::GetLine};
  table['h'] = {"BINGET", &Machine::BinGet<uint8_t>};
  table['j'] = {"LONG_BINGET", &Machine::BinGet<uint32_t>};
  table['p'] = {"PUT", &Machine::PutLine};
  table['q'] = {"BINPUT", &Machine::BinPut<uint8_t>};
  table['r'] = {"LONG_BINPUT", &Machine::BinPut<uint32_t>};
  table[0x94] = {"MEMOIZE", &Machine::Memoize};

  table['c'] = {"GLOBAL", &Machine::Global};
  table[0x93] = {"STACK_GLOBAL", &Machine::StackGlobal};
  table['R'] = {"REDUCE", &Machine::Reduce};
  table[0x81] = {"NEWOBJ", &Machine::NewObj};
  table[0x92] = {"NEWOBJ_EX", &Machine::NewObjEx};
  table['b'] = {"BUILD", &Machine::Build};
  table['i'] = {"INST", &Machine::Inst};
  table['o'] = {"OBJ", &Machine::Obj};
  table['P'] = {"PERSID", &Machine::PersId};
  table['Q'] = {"BINPERSID", &Machine::BinPersId};

  // The first three name a registry in the memory of the program that wrote
  // them, the others buffers that were handed over beside the pickle.
  table[0x82] = {"EXT1", &Machine::Refuse};
  table[0x83] = {"EXT2", &Machine::Refuse};
  table[0x84] = {"EXT4", &Machine::Refuse};
  table[0x97] = {"NEXT_BUFFER", &Machine::Refuse};
  table[0x98] = {"READONLY_BUFFER", &Machine::Refuse};
  return table;
}

constexpr Opcodes kOpcodes = MakeOpcodes();

absl::StatusOr<PickleResult> Machine::Run() {
  first_value_ = graph_.size();
  while (!stopped_) {
    const size_t at = position_;
    if (at == bytes_.size()) {
      return WithHint(
          absl::DataLossError(absl::StrCat("The pickle is cut off after ", at,
                                           " bytes: it has no STOP")),
          "The file is incomplete; get or save it again");
    }
    const Opcode& opcode = kOpcodes[bytes_[position_++]];
    if (opcode.run == nullptr) {
      return absl::DataLossError(absl::StrFormat(
          "The pickle has no opcode at offset %d, but byte %#04x", at,
          bytes_[at]));
    }
    if (absl::Status status = (this->*opcode.run)(); !status.ok()) {
      return Annotate(status,
                      absl::StrCat("Opcode ", opcode.name, " at offset ", at,
                                   " of the pickle"));
    }
    if (graph_.size() - first_value_ > limits_.max_values) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "The pickle makes more than ", limits_.max_values, " values"));
    }
  }
  RemoveRepeatedKeys(graph_, first_value_);
  return PickleResult{.root = stack_.back(), .size_bytes = position_};
}

// --- what is left of the pickle ---

absl::StatusOr<absl::Span<const uint8_t>> Machine::Take(uint64_t size) {
  const size_t left = bytes_.size() - position_;
  if (size > left) {
    return absl::DataLossError(
        absl::StrCat("it takes ", size, " bytes, and ", left, " are left"));
  }
  const auto taken = bytes_.subspan(position_, size);
  position_ += size;
  return taken;
}

template <typename T>
inline absl::Status Machine::TakeNumber(T& number) {
  if (sizeof(T) > bytes_.size() - position_) {
    return Take(sizeof(T)).status();
  }
  number = LoadLittleEndian<T>(bytes_.data() + position_);
  position_ += sizeof(T);
  return absl::OkStatus();
}

template <typename Length>
absl::StatusOr<absl::string_view> Machine::TakeCounted() {
  Length length;
  HOIST_RETURN_IF_ERROR(TakeNumber(length));
  if (std::is_signed_v<Length> && length < Length{0}) {
    return absl::DataLossError(absl::StrCat("its length is ", length));
  }
  HOIST_ASSIGN_OR_RETURN(const auto bytes, Take(static_cast<uint64_t>(length)));
  return absl::string_view(reinterpret_cast<const char*>(bytes.data()),
                           bytes.size());
}

absl::StatusOr<absl::string_view> Machine::TakeLine() {
  const absl::string_view rest(
      reinterpret_cast<const char*>(bytes_.data()) + position_,
      bytes_.size() - position_);
  const size_t end = rest.find('\n');
  if (end == absl::string_view::npos) {
    return absl::DataLossError("its line has no end");
  }
  position_ += end + 1;
  return rest.substr(0, end);
}

// --- stack and memo ---

absl::Status Machine::Push(ValueId id) {
  stack_.push_back(id);
  return absl::OkStatus();
}

absl::Status Machine::PushNode(ValueGraph::Node node) {
  return Push(graph_.Add(std::move(node)));
}

absl::Status Machine::PushNew(ValueKind kind, absl::Span<const ValueId> items) {
  return Push(graph_.AddItems(kind, items));
}

absl::Status Machine::PushText(ValueKind kind, absl::string_view text) {
  return PushNode({.kind = kind, .data = std::string(text)});
}

absl::Status Machine::PushInt(int64_t value) {
  if (value < 0 || value >= static_cast<int64_t>(small_ints_.size())) {
    return Push(graph_.AddInt(value));
  }
  ValueId& id = small_ints_[value];
  if (id == ValueGraph::kNoneId) {
    id = graph_.AddInt(value);
  }
  return Push(id);
}

absl::Status Machine::PushClass(absl::string_view module,
                                absl::string_view name) {
  if (module.size() + name.size() > limits_.max_name_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("its name has ", module.size() + name.size(), " bytes"));
  }
  const auto [module3, name3] = Python3Name(module, name);
  return Push(graph_.AddClass(module3, name3));
}

absl::StatusOr<ValueId> Machine::PopValue() {
  if (stack_.size() <= StackFloor()) {
    return absl::DataLossError("the stack has too few values");
  }
  const ValueId id = stack_.back();
  stack_.pop_back();
  return id;
}

// Good until something is pushed.
absl::StatusOr<absl::Span<const ValueId>> Machine::PopToMark() {
  if (marks_.empty()) {
    return absl::DataLossError("there is no mark on the stack");
  }
  const size_t first = marks_.back();
  marks_.pop_back();
  return PopSpan(stack_.size() - first);
}

// Of so many values, which are there; good until something is pushed.
absl::Span<const ValueId> Machine::PopSpan(size_t count) {
  popped_.assign(stack_.end() - static_cast<ptrdiff_t>(count), stack_.end());
  stack_.resize(stack_.size() - count);
  return popped_;
}

absl::Status Machine::PushMarked(ValueKind kind) {
  HOIST_ASSIGN_OR_RETURN(const auto items, PopToMark());
  if (kind == ValueKind::kDict && items.size() % 2 != 0) {
    return absl::DataLossError("its last key has no value");
  }
  if (kind == ValueKind::kTuple && items.empty()) {
    return EmptyTuple();
  }
  return PushNew(kind, items);
}

absl::Status Machine::Put(uint64_t index) {
  if (stack_.size() <= StackFloor()) {
    return absl::DataLossError("the stack has too few values");
  }
  if (memo_.size() >= limits_.max_memo) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the memo has more than ", limits_.max_memo, " entries"));
  }
  memo_.Put(index, stack_.back());
  return absl::OkStatus();
}

absl::Status Machine::Get(uint64_t index) {
  const std::optional<ValueId> remembered = memo_.Get(index);
  if (!remembered) {
    return absl::DataLossError(
        absl::StrCat("nothing was remembered under ", index));
  }
  return Push(*remembered);
}

// --- the stack's own opcodes ---

absl::Status Machine::Proto() {
  uint8_t protocol;
  HOIST_RETURN_IF_ERROR(TakeNumber(protocol));
  if (protocol > kNewestProtocol) {
    return absl::UnimplementedError(
        absl::StrCat("pickle protocol ", protocol, " is not known; ",
                     kNewestProtocol, " is the newest that is"));
  }
  return absl::OkStatus();
}

absl::Status Machine::Frame() {
  uint64_t size;
  HOIST_RETURN_IF_ERROR(TakeNumber(size));
  if (size > bytes_.size() - position_) {
    return absl::DataLossError(
        absl::StrCat("the frame has ", size, " bytes, and ",
                     bytes_.size() - position_, " are left"));
  }
  return absl::OkStatus();
}

absl::Status Machine::Stop() {
  if (!marks_.empty() || stack_.empty()) {
    return absl::DataLossError("the stack has no result");
  }
  stopped_ = true;
  return absl::OkStatus();
}

absl::Status Machine::Mark() {
  if (marks_.size() >= limits_.max_marks) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "more than ", limits_.max_marks, " collections inside each other"));
  }
  marks_.push_back(stack_.size());
  return absl::OkStatus();
}

absl::Status Machine::Pop() {
  if (!marks_.empty() && stack_.size() == marks_.back()) {
    marks_.pop_back();
    return absl::OkStatus();
  }
  return PopValue().status();
}

absl::Status Machine::PopMark() { return PopToMark().status(); }

absl::Status Machine::Dup() {
  HOIST_ASSIGN_OR_RETURN(const ValueId top, PopValue());
  stack_.push_back(top);
  return Push(top);
}

// --- numbers ---

template <typename T>
absl::Status Machine::BinInt() {
  T value;
  HOIST_RETURN_IF_ERROR(TakeNumber(value));
  return PushInt(value);
}

template <typename Length>
absl::Status Machine::BinLong() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view bytes, TakeCounted<Length>());
  if (bytes.size() > limits_.max_integer_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("an integer of ", bytes.size(), " bytes"));
  }
  if (bytes.size() > sizeof(int64_t)) {
    return PushText(ValueKind::kBigInt, bytes);
  }
  const bool negative = !bytes.empty() && (bytes.back() & 0x80) != 0;
  uint64_t value = negative ? ~uint64_t{0} : 0;
  for (size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return PushInt(static_cast<int64_t>(value));
}

absl::Status Machine::IntLine() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view line, TakeLine());
  if (line == "00" || line == "01") {
    return line == "01" ? True() : False();
  }
  position_ -= line.size() + 1;
  return LongLine();
}

absl::Status Machine::LongLine() {
  HOIST_ASSIGN_OR_RETURN(absl::string_view line, TakeLine());
  if (absl::EndsWith(line, "L")) {
    line.remove_suffix(1);
  }
  int64_t value;
  if (absl::SimpleAtoi(line, &value)) {
    return PushInt(value);
  }
  if (line.size() > limits_.max_integer_digits) {
    return absl::ResourceExhaustedError(
        absl::StrCat("an integer of ", line.size(), " digits"));
  }
  HOIST_ASSIGN_OR_RETURN(const std::string bytes, DecimalToBytes(line));
  return PushText(ValueKind::kBigInt, bytes);
}

absl::Status Machine::BinFloat() {
  HOIST_ASSIGN_OR_RETURN(const auto bytes, Take(sizeof(double)));
  return PushNode(
      {.kind = ValueKind::kFloat, .data = LoadBigEndianDouble(bytes.data())});
}

absl::Status Machine::FloatLine() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view line, TakeLine());
  double value;
  if (!absl::SimpleAtod(line, &value)) {
    return absl::DataLossError("its text is no number");
  }
  return PushNode({.kind = ValueKind::kFloat, .data = value});
}

// --- text and bytes ---

template <typename Length>
absl::Status Machine::BinString() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view text, TakeCounted<Length>());
  return Push(graph_.AddString(text));
}

template <typename Length>
absl::Status Machine::BinBytes() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view bytes, TakeCounted<Length>());
  return PushText(ValueKind::kBytes, bytes);
}

absl::Status Machine::ByteArray() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view bytes,
                         TakeCounted<uint64_t>());
  const ValueId type = graph_.AddClass("builtins", "bytearray");
  return PushNode(
      {.kind = ValueKind::kBytes, .type = type, .data = std::string(bytes)});
}

absl::Status Machine::StringLine() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view line, TakeLine());
  HOIST_ASSIGN_OR_RETURN(const std::string text, DecodePythonString(line));
  return PushText(ValueKind::kString, text);
}

absl::Status Machine::UnicodeLine() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view line, TakeLine());
  HOIST_ASSIGN_OR_RETURN(const std::string text, DecodeRawUnicode(line));
  return PushText(ValueKind::kString, text);
}

// --- collections ---

absl::Status Machine::EmptyTuple() {
  if (empty_tuple_ == ValueGraph::kNoneId) {
    empty_tuple_ = graph_.AddItems(ValueKind::kTuple, {});
  }
  return Push(empty_tuple_);
}

template <int kSize>
absl::Status Machine::TupleOf() {
  if (stack_.size() < StackFloor() + kSize) {
    return absl::DataLossError("the stack has too few values");
  }
  return PushNew(ValueKind::kTuple, PopSpan(kSize));
}

absl::Status Machine::FrozenSet() {
  HOIST_ASSIGN_OR_RETURN(const auto items, PopToMark());
  const ValueId type = graph_.AddClass("builtins", "frozenset");
  return Push(graph_.AddItems(ValueKind::kSet, items, type));
}

absl::Status Machine::Appends() {
  HOIST_ASSIGN_OR_RETURN(const auto items, PopToMark());
  if (stack_.size() <= StackFloor()) {
    return absl::DataLossError("the stack has too few values");
  }
  return ExtendWith(stack_.back(), items, /*pairs=*/false);
}

absl::Status Machine::SetItems() {
  HOIST_ASSIGN_OR_RETURN(const auto items, PopToMark());
  if (stack_.size() <= StackFloor()) {
    return absl::DataLossError("the stack has too few values");
  }
  return ExtendWith(stack_.back(), items, /*pairs=*/true);
}

// APPEND and SETITEM: the object lies under `count` values.
absl::Status Machine::Extend(size_t count) {
  if (stack_.size() < StackFloor() + count + 1) {
    return absl::DataLossError("the stack has too few values");
  }
  const auto items = PopSpan(count);
  return ExtendWith(stack_.back(), items, /*pairs=*/count == 2);
}

absl::Status Machine::ExtendWith(ValueId object,
                                 absl::Span<const ValueId> items, bool pairs) {
  if (pairs && items.size() % 2 != 0) {
    return absl::DataLossError("its last key has no value");
  }
  ValueGraph::Node& node = graph_.node(object);
  if (node.kind == ValueKind::kOpaque) {
    if (!std::get<Items>(node.data).empty()) {
      AddToOpaque(object, items, pairs);
      return absl::OkStatus();
    }
    // A subclass of list or dict, whose class is not known.
    node.kind = pairs ? ValueKind::kDict : ValueKind::kList;
  }
  const bool is_dict = node.kind == ValueKind::kDict;
  const bool is_items =
      node.kind == ValueKind::kList || node.kind == ValueKind::kSet;
  if (pairs ? !is_dict : !is_items) {
    return absl::DataLossError(absl::StrCat(
        "nothing can be added to a ", Value(&graph_, object).ClassName()));
  }
  Items& content = std::get<Items>(node.data);
  content.insert(content.end(), items.begin(), items.end());
  return absl::OkStatus();
}

// What an object that was made of arguments is given behind them.
void Machine::AddToOpaque(ValueId object, absl::Span<const ValueId> items,
                          bool pairs) {
  const Items& parts = std::get<Items>(graph_.node(object).data);
  ValueId added = parts.back();
  if (!(pairs ? IsAddedEntries(Value(&graph_, added))
              : IsAddedItems(Value(&graph_, added)))) {
    added = pairs ? graph_.AddItems(ValueKind::kDict, {},
                                    graph_.AddClass("builtins", "dict"))
                  : graph_.AddItems(ValueKind::kList, {});
    graph_.node(added).is_new = true;
    std::get<Items>(graph_.node(object).data).push_back(added);
  }
  Items& content = std::get<Items>(graph_.node(added).data);
  content.insert(content.end(), items.begin(), items.end());
}

// --- the memo ---

template <typename Index>
absl::Status Machine::BinPut() {
  Index index;
  HOIST_RETURN_IF_ERROR(TakeNumber(index));
  return Put(index);
}

template <typename Index>
absl::Status Machine::BinGet() {
  Index index;
  HOIST_RETURN_IF_ERROR(TakeNumber(index));
  return Get(index);
}

absl::Status Machine::PutLine() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view line, TakeLine());
  uint64_t index;
  if (!absl::SimpleAtoi(line, &index)) {
    return absl::DataLossError("its index is no number");
  }
  return Put(index);
}

absl::Status Machine::GetLine() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view line, TakeLine());
  uint64_t index;
  if (!absl::SimpleAtoi(line, &index)) {
    return absl::DataLossError("its index is no number");
  }
  return Get(index);
}

absl::Status Machine::Memoize() { return Put(memo_.size()); }

// --- objects ---

absl::Status Machine::Global() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view module, TakeLine());
  HOIST_ASSIGN_OR_RETURN(const absl::string_view name, TakeLine());
  return PushClass(module, name);
}

absl::Status Machine::StackGlobal() {
  HOIST_ASSIGN_OR_RETURN(const ValueId name, PopValue());
  HOIST_ASSIGN_OR_RETURN(const ValueId module, PopValue());
  if (graph_.node(name).kind != ValueKind::kString ||
      graph_.node(module).kind != ValueKind::kString) {
    return absl::DataLossError("module and name are not both text");
  }
  return PushClass(Value(&graph_, module).AsString(),
                   Value(&graph_, name).AsString());
}

absl::Status Machine::Reduce() {
  HOIST_ASSIGN_OR_RETURN(const ValueId arguments, PopValue());
  HOIST_ASSIGN_OR_RETURN(const ValueId callable, PopValue());
  if (graph_.node(arguments).kind != ValueKind::kTuple) {
    return absl::DataLossError("the arguments are no tuple");
  }
  return Call(callable, std::get<Items>(graph_.node(arguments).data));
}

// What this makes of a class and its arguments is data as what REDUCE makes.
absl::Status Machine::NewObj() {
  HOIST_RETURN_IF_ERROR(Reduce());
  MarkNew();
  return absl::OkStatus();
}

absl::Status Machine::NewObjEx() {
  HOIST_ASSIGN_OR_RETURN(const ValueId keywords, PopValue());
  HOIST_ASSIGN_OR_RETURN(const ValueId arguments, PopValue());
  HOIST_ASSIGN_OR_RETURN(const ValueId callable, PopValue());
  if (graph_.node(arguments).kind != ValueKind::kTuple ||
      graph_.node(keywords).kind != ValueKind::kDict) {
    return absl::DataLossError("the arguments are no tuple and dict");
  }
  Items items = std::get<Items>(graph_.node(arguments).data);
  if (!std::get<Items>(graph_.node(keywords).data).empty()) {
    // One of its own: others may have the same dict as what it is.
    const ValueId own = graph_.AddItems(
        ValueKind::kDict, std::get<Items>(graph_.node(keywords).data));
    graph_.node(own).is_new = true;
    HOIST_RETURN_IF_ERROR(CountCopies(own));
    items.push_back(own);
  }
  HOIST_RETURN_IF_ERROR(Call(callable, items));
  MarkNew();
  return absl::OkStatus();
}

void Machine::MarkNew() {
  ValueGraph::Node& made = graph_.node(stack_.back());
  made.is_new = made.kind == ValueKind::kOpaque;
}

absl::Status Machine::Call(ValueId callable,
                           absl::Span<const ValueId> arguments) {
  ValueId type = callable;
  Items items;
  if (graph_.node(callable).kind == ValueKind::kClass) {
    HOIST_ASSIGN_OR_RETURN(
        const std::optional<ValueId> made,
        vocabulary_.Call(graph_, Value(&graph_, callable).AsString(),
                         arguments));
    if (made.has_value()) {
      HOIST_RETURN_IF_ERROR(CountCopies(*made));
      return Push(*made);
    }
  } else {
    // A call of something that is itself the result of one.
    type = ValueGraph::kNoneId;
    items.push_back(callable);
  }
  items.insert(items.end(), arguments.begin(), arguments.end());
  const ValueId opaque = graph_.AddItems(ValueKind::kOpaque, items, type);
  HOIST_RETURN_IF_ERROR(CountCopies(opaque));
  return Push(opaque);
}

// Calls copy what they are given, and one short pickle can call often.
absl::Status Machine::CountCopies(ValueId made) {
  const auto& data = graph_.node(made).data;
  if (const auto* text = std::get_if<std::string>(&data)) {
    copied_bytes_ += text->size();
  } else if (const auto* items = std::get_if<Items>(&data)) {
    copied_bytes_ += items->size();
  }
  if (copied_bytes_ / kMaxCopyFactor > bytes_.size() + kFreeCopyBytes) {
    return absl::ResourceExhaustedError(
        "the pickle copies its own content again and again");
  }
  return absl::OkStatus();
}

absl::Status Machine::Build() {
  HOIST_ASSIGN_OR_RETURN(const ValueId state, PopValue());
  if (stack_.size() <= StackFloor()) {
    return absl::DataLossError("the stack has too few values");
  }
  const ValueId object = stack_.back();
  if (object <= ValueGraph::kTrueId) {
    return absl::DataLossError(absl::StrCat(
        "a ", Value(&graph_, object).ClassName(), " has no state"));
  }
  graph_.node(object).state = state;
  return absl::OkStatus();
}

absl::Status Machine::Inst() {
  HOIST_RETURN_IF_ERROR(Global());
  const ValueId callable = stack_.back();
  stack_.pop_back();
  HOIST_ASSIGN_OR_RETURN(const auto arguments, PopToMark());
  return Call(callable, arguments);
}

absl::Status Machine::Obj() {
  HOIST_ASSIGN_OR_RETURN(const auto items, PopToMark());
  if (items.empty()) {
    return absl::DataLossError("there is no class after the mark");
  }
  return Call(items[0], items.subspan(1));
}

absl::Status Machine::PersId() {
  HOIST_ASSIGN_OR_RETURN(const absl::string_view line, TakeLine());
  HOIST_RETURN_IF_ERROR(PushText(ValueKind::kString, line));
  return BinPersId();
}

absl::Status Machine::BinPersId() {
  HOIST_ASSIGN_OR_RETURN(const ValueId id, PopValue());
  HOIST_ASSIGN_OR_RETURN(const ValueId object, vocabulary_.LoadPersistent(
                                                   graph_, Value(&graph_, id)));
  return Push(object);
}

absl::Status Machine::Refuse() {
  return absl::PermissionDeniedError(
      "refused: it refers to something outside of the file");
}

}  // namespace

absl::StatusOr<PickleResult> ReadPickle(absl::Span<const uint8_t> bytes,
                                        PickleVocabulary& vocabulary,
                                        ValueGraph& graph,
                                        const PickleLimits& limits) {
  return Machine(bytes, vocabulary, graph, limits).Run();
}

}  // namespace hoist
