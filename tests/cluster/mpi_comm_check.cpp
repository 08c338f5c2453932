// The promises of Comm over MPI: run by mpirun with several numbers of ranks (see CMakeLists.txt).
#include <cstdio>

#include "tests/support/comm_checks.h"

int main() {
  using namespace shardmill;
  Result<std::unique_ptr<Comm>> comm = make_mpi_comm();
  if (!comm.is_ok()) {
    std::fprintf(stderr, "%s\n", comm.status().message().c_str());
    return 2;
  }
  const std::string problem = check_comm(**comm);
  if (!problem.empty()) std::fprintf(stderr, "%s\n", problem.c_str());
  return problem.empty() ? 0 : 3;
}
