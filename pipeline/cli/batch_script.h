// The batch script that `shardmill submit` writes: short, commented, for people to edit. Pure
// functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shardmill {

/// What starts the ranks on the nodes.
enum class Launcher : uint8_t {
  kSrun,    ///< srun --mpi=..., see BatchJob::mpi_type
  kMpirun,  ///< the one on PATH, which takes nodes and ranks from Slurm
};

/// Everything that a script says. Paths and words may hold any bytes but NUL, except where stated.
struct BatchJob {
  std::string name;     ///< letters, digits, "-", "_", "." alone
  std::string program;  ///< absolute path of shardmill
  std::string folder;   ///< absolute: where the job's relative paths start
  std::string job_path;
  std::string run_dir;                        ///< absolute; no byte that is_slurm_path refuses
  std::vector<std::string> run_options = {};  ///< words for `shardmill run` behind the job
  Launcher launcher = Launcher::kSrun;
  std::string mpi_type = "pmix";  ///< of the program's MPI, see slurm_mpi_type

  uint64_t nodes = 1;
  uint64_t ranks_per_node = 1;
  uint64_t threads = 1;       ///< of a rank
  uint64_t memory_bytes = 0;  ///< of a rank; 0: what the site gives
  double seconds = 0;         ///< the time limit; 0: the site's
  std::string partition = {};
  std::string account = {};
  std::string after = {};                      ///< the job to wait for; empty: none
  std::vector<std::string> sbatch_words = {};  ///< further options, no control characters
};

/// Ends with a newline.
std::string batch_script(const BatchJob& job);

/// `word` as one word of a POSIX shell, any bytes but NUL: itself where it is plain, in single
/// quotes otherwise.
std::string shell_word(std::string_view word);

/// `word` as one word of a #SBATCH line: in double quotes where needed. REQUIRES: no control
/// character, which such a line cannot hold.
std::string sbatch_word(std::string_view word);

/// True if Slurm can keep a file below `path`: no control characters, which options in a script
/// cannot hold, and no "%" or backslash, which mean something in its names of files.
bool is_slurm_path(std::string_view path);

/// "2-01:00:00" as Slurm wants it, rounded up to a second.
std::string slurm_time(double seconds);

/// How long before a limit of `seconds` (0: unknown) the soft stop begins at the latest.
uint64_t stop_margin_seconds(double seconds);

}  // namespace shardmill
