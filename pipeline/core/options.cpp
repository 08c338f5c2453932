#include "pipeline/core/options.h"

#include "pipeline/base/check.h"

namespace shardmill {

namespace {

template <typename T, typename Entries>
const T& get(const Entries& entries, std::string_view name) {
  static const T kUnset{};
  const auto at = entries.find(name);
  if (at == entries.end()) return kUnset;
  const T* value = std::get_if<T>(&at->second.value);
  SHARDMILL_CHECK(value != nullptr);
  return *value;
}

}  // namespace

void Options::set(const std::string& name, OptionValue value, int line) {
  entries_[name] = {.value = std::move(value), .line = line};
}

bool Options::has(std::string_view name) const {
  return entries_.contains(name);
}

const std::string& Options::text(std::string_view name) const {
  return get<std::string>(entries_, name);
}
int64_t Options::integer(std::string_view name) const {
  return get<int64_t>(entries_, name);
}
double Options::number(std::string_view name) const {
  return get<double>(entries_, name);
}
bool Options::flag(std::string_view name) const {
  return get<bool>(entries_, name);
}
const std::vector<std::string>& Options::list(std::string_view name) const {
  return get<std::vector<std::string>>(entries_, name);
}
const TextMap& Options::map(std::string_view name) const {
  return get<TextMap>(entries_, name);
}

const std::string* Options::content(std::string_view name) const {
  const auto at = contents_.find(name);
  return at == contents_.end() ? nullptr : at->second.get();
}

void Options::set_content(const std::string& name, std::shared_ptr<const std::string> content) {
  contents_[name] = std::move(content);
}

std::shared_ptr<const std::string> Options::shared_content(std::string_view name) const {
  const auto at = contents_.find(name);
  return at == contents_.end() ? nullptr : at->second;
}

int Options::line(std::string_view name) const {
  const auto at = entries_.find(name);
  return at == entries_.end() || at->second.line == 0 ? stage_line : at->second.line;
}

}  // namespace shardmill
