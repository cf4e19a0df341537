#include <string>
#include <vector>

#include "hoist/tools/commands/hoist_program.h"
#include "hoist/tools/commands/process_context.h"

int main(int argc, char** argv) {
  return hoist::RunHoist(std::vector<std::string>(argv + 1, argv + argc),
                         hoist::ProcessContext(argv[0]));
}
