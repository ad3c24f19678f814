// The line that a prompt asks for at the end of a turn: COBATCH {"task":"…","status":"done|error","summary":"…"}.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <cobatch/core/session.hpp>

namespace cobatch {

struct status_line {
  std::string task;  ///< empty: it names none
  bool done = true;
  std::string summary;
};

/// The last such line of an answer, if it has one that can be read. Surrounding white space and Markdown's back-ticks,
/// stars and quotes are tolerated.
[[nodiscard]] std::optional<status_line> find_status_line(std::string_view answer);

/// Fills in end, source, summary and detail of a turn that ended well, from its output: by the status line, or, if
/// there is none, as done and `inferred`. A line that names another task than `asked` says nothing of this one: then
/// the turn broke (`wrong_task`). `asked` may be empty: any.
void settle_by_answer(settlement& what, const task_id& asked);

}  // namespace cobatch
