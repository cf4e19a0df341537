#include "hoist/checkpoint/migrate/producer_modules.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

using Kind = MigrationChange::Kind;

std::string Joined(absl::string_view path, absl::string_view key) {
  return path.empty() || key.empty() ? absl::StrCat(path, key)
                                     : absl::StrCat(path, ".", key);
}

std::string FormOf(DType dtype, const std::vector<int64_t>& shape) {
  return absl::StrCat(DTypeName(dtype), ShapeString(shape));
}

}  // namespace

bool ProducerModule::Has(absl::string_view key) const {
  return tensors.find(key) != tensors.end();
}

bool ProducerModule::HasOnly(
    std::initializer_list<absl::string_view> required,
    std::initializer_list<absl::string_view> allowed) const {
  size_t known = 0;
  for (const absl::string_view key : required) {
    if (!Has(key)) {
      return false;
    }
    ++known;
  }
  for (const absl::string_view key : allowed) {
    known += Has(key) ? 1 : 0;
  }
  return known == tensors.size();
}

std::string ProducerModule::NameOf(absl::string_view key) const {
  std::string name = absl::StrCat(prefix, Joined(path, key));
  if (key.empty() && path.empty() && !prefix.empty()) {
    name.pop_back();
  }
  return name;
}

std::vector<ProducerModule> ProducerModulesOf(const CatalogEditor& editor) {
  std::vector<ProducerModule> modules;
  for (const CatalogEditor::StateDict& dict : editor.StateDicts()) {
    absl::flat_hash_map<absl::string_view, size_t> by_path;
    for (size_t i = 0; i < dict.tensors.size(); ++i) {
      const absl::string_view key = dict.keys[i];
      if (key.empty()) {
        continue;
      }
      const size_t dot = key.rfind('.');
      const absl::string_view path =
          dot == absl::string_view::npos ? "" : key.substr(0, dot);
      const auto [known, is_new] = by_path.emplace(path, modules.size());
      if (is_new) {
        ProducerModule module = {.state_dict = dict.id,
                                 .prefix = dict.prefix,
                                 .path = std::string(path),
                                 .has_metadata = dict.has_metadata};
        const auto version = dict.versions.find(path);
        if (version != dict.versions.end()) {
          module.version = version->second;
        }
        modules.push_back(std::move(module));
      }
      ProducerModule& module = modules[known->second];
      const absl::string_view own =
          dot == absl::string_view::npos ? key : key.substr(dot + 1);
      ProducerModule::TensorPlace& place = module.tensors[std::string(own)];
      const size_t index = dict.tensors[i];
      if (!place.indices.empty() && editor.name(index) == module.NameOf(own)) {
        place.indices.insert(place.indices.begin(), index);
      } else {
        place.indices.push_back(index);
      }
      place.entry = &editor.tensor(place.indices[0]);
    }
    for (size_t i = 0; i < dict.values.size(); ++i) {
      const std::string& key = dict.value_keys[i];
      const size_t dot = key.rfind('.');
      const auto known =
          by_path.find(dot == std::string::npos ? "" : key.substr(0, dot));
      if (known != by_path.end()) {
        modules[known->second].values.emplace(
            dot == std::string::npos ? key : key.substr(dot + 1),
            dict.values[i]);
      }
    }
  }
  return modules;
}

void ModuleEditor::Rename(const ProducerModule& module, absl::string_view key,
                          absl::string_view to) {
  for (const size_t index : module.indices(key)) {
    const std::string& name = editor_.name(index);
    const std::string start = name.substr(0, name.size() - key.size());
    editor_.Rename(index, absl::StrCat(start, to));
  }
  step_.changes.push_back({.kind = Kind::kRename,
                           .from = module.NameOf(key),
                           .to = module.NameOf(to)});
}

void ModuleEditor::Drop(const ProducerModule& module, absl::string_view key) {
  for (const size_t index : module.indices(key)) {
    editor_.Drop(index);
  }
  step_.changes.push_back({.kind = Kind::kDrop, .from = module.NameOf(key)});
}

absl::StatusOr<TensorEntry> ModuleEditor::Constant(
    const ProducerModule& module, absl::string_view like, absl::string_view key,
    DType dtype, std::vector<int64_t> shape, std::vector<uint8_t> element) {
  const TensorEntry& model = module.entry(like);
  const std::string name = module.NameOf(key);
  std::string tie;
  if (model.storage) {
    tie = absl::StrCat(*model.storage, " ", model.storage_offset, " ",
                       FormOf(model.spec.dtype, model.spec.shape), " ",
                       ShapeString(model.spec.strides), " ", key);
    const auto known = constants_.find(tie);
    if (known != constants_.end()) {
      TensorEntry tied = known->second;
      tied.name = name;
      return tied;
    }
  }
  HOIST_ASSIGN_OR_RETURN(
      TensorEntry made,
      editor_.MakeConstant(name, dtype, std::move(shape), std::move(element)));
  if (model.storage) {
    made.location = model.location;
    constants_.emplace(std::move(tie), made);
  }
  return made;
}

absl::Status ModuleEditor::Add(const ProducerModule& module,
                               absl::string_view beside, absl::string_view key,
                               DType dtype, std::vector<int64_t> shape,
                               std::vector<uint8_t> element) {
  const size_t width = element.size();
  const std::string form = FormOf(dtype, shape);
  HOIST_ASSIGN_OR_RETURN(TensorEntry made,
                         Constant(module, beside, key, dtype, std::move(shape),
                                  std::move(element)));
  const auto& indices = module.indices(beside);
  // A place with two names must not become two: all of its names find what is
  // at the end of the dict.
  if (indices.size() > 1) {
    editor_.Add(std::move(made));
  } else {
    editor_.AddBeside(indices[0], std::move(made));
  }
  step_.changes.push_back({.kind = Kind::kAdd,
                           .to = module.NameOf(key),
                           .detail = form,
                           .computed_bytes = width});
  return absl::OkStatus();
}

absl::Status ModuleEditor::Replace(const ProducerModule& module,
                                   absl::string_view key, DType dtype,
                                   std::vector<int64_t> shape,
                                   std::vector<uint8_t> element) {
  const TensorEntry& old = module.entry(key);
  const size_t width = element.size();
  const std::string detail = absl::StrCat(
      FormOf(old.spec.dtype, old.spec.shape), " to ", FormOf(dtype, shape));
  HOIST_ASSIGN_OR_RETURN(
      TensorEntry made,
      Constant(module, key, key, dtype, std::move(shape), std::move(element)));
  for (const size_t index : module.indices(key)) {
    editor_.Replace(index, made);
  }
  step_.changes.push_back({.kind = Kind::kCast,
                           .from = module.NameOf(key),
                           .to = module.NameOf(key),
                           .detail = detail,
                           .computed_bytes = width});
  return absl::OkStatus();
}

void ModuleEditor::Pack(const ProducerModule& module, absl::string_view first,
                        absl::string_view second, absl::string_view key) {
  const size_t weight = module.indices(first)[0];
  ValueId other = ValueGraph::kNoneId;
  if (module.Has(second)) {
    other = editor_.value(module.indices(second)[0]);
    Drop(module, second);
  } else {
    editor_.Drop(module.values.find(second)->second);
    step_.changes.push_back(
        {.kind = Kind::kDrop, .from = module.NameOf(second)});
  }
  editor_.AddValue(module.NameOf(key),
                   editor_.graph().AddItems(ValueKind::kTuple,
                                            {editor_.value(weight), other}));
  Drop(module, first);
  step_.changes.push_back(
      {.kind = Kind::kAdd,
       .to = module.NameOf(key),
       .detail = absl::StrCat("tuple of ", first, " and ", second)});
}

void ModuleEditor::AddTorchName(const ProducerModule& module,
                                absl::string_view key, absl::string_view name) {
  editor_.AddValue(module.NameOf(key), editor_.graph().AddClass("torch", name));
  step_.changes.push_back({.kind = Kind::kAdd,
                           .to = module.NameOf(key),
                           .detail = absl::StrCat("torch.", name)});
}

void ModuleEditor::SetVersionOfParent(const ProducerModule& module,
                                      int64_t version) {
  const size_t dot = module.path.rfind('.');
  const std::string parent =
      dot == std::string::npos ? "" : module.path.substr(0, dot);
  editor_.SetVersion(module.state_dict, parent, version);
  step_.changes.push_back({.kind = Kind::kVersion,
                           .from = absl::StrCat(module.prefix, parent),
                           .detail = absl::StrCat("to ", version)});
}

void ModuleEditor::SetVersion(const ProducerModule& module,
                              absl::string_view child, int64_t version) {
  if (!module.has_metadata) {
    return;
  }
  editor_.SetVersion(module.state_dict, Joined(module.path, child), version);
  if (child.empty() && module.version == version) {
    return;  // it says so because the module's keys have moved
  }
  const bool had_version = child.empty() && module.version;
  step_.changes.push_back(
      {.kind = Kind::kVersion,
       .from = module.NameOf(child),
       .detail = had_version ? absl::StrCat(*module.version, " to ", version)
                             : absl::StrCat("none to ", version)});
}

}  // namespace hoist
