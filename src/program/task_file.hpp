// A file of tasks, in the forms in which people and other tools write one, read as the parameters of assign_batch.
//
// JSON (an array of tasks, or an object with batch_id and tasks), JSON Lines, or a Markdown checklist. A task is an
// object or its description alone. What a task may hold is left to the request, which says what is wrong with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>

#include "base/json.hpp"

namespace cobatch::program {

struct task_file {
  json::object params;
  std::vector<std::string> notes;  ///< what was taken in another sense than that of its name, or left out: sentences
};

/// Errors: bad_json, bad_encoding, not_an_object, bad_value (a checklist without an open item).
[[nodiscard]] result<task_file> read_task_file(std::string_view text);

}  // namespace cobatch::program
