// Every example of every registered stage as a test parameter.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "pipeline/core/registry.h"

namespace shardmill {

struct ExampleCase {
  std::string label;  ///< "group_0"
  const StageSpec* spec;
  const StageExample* example;
};

inline std::vector<ExampleCase> example_cases() {
  std::vector<ExampleCase> cases;
  for (const StageSpec& spec : all_stages()) {
    for (size_t i = 0; i < spec.examples.size(); ++i) {
      cases.push_back({fmt::format("{}_{}", spec.name, i), &spec, &spec.examples[i]});
    }
  }
  return cases;
}

}  // namespace shardmill
