#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <cobatch/host_session.hpp>

#include "agents/turn_outcome.hpp"
#include "engine/live_session.hpp"
#include "engine/persist.hpp"
#include "engine/recovery.hpp"
#include "engine/turn_request.hpp"
#include "os/guard.hpp"
#include "os/process.hpp"
#include "store/store.hpp"
#include "workspace/checks.hpp"

namespace cobatch {

namespace {

using steady = std::chrono::steady_clock;

bool is_limit(std::chrono::milliseconds time) { return time.count() > 0 && time <= std::chrono::hours{24 * 365}; }

result<void> check_options(const host_session_options& options) {
  if (const auto named = agent_name::parse(options.agent); !named)
    return fail(named.error().code, named.error().message + ". No session was begun");
  if (!is_limit(options.turn_limit) || !is_limit(options.session_limit) || options.max_tasks_per_session < 1)
    return fail(errc::bad_value,
                "a session's limits are to be 1 ms to a year, and at least 1 task. No session was begun");
  return {};
}

error no_such_turn(turn_no turn) {
  return {errc::bad_value, fmt::format("this session has begun no turn {}; nothing was changed", turn.value)};
}

error already_completed(turn_no turn) {
  return {errc::already_completed,
          fmt::format("turn {} is completed already, and that stands; nothing was changed", turn.value)};
}

// Whether a settled turn holds this completion. What the turn itself does not keep is in the task's result, if it came
// to one.
result<bool> holds(store& storage, const turn_record& turn, const settlement& what) {
  const bool same_end = turn.end == what.end || (turn.end == turn_end::cancelled && what.end == turn_end::stopped);
  if (!same_end || turn.reason != what.reason || turn.detail != what.detail || turn.used != what.used) return false;
  const auto found = storage.find_result(turn.task);
  if (!found) return fail(found.error());
  if (!*found || (*found)->session != turn.session || (*found)->turn != turn.turn) return true;
  const settlement& there = (*found)->what;
  return there.output == what.output && there.output_summary == what.output_summary &&
         there.actions_taken == what.actions_taken && there.errors == what.errors;
}

}  // namespace

class host_session::impl {
 public:
  impl(workspace& place, guard lock, session_record claimed, const host_session_options& options)
      : place_(place),
        turn_limit_(options.turn_limit),
        lock_(std::move(lock)),
        live_(place, *lock_, std::move(claimed), {options.max_tasks_per_session, options.session_limit}) {}
  ~impl() {
    try {
      static_cast<void>(end());
    } catch (...) {
      // There was no memory for it: whoever begins a session next settles this one.
    }
  }

  result<void> begin() {
    const std::lock_guard lock(mutex_);
    if (auto marks = live_.sign(); !marks) {
      close(session_end::not_started, marks.error().message);
      return marks;
    }
    deadline_ = steady::now() + turn_limit_;
    watchdog_ = start_own_thread([this] { watch(); });
    return {};
  }

  result<std::optional<host_turn>> next() {
    const std::lock_guard lock(mutex_);
    if (auto ok = check_live(); !ok) return fail(ok.error());
    if (running_)
      return fail(errc::task_in_progress, fmt::format("task \"{}\" (turn {}) is in progress in this session; complete "
                                                      "its turn first, or end the session",
                                                      running_->task.str(), running_->turn.value));
    deadline_ = steady::now() + turn_limit_;
    auto shared = handed_over_ == 0 ? read_shared() : std::string();
    if (!shared) return fail(shared.error());
    auto begun = begin_next();
    if (!begun) return fail(begun.error());
    if (!*begun) return std::nullopt;
    ++handed_over_;
    // Cobatch does not know what a host's model remembers: what a task needs stands in its prompt.
    const conversation no_conversation(running_way::one_session);
    host_turn turn{make_turn_request(place_.storage(), **begun, no_conversation, std::move(*shared)),
                   steady::now() + turn_limit_};
    deadline_ = turn.deadline;
    running_ = std::move((*begun)->turn);
    return turn;
  }

  // The store is not asked first whether somebody wants the session's end: a completion that comes before that end is
  // stored, as what was paid for is not thrown away.
  result<settle_outcome> complete(turn_no turn, const settlement& given) {
    const std::lock_guard lock(mutex_);
    if (over_) return fail(*over_);
    auto what = check_completion(given);
    if (!what) return fail(what.error());
    auto settled = until_known([&] { return settle(turn, *what); });
    if (!settled) return settled;
    if (settled->what == settle_outcome::kind::stale) return fail(ended_elsewhere());
    if (settled->what == settle_outcome::kind::not_found) return fail(no_such_turn(turn));
    if (running_ && running_->turn == turn) {
      running_.reset();
      deadline_ = steady::now() + turn_limit_;
    }
    if (settled->what == settle_outcome::kind::settled) return settled;
    const auto same = holds(place_.storage(), settled->turn, *what);
    if (!same) return fail(same.error());
    if (!*same) return fail(already_completed(turn));
    return settled;
  }

  result<steady::time_point> extend(turn_no turn, std::chrono::milliseconds time) {
    const std::lock_guard lock(mutex_);
    if (auto ok = check_live(); !ok) return fail(ok.error());
    if (!is_limit(time)) return fail(errc::bad_value, "a turn is given 1 ms to a year; nothing was changed");
    if (!running_ || running_->turn != turn) {
      const bool was = turn.value >= 1 && turn.value <= live_.turns();
      return fail(was ? already_completed(turn) : no_such_turn(turn));
    }
    const auto cancelled = is_cancelled(running_->task);
    if (!cancelled) return fail(cancelled.error());
    if (*cancelled)
      return fail(errc::task_ended, fmt::format("task \"{}\" was cancelled: stop working on it, complete turn {} with "
                                                "what it cost, and ask for the next task",
                                                running_->task.str(), turn.value));
    deadline_ = steady::now() + time;
    waiting_.request_stop();
    return deadline_;
  }

  result<session_record> end() {
    const std::lock_guard lock(mutex_);
    follow_store();
    if (!over_) {
      end_as_it_stands();
      static_cast<void>(place_.refresh_views_soon());
    }
    if (!ended_) return fail(*over_);
    return *ended_;
  }

  result<session_record> session() {
    const std::lock_guard lock(mutex_);
    if (ended_) return *ended_;
    auto found = place_.storage().find_session(live_.session().id);
    if (!found) return fail(found.error());
    return found->value_or(live_.session());
  }

  bool is_of_this_process() const { return home_.here(); }

 private:
  // The turn of the next task that a host can do, if there is one. A task that asks for what a host is not told ends in
  // `error`, and costs nothing.
  result<std::optional<begin_outcome>> begin_next() {
    for (;;) {
      if (live_.full()) return std::nullopt;
      begin_request request;
      request.process_turn = handed_over_ + 1;
      auto begun = until_known([&] { return live_.begin_turn(request); });
      if (!begun) return fail(begun.error());
      if (begun->what == begin_outcome::kind::stale) return fail(ended_elsewhere());
      if (begun->what == begin_outcome::kind::none_left) return std::nullopt;
      auto why_not = objection_to(begun->task.spec);
      if (why_not.empty()) return std::move(*begun);
      const settlement refused = failed_turn(turn_end::denied, "not_allowed", std::move(why_not));
      const auto settled = until_known([&] { return live_.settle_turn(begun->turn.turn, refused); });
      if (!settled) return fail(settled.error());
      if (settled->what == settle_outcome::kind::stale) return fail(ended_elsewhere());
    }
  }

  std::string objection_to(const task_spec& task) const {
    if (!task.check.empty())
      return "the task has a check, and a session that a host drives runs none; leave the check out, or let an engine "
             "run the batch";
    return objection_to_choices(task, live_.session().agent);
  }

  // The batch's preamble, which stands in the prompt of the session's first turn.
  result<std::string> read_shared() {
    return read_preamble_of(place_.storage(), live_.session().batch, place_.paths().root);
  }

  // What whoever goes on with the session must know first.
  result<void> check_live() {
    follow_store();
    if (over_) return fail(*over_);
    return place_.check_in_place();
  }

  // Ends the session if somebody asked for that.
  void follow_store() {
    if (over_) return;
    const auto now = place_.storage().find_session(live_.session().id);
    if (now && *now && (*now)->end_requested) close(session_end::cancelled, std::string(end_was_requested));
  }

  result<bool> is_cancelled(const task_id& task) {
    const auto found = place_.storage().find_task(task);
    if (!found) return fail(found.error());
    return *found && (*found)->state == task_state::cancelled;
  }

  // As with an engine's agent: what stops because its task was cancelled is recorded so.
  result<settle_outcome> settle(turn_no turn, settlement what) {
    if (what.end == turn_end::stopped && running_ && running_->turn == turn) {
      const auto cancelled = is_cancelled(running_->task);
      if (!cancelled) return fail(cancelled.error());
      if (*cancelled) what.end = turn_end::cancelled;
    }
    return live_.settle_turn(turn, what);
  }

  void watch() {
    for (std::int64_t seen = place_.storage().version();;) {
      steady::time_point until;
      std::stop_token woken;
      {
        const std::lock_guard lock(mutex_);
        follow_store();
        if (!over_ && steady::now() >= deadline_) time_out();
        if (over_) return;
        waiting_ = std::stop_source{};
        woken = waiting_.get_token();
        until = deadline_;
      }
      seen = place_.storage().wait_for_change(seen, until, woken);
    }
  }

  // The host forgot its turn, or the session. A turn that cannot be settled so is settled by the session's end.
  void time_out() {
    if (!running_) {
      close(session_end::agent_lost, "the host asked for no further task in time");
      return;
    }
    const std::string why = fmt::format("task \"{}\" (turn {}) was neither completed nor extended in time",
                                        running_->task.str(), running_->turn.value);
    const settlement what = failed_turn(turn_end::timed_out, std::string(name_of(turn_end::timed_out)), why);
    static_cast<void>(until_known([&] { return settle(running_->turn, what); }));
    close(session_end::agent_lost, why);
  }

  void end_as_it_stands() {
    if (running_)
      close(session_end::stopped, "the host ended it while a turn ran");
    else if (auto limit = live_.full())
      close(session_end::full, *limit);
    else if (live_.next_task())
      close(session_end::stopped, "the host ended it");
    else
      close(session_end::finished, {});
  }

  // The store says that the session is not live: what it says of the end is kept.
  error ended_elsewhere() {
    close(session_end::stopped, {});
    return *over_;
  }

  // Ends the session; with nothing stored if the store cannot be told: then the next session settles this one.
  void close(session_end why, const std::string& detail) {
    static_cast<void>(live_.remove_lock_file());
    auto ended = until_known([&] { return live_.end(why, detail); });
    if (ended) ended_ = *ended;
    over_ = ended ? has_ended() : not_told(ended.error());
    lock_.reset();
    running_.reset();
    waiting_.request_stop();
  }

  error has_ended() {
    std::string text = "this session has ended: ";
    text += ended_->end_detail.empty() ? name_of(*ended_->end) : std::string_view(ended_->end_detail);
    if (running_)
      if (const auto task = place_.storage().find_task(running_->task); task && *task)
        text += fmt::format("; task \"{}\" is now {}", running_->task.str(), name_of((*task)->state));
    return {errc::stale_session, text + ". Nothing was changed; begin a new session to go on"};
  }

  static error not_told(const error& why) {
    return {why.code, "the session's end could not be stored: " + why.message +
                          ". Its lock is let go, and whoever begins a session next settles what it left"};
  }

  const birthplace home_;
  workspace& place_;
  const std::chrono::milliseconds turn_limit_;
  std::optional<guard> lock_;  // until the session's end

  std::mutex mutex_;  // of all that follows
  live_session live_;
  std::int64_t handed_over_ = 0;  // turns
  std::optional<turn_record> running_;
  steady::time_point deadline_;  // of the running turn, or of the host's next call
  std::optional<session_record> ended_;
  std::optional<error> over_;  // what calls answer from the end on

  std::stop_source waiting_;  // ends wait_for_change
  std::jthread watchdog_;     // last: it uses all of the above
};

namespace {

error of_the_parent() {
  return {
      errc::forked,
      "this session was begun before fork and belongs to the parent process; nothing was done. Begin one of your own"};
}

result<host_begin_outcome> busy(workspace& place) {
  auto seen = look_at_lock(place.paths(), place.storage());
  if (!seen) return fail(seen.error());
  seen->facts.guard = guard_state::busy;  // as it was a moment ago
  return host_begin_outcome{host_begin_outcome::kind::busy, {}, advice_on(*seen, place.paths())};
}

}  // namespace

result<host_begin_outcome> host_session::begin(workspace& place, const host_session_options& options) {
  if (auto ok = check_options(options); !ok) return fail(ok.error());
  if (auto ok = place.check_in_place(); !ok) return fail(ok.error());
  auto lock = guard::open(place.paths().state);
  if (!lock) return fail(lock.error());
  const auto got = lock->try_acquire();
  if (!got) return fail(got.error());
  if (!*got) return busy(place);

  const auto seen = clear_the_way(place, *lock, {}, {}, {});
  if (!seen) return fail(seen.error());
  if (seen->facts.marker == marker_state::foreign)
    return host_begin_outcome{host_begin_outcome::kind::foreign_marker, {}, advice_on(*seen, place.paths())};

  const served_agents serves{{options.agent}, options.takes_unnamed ? options.agent : std::string()};
  const claim_request request = new_claim(*seen, serves, options.only);
  auto claimed = until_known([&] { return place.storage().claim(request); });
  if (!claimed) return fail(claimed.error());
  if (claimed->what == claim_outcome::kind::session_live) return busy(place);
  if (claimed->what == claim_outcome::kind::nothing) return host_begin_outcome{};

  host_session session(new impl(place, std::move(*lock), std::move(claimed->session), options));
  if (auto begun = session.impl_->begin(); !begun) return fail(begun.error());
  return host_begin_outcome{host_begin_outcome::kind::started, std::move(session), {}};
}

host_session::host_session(impl* driven) noexcept : impl_(driven) {}

// After fork lock, marker and watchdog are the parent's: the child's copy of them is left as it is.
void host_session::ender::operator()(impl* driven) const noexcept {
  if (driven->is_of_this_process()) delete driven;
}

result<std::optional<host_turn>> host_session::next() {
  if (!impl_->is_of_this_process()) return fail(of_the_parent());
  return impl_->next();
}

result<settle_outcome> host_session::complete(turn_no turn, const settlement& what) {
  if (!impl_->is_of_this_process()) return fail(of_the_parent());
  return impl_->complete(turn, what);
}

result<std::chrono::steady_clock::time_point> host_session::extend(turn_no turn, std::chrono::milliseconds time) {
  if (!impl_->is_of_this_process()) return fail(of_the_parent());
  return impl_->extend(turn, time);
}

result<session_record> host_session::end() {
  if (!impl_->is_of_this_process()) return fail(of_the_parent());
  return impl_->end();
}

result<session_record> host_session::session() {
  if (!impl_->is_of_this_process()) return fail(of_the_parent());
  return impl_->session();
}

}  // namespace cobatch
