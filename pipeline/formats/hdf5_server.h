// The process that opens HDF5 files of others. The library was not written for files that are made
// to harm: so each file is opened by a process that does nothing else, with little memory and time,
// and whose crash is a bad file.
//
//   worker ──start──► server ──fork──► reader of one file ──fork──► ...
//
// The server is this program again, started with `kHdf5ServerWord`. It has one thread and has
// loaded the library, so a fork costs a fraction of a millisecond, and no file sees what another
// left behind. Asks (Hdf5Ask) come through standard input, answers go through standard output.
#pragma once

namespace shardmill {

inline constexpr const char* kHdf5ServerWord = "__hdf5-server";

/// The exit code of a server whose reader crashed is kHdf5Crash + the signal; of one whose reader
/// ended by itself, kHdf5Ended.
inline constexpr int kHdf5Crash = 128;
inline constexpr int kHdf5Ended = 99;

/// Serves until standard input ends, or a reader crashes; returns the exit code.
int serve_hdf5();

}  // namespace shardmill
