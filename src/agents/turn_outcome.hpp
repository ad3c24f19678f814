// What a turn came to: by the words of the agent's answer, because its provider refused, or because there is no answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <cobatch/agent.hpp>

#include "base/json.hpp"

namespace cobatch {

/// A settlement for a turn that did not come to an answer.
[[nodiscard]] settlement failed_turn(turn_end end, std::string reason, std::string detail);

/// The end of a turn whose answer cannot be read. `why` says what is wrong with the line.
[[nodiscard]] turn_report unreadable_answer(std::string_view line, std::string_view why);

/// The conversation that should have gone on does not exist any more: a new one has to begin.
[[nodiscard]] turn_report conversation_lost();

/// The line that a prompt asks for at the end of a turn: COBATCH {"task":"…","status":"done|error","summary":"…"}.
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
void settle_by_answer(settlement& outcome, const task_id& asked);

// ------------------------------------------------------------------------------------------------- provider errors

/// The errors of a model's provider that are not the task's doing, and what follows from each.
enum class provider_error : std::uint8_t {
  limit,          ///< too many requests, overloaded, a usage limit, no connection: later
  not_logged_in,  ///< no credential, or one that is refused
  no_credit,
  no_such_model,
};

/// By the HTTP status of the provider's answer (0: not known), or else by what the agent says of it. Nothing: the
/// agent's or the task's own trouble, or not known.
[[nodiscard]] std::optional<provider_error> find_provider_error(std::int64_t http, std::string_view said);

/// When a limit is over, by what a sentence says after "resets" or "try again", seen from `now`; nothing if it names no
/// moment that can be read. A time without a date is the next such time, or the one of some minutes ago; a date without
/// a year is the nearest such date. Times are of this machine's time zone, as an agent that runs on it prints them,
/// unless UTC or GMT follows. Also read: "resets in 2h 30m", an ISO time with Z, and the seconds since 1970 after a
/// bar ("limit reached|1728493200").
[[nodiscard]] std::optional<timestamp> read_reset_time(std::string_view said, timestamp now);

/// The same by an object's `resetsAt`, in seconds since 1970; nothing if it does not say, or no such time.
[[nodiscard]] std::optional<timestamp> read_limit_end(const json::value& limit);

/// A turn that failed, by the provider's status (0: not known) and the words in `outcome.detail`: one of the errors
/// above, or the agent broke. `until` as below.
[[nodiscard]] turn_report report_failed_turn(std::int64_t http, settlement outcome,
                                             std::optional<timestamp> until = std::nullopt);

/// A report that charges nothing. `outcome`: with usage, output and, in `detail`, what the agent said; what to do is
/// added to that. `until`: when a limit is over, if the provider says; else the words may.
[[nodiscard]] turn_report report_provider_error(provider_error error, settlement outcome,
                                                std::optional<timestamp> until);

// ---------------------------------------------------------------------------------------------- before a turn

/// Why an agent that cannot be held to some tools will not do the task; empty if it will.
[[nodiscard]] std::string objection_to_tools(const task_spec& task, std::string_view agent);
/// The same of one that cannot choose a model either.
[[nodiscard]] std::string objection_to_choices(const task_spec& task, std::string_view agent);

}  // namespace cobatch
