#include "program/commands.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <fmt/core.h>

#include <cobatch/core/text.hpp>

#include "program/terminal.hpp"
#include "workspace/layout.hpp"

namespace cobatch::program {

namespace {

constexpr std::size_t shown_argument = 100;

exit_code exit_code_of_error(errc code) noexcept {
  switch (code) {
    case errc::port_in_use: return exit_port;
    case errc::agent_unknown:
    case errc::agent_missing:
    case errc::agent_failed:
    case errc::keeper_missing: return exit_no_agent;
    default:
      if (is_misunderstood(code)) return exit_usage;
      return is_fault(code) ? exit_fault : exit_refused;
  }
}

void print_error(std::string_view code, std::string_view message) {
  const palette paint(2);
  print_error_line(fmt::format("{} {}", paint.bad(fmt::format("{}:", one_line(code))), one_line(message)));
}

void print_warning(std::string_view code, std::string_view message) {
  const palette paint(2);
  print_error_line(fmt::format("{} {}", paint.note(fmt::format("warning {}:", one_line(code))), one_line(message)));
}

// The first text that is not UTF-8; null pointer: all are.
const std::string* find_not_utf8(const json::value& in);

const std::string* find_not_utf8(const json::object& in) {
  for (const auto& [name, content] : in) {
    if (!is_utf8(name)) return &name;
    if (const auto* found = find_not_utf8(content)) return found;
  }
  return nullptr;
}

const std::string* find_not_utf8(const json::value& in) {
  if (const auto* text = in.as_string()) return is_utf8(*text) ? nullptr : text;
  if (const auto* list = in.as_array())
    for (const auto& one : *list)
      if (const auto* found = find_not_utf8(one)) return found;
  const auto* members = in.as_object();
  return members == nullptr ? nullptr : find_not_utf8(*members);
}

void print_sentences(const json::value& answered) {
  for (const std::string_view name : {"message", "execution", "next_step", "more_tasks"})
    if (const auto sentence = text_of(answered, name); !sentence.empty()) print_line(one_line(sentence));
  if (const auto* warnings = json::array_of(answered, "warnings"))
    for (const auto& entry : *warnings) print_warning(text_of(entry, "code"), text_of(entry, "message"));
}

}  // namespace

exit_code exit_code_of(const std::optional<errc>& why) noexcept {
  return why ? exit_code_of_error(*why) : exit_success;
}

result<void> check_root(const common_options& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(options.root, ignored)) return {};
  return fail(errc::bad_value, fmt::format("--root: there is no folder '{}'. Name the project's folder with --root, or "
                                           "in COBATCH_ROOT, or make it first.",
                                           options.root.string()));
}

result<workspace> open_workspace(const common_options& options, int max_tasks_per_session) {
  if (auto there = check_root(options); !there) return fail(std::move(there.error()));
  workspace_options wanted;
  wanted.root = options.root;
  wanted.state = options.state;
  wanted.max_tasks_per_session = max_tasks_per_session;
  return workspace::open(wanted);
}

result<workspace> open_existing(const common_options& options) {
  if (auto there = check_root(options); !there) return fail(std::move(there.error()));
  const auto paths = find_paths({.root = options.root, .state = options.state});
  if (!paths) return fail(paths.error());
  std::error_code ignored;
  if (std::filesystem::exists(paths->state, ignored)) return open_workspace(options);
  const bool is_locked = std::filesystem::exists(paths->marker, ignored);
  return fail(errc::bad_value,
              fmt::format("there is no workspace in {}; nothing was made. The first task makes one: cobatch assign "
                          "TASK_ID DESCRIPTION. Or name another project folder with --root, or in COBATCH_ROOT.{}",
                          paths->root.string(),
                          is_locked ? " A lock file is there, " + paths->marker.string() +
                                          ": if nobody runs a session here, cobatch unlock removes it."
                                    : ""));
}

result<std::string> read_input(const std::string& file, std::size_t limit) {
  const auto close = [](std::FILE* f) {
    if (f != stdin) std::fclose(f);
  };
  const std::unique_ptr<std::FILE, decltype(close)> from(file == "-" ? stdin : std::fopen(file.c_str(), "rbe"), close);
  const std::string name = file == "-" ? "standard input" : "'" + file + "'";
  if (!from) return fail(errc::io_error, fmt::format("could not read {}: {}", name, std::strerror(errno)));
  std::string text;
  std::array<char, 65536> part{};
  while (const std::size_t n = std::fread(part.data(), 1, part.size(), from.get())) {
    text.append(part.data(), n);
    if (text.size() > limit)
      return fail(errc::too_large,
                  fmt::format("{} has more than {} bytes, which is the limit. Nothing was changed.", name, limit));
  }
  if (std::ferror(from.get()) != 0)
    return fail(errc::io_error, fmt::format("could not read {}: {}", name, std::strerror(errno)));
  return text;
}

json::value json_or_text(const std::string& text) {
  auto parsed = json::parse(text);
  return parsed ? std::move(*parsed) : json::value(text);
}

error not_utf8(std::string_view argument) {
  return {errc::bad_encoding,
          fmt::format("the argument '{}' is not valid UTF-8; nothing was changed. Give it in UTF-8; bytes that are no "
                      "text can only stand in paths.",
                      shortened(argument, shown_argument))};
}

result<void> check_utf8(const json::object& params) {
  if (const auto* bad = find_not_utf8(params)) return fail(not_utf8(*bad));
  return {};
}

int print_reply(request::object_reply answered, bool json) {
  const json::value body(std::move(answered.body));
  if (json)
    print_line(json::write(body));
  else if (answered.kind == reply_kind::ok)
    print_sentences(body);
  else
    print_error(text_of(body, "code"), text_of(body, "message"));
  return exit_code_of(answered.why);
}

int fail_with(const error& e, bool json) {
  if (json)
    print_line(error_json(e));
  else
    print_error(name_of(e.code), e.message);
  return exit_code_of_error(e.code);
}

void print_json(json::object fields) { print_line(json::write(std::move(fields))); }

void print_warnings(const std::vector<warning>& warnings) {
  for (const auto& entry : warnings) print_warning(entry.code, entry.message);
}

std::string tally_text(const task_tally& tally) {
  std::string text;
  for (const task_state state :
       {task_state::queued, task_state::in_progress, task_state::done, task_state::error, task_state::cancelled})
    if (tally[state] > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", tally[state], name_of(state));
  return text.empty() ? "no tasks" : text;
}

}  // namespace cobatch::program
