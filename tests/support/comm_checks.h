// What every Comm promises, as one check that runs over threads and over MPI.
#pragma once

#include <string>

#include "pipeline/comm/comm.h"

namespace shardmill {

/// Collective. Empty if all is well, else what was not.
std::string check_comm(Comm& comm);

}  // namespace shardmill
