// What agents will not do, in the words that all of them have for it.
#pragma once

#include <string>
#include <string_view>

#include <cobatch/core/task.hpp>

namespace cobatch {

/// Why an agent that cannot be held to some tools will not do the task; empty if it will.
[[nodiscard]] std::string objection_to_tools(const task_spec& task, std::string_view agent);

/// The same of one that cannot choose a model either.
[[nodiscard]] std::string objection_to_choices(const task_spec& task, std::string_view agent);

}  // namespace cobatch
