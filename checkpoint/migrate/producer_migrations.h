#ifndef HOIST_CHECKPOINT_MIGRATE_PRODUCER_MIGRATIONS_H_
#define HOIST_CHECKPOINT_MIGRATE_PRODUCER_MIGRATIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hoist/checkpoint/catalog/catalog.h"
#include "hoist/checkpoint/migrate/checkpoint_parts.h"
#include "hoist/checkpoint/migrate/migration_report.h"
#include "hoist/checkpoint/migrate/producer_steps.h"

namespace hoist {

// State dicts as an old PyTorch wrote them become as the newest writes them.

struct ProducerOptions {
  // A step that is to be done whether or not it is by default.
  struct Request {
    std::string step;           // its name
    std::string modules = "*";  // those it is done for: a NameGlob
  };
  bool use_defaults = true;  // the steps that are by default
  std::vector<Request> requests;
};

// Does the steps in their order, each for all modules that need it. Reads no
// payload. Parts that need nothing come back as they are; those that a step was
// done for have the dicts of the rest still. `report` gets a step for each that
// was done, and a warning for each that is not by default or that only PyTorch
// can do, with modules that may need it, and for each request that found no
// module. kInvalidArgument for a request of a step that is not there or cannot
// be done, for a glob that is none, and where two tensors would have one name;
// `report` is of no use then. Thread-safe.
absl::StatusOr<CheckpointParts> MigrateProducer(
    CheckpointParts parts, MigrationReport& report,
    const ProducerOptions& options = {});

// Which modules a step would change, as they are.
struct ProducerFinding {
  const ProducerStep* step;
  std::vector<std::string> modules;  // names; "" is the root
};

// In the order of the steps, those alone that would change something if they
// were done first: a step may make work for a later one. Takes time in
// proportion to the tensors and values; nothing is read or changed. Errors as
// CatalogEditor::Create(). Thread-safe.
absl::StatusOr<std::vector<ProducerFinding>> FindProducerSteps(
    const Catalog& catalog);

}  // namespace hoist

#endif  // HOIST_CHECKPOINT_MIGRATE_PRODUCER_MIGRATIONS_H_
