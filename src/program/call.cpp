// cobatch call: one request in, one reply out.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <fmt/core.h>

#include "api/actions.hpp"
#include "program/exit_codes.hpp"
#include "program/options.hpp"
#include "program/speak.hpp"
#include "program/terminal.hpp"

namespace cobatch::program {

namespace {

using request::action;
using request::param_spec;
using request::param_type;

// Null pointer if it takes none of that name.
const param_spec* find_param(const action& called, std::string_view name) {
  for (const auto& param : called.params)
    if (param.name == name) return &param;
  return nullptr;
}

// What is no text is written as JSON; where that cannot be read it is left to the request, which says what is wrong.
json::value value_of(const action& called, std::string_view name, const std::string& text) {
  const param_spec* spec = find_param(called, name);
  if (spec == nullptr || spec->type == param_type::text) return text;
  auto parsed = json::parse(text);
  return parsed ? std::move(*parsed) : json::value(text);
}

result<json::object> params_of(const action& called, const std::vector<std::string>& given) {
  json::object params;
  for (const auto& one : given) {
    const auto equals = one.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(errc::bad_value,
                  fmt::format("'{}' is not of the form NAME=VALUE. Nothing was changed.", one_line(one)));
    const std::string name = one.substr(0, equals);
    params.push_back({name, value_of(called, name, one.substr(equals + 1))});
  }
  // An agent that Cobatch started need not name its session.
  const char* session = std::getenv("COBATCH_SESSION");
  const bool said = std::any_of(params.begin(), params.end(), [](const auto& p) { return p.name == "session"; });
  if (session != nullptr && !said && find_param(called, "session") != nullptr)
    params.push_back({"session", json::value(std::string(session))});
  return params;
}

result<std::string> request_of(const call_options& options) {
  const action* called = request::find_action(options.what);
  std::error_code ignored;
  const bool is_request = options.what == "-" || std::filesystem::exists(options.what, ignored);
  if (called == nullptr && !(is_request && options.params.empty()))
    return fail(errc::bad_value,
                fmt::format("there is no action or file '{}'; `cobatch call get_supported_actions` lists them. "
                            "Nothing was changed.",
                            one_line(options.what)));
  if (called == nullptr) return read_input(options.what, max_request_bytes);
  auto params = params_of(*called, options.params);
  if (!params) return fail(params.error());
  return request_text(called->name, std::move(*params));
}

}  // namespace

int run_call(const call_options& options) {
  if (options.what == "get_supported_actions") {
    print_line(supported_actions_json());
    return exit_success;
  }
  const auto request = request_of(options);
  if (!request) {
    // Too large a request is malformed, as over HTTP; a file that cannot be read is a mistake of the command line.
    fail_with(request.error(), true);
    return exit_usage;
  }
  auto place = open_workspace(options.common);
  if (!place) return fail_with(place.error(), true);
  const reply answered = handle_request(*place, *request);
  print_line(answered.json);
  return exit_code_of(answered);
}

}  // namespace cobatch::program
