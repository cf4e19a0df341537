#include "hoist/checkpoint/formats/torch_script/script_classes.h"

#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace hoist {
namespace {

constexpr uint64_t kMaxTextBytes = uint64_t{64} << 20;

// The names in `["weight", "bias", ]`.
absl::flat_hash_set<std::string> ParseNames(absl::string_view list) {
  absl::flat_hash_set<std::string> names;
  for (size_t at = list.find('"'); at != absl::string_view::npos;
       at = list.find('"', at)) {
    const size_t start = ++at;
    while (at < list.size() && list[at] != '"') {
      at += list[at] == '\\' ? 2 : 1;
    }
    if (at >= list.size()) {
      break;
    }
    std::string name;
    if (absl::CUnescape(list.substr(start, at - start), &name)) {
      names.insert(std::move(name));
    }
    ++at;
  }
  return names;
}

}  // namespace

absl::flat_hash_map<std::string, ScriptClass> ParseScriptClasses(
    absl::string_view code) {
  absl::flat_hash_map<std::string, ScriptClass> classes;
  ScriptClass* current = nullptr;
  for (absl::string_view line : absl::StrSplit(code, '\n')) {
    if (absl::ConsumePrefix(&line, "class ")) {
      const size_t end = line.find_first_of("(:");
      current = &classes[std::string(line.substr(0, end))];
      current->is_module = end != absl::string_view::npos &&
                           absl::StartsWith(line.substr(end), "(Module)");
    } else if (!absl::StartsWith(line, " ")) {
      if (!line.empty()) {
        current = nullptr;
      }
    } else if (current == nullptr) {
      continue;
    } else if (absl::ConsumePrefix(&line, "  __parameters__ = [")) {
      current->parameters = ParseNames(line);
    } else if (absl::ConsumePrefix(&line, "  __buffers__ = [")) {
      current->buffers = ParseNames(line);
    } else if (absl::StartsWith(line, "  def __setstate__(")) {
      current->has_setstate = true;
    }
  }
  return classes;
}

const ScriptClass* ScriptClasses::Find(const std::string& class_name) {
  const size_t dot = class_name.rfind('.');
  if (dot == std::string::npos) {
    return nullptr;
  }
  const std::string record = absl::StrCat(
      "code/", absl::StrReplaceAll(class_name.substr(0, dot), {{".", "/"}}),
      ".py");
  auto text = texts_.find(record);
  if (text == texts_.end()) {
    text = texts_.try_emplace(record).first;
    if (const ZipMember* const member = archive_.Find(record)) {
      const auto bytes = ReadZipMember(file_, *member, kMaxTextBytes);
      if (bytes.ok()) {
        text->second = ParseScriptClasses(
            {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
      } else {
        warnings_.push_back(absl::StrCat(
            record, ": ", bytes.status().message(),
            "; its classes' parameters are taken to be what requires grad"));
      }
    }
  }
  const auto found = text->second.find(class_name.substr(dot + 1));
  return found == text->second.end() ? nullptr : &found->second;
}

}  // namespace hoist
