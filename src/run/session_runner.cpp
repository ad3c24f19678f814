#include "run/session_runner.hpp"

#include <utility>

#include "agent/dialect.hpp"
#include "run/held_session.hpp"
#include "run/persist.hpp"
#include "run/turn_request.hpp"
#include "system/files.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

using steady = std::chrono::steady_clock;

class session_runner {
 public:
  explicit session_runner(const session_context& context)
      : c_(context),
        held_(context.place, context.lock, context.session,
              {context.options.max_tasks_per_session, context.options.session_limit}),
        monitor_(context.place.storage(), context.session.id, context.stop, context.options.stop_grace,
                 context.options.hurry),
        folder_(context.place.paths().sessions / std::to_string(context.session.id.value)) {}

  result<session_outcome> run() {
    ending why = begin();
    if (!why.reason) {
      emit({.what = engine_event::kind::session_started, .session = session()});
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

  ending begin() {
    if (auto marks = held_.sign(); !marks) return over(session_end::not_started, marks.error().message);
    if (auto made = make_folder(folder_, 0700); !made) return over(session_end::not_started, made.error().message);
    return {};
  }

  // One turn, or the reason to end.
  ending step() {
    if (auto ok = c_.place.check_in_place(); !ok) return lost(ok.error());
    if (c_.stop.stop_requested()) return over(session_end::stopped, "the engine was asked to stop");
    if (monitor_.end_requested()) return over(session_end::cancelled, std::string(end_was_requested));
    if (auto limit = held_.full()) return over(session_end::full, std::move(*limit));
    if (!agent_ && held_.tasks_wait())
      if (auto failed = start_agent(); failed.reason) return failed;

    begin_request request;
    request.process = processes_;
    request.process_turn = process_turns_ + 1;
    request.may_end = !lingering();
    auto begun = persist([&] { return held_.begin_turn(request); }, c_.stop, tell());
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
    ++process_turns_;
    return take_turn(*begun);
  }

  ending start_agent() {
    session_start how;
    how.session = held_.session().id;
    how.batch = held_.session().batch;
    how.process = processes_ + 1;
    how.working_directory = c_.options.working_directory.empty() ? c_.place.paths().root : c_.options.working_directory;
    how.folder = folder_;
    how.guard = c_.lock.descriptor();
    how.record = [this](const process_identity& keeper, const process_identity& agent) {
      return held_.record_agent(keeper, agent);
    };
    how.on_progress = [this](std::string_view line) {
      emit({.what = engine_event::kind::progress, .session = session(), .turn = turn_, .task = task_, .text = line});
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
    emit({.what = engine_event::kind::turn_started, .session = session(), .turn = turn_, .task = task_});
    turn_report report;
    if (agent_) {
      const auto interrupt = monitor_.begin(begun.task.spec.id);
      report = agent_->run_turn(make_turn_request(c_.place.storage(), begun), c_.options.turn_limit, interrupt);
    } else {
      // The task came after the last look at the queue; its turn is given back and taken again with an agent.
      report = {failed_turn(turn_end::stopped, "no_agent", "no agent was running when the task came"), false, true};
    }
    const interruption why = monitor_.end();
    if (why == interruption::task_cancelled && report.what.end == turn_end::stopped)
      report.what.end = turn_end::cancelled;
    last_turn_ended_ = steady::now();

    // If it cannot be stored before a stop, the session row stays live and the turn is recovered from the agent's file.
    auto settled =
        persist([&] { return c_.place.storage().settle_turn(held_.session().id, begun.turn.turn, report.what); },
                c_.stop, tell());
    turn_ = nullptr;
    task_ = nullptr;
    if (!settled) return lost(settled.error());
    if (settled->what == settle_outcome::kind::stale)
      return lost({errc::stale_session, "the session was ended by somebody else"});
    emit(
        {.what = engine_event::kind::turn_ended, .session = session(), .turn = &settled->turn, .task = &settled->task});
    if (!report.usable && agent_) {
      agent_->finish();
      agent_.reset();
    }
    const bool gave_up = report.what.end == turn_end::stopped && why == interruption::none && !report.again;
    return gave_up ? over(session_end::agent_lost, report.what.detail) : ending{};
  }

  // A batch that was sealed by its very first task keeps its session a little: more tasks may be on their way.
  bool lingering() const {
    return c_.batch.lingers && held_.turns() > 0 && !c_.stop.stop_requested() &&
           steady::now() < last_turn_ended_ + c_.options.linger;
  }

  void await_straggler() {
    const auto until = last_turn_ended_ + c_.options.linger;
    std::int64_t seen = c_.place.storage().version();
    while (!held_.tasks_wait() && !monitor_.end_requested() && !c_.stop.stop_requested() && steady::now() < until)
      seen = c_.place.storage().wait_for_change(seen, until, c_.stop);
  }

  result<session_outcome> finish(session_end reason, const std::string& detail) {
    if (auto removed = held_.remove_marker(); !removed)
      emit({.what = engine_event::kind::trouble, .session = session(), .text = removed.error().message});
    auto ended = persist([&] { return held_.end(reason, detail); }, c_.stop, tell());
    if (!ended) return fail(ended.error());
    emit({.what = engine_event::kind::session_ended, .session = session()});
    return session_outcome{std::move(*ended), held_.turns()};
  }

  const session_record* session() const { return &held_.session(); }
  void emit(const engine_event& event) const {
    if (c_.options.on_event) c_.options.on_event(event);
  }
  std::function<void(const error&)> tell() const {
    return [this](const error& e) {
      emit({.what = engine_event::kind::trouble, .session = session(), .text = e.message});
    };
  }

  const session_context& c_;
  held_session held_;
  turn_monitor monitor_;
  std::filesystem::path folder_;
  std::unique_ptr<agent_session> agent_;
  const turn_record* turn_ = nullptr;  // the running one, for events
  const task_record* task_ = nullptr;
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
