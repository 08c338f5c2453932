// Put before every file when bench/dealing.cpp is compiled for SimGrid (bench/simulate_dealing),
// whose MPI has no matched probes, and remembers every request that MPI_Test and not MPI_Wait has
// ended: a rank then takes longer with each message. So what is known to be at hand is received at
// once, and what is small enough to be buffered is sent at once; both take no simulated time that
// they would not take otherwise.
#pragma once

#include <mpi.h>

inline MPI_Status simulated_probe;

inline int simulated_improbe(MPI_Comm comm, int* found, MPI_Status* status) {
  const int error = MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm, found, &simulated_probe);
  if (*found != 0) *status = simulated_probe;
  return error;
}

inline int simulated_imrecv(void* bytes, int count, MPI_Comm comm, MPI_Request* request) {
  *request = MPI_REQUEST_NULL;
  return MPI_Recv(bytes, count, MPI_BYTE, simulated_probe.MPI_SOURCE, simulated_probe.MPI_TAG, comm,
                  MPI_STATUS_IGNORE);
}

inline int simulated_isend(const void* bytes, int count, int to, int tag, MPI_Comm comm,
                           MPI_Request* request) {
  *request = MPI_REQUEST_NULL;
  return MPI_Send(bytes, count, MPI_BYTE, to, tag, comm);
}

/// All sends are through.
inline int simulated_testsome(int count, int* through) {
  *through = count;
  return MPI_SUCCESS;
}

inline int simulated_test(MPI_Request* request, int* done, MPI_Status* status) {
  *done = 1;
  return *request == MPI_REQUEST_NULL ? MPI_SUCCESS : MPI_Test(request, done, status);
}

#undef MPI_Improbe
#undef MPI_Imrecv
#undef MPI_Isend
#undef MPI_Testsome
#undef MPI_Test
#define MPI_Improbe(source, tag, comm, found, message, status) \
  simulated_improbe(comm, found, status)
#define MPI_Imrecv(bytes, count, type, message, request) \
  simulated_imrecv(bytes, count, comm_, request)
#define MPI_Isend(bytes, count, type, to, tag, comm, request) \
  simulated_isend(bytes, count, to, tag, comm, request)
#define MPI_Testsome(count, requests, through, indices, statuses) simulated_testsome(count, through)
#define MPI_Test(request, done, status) simulated_test(request, done, status)

// A rank there has one thread, whatever it asks for.
#undef MPI_THREAD_FUNNELED
#define MPI_THREAD_FUNNELED MPI_THREAD_SINGLE
