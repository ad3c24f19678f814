// cobatch call: one request in, one reply out. cobatch assign: a task, or a whole batch from a file, as such a request.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/core.h>

#include "api/actions.hpp"
#include "program/commands.hpp"
#include "program/task_file.hpp"
#include "program/terminal.hpp"

namespace cobatch::program {

namespace {

using request::action;
using request::param_spec;
using request::param_type;

// ------------------------------------------------------------------------------------------------------------ call

// Null pointer if it takes none of that name.
const param_spec* find_param(const action& called, std::string_view name) {
  for (const auto& param : called.params)
    if (param.name == name) return &param;
  return nullptr;
}

result<json::object> params_of(const action& called, const std::vector<std::string>& given) {
  json::object params;
  for (const auto& one : given) {
    const auto equals = one.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(errc::bad_value,
                  fmt::format("'{}' is not of the form NAME=VALUE. Nothing was changed.", one_line(one)));
    const std::string name = one.substr(0, equals), text = one.substr(equals + 1);
    const param_spec* spec = find_param(called, name);
    const bool is_text = spec == nullptr || spec->type == param_type::text;
    // As in an object, in which the last of a name counts.
    std::erase_if(params, [&](const auto& earlier) { return earlier.name == name; });
    params.push_back({name, is_text ? json::value(text) : json_or_text(text)});
  }
  // An agent that Cobatch started need not name its session.
  const char* session = std::getenv("COBATCH_SESSION");
  const bool said = std::any_of(params.begin(), params.end(), [](const auto& p) { return p.name == "session"; });
  if (session != nullptr && !said && find_param(called, "session") != nullptr)
    params.push_back({"session", json::value(std::string(session))});
  return params;
}

// Too large a request is malformed, as over HTTP; a file that cannot be read is a mistake of the command line.
int misused(const error& why) {
  fail_with(why, true);
  return exit_usage;
}

// A file with a request, or standard input.
bool is_request_in_file(const call_options& options) {
  std::error_code ignored;
  return options.params.empty() && (options.what == "-" || std::filesystem::exists(options.what, ignored));
}

int call_with_text(const call_options& options) {
  const auto text = read_input(options.what, max_request_bytes);
  if (!text) return misused(text.error());
  auto place = open_workspace(options.common);
  if (!place) return fail_with(place.error(), true);
  const reply answered = handle_request(*place, *text);
  print_line(answered.json);
  return exit_code_of(answered.why);
}

int call_action(const action& called, const call_options& options) {
  auto params = params_of(called, options.params);
  if (const auto fine = params ? check_utf8(*params) : result<void>(fail(params.error())); !fine)
    return misused(fine.error());
  auto place = open_workspace(options.common);
  if (!place) return fail_with(place.error(), true);
  return print_reply(request::ask(*place, called.name, std::move(*params)), true);
}

// ---------------------------------------------------------------------------------------------------------- assign

result<json::object> params_of_task(const assign_options& options) {
  json::object params{{"task_id", options.task}, {"description", options.description}};
  if (!options.context.empty()) {
    auto context = json::parse(options.context);
    if (!context && context.error().code == errc::bad_encoding) return fail(not_utf8(options.context));
    if (!context)
      return fail(errc::bad_value, fmt::format("--context is not JSON ({}). Nothing was changed. A plain text needs "
                                               "quotes inside: --context '\"text\"'",
                                               context.error().message));
    params.push_back({"context", std::move(*context)});
  }
  if (!options.check_program.empty()) {
    json::array check{options.check_program};
    check.insert(check.end(), options.check_arguments.begin(), options.check_arguments.end());
    params.push_back({"check", std::move(check)});
  }
  params.insert(params.end(), options.task_members.begin(), options.task_members.end());
  return params;
}

// What was taken otherwise than it stands in the file is said before anything else.
result<json::object> params_of_file(const std::string& name) {
  const auto text = read_input(name, max_request_bytes);
  if (!text) return fail(text.error());
  auto file = read_task_file(*text);
  if (!file)
    return fail(file.error().code, fmt::format("{}: {}", name == "-" ? "standard input" : name, file.error().message));
  for (const auto& note : file->notes) print_error_line(fmt::format("{} {}", palette(2).note("note:"), one_line(note)));
  return std::move(file->params);
}

// What the command line says of the batch goes over what a file says.
void add_batch_members(json::object& params, const assign_options& options) {
  json::object said = options.batch_members;
  if (!options.budget_members.empty()) said.push_back({"budget", options.budget_members});
  for (auto& [name, content] : said) {
    std::erase_if(params, [&name = name](const auto& member) { return member.name == name; });
    params.push_back({std::move(name), std::move(content)});
  }
}

}  // namespace

int run_call(const call_options& options) {
  if (options.what == "get_supported_actions") {
    print_line(supported_actions_json());
    return exit_success;
  }
  if (const action* called = request::find_action(options.what)) return call_action(*called, options);
  if (is_request_in_file(options)) return call_with_text(options);
  return misused(
      {errc::bad_value, fmt::format("there is no action or file '{}'; `cobatch call get_supported_actions` lists them. "
                                    "Nothing was changed.",
                                    one_line(options.what))});
}

int run_assign(const assign_options& options) {
  const bool json = options.common.json;
  const bool whole_batch = !options.file.empty();
  auto params = whole_batch ? params_of_file(options.file) : params_of_task(options);
  if (!params) {
    fail_with(params.error(), json);
    return exit_usage;
  }
  add_batch_members(*params, options);
  if (const auto fine = check_utf8(*params); !fine) return fail_with(fine.error(), json);
  auto place = open_workspace(options.common);
  if (!place) return fail_with(place.error(), json);
  return print_reply(request::ask(*place, whole_batch ? "assign_batch" : "assign_task", std::move(*params)), json);
}

}  // namespace cobatch::program
