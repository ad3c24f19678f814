// Section 9: Cobatch's own agents. Those of the host: host_agent.cpp.
#include "agents.hpp"

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "layout.hpp"
#include "text.hpp"
#include "time_limit.hpp"

namespace cobatch::capi {
namespace {

verdict take_words(const cobatch_text* given, std::size_t count, const char* name, std::vector<std::string>& own) {
  if (given == nullptr && count > 0) return null_argument(name);
  return take_texts({given, count}, name, own, take_system_text);
}

struct text_option {
  cobatch_text given;
  const char* name;
  std::string& own;
};

// What is absent keeps its default.
verdict take_given(std::initializer_list<text_option> options) {
  for (const auto& option : options)
    if (!is_absent(option.given))
      if (auto v = take_system_text(option.given, option.name, option.own); v.failed()) return v;
  return {};
}

verdict take_tools(const cobatch_claude_options& c, claude_agent_options& own) {
  if (c.tools.items != nullptr || c.tools.count > 0)
    if (auto v = take_texts(c.tools, "tools", own.tools, take_system_text); v.failed()) return v;
  if (c.allowed_tools == nullptr) return {};  // the count stands before it, and a caller may end between the two
  return take_words(c.allowed_tools, c.allowed_tool_count, "allowed_tools", own.allowed_tools);
}

verdict take_claude(const cobatch_claude_options* given, claude_agent_options& own) {
  cobatch_claude_options c;
  if (auto v = take(given, "cobatch_claude_options", c); v.failed()) return v;
  std::string mcp_config;
  if (auto v = take_given({{c.program, "program", own.program},
                           {c.model, "model", own.model},
                           {c.permission_mode, "permission_mode", own.permission_mode},
                           {c.system_prompt, "system_prompt", own.system_prompt},
                           {c.mcp_config, "mcp_config", mcp_config}});
      v.failed())
    return v;
  own.mcp_config = mcp_config;
  if (auto v = take_tools(c, own); v.failed()) return v;
  if (auto v = take_count(c.max_turns, "max_turns", own.max_turns); v.failed()) return v;
  if (c.max_nano_dollars < 0) return bad_value("max_nano_dollars is negative");
  own.max_nano_dollars = c.max_nano_dollars;
  own.grace = duration_or(c.grace_ms, own.grace);
  return take_words(c.extra_arguments, c.extra_argument_count, "extra_arguments", own.extra_arguments);
}

verdict take_codex(const cobatch_codex_options* given, codex_agent_options& own) {
  cobatch_codex_options c;
  if (auto v = take(given, "cobatch_codex_options", c); v.failed()) return v;
  own.app_server = c.no_app_server == 0;
  if (auto v = take_given(
          {{c.program, "program", own.program}, {c.model, "model", own.model}, {c.sandbox, "sandbox", own.sandbox}});
      v.failed())
    return v;
  own.grace = duration_or(c.grace_ms, own.grace);
  return take_texts(c.extra_arguments, "extra_arguments", own.extra_arguments, take_system_text);
}

verdict take_gemini(const cobatch_gemini_options* given, gemini_agent_options& own) {
  cobatch_gemini_options c;
  if (auto v = take(given, "cobatch_gemini_options", c); v.failed()) return v;
  if (auto v = take_given({{c.program, "program", own.program},
                           {c.model, "model", own.model},
                           {c.approval_mode, "approval_mode", own.approval_mode}});
      v.failed())
    return v;
  own.grace = duration_or(c.grace_ms, own.grace);
  return take_texts(c.extra_arguments, "extra_arguments", own.extra_arguments, take_system_text);
}

verdict take_prompt(const cobatch_prompt_options* given, prompt_agent_options& own) {
  cobatch_prompt_options c;
  if (auto v = take(given, "cobatch_prompt_options", c); v.failed()) return v;
  if (c.argv.count == 0) return bad_value("argv is empty; give at least the program");
  if (auto v = take_given({{c.call, "call", own.call}}); v.failed()) return v;
  own.grace = duration_or(c.grace_ms, own.grace);
  return take_texts(c.argv, "argv", own.argv, take_system_text);
}

// The body of a function that makes an agent: `make(agent&)`.
template <class Make>
cobatch_status make_agent(cobatch_agent** agent, cobatch_error** err, const Make& make) {
  if (agent != nullptr) *agent = nullptr;
  return guarded(err, [&]() -> verdict {
    if (agent == nullptr) return null_argument("agent");
    std::shared_ptr<cobatch::agent> made;
    if (auto v = make(made); v.failed()) return v;
    *agent = new cobatch_agent{{}, std::move(made)};
    return {};
  });
}

// The same of an agent whose options are a struct: `take(options, own)`, then `drive(own)`.
template <class Given, class Own>
cobatch_status make_agent_of(const Given* options, verdict (*take)(const Given*, Own&),
                             std::shared_ptr<cobatch::agent> (*drive)(Own), cobatch_agent** agent,
                             cobatch_error** err) {
  return make_agent(agent, err, [&](auto& made) -> verdict {
    Own own;
    if (auto v = take(options, own); v.failed()) return v;
    made = drive(std::move(own));
    return {};
  });
}

}  // namespace
}  // namespace cobatch::capi

using namespace cobatch::capi;

cobatch_status cobatch_agent_claude(const cobatch_claude_options* options, cobatch_agent** agent, cobatch_error** err) {
  return make_agent_of(options, take_claude, cobatch::make_claude_agent, agent, err);
}

cobatch_status cobatch_agent_codex(const cobatch_codex_options* options, cobatch_agent** agent, cobatch_error** err) {
  return make_agent_of(options, take_codex, cobatch::make_codex_agent, agent, err);
}

cobatch_status cobatch_agent_gemini(const cobatch_gemini_options* options, cobatch_agent** agent, cobatch_error** err) {
  return make_agent_of(options, take_gemini, cobatch::make_gemini_agent, agent, err);
}

cobatch_status cobatch_agent_prompt(const cobatch_prompt_options* options, cobatch_agent** agent, cobatch_error** err) {
  return make_agent_of(options, take_prompt, cobatch::make_prompt_agent, agent, err);
}

cobatch_status cobatch_agent_command(cobatch_text name, const cobatch_text* argv, size_t argc, cobatch_agent** agent,
                                     cobatch_error** err) {
  return make_agent(agent, err, [&](auto& made) -> verdict {
    cobatch::command_agent_options own;
    std::optional<cobatch::agent_name> named;
    if (auto v = take_id(name, "name", named); v.failed()) return v;
    if (named) own.name = named->str();
    if (argc == 0) return bad_value("argv is empty; give at least the program");
    if (auto v = take_words(argv, argc, "argv", own.argv); v.failed()) return v;
    made = cobatch::make_command_agent(std::move(own));
    return {};
  });
}

cobatch_status cobatch_agent_scripted(cobatch_text script, cobatch_agent** agent, cobatch_error** err) {
  return make_agent(agent, err, [&](auto& made) -> verdict {
    std::string path;
    if (auto v = take_system_text(script, "script", path); v.failed()) return v;
    made = cobatch::make_scripted_agent({path});
    return {};
  });
}

void cobatch_agent_free(cobatch_agent* agent) { free_handle(agent); }
