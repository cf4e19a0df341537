#ifndef HOIST_CHECKPOINT_PICKLE_PICKLE_BUILDER_H_
#define HOIST_CHECKPOINT_PICKLE_PICKLE_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "hoist/core/base/endian.h"

// Pieces of pickles for tests, as torch.save writes them (protocol 2): each
// function gives the opcodes that leave one value on the stack.
namespace hoist::pickle_builder {

inline std::string Int(int32_t value) {
  std::string bytes(4, '\0');
  StoreLittleEndian(value, bytes.data());
  return "J" + bytes;
}

inline std::string Text(const std::string& text) {
  std::string bytes(4, '\0');
  StoreLittleEndian(static_cast<uint32_t>(text.size()), bytes.data());
  return "X" + bytes + text;
}

// As protocol 3 and later do.
inline std::string Bytes(const std::string& bytes) {
  std::string length(4, '\0');
  StoreLittleEndian(static_cast<uint32_t>(bytes.size()), length.data());
  return "B" + length + bytes;
}

inline std::string Bool(bool value) { return value ? "\x88" : "\x89"; }

inline std::string Class(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

inline std::string Joined(const std::vector<std::string>& items) {
  std::string joined;
  for (const std::string& item : items) {
    joined += item;
  }
  return joined;
}

inline std::string Tuple(const std::vector<std::string>& items) {
  return "(" + Joined(items) + "t";
}

inline std::string List(const std::vector<std::string>& items) {
  return "](" + Joined(items) + "e";
}

// Keys and values in turn.
inline std::string Dict(const std::vector<std::string>& items) {
  return "}(" + Joined(items) + "u";
}

inline std::string Ints(const std::vector<int32_t>& values) {
  std::vector<std::string> items;
  for (const int32_t value : values) {
    items.push_back(Int(value));
  }
  return Tuple(items);
}

inline std::string Call(const std::string& callable,
                        const std::vector<std::string>& arguments) {
  return callable + Tuple(arguments) + "R";
}

// An object of a class, with its attributes.
inline std::string Object(const std::string& type, const std::string& state) {
  return type + ")\x81" + state + "b";
}

inline std::string OrderedDict(const std::vector<std::string>& items) {
  return Call(Class("collections", "OrderedDict"), {}) + "(" + Joined(items) +
         "u";
}

inline std::string Storage(const std::string& type, const std::string& key,
                           int32_t count, const std::string& location = "cpu") {
  return Tuple({Text("storage"), Class("torch", type), Text(key),
                Text(location), Int(count)}) +
         "Q";
}

inline std::string Tensor(const std::string& storage, int32_t offset,
                          const std::vector<int32_t>& shape,
                          const std::vector<int32_t>& strides,
                          bool requires_grad = false) {
  return Call(Class("torch._utils", "_rebuild_tensor_v2"),
              {storage, Int(offset), Ints(shape), Ints(strides),
               Bool(requires_grad), OrderedDict({})});
}

inline std::string Parameter(const std::string& tensor,
                             bool requires_grad = true) {
  return Call(Class("torch._utils", "_rebuild_parameter"),
              {tensor, Bool(requires_grad), OrderedDict({})});
}

inline std::string Pickle(const std::string& value) {
  return "\x80\2" + value + ".";
}

}  // namespace hoist::pickle_builder

#endif  // HOIST_CHECKPOINT_PICKLE_PICKLE_BUILDER_H_
