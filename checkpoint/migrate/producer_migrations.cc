#include "hoist/checkpoint/migrate/producer_migrations.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "hoist/checkpoint/migrate/name_glob.h"
#include "hoist/checkpoint/migrate/producer_modules.h"
#include "hoist/core/status/annotate.h"
#include "hoist/core/status/status_macros.h"

namespace hoist {
namespace {

struct Request {
  const ProducerStep* step;
  NameGlob modules;
  bool has_matched = false;
};

absl::StatusOr<Request> ParseRequest(const ProducerOptions::Request& request) {
  const ProducerStep* found = nullptr;
  std::vector<absl::string_view> names;
  for (const ProducerStep& step : ProducerSteps()) {
    if (step.name == request.step) {
      found = &step;
    }
    if (step.apply != nullptr) {
      names.push_back(step.name);
    }
  }
  if (found == nullptr) {
    return WithHint(absl::InvalidArgumentError(absl::StrCat(
                        "There is no step \"", request.step, "\"")),
                    absl::StrCat("Steps are ", absl::StrJoin(names, ", ")));
  }
  if (found->apply == nullptr) {
    return WithHint(
        absl::InvalidArgumentError(absl::StrCat(
            "Step \"", request.step, "\" can only be done by PyTorch")),
        "Load the state dict into the model with PyTorch, and save it again");
  }
  HOIST_ASSIGN_OR_RETURN(NameGlob modules, NameGlob::Parse(request.modules));
  return Request{found, std::move(modules)};
}

// "a, b and 3 more"
std::string SomeOf(const std::vector<std::string>& names) {
  constexpr size_t kMost = 3;
  std::vector<std::string> shown;
  for (size_t i = 0; i < names.size() && i < kMost; ++i) {
    shown.push_back(names[i].empty() ? "the root" : names[i]);
  }
  return absl::StrCat(absl::StrJoin(shown, ", "),
                      names.size() > kMost
                          ? absl::StrCat(" and ", names.size() - kMost, " more")
                          : "");
}

std::vector<std::string> NamesOf(const std::vector<ProducerModule>& modules,
                                 const ProducerStep& step) {
  std::vector<std::string> names;
  for (const ProducerModule& module : modules) {
    if (step.applies(module)) {
      names.push_back(module.NameOf(""));
    }
  }
  return names;
}

// Modules, and the editor that they were found in.
struct FoundModules {
  std::unique_ptr<CatalogEditor> editor;
  std::vector<ProducerModule> modules;
};

absl::StatusOr<FoundModules> ModulesOf(const Catalog& catalog) {
  FoundModules found;
  HOIST_ASSIGN_OR_RETURN(found.editor,
                         CatalogEditor::Create({.catalog = catalog}));
  found.modules = ProducerModulesOf(*found.editor);
  return found;
}

// Which of `modules` the step is to be done for.
std::vector<ProducerModule> Wanted(const std::vector<ProducerModule>& modules,
                                   const ProducerStep& step, bool use_defaults,
                                   std::vector<Request>& requests) {
  std::vector<ProducerModule> wanted;
  for (const ProducerModule& module : modules) {
    if (step.apply == nullptr || !step.applies(module)) {
      continue;
    }
    bool is_wanted = use_defaults && step.by_default;
    for (Request& request : requests) {
      if (request.step == &step && request.modules.Match(module.NameOf(""))) {
        request.has_matched = true;
        is_wanted = true;
      }
    }
    if (is_wanted) {
      wanted.push_back(module);
    }
  }
  return wanted;
}

absl::StatusOr<CheckpointParts> Apply(
    CheckpointParts parts, const ProducerStep& step,
    const std::vector<ProducerModule>& modules, MigrationReport& report) {
  report.steps.push_back({.name = std::string(step.name)});
  HOIST_ASSIGN_OR_RETURN(const auto editor,
                         CatalogEditor::Create(std::move(parts)));
  ModuleEditor module_editor(*editor, report.steps.back());
  for (const ProducerModule& module : modules) {
    HOIST_RETURN_IF_ERROR(step.apply(module, module_editor));
  }
  auto finished = editor->Finish();
  if (!finished.ok()) {
    return Annotate(finished.status(),
                    absl::StrCat("step \"", step.name, "\""));
  }
  return finished;
}

void AddWarnings(const std::vector<ProducerModule>& modules,
                 const std::vector<Request>& requests,
                 MigrationReport& report) {
  for (const ProducerStep& step : ProducerSteps()) {
    const std::vector<std::string> names = NamesOf(modules, step);
    if (names.empty()) {
      continue;
    }
    if (step.apply == nullptr) {
      report.warnings.push_back(
          absl::StrCat("Step \"", step.name,
                       "\" is left to PyTorch, which does it when it "
                       "loads: ",
                       SomeOf(names)));
    } else if (!step.by_default) {
      report.warnings.push_back(
          absl::StrCat("Step \"", step.name,
                       "\" may be what the model that will be loaded "
                       "wants, and is done only where it is asked for: ",
                       SomeOf(names)));
    }
  }
  for (const Request& request : requests) {
    if (!request.has_matched) {
      report.warnings.push_back(absl::StrCat(
          "Step \"", request.step->name, "\" was asked for, and no module ",
          request.modules.text() == "*"
              ? ""
              : absl::StrCat("\"", request.modules.text(), "\" "),
          "needs it"));
    }
  }
}

}  // namespace

absl::StatusOr<CheckpointParts> MigrateProducer(
    CheckpointParts parts, MigrationReport& report,
    const ProducerOptions& options) {
  std::vector<Request> requests;
  for (const ProducerOptions::Request& request : options.requests) {
    HOIST_ASSIGN_OR_RETURN(Request parsed, ParseRequest(request));
    requests.push_back(std::move(parsed));
  }
  HOIST_ASSIGN_OR_RETURN(FoundModules found, ModulesOf(parts.catalog));
  for (const ProducerStep& step : ProducerSteps()) {
    const std::vector<ProducerModule> wanted =
        Wanted(found.modules, step, options.use_defaults, requests);
    if (wanted.empty()) {
      continue;
    }
    HOIST_ASSIGN_OR_RETURN(parts,
                           Apply(std::move(parts), step, wanted, report));
    HOIST_ASSIGN_OR_RETURN(found, ModulesOf(parts.catalog));
  }
  AddWarnings(found.modules, requests, report);
  return parts;
}

absl::StatusOr<std::vector<ProducerFinding>> FindProducerSteps(
    const Catalog& catalog) {
  std::vector<const ProducerStep*> steps;
  for (const ProducerStep& step : ProducerSteps()) {
    if (std::any_of(catalog.tensors.begin(), catalog.tensors.end(),
                    step.is_sign)) {
      steps.push_back(&step);
    }
  }
  std::vector<ProducerFinding> findings;
  if (steps.empty()) {
    return findings;
  }
  HOIST_ASSIGN_OR_RETURN(const FoundModules found, ModulesOf(catalog));
  for (const ProducerStep* const step : steps) {
    std::vector<std::string> names = NamesOf(found.modules, *step);
    if (!names.empty()) {
      findings.push_back({step, std::move(names)});
    }
  }
  return findings;
}

}  // namespace hoist
