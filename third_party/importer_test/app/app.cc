#include <iostream>

#include "core/status/status_macros.h"
#include "hoist/checkpoint/checkpoint.h"

// Exits with 0 if the argument is a checkpoint.
int main(int argc, char** argv) {
  if (argc != 1 + importer::kOwnHeader) return 2;
  const auto checkpoint = hoist::Checkpoint::Open(argv[1]);
  if (!checkpoint.ok()) std::cerr << checkpoint.status() << "\n";
  return checkpoint.ok() ? 0 : 1;
}
