#include <string>
#include <vector>

#include "hoist/tools/commands/hoist_program.h"

int main(int argc, char** argv) {
  return hoist::ProcessMain(std::vector<std::string>(argv + 1, argv + argc),
                            argv[0]);
}
