#include "pipeline/cli/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "pipeline/base/message.h"
#include "pipeline/cli/commands.h"
#include "pipeline/cli/expression_docs.h"
#include "pipeline/core/registry.h"

namespace shardmill {

namespace {

/// What a shell can offer for a value.
enum class Offer : uint8_t {
  kNothing,
  kFile,
  kFolder,
  kJobFile,
  kStage,
  kExpression,
  kShell,
  kFormat,
  kTextOrHtml
};

Offer offer_of(const ArgumentDescription& argument) {
  const std::string& value = argument.value;
  if (value == "JOB.toml") return Offer::kJobFile;
  if (value == "DIR" || value.ends_with("RUN-DIR")) return Offer::kFolder;
  if (value == "STAGE") return Offer::kStage;
  if (value == "EXPRESSION") return Offer::kExpression;
  if (value == "SHELL") return Offer::kShell;
  if (value == "FORMAT") return Offer::kFormat;
  if (value == "text|html") return Offer::kTextOrHtml;
  // What nobody has named may well be a file, and a first pattern may stand behind -e.
  return value == "FILE" || value == "PATH" || value == "PATTERN" || value == "TEXT"
             ? Offer::kFile
             : Offer::kNothing;
}

std::string joined(const std::vector<std::string>& words, std::string_view separator = " ") {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += separator;
    out += word;
  }
  return out;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (;;) {
    const size_t at = text.find(from);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += to;
    text.remove_prefix(at + from.size());
  }
}

std::string in_quotes(std::string_view text) {
  return "'" + replaced(text, "'", R"('\'')") + "'";
}

// ---- bash

constexpr std::string_view kBashHead =
    R"(# Completes shardmill's commands, flags, stages and job files in bash. Made by
#
#   source <(shardmill completion bash)
#
# for instance in ~/.bashrc.
)";

constexpr std::string_view kBashTail =
    R"(
# What has been typed before the word at the cursor: sets command, flag (whose value the word is), place (of the word
# among those that are no flags, from 1) and only_words (behind a --).
_shardmill_look_back() {
  local word i
  command= flag= place=1 only_words=
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if [[ $flag ]]; then
      [[ $word == '=' ]] || flag=
    elif [[ $word == -- ]]; then
      only_words=1
    elif [[ $word == -* && ! $only_words ]]; then
      _shardmill_value "$command" "$word"
      [[ ! $offer ]] || flag=$word
    elif [[ ! $command ]]; then
      command=$word
    else
      place=$((place + 1))
    fi
  done
}

_shardmill() {
  local current=${COMP_WORDS[COMP_CWORD]} command flag place only_words offer choices flags
  COMPREPLY=()
  _shardmill_look_back
  if [[ $flag ]]; then
    [[ $current != '=' ]] || current=
    _shardmill_value "$command" "$flag"
  elif [[ ! $command ]]; then
    offer=choices choices=$_shardmill_commands
  elif [[ $current == -* && ! $only_words ]]; then
    _shardmill_flags "$command"
    offer=choices choices=$flags
  else
    _shardmill_word "$command" "$place"
  fi
  case $offer in
    choices) mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current") ;;
    job_file)
      mapfile -t COMPREPLY < <(compgen -f -X '!*.toml' -- "$current"; compgen -d -- "$current")
      compopt -o filenames 2>/dev/null ;;
    folder) compopt +o default +o bashdefault -o dirnames 2>/dev/null ;;
    file) ;;  # what bash offers by itself
    *) compopt +o default +o bashdefault 2>/dev/null ;;
  esac
}

complete -o bashdefault -o default -F _shardmill shardmill
)";

class BashScript {
 public:
  explicit BashScript(const KnownNames& names) : names_(names) {}

  std::string of(const std::vector<CommandDescription>& commands) const {
    std::vector<std::string> names;
    std::string flags;
    std::string values;
    std::string words;
    for (const CommandDescription& command : commands) {
      names.push_back(command.name);
      flags += fmt::format("    {}) flags='{}' ;;\n", command.name, joined(all_flags(command)));
      values += value_cases(command);
      words += word_cases(command);
    }
    names.insert(names.end(), {"help", "--help", "--version"});
    return std::string(kBashHead) + fmt::format("_shardmill_commands='{}'\n\n", joined(names)) +
           "_shardmill_flags() {\n  flags=\n  case $1 in\n" + flags + "  esac\n}\n\n" +
           "# What the value of flag $2 of command $1 is; nothing if it takes none.\n" +
           function("_shardmill_value", values) + "\n" +
           "# What the word at place $2 of command $1 is.\n" + function("_shardmill_word", words) +
           std::string(kBashTail);
  }

 private:
  static std::string function(std::string_view name, std::string_view cases) {
    return fmt::format("{}() {{\n  offer= choices=\n  case \"$1 $2\" in\n{}  esac\n}}\n", name,
                       cases);
  }

  static std::vector<std::string> all_flags(const CommandDescription& command) {
    std::vector<std::string> names;
    for (const ArgumentDescription& flag : command.flags) {
      names.insert(names.end(), flag.names.begin(), flag.names.end());
    }
    return names;
  }

  std::string value_cases(const CommandDescription& command) const {
    std::string cases;
    for (const ArgumentDescription& flag : command.flags) {
      if (!flag.takes_value) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : flag.names) {
        patterns.push_back(in_quotes(command.name + " " + name));
      }
      cases += one_case(joined(patterns, " | "), flag);
    }
    return cases;
  }

  std::string word_cases(const CommandDescription& command) const {
    std::string cases;
    for (size_t i = 0; i < command.words.size(); ++i) {
      const std::string pattern = command.words[i].repeats
                                      ? in_quotes(command.name + " ") + "*"
                                      : in_quotes(fmt::format("{} {}", command.name, i + 1));
      cases += one_case(pattern, command.words[i]);
    }
    return cases;
  }

  std::string one_case(const std::string& pattern, const ArgumentDescription& argument) const {
    return fmt::format("    {}) {} ;;\n", pattern, offer_text(offer_of(argument)));
  }

  std::string offer_text(Offer offer) const {
    switch (offer) {
      case Offer::kNothing:
        break;
      case Offer::kFile:
        return "offer=file";
      case Offer::kFolder:
        return "offer=folder";
      case Offer::kJobFile:
        return "offer=job_file";
      case Offer::kStage:
        return "offer=choices choices=" + in_quotes(joined(names_.stages));
      case Offer::kExpression:
        return "offer=choices choices=" + in_quotes(joined(names_.expressions));
      case Offer::kShell:
        return "offer=choices choices='bash zsh'";
      case Offer::kFormat:
        return "offer=choices choices='text html json csv markdown'";
      case Offer::kTextOrHtml:
        return "offer=choices choices='text html'";
    }
    return "offer=nothing";
  }

  const KnownNames& names_;
};

// ---- zsh

constexpr std::string_view kZshHead =
    R"(#compdef shardmill
# Completes shardmill's commands, flags, stages and job files in zsh. Made by
#
#   source <(shardmill completion zsh)
#
# for instance in ~/.zshrc below compinit; or put it into a folder of $fpath as _shardmill.
_shardmill() {
  local curcontext="$curcontext" state line
  local -a commands
  typeset -A opt_args
  _arguments -C '(- *)--help[what to type first]' '(- *)--version[the version]' \
    '1:command:->command' '*::argument:->argument'
  case $state in
    command)
      commands=(
)";

constexpr std::string_view kZshTail =
    R"(      esac ;;
  esac
}

if [[ ${funcstack[1]} == _shardmill ]]; then
  _shardmill "$@"
else
  compdef _shardmill shardmill
fi
)";

/// The characters that mean something in a specification of zsh's _arguments.
std::string zsh_escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

class ZshScript {
 public:
  explicit ZshScript(const KnownNames& names) : names_(names) {}

  std::string of(const std::vector<CommandDescription>& commands) const {
    std::string out(kZshHead);
    for (const CommandDescription& command : commands) {
      const std::string about = command.about.substr(0, command.about.find('.'));
      out += "        " + in_quotes(command.name + ":" + zsh_escaped(about, ":")) + "\n";
    }
    out += "      )\n      _describe command commands ;;\n    argument)\n      case $words[1] in\n";
    for (const CommandDescription& command : commands) {
      out += "        " + command.name + ")\n          _arguments";
      for (const std::string& part : specifications(command)) out += " \\\n            " + part;
      out += " ;;\n";
    }
    return out + std::string(kZshTail);
  }

 private:
  std::vector<std::string> specifications(const CommandDescription& command) const {
    std::vector<std::string> parts;
    for (const ArgumentDescription& flag : command.flags) {
      for (const std::string& name : flag.names) parts.push_back(flag_text(flag, name));
    }
    for (size_t i = 0; i < command.words.size(); ++i) {
      const ArgumentDescription& word = command.words[i];
      const std::string place = word.repeats ? "*" : std::to_string(i + 1);
      parts.push_back(in_quotes(place + value_text(word)));
    }
    return parts;
  }

  /// "--run-dir=[folder for everything]:DIR:_files -/", with a star in front if it may repeat.
  std::string flag_text(const ArgumentDescription& flag, const std::string& name) const {
    std::string text = flag.repeats ? "*" : "(" + joined(flag.names) + ")";
    text += name;
    if (flag.takes_value) text += name.starts_with("--") ? "=" : "+";
    text += "[" + zsh_escaped(flag.about, "[]:") + "]";
    if (flag.takes_value) text += value_text(flag);
    return in_quotes(text);
  }

  std::string value_text(const ArgumentDescription& argument) const {
    return ":" + zsh_escaped(argument.value, ":") + ":" + action(offer_of(argument));
  }

  std::string action(Offer offer) const {
    switch (offer) {
      case Offer::kNothing:
        break;
      case Offer::kFile:
        return "_files";
      case Offer::kFolder:
        return "_files -/";
      case Offer::kJobFile:
        return "_files -g \"*.toml\"";
      case Offer::kStage:
        return "(" + joined(names_.stages) + ")";
      case Offer::kExpression:
        return "(" + joined(names_.expressions) + ")";
      case Offer::kShell:
        return "(bash zsh)";
      case Offer::kFormat:
        return "(text html json csv markdown)";
      case Offer::kTextOrHtml:
        return "(text html)";
    }
    return " ";
  }

  const KnownNames& names_;
};

}  // namespace

std::string bash_completion(const std::vector<CommandDescription>& commands,
                            const KnownNames& names) {
  return BashScript(names).of(commands);
}

std::string zsh_completion(const std::vector<CommandDescription>& commands,
                           const KnownNames& names) {
  return ZshScript(names).of(commands);
}

int completion_command(const Arguments& arguments) {
  KnownNames names;
  for (const StageSpec& spec : all_stages()) names.stages.push_back(spec.name);
  // Signs mean something to shells, and nobody needs help to type them.
  for (const std::string& name : expression_names()) {
    const bool is_word = std::all_of(name.begin(), name.end(),
                                     [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
    if (is_word) names.expressions.push_back(name);
  }
  if (arguments.target == "bash") {
    print(bash_completion(describe_commands(), names));
  } else if (arguments.target == "zsh") {
    print(zsh_completion(describe_commands(), names));
  } else {
    return print_error(
        Status::usage(Message{.place = "shardmill completion",
                              .found = "there is none for " + quoted(arguments.target),
                              .expected = "bash or zsh",
                              .fix = "no other shell is known"}
                          .text()));
  }
  return 0;
}

}  // namespace shardmill
