#include "run/prompt_session.hpp"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "agent/dialect.hpp"
#include "run/agent_folder.hpp"
#include "run/budget.hpp"
#include "run/held_session.hpp"
#include "run/persist.hpp"
#include "run/preamble_text.hpp"
#include "system/files.hpp"
#include "system/own_thread.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

// What an agent may take beside its tasks, each of which has its own limit.
constexpr milliseconds between_tasks{std::chrono::minutes{5}};

class prompt_session {
 public:
  explicit prompt_session(const session_context& context)
      : c_(context),
        held_(context.place, context.lock, context.session,
              {context.options.max_tasks_per_session, context.options.session_limit}),
        monitor_(context.place.storage(), context.session.id, context.stop, context.options.stop_grace,
                 context.options.hurry),
        folder_(context.place.paths().sessions / std::to_string(context.session.id.value)),
        working_directory_(agent_folder(context.options, context.place.paths())) {}

  result<session_outcome> run() {
    ending why = begin();
    if (!why.reason) {
      emit({.what = engine_event::kind::session_started, .session = session(), .batch = &c_.batch});
      why = work();
    }
    if (agent_) agent_->finish();
    if (why.lost) return fail(*why.lost);
    return finish(*why.reason, why.detail);
  }

 private:
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
    if (!c_.batch.has_preamble) return {};
    const auto shared = c_.place.storage().find_preamble(c_.batch.id);
    if (!shared) return lost(shared.error());
    auto text = read_preamble(*shared, working_directory_);
    if (!text) return over(session_end::blocked, text.error().message);
    shared_ = std::move(*text);
    return {};
  }

  ending work() {
    if (auto ok = c_.place.check_in_place(); !ok) return lost(ok.error());
    if (auto spent = spent_budget()) return std::move(*spent);
    auto tasks = waiting(static_cast<std::size_t>(c_.options.max_tasks_per_session));
    if (!tasks) return lost(tasks.error());
    if (tasks->empty()) return after_all();
    if (auto failed = start(); !failed) {
      const errc code = failed.error().code;
      const bool needs_a_person = code == errc::agent_missing || code == errc::keeper_missing;
      return over(needs_a_person ? session_end::blocked : session_end::agent_lost, failed.error().message);
    }
    const turn_report report = run_agent(*tasks);
    const interruption why = monitor_.end();
    if (auto settled = settle_what_is_left(report, why); !settled) return lost(settled.error());
    show_turns();
    if (why == interruption::stopping) return over(session_end::stopped, "the engine was asked to stop");
    if (why == interruption::end_requested) return over(session_end::cancelled, std::string(end_was_requested));
    return after_all(report.what.detail);
  }

  std::optional<ending> spent_budget() {
    const auto of_day = day_is_spent(c_.place, c_.options);
    if (!of_day) return refused(of_day.error());
    if (*of_day) return over(session_end::stopped, **of_day);
    const auto of_batch = batch_is_spent(c_.place, c_.batch.id, c_.options);
    if (!of_batch) return refused(of_batch.error());
    if (*of_batch) return over(session_end::budget, **of_batch);
    return std::nullopt;
  }
  static ending refused(const error& e) {
    return e.code == errc::unpriced_model ? over(session_end::blocked, e.message) : lost(e);
  }

  result<std::vector<task_record>> waiting(std::size_t most) {
    task_filter queued;
    queued.batch = c_.batch.id;
    queued.state = task_state::queued;
    queued.limit = most;
    return c_.place.storage().list_tasks(queued);
  }

  result<void> start() {
    session_start how;
    how.session = session()->id;
    how.batch = c_.batch.id;
    how.working_directory = working_directory_;
    how.folder = folder_;
    how.guard = c_.lock.descriptor();
    how.record = [this](const process_identity& keeper, const process_identity& agent) {
      return held_.record_agent(keeper, agent);
    };
    how.on_news = [this](const agent_news& news) { pass_on(news); };
    how.quiet_after = c_.options.quiet_after;
    how.environment = environment();
    auto started = c_.runs.start(how);
    if (!started) return fail(started.error());
    agent_ = std::move(*started);
    return {};
  }

  // What `cobatch call` needs to know, wherever the agent runs it.
  std::vector<std::string> environment() const {
    const workspace_paths& paths = c_.place.paths();
    std::vector<std::string> names{"COBATCH_SESSION=" + session_token{session()->id, c_.nonce}.str(),
                                   "COBATCH_ROOT=" + paths.root.string()};
    if (paths.state.parent_path() != paths.data) names.push_back("COBATCH_STATE=" + paths.state.parent_path().string());
    return names;
  }

  // The agent runs on a thread of its own; here its calls are followed.
  turn_report run_agent(std::vector<task_record> tasks) {
    milliseconds limit = between_tasks;
    for (const auto& task : tasks) limit += limit_of(task.spec);
    turn_request request;
    request.session = session()->id;
    request.batch = c_.batch.id;
    request.prompt =
        make_batch_prompt({c_.batch.id, std::move(tasks), shared_, std::string(c_.runs.calls_back_with())});
    emit({.what = engine_event::kind::prompt, .session = session(), .text = request.prompt});

    std::stop_source ask, ended;
    const std::stop_callback forward(monitor_.begin({}), [&ask] { ask.request_stop(); });
    turn_report report;
    {
      const std::jthread runs = start_own_thread([&] {
        report = agent_->run_turn(request, limit, ask.get_token());
        ended.request_stop();
      });
      follow(ended.get_token(), ask);
    }
    return report;
  }

  void follow(const std::stop_token& ended, std::stop_source& ask) {
    std::int64_t seen = c_.place.storage().version();
    while (!ended.stop_requested()) {
      show_turns();
      if (running_ && is_out_of_time(*running_)) ask.request_stop();
      const auto until = running_ && !out_of_time_ ? deadline_ : steady::now() + std::chrono::hours{1};
      seen = c_.place.storage().wait_for_change(seen, until, ended);
    }
  }

  bool is_out_of_time(const turn_record& turn) {
    const auto task = c_.place.storage().find_task(turn.task);
    if (task && *task && (*task)->state == task_state::cancelled) return true;
    out_of_time_ = out_of_time_ || steady::now() >= deadline_;
    return out_of_time_;
  }

  milliseconds limit_of(const task_spec& spec) const {
    return spec.limit > milliseconds{0} ? spec.limit : c_.options.turn_limit;
  }

  // Tells of the turns that were begun and completed by calls since the last look.
  void show_turns() {
    turn_filter since;
    since.session = session()->id;
    since.after_session = session()->id;
    since.after_turn = ended_;
    const auto turns = c_.place.storage().list_turns(since);
    if (!turns) return;
    for (const auto& turn : *turns) show(turn);
  }

  void show(const turn_record& turn) {
    const auto task = c_.place.storage().find_task(turn.task);
    const task_record* record = task && *task ? &**task : nullptr;
    if (turn.turn > begun_) {
      begun_ = turn.turn;
      running_ = turn;
      deadline_ = steady::now() + (record != nullptr ? limit_of(record->spec) : c_.options.turn_limit);
      emit({.what = engine_event::kind::turn_started, .session = session(), .turn = &turn, .task = record});
    }
    if (!turn.ended_at) return;
    ended_ = turn.turn;
    running_.reset();
    emit({.what = engine_event::kind::turn_ended, .session = session(), .turn = &turn, .task = record});
  }

  // A task that was begun and not completed: the agent ended, or was ended, in the middle of it.
  result<void> settle_what_is_left(const turn_report& report, interruption why) {
    show_turns();
    if (!running_) return {};
    settlement what = report.what;
    if (out_of_time_) what = failed_turn(turn_end::timed_out, "timed_out", "no completion within the task's limit");
    if (why != interruption::none) what = failed_turn(turn_end::stopped, {}, "the session was ended");
    const auto settled =
        persist([&] { return c_.place.storage().settle_turn(session()->id, running_->turn, what); }, c_.stop, tell());
    return settled ? result<void>() : fail(settled.error());
  }

  // The agent has ended by itself: with tasks left the batch goes on in a new session.
  ending after_all(const std::string& detail = {}) {
    const auto left = waiting(1);
    if (!left) return lost(left.error());
    if (!left->empty()) return over(session_end::agent_lost, "the agent ended with tasks left; " + detail);
    held_.note_turns(begun_.value);
    begin_request last;
    const auto none = persist([&] { return held_.begin_turn(last); }, c_.stop, tell());
    if (!none) return lost(none.error());
    if (none->what == begin_outcome::kind::stale)
      return lost({errc::stale_session, "the session was ended by somebody else"});
    // A task that came just now is for a new session; ending this one gives it back.
    return over(none->what == begin_outcome::kind::begun ? session_end::full : session_end::finished);
  }

  result<session_outcome> finish(session_end reason, const std::string& detail) {
    if (auto removed = held_.remove_marker(); !removed)
      emit({.what = engine_event::kind::trouble, .session = session(), .text = removed.error().message});
    auto ended = persist([&] { return held_.end(reason, detail); }, c_.stop, tell());
    if (!ended) return fail(ended.error());
    emit({.what = engine_event::kind::session_ended, .session = session()});
    return session_outcome{std::move(*ended), begun_.value};
  }

  void pass_on(const agent_news& news) {
    const auto what = news.what == agent_news::kind::notice ? engine_event::kind::notice : engine_event::kind::progress;
    emit({.what = what, .session = session(), .text = news.text});
  }

  const session_record* session() const { return &held_.session(); }
  // The agent's lines come from its own thread.
  void emit(const engine_event& event) {
    const std::lock_guard lock(telling_);
    if (c_.options.on_event) c_.options.on_event(event);
  }
  std::function<void(const error&)> tell() {
    return [this](const error& e) {
      emit({.what = engine_event::kind::trouble, .session = session(), .text = e.message});
    };
  }

  const session_context& c_;
  held_session held_;
  turn_monitor monitor_;
  std::filesystem::path folder_, working_directory_;
  std::unique_ptr<agent_session> agent_;
  std::string shared_;  // the preamble's text
  turn_no begun_, ended_;
  std::optional<turn_record> running_;
  steady::time_point deadline_;  // of the running turn
  bool out_of_time_ = false;
  std::mutex telling_;
};

}  // namespace

result<session_outcome> run_prompt_session(const session_context& context) {
  return prompt_session(context).run();
}

}  // namespace v1
}  // namespace cobatch
