#include "hoist/checkpoint/torch/build_module.h"

#include <ATen/ops/empty.h>
#include <torch/nn/module.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hoist/checkpoint/torch/build_layer.h"
#include "hoist/checkpoint/torch/checkpoint_part.h"
#include "hoist/checkpoint/torch/load_into_module.h"
#include "hoist/checkpoint/torch/pickled_attributes.h"
#include "hoist/checkpoint/torch/pickled_module.h"
#include "hoist/checkpoint/torch/to_torch.h"
#include "hoist/checkpoint/torch/without_exceptions.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist::libtorch {
namespace {

constexpr int kMaxDepth = 64;
constexpr int kMaxModules = 100'000;

using Function = BuiltModule::Function;

// A part of the model.
struct Node {
  std::shared_ptr<torch::nn::Module> module;
  Function forward;      // null where there is none
  std::string obstacle;  // why
};

// What a Sequential, or a class of its user's, is made to.
class Container : public torch::nn::Module {
 public:
  explicit Container(std::string name) : Module(std::move(name)) {}
};

absl::string_view LastPart(absl::string_view name) {
  return name.substr(name.rfind('.') + 1);
}

class ModuleBuilder {
 public:
  explicit ModuleBuilder(const Catalog& catalog) : catalog_(catalog) {}

  absl::StatusOr<Node> Build(Value value, const std::string& path, int depth);

 private:
  struct Child {
    std::string name;
    Node node;
  };

  absl::StatusOr<std::vector<Child>> Children(Value value,
                                              const std::string& path,
                                              int depth);
  absl::StatusOr<Node> Assemble(Value value, const std::string& path,
                                std::vector<Child> children);
  absl::Status CheckHooks(Value value, const std::string& path) const;
  // Gives the module's tensors the dtypes and ties of the file's, and makes
  // those that only a class of its user's has.
  absl::Status PrepareTensors(Value value, absl::string_view group,
                              const std::string& path,
                              torch::nn::Module& module);

  const Catalog& catalog_;
  int count_ = 0;
  absl::flat_hash_map<ValueId, Node> built_;
  absl::flat_hash_map<ValueId, at::Tensor> tensors_;
};

absl::Status ModuleBuilder::CheckHooks(Value value,
                                       const std::string& path) const {
  for (const absl::string_view name :
       {"_forward_hooks", "_forward_pre_hooks"}) {
    const auto hooks = value.state().Find(name);
    if (hooks && hooks->kind() == ValueKind::kDict && hooks->size() > 0) {
      return absl::UnimplementedError(
          absl::StrCat("Module \"", path, "\" (", value.ClassName(), ") has ",
                       name, ", which are code that only Python runs"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ModuleBuilder::Child>> ModuleBuilder::Children(
    Value value, const std::string& path, int depth) {
  std::vector<Child> children;
  const Value modules = *value.state().Find("_modules");
  if (modules.kind() != ValueKind::kDict) {
    return children;
  }
  for (size_t i = 0; i < modules.size(); ++i) {
    if (modules.value(i).kind() == ValueKind::kNone) {
      continue;
    }
    std::string name = ValueText(modules.key(i));
    HOIST_ASSIGN_OR_RETURN(
        Node node,
        Build(modules.value(i),
              absl::StrCat(path, path.empty() ? "" : ".", name), depth + 1));
    children.push_back({.name = std::move(name), .node = std::move(node)});
  }
  return children;
}

absl::StatusOr<Node> ModuleBuilder::Build(Value value, const std::string& path,
                                          int depth) {
  if (!IsPickledModule(value) || depth > kMaxDepth || ++count_ > kMaxModules) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Module \"", path, "\" is no pickled module, or nests too deep"));
  }
  if (const auto built = built_.find(value.id()); built != built_.end()) {
    if (built->second.module == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("Module \"", path, "\" contains itself"));
    }
    return built->second;
  }
  built_[value.id()];
  HOIST_RETURN_IF_ERROR(CheckHooks(value, path));
  HOIST_ASSIGN_OR_RETURN(std::vector<Child> children,
                         Children(value, path, depth));
  HOIST_ASSIGN_OR_RETURN(Node node, Assemble(value, path, std::move(children)));
  for (const absl::string_view group : {"_parameters", "_buffers"}) {
    HOIST_RETURN_IF_ERROR(PrepareTensors(value, group, path, *node.module));
  }
  const auto training = value.state().Find("training");
  if (training && training->kind() == ValueKind::kBool) {
    // It goes down to the children, which are set to what they had then, from
    // the top down.
    std::vector<bool> modes;
    const auto modules = node.module->modules(/*include_self=*/false);
    for (const auto& module : modules) {
      modes.push_back(module->is_training());
    }
    node.module->train(training->AsBool());
    for (size_t i = 0; i < modules.size(); ++i) {
      modules[i]->train(modes[i]);
    }
  }
  built_[value.id()] = node;
  return node;
}

absl::StatusOr<Node> ModuleBuilder::Assemble(Value value,
                                             const std::string& path,
                                             std::vector<Child> children) {
  const std::string type = value.ClassName();
  const absl::string_view name = LastPart(type);
  const bool is_torchs = absl::StartsWith(type, "torch.nn.modules.");
  const bool is_container =
      is_torchs && absl::StartsWith(type, "torch.nn.modules.container.");
  if (children.empty() && !is_container) {
    if (!is_torchs) {
      return absl::UnimplementedError(
          absl::StrCat("Module \"", path, "\" is a ", type,
                       ", whose forward only its source knows"));
    }
    PickledAttributes attributes(catalog_, value, path);
    HOIST_ASSIGN_OR_RETURN(BuiltLayer layer, BuildLayer(name, attributes));
    return Node{.module = std::move(layer.module),
                .forward = std::move(layer.forward)};
  }
  Node node;
  if (is_container && name == "Sequential") {
    auto container = std::make_shared<Container>("Sequential");
    std::vector<Function> steps;
    for (Child& child : children) {
      container->register_module(child.name, child.node.module);
      if (node.obstacle.empty()) {
        node.obstacle = child.node.obstacle;
      }
      steps.push_back(std::move(child.node.forward));
    }
    node.module = std::move(container);
    if (node.obstacle.empty()) {
      node.forward = [steps = std::move(steps)](const at::Tensor& input) {
        at::Tensor x = input;
        for (const Function& step : steps) {
          x = step(x);
        }
        return x;
      };
    }
    return node;
  }
  auto container = std::make_shared<Container>(std::string(name));
  for (Child& child : children) {
    container->register_module(child.name, child.node.module);
  }
  node.module = std::move(container);
  node.obstacle =
      absl::StrCat("Module \"", path, "\" is a ", type,
                   is_container ? ", which has no forward"
                                : ", whose forward only its source knows");
  return node;
}

absl::Status ModuleBuilder::PrepareTensors(Value value, absl::string_view group,
                                           const std::string& path,
                                           torch::nn::Module& module) {
  const Value tensors = *value.state().Find(group);
  const bool is_parameter = group == "_parameters";
  const size_t count = tensors.kind() == ValueKind::kDict ? tensors.size() : 0;
  for (size_t i = 0; i < count; ++i) {
    const Value item = tensors.value(i);
    const std::string name = ValueText(tensors.key(i));
    if (item.kind() != ValueKind::kTensor || item.AsIndex() < 0) {
      continue;
    }
    const TensorEntry& entry = catalog_.tensors[item.AsIndex()];
    const auto dtype = ScalarTypeOf(entry.spec.dtype);
    if (!dtype) {
      return absl::UnimplementedError(
          absl::StrCat("Tensor ", entry.name,
                       ": LibTorch has no plain tensors "
                       "of ",
                       DTypeName(entry.spec.dtype)));
    }
    auto own = is_parameter ? module.named_parameters(/*recurse=*/false)
                            : module.named_buffers(/*recurse=*/false);
    at::Tensor* tensor = own.find(name);
    at::Tensor made;
    if (tensor == nullptr) {
      PickledAttributes attributes(catalog_, value, path);
      attributes.ExpectTensor(name, entry.spec.shape);
      HOIST_RETURN_IF_ERROR(attributes.status());
      made = at::empty(entry.spec.shape, at::TensorOptions(*dtype));
      const bool has_gradient = is_parameter && entry.requires_grad;
      tensor =
          is_parameter
              ? &(made = module.register_parameter(name, made, has_gradient))
              : &(made = module.register_buffer(name, made));
    } else if (is_parameter) {
      tensor->requires_grad_(entry.requires_grad);
    }
    if (tensor->scalar_type() != *dtype) {
      tensor->set_data(tensor->detach().to(*dtype));
    }
    const auto [first, is_first] = tensors_.try_emplace(item.id(), *tensor);
    if (!is_first && first->second.sizes() == tensor->sizes()) {
      tensor->set_data(first->second.detach());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<CheckpointPart> ChoosePart(const Checkpoint& checkpoint,
                                          const BuildModuleOptions& options) {
  std::vector<CheckpointPart> modules;
  std::string names;
  for (CheckpointPart& part : FindParts(checkpoint.catalog())) {
    if (!part.value || !IsPickledModule(*part.value) ||
        (options.path && *options.path != part.path)) {
      continue;
    }
    absl::StrAppend(&names, names.empty() ? "" : ", ", part.path);
    modules.push_back(std::move(part));
  }
  if (modules.empty()) {
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat(
            checkpoint.path(), ": There is no pickled module",
            options.path ? absl::StrCat(" at \"", *options.path, "\"") : "")),
        "To load weights into a module that exists: LoadIntoModule()");
  }
  if (modules.size() > 1) {
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat(
            checkpoint.path(), ": There are several modules: ", names)),
        "Say which by BuildModuleOptions::path");
  }
  return std::move(modules.front());
}

}  // namespace

absl::StatusOr<at::Tensor> BuiltModule::Forward(const at::Tensor& input) const {
  if (!forward_) {
    return absl::FailedPreconditionError(forward_obstacle_);
  }
  return WithoutExceptions(
      [&]() -> absl::StatusOr<at::Tensor> { return forward_(input); });
}

absl::StatusOr<BuiltModule> BuildModule(const Checkpoint& checkpoint,
                                        const BuildModuleOptions& options) {
  return WithoutExceptions([&]() -> absl::StatusOr<BuiltModule> {
    HOIST_ASSIGN_OR_RETURN(const CheckpointPart part,
                           ChoosePart(checkpoint, options));
    HOIST_ASSIGN_OR_RETURN(
        Node root,
        ModuleBuilder(checkpoint.catalog()).Build(*part.value, "", 0));
    LoadIntoOptions into;
    into.sub_dict = part.path;
    into.load = options.load;
    HOIST_ASSIGN_OR_RETURN(LoadIntoReport report,
                           LoadIntoModule(checkpoint, *root.module, into));
    return BuiltModule(std::move(root.module), std::move(root.forward),
                       std::move(root.obstacle), std::move(report));
  });
}

absl::StatusOr<BuiltModule> BuildModule(const std::string& path,
                                        const BuildModuleOptions& options) {
  HOIST_ASSIGN_OR_RETURN(const Checkpoint checkpoint,
                         Checkpoint::Open(path, {.pool = options.load.pool}));
  return BuildModule(checkpoint, options);
}

}  // namespace hoist::libtorch
