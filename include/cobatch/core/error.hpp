// What can go wrong, under names that never change.
//
// A fallible call returns result<T>. Branch on `error::code`; show `error::message` to people: it says what
// happened, what was kept, and what to do next. The names (`name_of`) are the `code` of JSON replies.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace cobatch {
inline namespace v1 {

/// Stable error codes. Values and names are never reused; new ones are appended to their group.
enum class errc : std::int32_t {
  // The request could not be understood. Nothing was stored.
  bad_json = 1,
  not_an_object = 2,
  wrong_type = 3,
  missing_field = 4,
  unknown_tool = 5,
  unknown_action = 6,
  too_large = 7,
  bad_encoding = 8,
  bad_id = 9,
  bad_value = 10,
  duplicate_in_batch = 11,

  // The request was understood and refused. Nothing was changed.
  task_exists = 100,
  task_not_found = 101,
  batch_not_found = 102,
  empty_batch = 103,
  task_in_progress = 104,
  task_ended = 105,
  task_queued = 106,
  already_completed = 107,
  stale_session = 108,
  agent_conflict = 109,
  foreign_marker = 110,
  session_live = 111,
  no_marker = 112,
  no_usage = 113,
  batch_conflict = 114,
  need_unknown = 115,
  unpriced_model = 116,

  // An agent could not be run, or broke.
  agent_unknown = 200,
  agent_missing = 201,
  agent_failed = 202,
  keeper_missing = 203,

  // Storage and system.
  storage_fault = 300,
  disk_full = 301,
  not_writable = 302,
  cannot_lock = 303,
  unsafe_file = 304,
  workspace_replaced = 305,
  store_newer = 306,
  store_damaged = 307,
  io_error = 308,
  outcome_unknown = 309,

  // The call itself.
  timed_out = 400,
  interrupted = 401,
  port_in_use = 402,
  internal = 403,
  forked = 404,
  busy = 405,
};

namespace detail {
struct errc_name {
  errc code;
  std::string_view name;
};
inline constexpr std::array errc_names{
    errc_name{errc::bad_json, "bad_json"},
    errc_name{errc::not_an_object, "not_an_object"},
    errc_name{errc::wrong_type, "wrong_type"},
    errc_name{errc::missing_field, "missing_field"},
    errc_name{errc::unknown_tool, "unknown_tool"},
    errc_name{errc::unknown_action, "unknown_action"},
    errc_name{errc::too_large, "too_large"},
    errc_name{errc::bad_encoding, "bad_encoding"},
    errc_name{errc::bad_id, "bad_id"},
    errc_name{errc::bad_value, "bad_value"},
    errc_name{errc::duplicate_in_batch, "duplicate_in_batch"},
    errc_name{errc::task_exists, "task_exists"},
    errc_name{errc::task_not_found, "task_not_found"},
    errc_name{errc::batch_not_found, "batch_not_found"},
    errc_name{errc::empty_batch, "empty_batch"},
    errc_name{errc::task_in_progress, "task_in_progress"},
    errc_name{errc::task_ended, "task_ended"},
    errc_name{errc::task_queued, "task_queued"},
    errc_name{errc::already_completed, "already_completed"},
    errc_name{errc::stale_session, "stale_session"},
    errc_name{errc::agent_conflict, "agent_conflict"},
    errc_name{errc::foreign_marker, "foreign_marker"},
    errc_name{errc::session_live, "session_live"},
    errc_name{errc::no_marker, "no_marker"},
    errc_name{errc::no_usage, "no_usage"},
    errc_name{errc::batch_conflict, "batch_conflict"},
    errc_name{errc::need_unknown, "need_unknown"},
    errc_name{errc::unpriced_model, "unpriced_model"},
    errc_name{errc::agent_unknown, "agent_unknown"},
    errc_name{errc::agent_missing, "agent_missing"},
    errc_name{errc::agent_failed, "agent_failed"},
    errc_name{errc::keeper_missing, "keeper_missing"},
    errc_name{errc::storage_fault, "storage_fault"},
    errc_name{errc::disk_full, "disk_full"},
    errc_name{errc::not_writable, "not_writable"},
    errc_name{errc::cannot_lock, "cannot_lock"},
    errc_name{errc::unsafe_file, "unsafe_file"},
    errc_name{errc::workspace_replaced, "workspace_replaced"},
    errc_name{errc::store_newer, "store_newer"},
    errc_name{errc::store_damaged, "store_damaged"},
    errc_name{errc::io_error, "io_error"},
    errc_name{errc::outcome_unknown, "outcome_unknown"},
    errc_name{errc::timed_out, "timed_out"},
    errc_name{errc::interrupted, "interrupted"},
    errc_name{errc::port_in_use, "port_in_use"},
    errc_name{errc::internal, "internal"},
    errc_name{errc::forked, "forked"},
    errc_name{errc::busy, "busy"},
};
}  // namespace detail

/// The stable name of a code, as it stands in the `code` field of JSON replies.
[[nodiscard]] constexpr std::string_view name_of(errc code) noexcept {
  for (const auto& entry : detail::errc_names)
    if (entry.code == code) return entry.name;
  return "internal";
}

/// A failure: a code to branch on and a message for a person.
struct error {
  errc code = errc::internal;
  std::string message;

  friend bool operator==(const error&, const error&) = default;
};

/// What every fallible call returns.
template <class T>
using result = tl::expected<T, error>;

/// `return fail(errc::bad_id, "…");`
[[nodiscard]] inline tl::unexpected<error> fail(errc code, std::string message) {
  return tl::unexpected<error>(error{code, std::move(message)});
}

/// `return fail(inner.error());` hands an error on.
[[nodiscard]] inline tl::unexpected<error> fail(error e) { return tl::unexpected<error>(std::move(e)); }

/// Something worth telling that did not stop the call: a code that never changes, and a sentence.
struct warning {
  std::string code;
  std::string message;

  friend bool operator==(const warning&, const warning&) = default;
};

}  // namespace v1
}  // namespace cobatch
