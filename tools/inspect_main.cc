#include "hoist/tools/commands/hoist_program.h"

int main(int argc, char** argv) {
  return hoist::VerbMain("inspect", argc, argv);
}
