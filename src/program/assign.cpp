// cobatch assign: a task, or a whole batch from a file.
#include <fmt/core.h>

#include "program/exit_codes.hpp"
#include "program/options.hpp"
#include "program/speak.hpp"
#include "program/task_file.hpp"
#include "program/terminal.hpp"

namespace cobatch::program {

namespace {

void add_text(json::object& to, std::string_view name, const std::string& text) {
  if (!text.empty()) to.push_back({std::string(name), text});
}

json::array list_of(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

void add_list(json::object& to, std::string_view name, const std::vector<std::string>& texts) {
  if (!texts.empty()) to.push_back({std::string(name), list_of(texts)});
}

// A number as it was written; what is none is left to the request, which says what is wrong with it.
void add_number(json::object& to, std::string_view name, const std::string& text) {
  if (text.empty()) return;
  auto number = json::parse(text);
  to.push_back({std::string(name), number ? std::move(*number) : json::value(text)});
}

// The command line's own choices go over those of a file: the later of two members of one name counts.
void set(json::object& in, std::string_view name, json::value content) {
  for (auto& member : in)
    if (member.name == name) {
      member.content = std::move(content);
      return;
    }
  in.push_back({std::string(name), std::move(content)});
}

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
  add_text(params, "priority", options.priority);
  add_list(params, "needs", options.needs);
  if (!options.check_program.empty()) {
    json::array check{options.check_program};
    for (auto& argument : list_of(options.check_arguments)) check.push_back(std::move(argument));
    params.push_back({"check", std::move(check)});
  }
  add_list(params, "tools", options.tools);
  add_number(params, "time_limit_seconds", options.time_limit_seconds);
  return params;
}

// What was taken otherwise than it stands in the file is said before anything else.
result<json::object> params_of_file(const assign_options& options) {
  const auto text = read_input(options.file, max_request_bytes);
  if (!text) return fail(text.error());
  auto file = read_task_file(*text);
  if (!file)
    return fail(file.error().code,
                fmt::format("{}: {}", options.file == "-" ? "standard input" : options.file, file.error().message));
  for (const auto& note : file->notes) print_error_line(fmt::format("{} {}", palette(2).note("note:"), one_line(note)));
  return std::move(file->params);
}

// What is said of the batch, and goes over what a file says.
json::object settings_of(const assign_options& options) {
  json::object said;
  add_text(said, "batch_id", options.batch);
  add_text(said, "agent", options.agent);
  add_text(said, "model", options.model);
  add_text(said, "way", options.way);
  add_text(said, "on_error", options.on_error);
  json::object budget;
  add_number(budget, "usd", options.budget_usd);
  add_number(budget, "tokens", options.budget_tokens);
  add_number(budget, "minutes", options.budget_minutes);
  add_text(budget, "unknown", options.budget_unknown);
  if (!budget.empty()) said.push_back({"budget", std::move(budget)});
  add_text(said, "preamble", options.preamble);
  add_list(said, "context_files", options.context_files);
  if (options.open) said.push_back({"auto_execute", false});
  return said;
}

}  // namespace

int run_assign(const assign_options& options) {
  const bool whole_batch = !options.file.empty();
  auto params = whole_batch ? params_of_file(options) : params_of_task(options);
  if (!params) {
    fail_with(params.error(), options.common.json);
    return exit_usage;
  }
  for (auto& said : settings_of(options)) set(*params, said.name, std::move(said.content));
  const auto request = request_text(whole_batch ? "assign_batch" : "assign_task", std::move(*params));
  if (!request) return fail_with(request.error(), options.common.json);
  auto place = open_workspace(options.common);
  if (!place) return fail_with(place.error(), options.common.json);
  return print_reply(handle_request(*place, *request), options.common.json);
}

}  // namespace cobatch::program
