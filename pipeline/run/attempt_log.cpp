#include "pipeline/run/attempt_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "pipeline/formats/json_tree.h"
#include "pipeline/report/json_object.h"
#include "pipeline/run/durable.h"
#include "pipeline/run/output_file.h"
#include "pipeline/run/read_whole.h"

namespace shardmill {

namespace {

constexpr uint64_t kLogBytesMax = 4 << 20;
constexpr size_t kAttemptsMost = 200;  ///< in the file; then only the first and the last stay
constexpr size_t kFirstKept = 20;
constexpr size_t kLastKept = 80;
constexpr size_t kHostsNamed = 8;
constexpr size_t kHostBytes = 64;
constexpr size_t kReasonBytes = 300;
constexpr uint64_t kNumberMost = uint64_t{1} << 53;  ///< of a file that anybody may have written
constexpr std::string_view kHead = "{\"attempts_of\": \"";

std::string head_line(uint64_t identity) {
  return fmt::format("{}{:016x}\"}}\n", kHead, identity);
}

std::string begin_line(const AttemptResult& attempt, const std::string& last_sign_before) {
  JsonObject object;
  object.integer("attempt", attempt.number).text("begun", attempt.begun);
  object.integer("units_before", attempt.units_before);
  if (!last_sign_before.empty()) object.text("last_sign_before", last_sign_before);
  if (!attempt.slurm_job.empty()) object.text("slurm_job", attempt.slurm_job);
  return object.str() + "\n";
}

std::string layout_line(const AttemptResult& attempt) {
  std::vector<std::string> names;
  for (const std::string& host : attempt.hosts) names.push_back(json_text(host));
  return JsonObject()
             .integer("attempt", attempt.number)
             .integer("ranks", attempt.ranks)
             .integer("threads", attempt.threads)
             .integer("hosts", attempt.host_count)
             .json("host_names", json_array(names))
             .str() +
         "\n";
}

std::string end_line(const AttemptResult& attempt) {
  JsonObject object;
  object.integer("attempt", attempt.number).text("ended", attempt.ended).text("how", attempt.how);
  if (!attempt.reason.empty()) object.text("reason", attempt.reason);
  if (!attempt.last_sign.empty()) object.text("last_sign", attempt.last_sign);
  return object.integer("units", attempt.units).str() + "\n";
}

/// Of one that has ended, however.
std::string lines_of(const AttemptResult& attempt) {
  std::string lines = begin_line(attempt, "");
  if (attempt.ranks > 0) lines += layout_line(attempt);
  return lines + end_line(attempt);
}

/// The start of a text, without a piece of a character at its end: that would be no text in JSON.
std::string start_of(const std::string& text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  const auto is_inside = [&](size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  while (bytes_max > 0 && is_inside(bytes_max)) --bytes_max;
  return text.substr(0, bytes_max);
}

uint64_t whole_of(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.find(name);
  return member == nullptr ? 0 : std::min(member->whole().value_or(0), kNumberMost);
}

std::string text_of(const JsonNode& node, std::string_view name) {
  const JsonNode* member = node.find(name);
  return member == nullptr ? std::string() : start_of(member->bytes().value_or(""), kReasonBytes);
}

/// Another attempt has begun: one that has no end was killed, and what counts of the one right
/// before is what this one began with.
void add_attempt(std::vector<AttemptResult>& attempts, AttemptResult attempt,
                 const std::string& last_sign_before) {
  if (!attempts.empty()) {
    AttemptResult& before = attempts.back();
    if (before.number + 1 == attempt.number) {
      before.units = attempt.units_before - std::min(attempt.units_before, before.units_before);
    }
    if (before.how.empty()) {
      before.how = "killed";
      before.last_sign = last_sign_before;
    }
  }
  attempts.push_back(std::move(attempt));
}

void take_layout(AttemptResult& attempt, const JsonNode& line) {
  attempt.ranks = whole_of(line, "ranks");
  attempt.threads = whole_of(line, "threads");
  attempt.host_count = whole_of(line, "hosts");
  const JsonNode* names = line.find("host_names");
  attempt.hosts.clear();
  for (size_t i = 0; names != nullptr && i < std::min(names->items.size(), kHostsNamed); ++i) {
    attempt.hosts.push_back(start_of(names->items[i].bytes().value_or(""), kHostBytes));
  }
}

void take_line(std::vector<AttemptResult>& attempts, const JsonNode& line) {
  const uint64_t number = whole_of(line, "attempt");
  const bool is_known = !attempts.empty() && attempts.back().number == number;
  if (line.find("begun") != nullptr) {
    if (number == 0 || (!attempts.empty() && attempts.back().number >= number)) return;
    add_attempt(attempts,
                {.number = number,
                 .begun = text_of(line, "begun"),
                 .units_before = whole_of(line, "units_before"),
                 .slurm_job = text_of(line, "slurm_job")},
                text_of(line, "last_sign_before"));
  } else if (is_known && line.find("ranks") != nullptr) {
    take_layout(attempts.back(), line);
  } else if (is_known && line.find("ended") != nullptr) {
    attempts.back().ended = text_of(line, "ended");
    attempts.back().how = text_of(line, "how");
    attempts.back().reason = text_of(line, "reason");
    attempts.back().last_sign = text_of(line, "last_sign");
    attempts.back().units = whole_of(line, "units");
  }
}

/// Lines that are torn or not ours are passed over.
std::vector<AttemptResult> parse_attempts(std::string_view text) {
  std::vector<AttemptResult> attempts;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    JsonNode line;
    if (!parse_json_tree(text.substr(0, end), line)) take_line(attempts, line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return attempts;
}

std::string log_path(const std::string& run_dir) {
  return run_dir + "/" + std::string(kAttemptsName);
}

/// The first and the last ones.
void leave_out_the_middle(std::vector<AttemptResult>& attempts) {
  if (attempts.size() <= kAttemptsMost) return;
  const auto from = attempts.begin() + static_cast<std::ptrdiff_t>(kFirstKept);
  attempts.erase(from, attempts.end() - static_cast<std::ptrdiff_t>(kLastKept));
}

/// The names of hosts without repetition, the first ones; and how many there are.
void name_hosts(AttemptResult& attempt, std::vector<std::string> hosts) {
  std::sort(hosts.begin(), hosts.end());
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  attempt.host_count = hosts.size();
  hosts.resize(std::min(hosts.size(), kHostsNamed));
  for (std::string& host : hosts) host = start_of(host, kHostBytes);
  attempt.hosts = std::move(hosts);
}

/// Every message about memory names the option for it.
bool is_about_memory(const Status& status) {
  return status.message().find("--memory") != std::string::npos;
}

}  // namespace

Result<AttemptLog> AttemptLog::begin(const std::string& run_dir, const AttemptBegin& begin,
                                     const LockKey& lock) {
  AttemptLog log;
  log.path_ = log_path(run_dir);
  log.lock_ = lock;
  const Result<std::string> text = read_whole(log.path_, kLogBytesMax);
  const std::string head = head_line(begin.identity);
  const bool goes_on = text.is_ok() && text->starts_with(head);
  if (goes_on) log.attempts_ = parse_attempts(*text);
  const AttemptResult last = log.attempts_.empty() ? AttemptResult() : log.attempts_.back();
  const std::string last_sign = last.begun == begin.last_started ? begin.last_sign : "";
  const AttemptResult own = {.number = std::max(last.number + 1, begin.least_number),
                             .begun = begin.begun,
                             .units_before = begin.units_before,
                             .slurm_job = begin.slurm_job};
  add_attempt(log.attempts_, own, last_sign);
  if (goes_on && log.attempts_.size() <= kAttemptsMost) {
    log.is_torn_ = !text->ends_with('\n');
    RETURN_IF_ERROR(log.append(begin_line(own, last_sign), Durably::kNo));
    return log;
  }
  if (log.attempts_.size() == 1) {  // nothing can be lost yet
    ::unlink(log.path_.c_str());
    RETURN_IF_ERROR(log.append(head + begin_line(own, last_sign), Durably::kNo));
    return log;
  }
  leave_out_the_middle(log.attempts_);
  std::string lines = head;
  for (size_t i = 0; i + 1 < log.attempts_.size(); ++i) lines += lines_of(log.attempts_[i]);
  RETURN_IF_ERROR(write_durably(run_dir, std::string(kAttemptsName),
                                lines + begin_line(own, last_sign), lock, 0644));
  return log;
}

void AttemptLog::set_layout(const std::vector<std::string>& hosts, unsigned threads) {
  if (attempts_.empty()) return;
  AttemptResult& own = attempts_.back();
  own.ranks = hosts.size();
  own.threads = threads;
  name_hosts(own, hosts);
  (void)append(layout_line(own), Durably::kYes);
}

void AttemptLog::end(const std::string& ended, const Status& status, const std::string& stopped_by,
                     uint64_t units) {
  if (attempts_.empty()) return;
  AttemptResult& own = attempts_.back();
  own.ended = ended;
  own.units = units;
  own.reason = status.is_ok() ? "" : stopped_by.empty() ? status.message() : stopped_by;
  own.reason = start_of(own.reason, kReasonBytes);
  const bool stopped = status.code() == Code::kStopped;
  own.how = status.is_ok()                                             ? "finished"
            : stopped && stopped_by.empty() && is_about_memory(status) ? "memory"
            : stopped                                                  ? "stopped"
                                                                       : "failed";
}

void AttemptLog::write_end() {
  if (attempts_.empty() || attempts_.back().ended.empty()) return;
  // What a finished run leaves last is durable, and says that it is finished.
  const bool finished = attempts_.back().how == "finished";
  (void)append(end_line(attempts_.back()), finished ? Durably::kNo : Durably::kYes);
}

Status AttemptLog::append(const std::string& line, Durably durably) {
  RETURN_IF_ERROR(lock_.check());
  FileHandle file(::open(
      path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
  if (!file.is_open()) return file_error(path_, "opened", errno);
  const std::string bytes = (is_torn_ ? "\n" : "") + line;
  is_torn_ = true;
  for (std::string_view left = bytes; !left.empty();) {
    const ssize_t written = ::write(file.get(), left.data(), left.size());
    if (written < 0 && errno != EINTR) return file_error(path_, "written", errno);
    if (written > 0) left.remove_prefix(static_cast<size_t>(written));
  }
  is_torn_ = false;
  if (durably == Durably::kYes && ::fdatasync(file.get()) != 0)
    return file_error(path_, "made durable", errno);
  return file.close(path_);
}

std::vector<AttemptResult> read_attempts(const std::string& run_dir) {
  const Result<std::string> text = read_whole(log_path(run_dir), kLogBytesMax);
  const bool is_ours = text.is_ok() && text->starts_with(kHead);
  return is_ours ? parse_attempts(*text) : std::vector<AttemptResult>();
}

bool is_attempt_log(const std::string& path) {
  const Result<std::string> text = read_whole(path, kLogBytesMax);
  return text.is_ok() && text->starts_with(kHead);
}

}  // namespace shardmill
