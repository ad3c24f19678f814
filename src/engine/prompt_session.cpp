// A session of an agent that gets all tasks in one prompt, and begins and completes each of them by calls. What it leaves
// undone is settled when it has ended.
#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "agents/turn_outcome.hpp"
#include "engine/engine_session.hpp"
#include "os/process.hpp"
#include "os/watch.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

// What an agent may take beside its tasks, each of which has its own limit.
constexpr milliseconds between_tasks{std::chrono::minutes{5}};

class prompt_session final : public engine_session {
 public:
  explicit prompt_session(const session_claim& claim) : engine_session(claim), token_{claim.session.id, claim.nonce} {}

 private:
  void end_agent() override {
    if (agent_) agent_->finish();
  }

  // All of it: the agent does what there is to do in one go.
  ending step() override {
    if (auto ok = place_.check_in_place(); !ok) return lost(ok.error());
    if (auto spent = check_budget({}); is_over(spent)) return spent;
    auto tasks = waiting(static_cast<std::size_t>(options_.max_tasks_per_session));
    if (!tasks) return lost(tasks.error());
    if (tasks->empty()) return after_all();
    const auto refused = refuse_unfit(*tasks);
    if (!refused) return lost(refused.error());
    if (*refused > 0) return {};
    if (tasks->empty()) return over(session_end::agent_lost, "no task that is left can be begun yet");
    if (auto started = start(); !started) return start_failed(started.error());
    turn_report report = run_agent(*tasks);
    const interruption why = monitor_.end();
    const bool stopped_with_agent = was_stopped_with_agent(report);
    const auto left_one_open = settle_what_is_left(report, why);
    if (!left_one_open) return lost(left_one_open.error());
    show_turns();
    live_.note_turns(begun_.value);
    if (why == interruption::stopping || stopped_with_agent)
      return over(session_end::stopped, "the engine was asked to stop");
    if (why == interruption::end_requested) return over(session_end::cancelled, std::string(end_was_requested));
    return after_all(*tasks, *left_one_open, report.what.detail);
  }

  result<std::vector<task_record>> waiting(std::size_t most) {
    task_filter queued;
    queued.batch = batch_.id;
    queued.state = task_state::queued;
    queued.limit = most;
    return storage().list_tasks(queued);
  }

  // Tasks that ask for what the agent is not held to end so, and cost nothing. They are taken out of the list; how many
  // could be begun for that: one whose needs are not done yet is for a later session.
  result<int> refuse_unfit(std::vector<task_record>& tasks) {
    int refused = 0;
    for (auto task = tasks.begin(); task != tasks.end();) {
      auto why_not = runs_.objection(task->spec);
      if (why_not.empty()) {
        ++task;
        continue;
      }
      const auto begun = persist([&] { return storage().begin_called(token_, task->spec.id); });
      if (!begun) return fail(begun.error());
      if (begun->what == begin_called_outcome::kind::begun) {
        const auto what = failed_turn(turn_end::denied, "not_allowed", std::move(why_not));
        const auto settled = persist([&] { return live_.settle_turn(begun->turn.turn, what); });
        if (!settled) return fail(settled.error());
        ++refused;
      }
      task = tasks.erase(task);
    }
    show_turns();
    return refused;
  }

  result<void> start() {
    session_start start = common_start();
    start.environment = environment();
    auto started = runs_.start(start);
    if (!started) return fail(started.error());
    agent_ = std::move(*started);
    return {};
  }

  // What `cobatch call` needs to know, wherever the agent runs it.
  std::vector<std::string> environment() const {
    const workspace_paths& paths = place_.paths();
    std::vector<std::string> names{"COBATCH_SESSION=" + token_.str(), "COBATCH_ROOT=" + paths.root.string()};
    if (paths.state.parent_path() != paths.data) names.push_back("COBATCH_STATE=" + paths.state.parent_path().string());
    return names;
  }

  // The agent runs on a thread of its own; here its calls are followed.
  turn_report run_agent(std::vector<task_record> tasks) {
    milliseconds limit = between_tasks;
    for (const auto& task : tasks) limit += limit_of(task.spec);
    turn_request request;
    request.session = session().id;
    request.batch = batch_.id;
    request.prompt = make_batch_prompt({batch_.id, std::move(tasks), preamble_, std::string(runs_.calls_back_with())});
    emit({.what = event::kind::prompt, .text = request.prompt});

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
    std::int64_t seen = storage().version();
    while (!ended.stop_requested()) {
      show_turns();
      if (running_ && is_out_of_time(*running_)) ask.request_stop();
      const bool in_time = running_ && !out_of_time_;
      const auto until = steady::now() + std::chrono::hours{1};
      seen = storage().wait_for_change(seen, in_time ? deadline_.next_wait(steady::now(), until) : until, ended);
      if (in_time) deadline_.woke(steady::now());
    }
  }

  bool is_out_of_time(const turn_record& turn) {
    const auto task = storage().find_task(turn.task);
    if (task && *task && (*task)->state == task_state::cancelled) return true;
    out_of_time_ = out_of_time_ || steady::now() >= deadline_.at();
    return out_of_time_;
  }

  // Tells of the turns that were begun and completed by calls since the last look.
  void show_turns() {
    turn_filter since;
    since.session = session().id;
    since.after_session = session().id;
    since.after_turn = ended_;
    const auto turns = storage().list_turns(since);
    if (!turns) return;
    for (const auto& turn : *turns) show(turn);
  }

  void show(const turn_record& turn) {
    const auto task = storage().find_task(turn.task);
    const std::optional<task_record> record = task ? *task : std::nullopt;
    if (turn.turn > begun_) {
      begun_ = turn.turn;
      running_ = turn;
      deadline_ = running_deadline(steady::now() + (record ? limit_of(record->spec) : options_.turn_limit));
      emit({.what = event::kind::turn_started, .turn = turn, .task = record});
    }
    if (!turn.ended_at) return;
    ended_ = turn.turn;
    running_.reset();
    emit({.what = event::kind::turn_ended, .turn = turn, .task = record});
  }

  // A task that was begun and not completed: the agent ended, or was ended, in the middle of it. True if there is one.
  result<bool> settle_what_is_left(const turn_report& report, interruption why) {
    show_turns();
    if (!running_) return false;
    settlement what = report.what;
    if (out_of_time_) what = failed_turn(turn_end::timed_out, "timed_out", "no completion within the task's limit");
    if (why != interruption::none) what = failed_turn(turn_end::stopped, {}, "the session was ended");
    const auto settled = persist([&] { return storage().settle_turn(session().id, running_->turn, what); });
    if (!settled) return fail(settled.error());
    return true;
  }

  // One that begins no task has hardly understood what it is to do.
  std::string about_what_is_left(const std::string& detail) const {
    const std::string_view how =
        begun_.value > 0 ? ""
                         : ", and none was begun: each needs a call of mark_task_in_progress before it and of "
                           "log_task_completion after it (the session's token is in COBATCH_SESSION)";
    return fmt::format("tasks are left{}; {}", how, detail);
  }

  // True if one of these tasks still waits: it was not logged, or is to be tried again.
  result<bool> waits(const std::vector<task_record>& tasks) {
    for (const auto& task : tasks) {
      const auto now = storage().find_task(task.spec.id);
      if (!now) return fail(now.error());
      if (*now && (*now)->state == task_state::queued) return true;
    }
    return false;
  }

  // The batch goes on in a new session. An agent that has logged all that its prompt named has done its part, whatever
  // has come since.
  ending with_tasks_left(const std::vector<task_record>& named, bool left_one_open, const std::string& detail) {
    const auto some_wait = waits(named);
    if (!some_wait) return lost(some_wait.error());
    if (left_one_open || *some_wait) return over(session_end::agent_lost, about_what_is_left(detail));
    return over(session_end::full, "tasks that its prompt did not name go on in a new session");
  }

  // The agent has ended by itself. `named`: the tasks of its prompt.
  ending after_all(const std::vector<task_record>& named = {}, bool left_one_open = false,
                   const std::string& detail = {}) {
    const auto left = waiting(1);
    if (!left) return lost(left.error());
    if (!left->empty()) return with_tasks_left(named, left_one_open, detail);
    begin_request last;
    const auto none = persist([&] { return live_.begin_turn(last); });
    if (!none) return lost(none.error());
    if (none->what == begin_outcome::kind::stale) return lost_to_another();
    // A task that came just now is for a new session; ending this one gives it back.
    return over(none->what == begin_outcome::kind::begun ? session_end::full : session_end::finished);
  }

  void on_agent_event(const event& happened) override {
    const bool is_notice = happened.what == event::kind::notice;
    emit({.what = is_notice ? event::kind::notice : event::kind::progress, .text = happened.text});
  }

  const session_token token_;
  std::unique_ptr<agent_session> agent_;
  turn_no begun_, ended_;
  std::optional<turn_record> running_;
  running_deadline deadline_;  // of the running turn
  bool out_of_time_ = false;
};

}  // namespace

result<session_outcome> run_prompt_session(const session_claim& claim) { return prompt_session(claim).run(); }

}  // namespace cobatch
