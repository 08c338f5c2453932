#include "pipeline/cli/slurm_tools.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "pipeline/base/child_process.h"
#include "pipeline/base/message.h"
#include "pipeline/base/text.h"
#include "pipeline/cli/commands.h"
#include "pipeline/report/json_object.h"
#include "pipeline/run/run_dir.h"

namespace shardmill {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);
constexpr ChildProcess::Milliseconds kGlance{100};
constexpr size_t kAnswerBytesMax = size_t{16} << 20;

std::vector<std::string> own_environment() {
  std::vector<std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    all.emplace_back(*entry);
  }
  return all;
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() < 20 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Status check_tool(const std::string& name) {
  if (!find_program(name).empty()) return {};
  return Status::failed(Message{.place = name,
                                .found = "there is no such program on PATH",
                                .expected = "the commands of Slurm",
                                .fix = "give the command where they are, on a login node"}
                            .text());
}

Result<ToolAnswer> ask_tool(const std::vector<std::string>& words) {
  RETURN_IF_ERROR(check_tool(words[0]));
  ASSIGN_OR_RETURN(const std::unique_ptr<ChildProcess> child,
                   ChildProcess::start(find_program(words[0]), words, own_environment()));
  child->close_input();
  ToolAnswer answer;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!child->output_ended() && answer.output.size() < kAnswerBytesMax &&
         std::chrono::steady_clock::now() < deadline) {
    child->exchange({}, answer.output, kGlance);
  }
  while (!child->has_ended() && std::chrono::steady_clock::now() < deadline) ::usleep(1000);
  const bool in_time = child->has_ended();
  const ChildEnd end = child->end();
  answer.succeeded = in_time && end.signal == 0 && end.exit_code == 0;
  answer.last_words = in_time ? std::string(child->last_words()) : "no answer in 30 s";
  return answer;
}

Launcher launcher_of(std::string_view answer, std::string_view mpi_type) {
  return answer.find(mpi_type) == std::string_view::npos ? Launcher::kMpirun : Launcher::kSrun;
}

Launcher choose_launcher(std::string_view mpi_type) {
  const Result<ToolAnswer> answer = ask_tool({"srun", "--mpi=list"});
  return answer.is_ok() ? launcher_of(answer->output + answer->last_words, mpi_type)
                        : Launcher::kMpirun;
}

std::string QueuedJob::text() const {
  if (waits()) {
    const std::string why = reason.empty() || reason == "None" ? "" : " (" + escaped(reason) + ")";
    return fmt::format("job {} waits in the queue{}{}", id, why,
                       start.empty() ? "" : ", expected to start at " + escaped(start));
  }
  std::string state_text = ascii_lower(state);
  std::replace(state_text.begin(), state_text.end(), '_', ' ');
  const std::string time = left.empty() ? "" : ", " + escaped(left) + " left";
  return fmt::format("job {} is {} on {}{}", id, escaped(state_text), escaped(nodes), time);
}

std::string QueuedJob::json() const {
  return JsonObject()
      .text("job", id)
      .text("state", state)
      .text("reason", reason)
      .text("start", start)
      .text("left", left)
      .text("nodes", nodes)
      .str();
}

std::optional<QueuedJob> parse_queued_job(std::string_view line) {
  line = trimmed(line);
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == '|') {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  if (cells.size() != 6 || !is_job_id(cells[0])) return std::nullopt;
  const auto known = [](const std::string& text) {
    return text == "N/A" || text == "INVALID" || text == "NOT_SET" ? std::string() : text;
  };
  return QueuedJob{.id = cells[0],
                   .state = cells[1],
                   .reason = cells[2],
                   .start = known(cells[3]),
                   .left = known(cells[4]),
                   .nodes = cells[5]};
}

std::optional<QueuedJob> queued_job(const std::string& run_dir) {
  const Result<std::string> text =
      read_text(fmt::format("{}/{}/job_id", run_dir, kSlurmFolder), 4096);
  if (!text.is_ok()) return std::nullopt;
  // sbatch adds the cluster behind a semicolon where there are several.
  const std::string_view id = trimmed(std::string_view(*text).substr(0, text->find(';')));
  if (!is_job_id(id)) return std::nullopt;
  const Result<ToolAnswer> answer =
      ask_tool({"squeue", "-h", "-j", std::string(id), "-o", std::string(kQueueFormat)});
  return answer.is_ok() && answer->succeeded ? parse_queued_job(answer->output) : std::nullopt;
}

bool is_job_id(std::string_view text) {
  const size_t end = text.find('_');
  return is_digits(text.substr(0, end)) &&
         (end == std::string_view::npos || is_digits(text.substr(end + 1)));
}

}  // namespace shardmill
