#include "engine/live_session.hpp"

#include <utility>

#include <fmt/format.h>

#include "os/lock_file.hpp"
#include "store/store.hpp"

namespace cobatch {

using steady = std::chrono::steady_clock;

live_session::live_session(workspace& place, guard& lock, session_record claimed, const session_limits& limits)
    : place_(place),
      lock_(lock),
      session_(std::move(claimed)),
      most_tasks_(limits.tasks),
      not_after_(steady::now() + limits.time) {
  record_.session = session_.id;
  record_.owner = session_.owner;
}

result<void> live_session::sign() {
  if (auto written = lock_.write_record(record_); !written) return written;
  auto marker = write_lock_file(place_.paths().marker, session_.batch, session_.started_at);
  if (!marker) return fail(marker.error());
  record_.marker = std::move(*marker);
  return lock_.write_record(record_);
}

result<void> live_session::record_agent(const process_identity& keeper, const process_identity& agent) {
  record_.keeper = keeper;
  record_.agent = agent;
  return lock_.write_record(record_);
}

std::optional<task_record> live_session::next_task() {
  const auto batch = place_.storage().find_batch(session_.batch);
  if (!batch || !*batch || (*batch)->round != session_.round || (*batch)->tally[task_state::queued] == 0)
    return std::nullopt;
  task_filter filter;
  filter.batch = session_.batch;
  filter.state = task_state::queued;
  filter.limit = 1;
  auto found = place_.storage().list_tasks(filter);
  if (!found || found->empty()) return std::nullopt;
  return std::move(found->front());
}

std::optional<std::string> live_session::full() {
  const bool all_tasks = tasks_ >= most_tasks_;
  const bool too_late = steady::now() >= not_after_;
  if ((!all_tasks && !too_late) || !next_task()) return std::nullopt;
  return all_tasks ? fmt::format("{} tasks a session is the limit", most_tasks_) : "the session's time is over";
}

result<begin_outcome> live_session::begin_turn(begin_request how) {
  how.session = session_.id;
  how.ordinal = turns_ + 1;
  auto begun = place_.storage().begin_turn(how);
  if (begun && begun->what == begin_outcome::kind::begun) ++turns_;
  return begun;
}

result<settle_outcome> live_session::settle_turn(turn_no turn, const settlement& what) {
  auto settled = place_.storage().settle_turn(session_.id, turn, what);
  if (settled && settled->what == settle_outcome::kind::settled && has_ended(settled->task.state)) ++tasks_;
  return settled;
}

result<void> live_session::remove_lock_file() {
  if (!record_.marker) return {};
  const auto removed = cobatch::remove_lock_file(place_.paths().marker, *record_.marker);
  if (!removed) return fail(removed.error());
  return {};
}

result<session_record> live_session::end(session_end why, std::string_view detail) {
  auto ended = place_.storage().end_session(session_.id, why, detail);
  if (!ended) return fail(ended.error());
  if (ended->what != end_outcome::kind::not_found) session_ = std::move(ended->session);
  return session_;
}

}  // namespace cobatch
