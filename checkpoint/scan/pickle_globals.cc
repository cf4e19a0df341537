#include "hoist/checkpoint/scan/pickle_globals.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "hoist/checkpoint/scan/pickle_strings.h"
#include "hoist/core/base/endian.h"

namespace hoist {
namespace {

constexpr int kNewestProtocol = 5;
constexpr size_t kMaxNameBytes = 4096;
constexpr size_t kMaxStack = size_t{1} << 23;
constexpr size_t kMaxMarks = size_t{1} << 21;
constexpr size_t kMaxMemo = size_t{1} << 23;
constexpr size_t kMaxSparseMemo = size_t{1} << 19;
constexpr size_t kMaxGlobals = 100'000;
constexpr size_t kMaxAllNamesBytes = size_t{16} << 20;
// What else than an opcode counts as steps.
constexpr uint64_t kLineBytesPerStep = 64;
constexpr uint64_t kStepsPerLoad = 256;

// What is known of a value: that it is no string, that a call or an import made
// it, or, from kText on, the position of the opcode that pushes a string.
using Slot = uint64_t;
constexpr Slot kNothing = 0;  // in the memo: not there
constexpr Slot kPlain = 1;
constexpr Slot kComputed = 2;
constexpr Slot kText = 3;

class Walker {
 public:
  Walker(ByteWindow& window, uint64_t start, const PickleWalkOptions& options)
      : window_(window), options_(options), start_(start), position_(start) {}

  PickleWalk Run();

 private:
  // Runs the opcode; false ends the walk.
  bool Step(uint8_t opcode);

  // --- damage ---

  void Damage(std::string what);
  // For what cannot be walked past.
  bool Fail(std::string what) {
    Damage(std::move(what));
    return false;
  }
  bool CutOff() {
    if (walk_.damage.empty()) {
      walk_.is_cut_off = true;
    }
    return Fail("it is cut off");
  }

  // --- operands: false if they are not there ---

  bool Skip(uint64_t size);
  template <typename T>
  bool Number(T& value);
  template <typename Length>
  bool SkipCounted();
  // Its first kMaxNameBytes + 1 bytes, if wanted.
  bool Line(std::string* text);

  // --- stack ---

  bool Push(Slot slot);
  bool PushAfter(bool has_operand, Slot slot) {
    return has_operand && Push(slot);
  }
  bool PushText(bool has_operand) {
    return PushAfter(has_operand, opcode_position_ + kText);
  }
  size_t Floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Slot Pop();
  void PopMany(int count);
  void PopToMark();
  bool Replace(int popped, Slot slot) {
    PopMany(popped);
    return Push(slot);
  }
  bool ReplaceMarked(Slot slot) {
    PopToMark();
    return Push(slot);
  }
  // As much as an object with its `popped` arguments on top of it.
  bool Update(int popped);

  // --- memo ---

  bool Put(uint64_t index);
  bool Get(uint64_t index);
  bool PutLine();
  bool GetLine();
  template <typename Index>
  bool BinPut();
  template <typename Index>
  bool BinGet();
  std::optional<uint64_t> IndexIn(const std::string& line);

  // --- names ---

  bool Global();
  bool Inst();
  bool StackGlobal();
  template <typename Code>
  bool Extension();
  bool Call(int popped);
  void Found(std::string module, std::string name, bool is_known);
  std::optional<std::string> TextAt(uint64_t position);

  ByteWindow& window_;
  const PickleWalkOptions& options_;
  const uint64_t start_;
  uint64_t position_;
  uint64_t opcode_position_ = 0;
  uint64_t line_bytes_ = 0;
  std::deque<Slot> stack_;
  std::deque<size_t> marks_;  // heights of the stack
  std::deque<Slot> memo_;
  absl::flat_hash_map<uint64_t, Slot> sparse_memo_;
  uint64_t memo_count_ = 0;
  size_t names_bytes_ = 0;
  absl::flat_hash_set<std::pair<std::string, std::string>> seen_;
  PickleWalk walk_;
};

PickleWalk Walker::Run() {
  const uint64_t loads_before = window_.loads();
  while (!walk_.has_stop) {
    opcode_position_ = position_;
    const auto byte = window_.At(position_, 1);
    if (byte.empty()) {
      CutOff();
      break;
    }
    ++position_;
    const bool goes_on = Step(byte[0]);
    if (walk_.damage.empty()) {
      ++walk_.sound_opcodes;
    }
    if (!goes_on || (options_.stops_at_damage && !walk_.damage.empty())) {
      break;
    }
    ++walk_.steps;
    const uint64_t steps = walk_.steps + line_bytes_ / kLineBytesPerStep +
                           (window_.loads() - loads_before) * kStepsPerLoad;
    if (steps > options_.max_steps) {
      Damage("it takes too long to read");
      break;
    }
  }
  walk_.steps += line_bytes_ / kLineBytesPerStep +
                 (window_.loads() - loads_before) * kStepsPerLoad;
  walk_.end = position_;
  return std::move(walk_);
}

bool Walker::Step(uint8_t opcode) {
  switch (opcode) {
    case 0x80: {  // PROTO
      uint8_t protocol = 0;
      if (!Number(protocol)) return false;
      walk_.has_protocol |= opcode_position_ == start_;
      if (protocol > kNewestProtocol) {
        Damage(absl::StrCat("its protocol is ", protocol));
      }
      return true;
    }
    case 0x95: {  // FRAME
      uint64_t size = 0;
      if (!Number(size)) return false;
      if (size > window_.size_bytes() - position_) {
        Damage("a frame is longer than the file");
      }
      return true;
    }
    case '.':  // STOP
      Pop();
      walk_.has_stop = true;
      return true;
    case '(':  // MARK
      if (marks_.size() == kMaxMarks) return Fail("it has too many marks");
      marks_.push_back(stack_.size());
      return true;
    case '0':  // POP, also of a mark
      if (!marks_.empty() && marks_.back() == stack_.size()) {
        marks_.pop_back();
      } else {
        Pop();
      }
      return true;
    case '1':  // POP_MARK
      PopToMark();
      return true;
    case '2': {  // DUP
      const Slot top = Pop();
      return Push(top) && Push(top);
    }

    case 'N':   // NONE
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
    case ']':   // EMPTY_LIST
    case ')':   // EMPTY_TUPLE
    case '}':   // EMPTY_DICT
    case 0x8f:  // EMPTY_SET
      return Push(kPlain);
    case 'K':  // BININT1
      return PushAfter(Skip(1), kPlain);
    case 'M':  // BININT2
      return PushAfter(Skip(2), kPlain);
    case 'J':  // BININT
      return PushAfter(Skip(4), kPlain);
    case 'G':  // BINFLOAT
      return PushAfter(Skip(8), kPlain);
    case 0x8a:  // LONG1
      return PushAfter(SkipCounted<uint8_t>(), kPlain);
    case 0x8b:  // LONG4
      return PushAfter(SkipCounted<int32_t>(), kPlain);
    case 'I':  // INT
    case 'L':  // LONG
    case 'F':  // FLOAT
      return PushAfter(Line(nullptr), kPlain);
    case 'C':  // SHORT_BINBYTES
      return PushAfter(SkipCounted<uint8_t>(), kPlain);
    case 'B':  // BINBYTES
      return PushAfter(SkipCounted<uint32_t>(), kPlain);
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      return PushAfter(SkipCounted<uint64_t>(), kPlain);
    case 0x97:  // NEXT_BUFFER
      return Push(kComputed);
    case 0x98:  // READONLY_BUFFER
      return Update(0);

    case 'U':   // SHORT_BINSTRING
    case 0x8c:  // SHORT_BINUNICODE
      return PushText(SkipCounted<uint8_t>());
    case 'T':  // BINSTRING
      return PushText(SkipCounted<int32_t>());
    case 'X':  // BINUNICODE
      return PushText(SkipCounted<uint32_t>());
    case 0x8d:  // BINUNICODE8
      return PushText(SkipCounted<uint64_t>());
    case 'S':  // STRING
    case 'V':  // UNICODE
      return PushText(Line(nullptr));

    case 'l':   // LIST
    case 't':   // TUPLE
    case 'd':   // DICT
    case 0x91:  // FROZENSET
      return ReplaceMarked(kPlain);
    case 0x85:  // TUPLE1
      return Replace(1, kPlain);
    case 0x86:  // TUPLE2
      return Replace(2, kPlain);
    case 0x87:  // TUPLE3
      return Replace(3, kPlain);
    case 'a':  // APPEND
      return Update(1);
    case 's':  // SETITEM
      return Update(2);
    case 'e':   // APPENDS
    case 'u':   // SETITEMS
    case 0x90:  // ADDITEMS
      PopToMark();
      return Update(0);

    case 'p':  // PUT
      return PutLine();
    case 'q':  // BINPUT
      return BinPut<uint8_t>();
    case 'r':  // LONG_BINPUT
      return BinPut<uint32_t>();
    case 0x94:  // MEMOIZE
      return Put(memo_count_);
    case 'g':  // GET
      return GetLine();
    case 'h':  // BINGET
      return BinGet<uint8_t>();
    case 'j':  // LONG_BINGET
      return BinGet<uint32_t>();

    case 'c':  // GLOBAL
      return Global();
    case 'i':  // INST
      return Inst();
    case 0x93:  // STACK_GLOBAL
      return StackGlobal();
    case 0x82:  // EXT1
      return Extension<uint8_t>();
    case 0x83:  // EXT2
      return Extension<uint16_t>();
    case 0x84:  // EXT4
      return Extension<int32_t>();
    case 'R':   // REDUCE
    case 0x81:  // NEWOBJ
      return Call(2);
    case 0x92:  // NEWOBJ_EX
      return Call(3);
    case 'o':  // OBJ
      PopToMark();
      return Call(0);
    case 'b':  // BUILD
      return Update(1);
    case 'P':  // PERSID
      return PushAfter(Line(nullptr), kComputed);
    case 'Q':  // BINPERSID
      return Replace(1, kComputed);

    default:
      --position_;
      return Fail(absl::StrFormat("byte 0x%02x is no opcode", opcode));
  }
}

void Walker::Damage(std::string what) {
  if (walk_.damage.empty()) {
    walk_.damage = std::move(what);
    walk_.damage_position = opcode_position_;
  }
}

// --- operands ----------------------------------------------------------------

bool Walker::Skip(uint64_t size) {
  if (size > window_.size_bytes() - position_) {
    return CutOff();
  }
  position_ += size;
  return true;
}

template <typename T>
bool Walker::Number(T& value) {
  const auto bytes = window_.At(position_, sizeof(T));
  if (bytes.size() < sizeof(T)) {
    return CutOff();
  }
  value = LoadLittleEndian<T>(bytes.data());
  position_ += sizeof(T);
  return true;
}

template <typename Length>
bool Walker::SkipCounted() {
  Length length = 0;
  if (!Number(length)) {
    return false;
  }
  if (std::is_signed_v<Length> && length < Length{0}) {
    return Fail("a length is negative");
  }
  return Skip(static_cast<uint64_t>(length));
}

bool Walker::Line(std::string* text) {
  while (true) {
    // A short look first: most lines are names and numbers.
    size_t wanted = 256;
    auto bytes = window_.At(position_, wanted);
    const void* end =
        bytes.empty() ? nullptr : std::memchr(bytes.data(), '\n', bytes.size());
    if (end == nullptr) {
      bytes = window_.At(position_, ByteWindow::kMaxBytes);
      end = bytes.empty() ? nullptr
                          : std::memchr(bytes.data(), '\n', bytes.size());
    }
    const size_t size =
        end == nullptr ? bytes.size()
                       : static_cast<size_t>(static_cast<const uint8_t*>(end) -
                                             bytes.data());
    if (text != nullptr && text->size() <= kMaxNameBytes) {
      text->append(reinterpret_cast<const char*>(bytes.data()),
                   std::min(size, kMaxNameBytes + 1 - text->size()));
    }
    position_ += size;
    line_bytes_ += size;
    if (end != nullptr) {
      ++position_;
      return true;
    }
    if (bytes.empty()) {
      return CutOff();
    }
    if (line_bytes_ / kLineBytesPerStep > options_.max_steps) {
      return Fail("a line has no end");
    }
  }
}

// --- stack -------------------------------------------------------------------

bool Walker::Push(Slot slot) {
  if (stack_.size() == kMaxStack) {
    return Fail("its stack is too high");
  }
  stack_.push_back(slot);
  return true;
}

Slot Walker::Pop() {
  if (stack_.size() <= Floor()) {
    Damage("the stack has too few values");
    return kPlain;
  }
  const Slot top = stack_.back();
  stack_.pop_back();
  return top;
}

void Walker::PopMany(int count) {
  for (int i = 0; i < count; ++i) {
    Pop();
  }
}

void Walker::PopToMark() {
  if (marks_.empty()) {
    Damage("there is no mark on the stack");
    return;
  }
  stack_.resize(marks_.back());
  marks_.pop_back();
}

bool Walker::Update(int popped) {
  PopMany(popped);
  const Slot object = Pop();
  return Push(object);
}

// --- memo --------------------------------------------------------------------

bool Walker::Put(uint64_t index) {
  const Slot top = Pop();
  if (!Push(top)) {
    return false;
  }
  Slot* entry;
  // Picklers count from 0, so that a few ahead are in the deque still.
  if (index < memo_.size() + 4096 && index < kMaxMemo) {
    if (index >= memo_.size()) {
      memo_.resize(index + 1, kNothing);
    }
    entry = &memo_[index];
    // It may have been put there before the deque was that long.
    if (const auto sparse = sparse_memo_.find(index);
        sparse != sparse_memo_.end()) {
      *entry = sparse->second;
      sparse_memo_.erase(sparse);
    }
  } else {
    if (sparse_memo_.size() == kMaxSparseMemo) {
      return Fail("its memo is too large");
    }
    entry = &sparse_memo_[index];
  }
  if (*entry == kNothing) {
    ++memo_count_;
  }
  *entry = top;
  return true;
}

bool Walker::Get(uint64_t index) {
  Slot slot = index < memo_.size() ? memo_[index] : kNothing;
  if (slot == kNothing) {
    const auto sparse = sparse_memo_.find(index);
    slot = sparse == sparse_memo_.end() ? kNothing : sparse->second;
  }
  if (slot == kNothing) {
    Damage(absl::StrCat("nothing was remembered under ", index));
    slot = kComputed;
  }
  return Push(slot);
}

// As Python's int() reads it.
std::optional<uint64_t> Walker::IndexIn(const std::string& line) {
  absl::string_view text = absl::StripAsciiWhitespace(line);
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
  }
  uint64_t index = 0;
  bool has_digit = false;
  for (const char c : text) {
    if (c == '_') {
      continue;
    }
    if (c < '0' || c > '9' || index > (uint64_t{1} << 58)) {
      has_digit = false;
      break;
    }
    index = index * 10 + static_cast<uint64_t>(c - '0');
    has_digit = true;
  }
  if (!has_digit) {
    Damage("a place in the memo is no number");
    return std::nullopt;
  }
  return index;
}

bool Walker::PutLine() {
  std::string line;
  if (!Line(&line)) {
    return false;
  }
  const auto index = IndexIn(line);
  return !index || Put(*index);
}

bool Walker::GetLine() {
  std::string line;
  if (!Line(&line)) {
    return false;
  }
  const auto index = IndexIn(line);
  return index ? Get(*index) : Push(kComputed);
}

template <typename Index>
bool Walker::BinPut() {
  Index index = 0;
  return Number(index) && Put(index);
}

template <typename Index>
bool Walker::BinGet() {
  Index index = 0;
  return Number(index) && Get(index);
}

// --- names -------------------------------------------------------------------

bool Walker::Global() {
  std::string module;
  std::string name;
  if (!Line(&module) || !Line(&name)) {
    return false;
  }
  Found(std::move(module), std::move(name), true);
  return Push(kComputed);
}

bool Walker::Inst() {
  std::string module;
  std::string name;
  if (!Line(&module) || !Line(&name)) {
    return false;
  }
  PopToMark();
  Found(std::move(module), std::move(name), true);
  walk_.has_sound_call |= walk_.damage.empty();
  return Push(kComputed);
}

bool Walker::StackGlobal() {
  const Slot name = Pop();
  const Slot module = Pop();
  if (name == kPlain || module == kPlain) {
    Damage("a name is no string");
    return Push(kComputed);
  }
  const auto text_of = [this](Slot slot) {
    return slot < kText ? std::nullopt : TextAt(slot - kText);
  };
  const auto module_text = text_of(module);
  const auto name_text = text_of(name);
  Found(module_text.value_or("?"), name_text.value_or("?"),
        module_text.has_value() && name_text.has_value());
  return Push(kComputed);
}

template <typename Code>
bool Walker::Extension() {
  Code code = 0;
  if (!Number(code)) {
    return false;
  }
  // A registry in the reader's memory says what it is.
  Found("copyreg", absl::StrCat("extension ", code), false);
  return Push(kComputed);
}

bool Walker::Call(int popped) {
  PopMany(popped);
  walk_.has_sound_call |= walk_.damage.empty() && !walk_.globals.empty();
  return Push(kComputed);
}

void Walker::Found(std::string module, std::string name, bool is_known) {
  if (module.size() > kMaxNameBytes || name.size() > kMaxNameBytes) {
    module.resize(std::min(module.size(), kMaxNameBytes));
    name.resize(std::min(name.size(), kMaxNameBytes));
    is_known = false;
  }
  if (seen_.contains(std::make_pair(module, name))) {
    return;
  }
  if (seen_.size() == kMaxGlobals ||
      names_bytes_ + module.size() + name.size() > kMaxAllNamesBytes) {
    Damage("it has too many names");
    return;
  }
  names_bytes_ += module.size() + name.size();
  seen_.emplace(module, name);
  walk_.globals.push_back({.position = opcode_position_,
                           .module = std::move(module),
                           .name = std::move(name),
                           .is_known = is_known});
  if (walk_.damage.empty()) {
    walk_.sound_globals = walk_.globals.size();
  }
}

// The string that the opcode at `position` pushed; nullopt if it is too long
// for a name.
std::optional<std::string> Walker::TextAt(uint64_t position) {
  const auto bytes =
      window_.At(position, 1 + sizeof(uint64_t) + kMaxNameBytes + 1);
  if (bytes.empty()) {
    return std::nullopt;
  }
  const uint8_t opcode = bytes[0];
  const auto rest = bytes.subspan(1);
  const absl::string_view text(reinterpret_cast<const char*>(rest.data()),
                               rest.size());
  if (opcode == 'S' || opcode == 'V') {
    const size_t end = text.find('\n');
    if (end == absl::string_view::npos) {
      return std::nullopt;
    }
    const absl::string_view line = text.substr(0, end);
    return opcode == 'S' ? UnescapePythonString(line)
                         : UnescapeRawUnicode(line);
  }
  const size_t size_bytes = opcode == 'U' || opcode == 0x8c ? 1
                            : opcode == 0x8d                ? 8
                                                            : 4;
  if (rest.size() < size_bytes) {
    return std::nullopt;
  }
  uint64_t length = 0;
  std::memcpy(&length, rest.data(), size_bytes);
  if (length > kMaxNameBytes || length > rest.size() - size_bytes) {
    return std::nullopt;
  }
  return std::string(text.substr(size_bytes, length));
}

}  // namespace

PickleWalk WalkPickle(ByteWindow& window, uint64_t start,
                      const PickleWalkOptions& options) {
  return Walker(window, start, options).Run();
}

}  // namespace hoist
