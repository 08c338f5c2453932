#include "pipeline/cli/cli.h"

int main(int argc, char** argv) {
  return shardmill::run_program(argc, argv);
}
