#include "run/session_runner.hpp"

#include <utility>

#include <fmt/format.h>

#include "agent/dialect.hpp"
#include "run/persist.hpp"
#include "system/files.hpp"
#include "system/marker.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

using steady = std::chrono::steady_clock;

class session_runner {
 public:
  explicit session_runner(const session_context& context)
      : c_(context),
        session_(context.session),
        monitor_(context.place.storage(), context.session.id, context.stop, context.options.stop_grace,
                 context.options.hurry),
        folder_(context.place.paths().sessions / std::to_string(context.session.id.value)),
        not_after_(steady::now() + context.options.session_limit) {}

  result<session_outcome> run() {
    ending why = begin();
    if (!why.reason) {
      emit({.what = engine_event::kind::session_started, .session = &session_});
      while (!why.reason && !why.lost) why = step();
    }
    if (agent_) agent_->finish();
    agent_.reset();
    if (why.lost) return fail(*why.lost);
    return finish(*why.reason, why.detail);
  }

 private:
  // Why the session is over; nothing of both: it goes on.
  struct ending {
    std::optional<session_end> reason;
    std::string detail;
    std::optional<error> lost;  // the store could not be told
  };
  static ending over(session_end reason, std::string detail = {}) { return {reason, std::move(detail), std::nullopt}; }
  static ending lost(error e) { return {std::nullopt, {}, std::move(e)}; }

  // Record, then marker, then the folder: each step can be found again after a crash by the one before.
  ending begin() {
    record_.session = session_.id;
    record_.owner = session_.owner;
    if (auto written = c_.lock.write_record(record_); !written)
      return over(session_end::not_started, written.error().message);
    auto marker = write_marker(c_.place.paths().marker, session_.batch, session_.started_at);
    if (!marker) return over(session_end::not_started, marker.error().message);
    record_.marker = std::move(*marker);
    if (auto written = c_.lock.write_record(record_); !written)
      return over(session_end::not_started, written.error().message);
    if (auto made = make_folder(folder_, 0700); !made) return over(session_end::not_started, made.error().message);
    return {};
  }

  // One turn, or the reason to end.
  ending step() {
    if (auto ok = c_.place.check_in_place(); !ok) return lost(ok.error());
    if (c_.stop.stop_requested()) return over(session_end::stopped, "the engine was asked to stop");
    if (monitor_.end_requested()) return over(session_end::cancelled, "somebody asked for its end (unlock --force)");
    if (turns_ >= c_.options.max_tasks_per_session && tasks_wait())
      return over(session_end::full, fmt::format("{} tasks a session is the limit", c_.options.max_tasks_per_session));
    if (steady::now() >= not_after_ && tasks_wait()) return over(session_end::full, "the session's time is over");
    if (!agent_ && tasks_wait())
      if (auto failed = start_agent(); failed.reason) return failed;

    begin_request request;
    request.session = session_.id;
    request.ordinal = turns_ + 1;
    request.process = processes_;
    request.process_turn = process_turns_ + 1;
    request.may_end = !lingering();
    auto begun = persist([&] { return c_.place.storage().begin_turn(request); }, c_.stop, tell());
    if (!begun) return lost(begun.error());
    switch (begun->what) {
      case begin_outcome::kind::stale:
        return lost({errc::stale_session, "the session was ended by somebody else"});
      case begin_outcome::kind::none_left:
        if (request.may_end) return over(session_end::finished);
        await_straggler();
        return {};
      case begin_outcome::kind::begun:
        break;
    }
    ++turns_;
    ++process_turns_;
    return take_turn(*begun);
  }

  ending start_agent() {
    session_start how;
    how.session = session_.id;
    how.batch = session_.batch;
    how.process = processes_ + 1;
    how.working_directory = c_.options.working_directory.empty() ? c_.place.paths().root : c_.options.working_directory;
    how.folder = folder_;
    how.guard = c_.lock.descriptor();
    how.record = [this](const process_identity& keeper, const process_identity& agent) {
      record_.keeper = keeper;
      record_.agent = agent;
      return c_.lock.write_record(record_);
    };
    how.on_progress = [this](std::string_view line) {
      emit({.what = engine_event::kind::progress, .session = &session_, .turn = turn_, .task = task_, .text = line});
    };
    auto started = c_.runs.start(how);
    if (!started) return over(session_end::agent_lost, started.error().message);
    agent_ = std::move(*started);
    ++processes_;
    process_turns_ = 0;
    return {};
  }

  ending take_turn(const begin_outcome& begun) {
    turn_ = &begun.turn;
    task_ = &begun.task;
    emit({.what = engine_event::kind::turn_started, .session = &session_, .turn = turn_, .task = task_});
    turn_report report;
    if (agent_) {
      const auto interrupt = monitor_.begin(begun.task.spec.id);
      report = agent_->run_turn(request_for(begun), c_.options.turn_limit, interrupt);
    } else {
      // The task came after the last look at the queue; its turn is given back and taken again with an agent.
      report = {failed_turn(turn_end::stopped, "no_agent", "no agent was running when the task came"), false, true};
    }
    const interruption why = monitor_.end();
    if (why == interruption::task_cancelled && report.what.end == turn_end::stopped)
      report.what.end = turn_end::cancelled;
    last_turn_ended_ = steady::now();

    // If it cannot be stored before a stop, the session row stays live and the turn is recovered from the agent's file.
    auto settled = persist([&] { return c_.place.storage().settle_turn(session_.id, begun.turn.turn, report.what); },
                           c_.stop, tell());
    turn_ = nullptr;
    task_ = nullptr;
    if (!settled) return lost(settled.error());
    if (settled->what == settle_outcome::kind::stale)
      return lost({errc::stale_session, "the session was ended by somebody else"});
    emit(
        {.what = engine_event::kind::turn_ended, .session = &session_, .turn = &settled->turn, .task = &settled->task});
    if (!report.usable && agent_) {
      agent_->finish();
      agent_.reset();
    }
    const bool gave_up = report.what.end == turn_end::stopped && why == interruption::none && !report.again;
    return gave_up ? over(session_end::agent_lost, report.what.detail) : ending{};
  }

  turn_request request_for(const begin_outcome& begun) {
    const task_record& task = begun.task;
    prompt_parts parts;
    parts.task = &task;
    parts.attempt = begun.turn.attempt;
    parts.previous = begun.previous ? &*begun.previous : nullptr;
    if (const auto batch = c_.place.storage().find_batch(session_.batch); batch && *batch)
      parts.batch_total = (*batch)->tally.total();
    turn_request request;
    request.session = session_.id;
    request.turn = begun.turn.turn;
    request.task = task.spec.id;
    request.batch = task.batch;
    request.position = task.position;
    request.description = task.spec.description;
    request.context = task.spec.context;
    request.attempt = begun.turn.attempt;
    request.prompt = make_prompt(parts);
    return request;
  }

  bool tasks_wait() {
    const auto batch = c_.place.storage().find_batch(session_.batch);
    return batch && *batch && (*batch)->tally[task_state::queued] > 0;
  }

  // A batch that was sealed by its very first task keeps its session a little: more tasks may be on their way.
  bool lingering() const {
    return c_.batch.lingers && turns_ > 0 && !c_.stop.stop_requested() &&
           steady::now() < last_turn_ended_ + c_.options.linger;
  }

  void await_straggler() {
    const auto until = last_turn_ended_ + c_.options.linger;
    std::int64_t seen = c_.place.storage().version();
    while (!tasks_wait() && !monitor_.end_requested() && !c_.stop.stop_requested() && steady::now() < until)
      seen = c_.place.storage().wait_for_change(seen, until, c_.stop);
  }

  result<session_outcome> finish(session_end reason, const std::string& detail) {
    if (record_.marker) {
      if (auto removed = remove_marker(c_.place.paths().marker, *record_.marker); !removed)
        emit({.what = engine_event::kind::trouble, .session = &session_, .text = removed.error().message});
    }
    auto ended = persist([&] { return c_.place.storage().end_session(session_.id, reason, detail); }, c_.stop, tell());
    if (!ended) return fail(ended.error());
    if (ended->what != end_outcome::kind::not_found) session_ = ended->session;
    emit({.what = engine_event::kind::session_ended, .session = &session_});
    return session_outcome{session_, turns_};
  }

  void emit(const engine_event& event) const {
    if (c_.options.on_event) c_.options.on_event(event);
  }
  std::function<void(const error&)> tell() const {
    return [this](const error& e) {
      emit({.what = engine_event::kind::trouble, .session = &session_, .text = e.message});
    };
  }

  const session_context& c_;
  session_record session_;
  turn_monitor monitor_;
  std::filesystem::path folder_;
  steady::time_point not_after_;
  guard_record record_;
  std::unique_ptr<agent_session> agent_;
  const turn_record* turn_ = nullptr;  // the running one, for events
  const task_record* task_ = nullptr;
  std::int64_t turns_ = 0;
  std::int64_t processes_ = 0;
  std::int64_t process_turns_ = 0;
  steady::time_point last_turn_ended_;
};

}  // namespace

result<session_outcome> run_session(const session_context& context) {
  return session_runner(context).run();
}

}  // namespace v1
}  // namespace cobatch
