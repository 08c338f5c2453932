// Put before every file when bench/dealing.cpp is compiled for SimGrid (bench/simulate_dealing), whose
// MPI has no matched probes. A rank has one thread there and receives what it has just probed for, so
// the unmatched calls do the same.
#pragma once

#include <mpi.h>

inline MPI_Status simulated_probe;

inline int simulated_improbe(MPI_Comm comm, int* found, MPI_Status* status) {
  const int error = MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm, found, &simulated_probe);
  if (*found != 0) *status = simulated_probe;
  return error;
}

#undef MPI_Improbe
#undef MPI_Imrecv
#define MPI_Improbe(source, tag, comm, found, message, status) simulated_improbe(comm, found, status)
#define MPI_Imrecv(bytes, count, type, message, request)                                          \
  MPI_Irecv(bytes, count, type, simulated_probe.MPI_SOURCE, simulated_probe.MPI_TAG, comm_, request)

// A rank there has one thread, whatever it asks for.
#undef MPI_THREAD_FUNNELED
#define MPI_THREAD_FUNNELED MPI_THREAD_SINGLE
