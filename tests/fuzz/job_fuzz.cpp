// Job files: any text is a job or a list of problems; the canonical text of a job gives the same
// job again.
#include "pipeline/plan/job.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardmill;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Problems problems;
  const Job job = parse_job(text, "fuzz.toml", {}, problems);
  if (!problems.empty()) {
    require(!problems_text("fuzz.toml", problems).empty(), "a problem without a message");
    return 0;
  }
  Problems again;
  const Job same = parse_job(job.text, "fuzz.toml", {}, again);
  require(again.empty(), "the text of a job is no job");
  require(same.text == job.text, "the text of a job changes");
  return 0;
}
