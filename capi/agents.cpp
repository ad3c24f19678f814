// Section 9: Cobatch's own agents. Those of the host: host_agent.cpp.
#include "agents.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "layout.hpp"
#include "text.hpp"

namespace cobatch::capi {
namespace {

verdict take_words(const cobatch_text* given, std::size_t count, const char* name, std::vector<std::string>& own) {
  if (given == nullptr && count > 0) return null_argument(name);
  return take_texts({given, count}, name, own, take_system_text);
}

// A list is all that there is. What the default set has needs no permission beyond the mode's; the rest does.
verdict take_tools(const cobatch_claude_options& c, claude_agent_options& own) {
  if (c.allowed_tools == nullptr) return {};
  std::vector<std::string> listed;
  if (auto v = take_words(c.allowed_tools, c.allowed_tool_count, "allowed_tools", listed); v.failed()) return v;
  const auto usual = std::exchange(own.tools, {});
  for (auto& tool : listed) {
    const bool is_usual = std::find(usual.begin(), usual.end(), tool) != usual.end();
    (is_usual ? own.tools : own.allowed_tools).push_back(std::move(tool));
  }
  return {};
}

verdict take_claude(const cobatch_claude_options* given, claude_agent_options& own) {
  cobatch_claude_options c;
  if (auto v = take(given, "cobatch_claude_options", c); v.failed()) return v;
  if (!is_absent(c.program))
    if (auto v = take_system_text(c.program, "program", own.program); v.failed()) return v;
  if (!is_absent(c.permission_mode))
    if (auto v = take_system_text(c.permission_mode, "permission_mode", own.permission_mode); v.failed()) return v;
  if (auto v = take_system_text(c.model, "model", own.model); v.failed()) return v;
  if (auto v = take_tools(c, own); v.failed()) return v;
  return take_words(c.extra_arguments, c.extra_argument_count, "extra_arguments", own.extra_arguments);
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

}  // namespace
}  // namespace cobatch::capi

using namespace cobatch::capi;

cobatch_status cobatch_agent_claude(const cobatch_claude_options* options, cobatch_agent** agent, cobatch_error** err) {
  return make_agent(agent, err, [&](auto& made) -> verdict {
    cobatch::claude_agent_options own;
    if (auto v = take_claude(options, own); v.failed()) return v;
    made = cobatch::make_claude_agent(std::move(own));
    return {};
  });
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

void cobatch_agent_free(cobatch_agent* agent) {
  free_handle(agent);
}
