// Errors as values. Every call across input, stage, sink, comm and plan returns Status or
// Result<T>; no exception crosses these contracts.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "pipeline/base/check.h"

namespace shardmill {

/// What a failure means for the run. The program's exit codes follow from it.
enum class Code : unsigned char {
  kOk,
  kUsage,    ///< the user's words or job file are wrong: exit 2, nothing was created
  kBadFile,  ///< one input file cannot be read or ends early: reported, the rest counts
  kFailed,   ///< the run cannot go on: exit 3
  kStopped,  ///< stopped early, the same command resumes: exit 75
};

/// Ok, or a code and a message of the form
/// `<place>: <what was found>, expected <what>; <how to fix>` (see message.h).
/// The inner function says what is wrong; the caller who knows the place adds it with `at`.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status ok() { return {}; }
  static Status usage(std::string message) { return {Code::kUsage, std::move(message)}; }
  static Status bad_file(std::string message) { return {Code::kBadFile, std::move(message)}; }
  static Status failed(std::string message) { return {Code::kFailed, std::move(message)}; }
  static Status stopped(std::string message) { return {Code::kStopped, std::move(message)}; }

  bool is_ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  /// The same error with `place: ` in front of its message. Ok stays ok.
  Status at(std::string_view place) const {
    if (is_ok()) return *this;
    return {code_, std::string(place) + ": " + message_};
  }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

/// A value or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}        // NOLINT: implicit
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {  // NOLINT: implicit
    SHARDMILL_CHECK(!std::get<1>(state_).is_ok());
  }

  bool is_ok() const { return state_.index() == 0; }
  Status status() const { return is_ok() ? Status::ok() : std::get<1>(state_); }

  /// REQUIRES: is_ok().
  T& value() & {
    SHARDMILL_CHECK(is_ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    SHARDMILL_CHECK(is_ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    SHARDMILL_CHECK(is_ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace shardmill

#define SHARDMILL_CONCAT_INNER(a, b) a##b
#define SHARDMILL_CONCAT(a, b) SHARDMILL_CONCAT_INNER(a, b)

/// Returns the Status of `expression` from the enclosing function unless it is ok.
#define RETURN_IF_ERROR(expression)                                                   \
  do {                                                                                \
    if (::shardmill::Status status_ = (expression); !status_.is_ok()) return status_; \
  } while (false)

/// `ASSIGN_OR_RETURN(auto x, f());` - x is the value, or the enclosing function returns the Status.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_IMPL(SHARDMILL_CONCAT(result_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                  \
  if (!result.is_ok()) return result.status();                 \
  declaration = std::move(result).value()
