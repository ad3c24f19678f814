#include "agents/objection.hpp"

#include <fmt/format.h>

#include <cobatch/agent.hpp>

namespace cobatch {

std::string objection_to_tools(const task_spec& task, std::string_view agent) {
  if (task.tools.empty()) return {};
  return fmt::format("the task names the tools that it may use, and agent {} cannot be held to them; leave them out",
                     agent);
}

std::string objection_to_choices(const task_spec& task, std::string_view agent) {
  if (task.model.empty()) return objection_to_tools(task, agent);
  return fmt::format("the task asks for model {}, and agent {} cannot choose one; leave the model out", task.model,
                     agent);
}

std::string agent::objection(const task_spec& task) const {
  return objection_to_choices(task, name());
}

}  // namespace cobatch
