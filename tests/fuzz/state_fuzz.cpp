// States of a run that come over the wire or from a disk: refused, or the same when encoded again.
#include "pipeline/run/merge.h"
#include "tests/fuzz/fuzz.h"

namespace shardmill {
namespace {

std::unique_ptr<BoundJob> make_job() {
  Problems problems;
  Job job = parse_job(R"toml(
[input]
paths = ["x"]
[[stage]]
use = "count"
words = true
[[stage]]
use = "top"
column = "line"
[[stage]]
use = "extract"
pattern = '(?P<k>\w+)=(?P<v>[\d.]+)'
types = { v = "float" }
[[stage]]
use = "group"
by = ["k"]
compute = ["count()", "sum(v)", "min(v)", "max(v)", "var(v)", "p99(v)", "distinct(v)"]
[[stage]]
use = "examples"
n = 2
)toml",
                      "fuzz.toml", {}, problems);
  set_format(job, "lines", problems);
  const InputSchema schema = {.columns = {{.name = "line", .type = Type::kText}}};
  auto bound = bind_job(std::move(job), schema, problems);
  require(bound != nullptr, "the job does not bind");
  return bound;
}

}  // namespace
}  // namespace shardmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shardmill;
  static const std::unique_ptr<BoundJob> job = make_job();
  const Result<Totals> totals = Totals::decode(*job, {reinterpret_cast<const char*>(data), size});
  if (!totals.is_ok()) return 0;
  ByteWriter first;
  totals->encode(first);
  const Result<Totals> again = Totals::decode(*job, first.bytes());
  require(again.is_ok(), "an encoded state is refused");
  ByteWriter second;
  again->encode(second);
  require(first.bytes() == second.bytes(), "a state changes when encoded again");
  return 0;
}
