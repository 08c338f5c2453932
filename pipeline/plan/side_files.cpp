#include "pipeline/plan/side_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "pipeline/base/quantity.h"
#include "pipeline/base/text.h"
#include "pipeline/formats/byte_source.h"

namespace shardmill {

namespace {

constexpr size_t kPieceBytes = 256 << 10;
constexpr size_t kPathShown = 400;

/// Calls visit(stage, field) for every file that a stage of the job names.
template <typename Jobs, typename Visit>
void for_each_side_file(Jobs& job, Visit&& visit) {
  for (auto& stage : job.stages) {
    for (const FieldSpec& field : stage.spec->fields) {
      if (field.kind == FieldKind::kFile && stage.options.has(field.name)) visit(stage, field);
    }
  }
}

/// One file of one stage: its content, or what is wrong with it.
class SideFileReader {
 public:
  SideFileReader(const JobStage& stage, const FieldSpec& field)
      : path_(stage.options.text(field.name)),
        bound_(field.content_max_field),
        bytes_max_(static_cast<uint64_t>(stage.options.integer(bound_))),
        problem_{.place = {},
                 .found = field.name + " " + quoted(path_, kPathShown) + ": ",
                 .expected = {},
                 .fix = {}} {}

  bool read() {
    if (path_.find('\0') != std::string::npos) return missing("it holds a NUL byte");
    struct stat status = {};
    if (stat(path_.c_str(), &status) != 0) return missing(std::strerror(errno));
    if (S_ISDIR(status.st_mode)) return missing("it is a folder");
    SourceOptions options;
    options.size_bytes = static_cast<uint64_t>(status.st_size);
    const Result<std::unique_ptr<ByteSource>> source = open_file(path_, options);
    if (!source.is_ok()) return fail(source.status().message());
    for (bool more = true; more;) {
      const Result<bool> piece = read_piece(**source);
      if (!piece.is_ok()) return fail(piece.status().message());
      if (content_.size() > bytes_max_) return too_large();
      more = *piece;
    }
    content_.shrink_to_fit();
    return true;
  }

  bool take(const std::string& content) {
    content_ = content;
    return content_.size() <= bytes_max_ || too_large();
  }

  SideFile content() { return std::make_shared<const std::string>(std::move(content_)); }
  const Message& problem() const { return problem_; }

 private:
  /// False at the end of the file.
  Result<bool> read_piece(ByteSource& source) {
    const size_t before = content_.size();
    content_.resize(before + kPieceBytes);
    ASSIGN_OR_RETURN(const size_t read, source.read(content_.data() + before, kPieceBytes));
    content_.resize(before + read);
    return read > 0;
  }

  bool fail(std::string found, std::string expected = {}, std::string fix = {}) {
    problem_.found += found;
    problem_.expected = std::move(expected);
    problem_.fix = std::move(fix);
    return false;
  }

  bool missing(const std::string& why) {
    return fail(why, "a file", "paths start from the folder where the command is given");
  }

  bool too_large() {
    return fail("more than " + format_bytes(bytes_max_), "at most that (" + bound_ + ")",
                "raise " + bound_ + ", or take a smaller file");
  }

  const std::string path_;
  const std::string bound_;
  const uint64_t bytes_max_;
  std::string content_;
  Message problem_;
};

void report_unused(const TestFiles& given, const std::vector<std::string>& named,
                   Problems& problems) {
  for (const auto& [path, content] : given) {
    if (std::find(named.begin(), named.end(), path) != named.end()) continue;
    problems.add(0, {.place = {},
                     .found = "the test has a file " + quoted(path, kPathShown),
                     .expected = named.empty() ? "none, as no stage reads a file"
                                               : "one that a stage reads: " + listed(named),
                     .fix = {}});
  }
}

}  // namespace

void read_side_files(Job& job, Problems& problems, const TestFiles& given) {
  std::vector<std::string> named;
  for_each_side_file(job, [&](JobStage& stage, const FieldSpec& field) {
    const std::string& path = stage.options.text(field.name);
    named.push_back(path);
    const auto at = std::find_if(given.begin(), given.end(),
                                 [&](const auto& file) { return file.first == path; });
    SideFileReader reader(stage, field);
    if (at == given.end() ? reader.read() : reader.take(at->second)) {
      stage.options.set_content(field.name, reader.content());
    } else {
      problems.add(stage.options.line(field.name), reader.problem());
    }
  });
  report_unused(given, named, problems);
}

std::vector<SideFile> side_files(const Job& job) {
  std::vector<SideFile> files;
  for_each_side_file(job, [&](const JobStage& stage, const FieldSpec& field) {
    files.push_back(stage.options.shared_content(field.name));
  });
  return files;
}

std::vector<std::string> side_file_paths(const Job& job) {
  std::vector<std::string> paths;
  for_each_side_file(job, [&](const JobStage& stage, const FieldSpec& field) {
    paths.push_back(stage.options.text(field.name));
  });
  return paths;
}

bool give_side_files(Job& job, const std::vector<SideFile>& files) {
  size_t next = 0;
  for_each_side_file(job, [&](JobStage& stage, const FieldSpec& field) {
    if (next < files.size()) stage.options.set_content(field.name, files[next]);
    ++next;
  });
  return next == files.size();
}

}  // namespace shardmill
