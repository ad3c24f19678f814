#include "engine/session_runner.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "agents/dialect.hpp"
#include "engine/persist.hpp"
#include "engine/prompt_session.hpp"
#include "engine/resumption.hpp"
#include "engine/session_agent.hpp"
#include "engine/session_frame.hpp"
#include "engine/turn_request.hpp"
#include "engine/turn_witness.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds longest_limit_wait{std::chrono::minutes{15}};
// The provider's clock and ours differ a little.
constexpr milliseconds after_limit{1000};
// Limits are of a week at most; of one that is said to last longer the provider is asked again.
constexpr milliseconds longest_rest{std::chrono::hours{8 * 24}};
// An agent that gives back one turn after the other does not get anywhere.
constexpr int most_given_back = 3;
// Turns in a row that end with the agent's own error and no answer, until the batch is held.
constexpr int most_fruitless_turns = 2;

class session_runner final : public session_frame {
 public:
  explicit session_runner(const session_context& context)
      : session_frame(context),
        agent_(context.runs, context.batch, common_start([this](const agent_news& news) { pass_on(news); })),
        witness_(context.options, context.place.paths(), working_directory_, folder_) {}

 private:
  ending prepare() override {
    if (way() == running_way::fork && !(c_.runs.can_fork() && c_.batch.has_preamble))
      return over(session_end::blocked, no_fork());
    if (way() == running_way::one_session)
      if (auto earlier = find_resumable(c_.place, held_.session()))
        agent_.go_on_from(std::move(earlier->talk), std::move(earlier->folder));
    return {};
  }

  running_way way() const { return c_.batch.settings.way.value_or(running_way::one_session); }

  std::string no_fork() const {
    if (!c_.batch.has_preamble)
      return "the batch is to run as a fork, and has no preamble to fork from; give it one, or another way";
    return fmt::format("the batch is to run as a fork, which agent {} cannot do; give it another way, or another agent",
                       c_.runs.name());
  }

  void end_agent() override { agent_.finish(); }

  // One turn, or the reason to end.
  ending step() override {
    if (auto ok = c_.place.check_in_place(); !ok) return lost(ok.error());
    if (c_.stop.stop_requested()) return over(session_end::stopped, "the engine was asked to stop");
    if (monitor_.end_requested()) return over(session_end::cancelled, std::string(end_was_requested));
    if (auto limit = held_.full()) return over(session_end::full, std::move(*limit));
    if (const auto next = held_.next_task()) {
      if (auto spent = check_budget(agent_.wish_of(*next).model); is_over(spent)) return spent;
      if (objection_to(next->spec).empty()) {
        const auto untold = agent_.get_ready(*next);
        if (!untold) return start_failed(untold.error());
        // What the preamble came to, and used, decides what follows.
        if (*untold && c_.runs.takes_preamble() && way() != running_way::separate)
          if (auto told = tell_preamble(*next)) return std::move(*told);
      }
      // To start an agent takes time.
      if (c_.stop.stop_requested()) return {};
    }

    begin_request request;
    request.may_end = !lingering();
    auto begun = begin_turn(request);
    if (!begun) return lost(begun.error());
    switch (begun->what) {
      case begin_outcome::kind::stale:
        return lost_to_another();
      case begin_outcome::kind::none_left:
        if (request.may_end) return over(session_end::finished);
        await_straggler();
        return {};
      case begin_outcome::kind::begun:
        break;
    }
    return take_turn(*begun);
  }

  result<begin_outcome> begin_turn(begin_request request) {
    request.process = std::max<std::int64_t>(1, agent_.process());
    request.process_turn = agent_.next_turn();
    return persist([&] { return held_.begin_turn(request); }, c_.stop, tell());
  }

  // A turn of the preamble; nothing if there is no task any more that it would be told for.
  std::optional<ending> tell_preamble(const task_record& task) {
    begin_request request;
    request.preamble = true;
    const auto begun = begin_turn(request);
    if (!begun) return lost(begun.error());
    if (begun->what == begin_outcome::kind::stale) return lost_to_another();
    if (begun->what == begin_outcome::kind::none_left) return std::nullopt;
    turn_ = &begun->turn;
    emit({.what = engine_event::kind::turn_started, .session = session(), .turn = turn_});
    const auto interrupt = monitor_.begin(task.spec.id);
    turn_report report = send(make_preamble_request(*begun, shared_), c_.options.turn_limit, interrupt);
    // It was asked for nothing: whatever it answers, it has been told.
    if (settles(report.what.end)) {
      report.what.end = turn_end::done;
      agent_.talk().hold_preamble();
      if (way() == running_way::fork) agent_.talk().set_checkpoint();
    }
    const bool may_go_on =
        report.what.end == turn_end::done || report.what.end == turn_end::stopped || is_fruitless(report);
    auto ended = end_turn(begun->turn, std::move(report));
    if (!may_go_on && !is_over(ended))
      return over(session_end::agent_lost, "the agent did not take the batch's preamble");
    return ended;
  }

  std::string objection_to(const task_spec& task) const {
    if (!task.check.empty() && !c_.options.allow_checks)
      return "the task has a check, and this engine may not run any; start it with --allow-checks, or leave the check "
             "out";
    return c_.runs.objection(task);
  }

  ending take_turn(const begin_outcome& begun) {
    turn_ = &begun.turn;
    task_ = &begun.task;
    emit({.what = engine_event::kind::turn_started, .session = session(), .turn = turn_, .task = task_});
    const task_spec& spec = begun.task.spec;
    if (auto why_not = objection_to(spec); !why_not.empty())
      return end_turn(begun.turn, {failed_turn(turn_end::denied, "not_allowed", std::move(why_not))});
    // The queue may have changed since it was looked at; the turn is given back, and taken again with the right agent.
    if (!agent_.is_ready_for(begun.task))
      return end_turn(begun.turn, {failed_turn(turn_end::stopped, "no_agent", "no agent was ready when the task came"),
                                   false, true});
    const bool dirty = witness_.look_before();
    if (dirty && !std::exchange(told_dirty_, true))
      tell_notice("the working tree has changes that are not committed; they cannot be told from the tasks' own later");
    const auto interrupt = monitor_.begin(spec.id);
    const bool untold = c_.batch.has_preamble && !agent_.talk().holds_preamble();
    const auto request = make_turn_request(c_.place.storage(), begun, agent_.talk(), untold ? shared_ : std::string());
    turn_report report = send(request, limit_of(spec), interrupt);
    if (untold && settles(report.what.end)) agent_.talk().hold_preamble();
    report.what = witness_.look_after(std::move(report.what), spec, interrupt);
    if (way() == running_way::separate && settles(report.what.end)) agent_.finish();
    return end_turn(begun.turn, std::move(report));
  }

  turn_report send(const turn_request& request, milliseconds limit, const std::stop_token& interrupt) {
    used_tools_ = false;
    emit({.what = engine_event::kind::prompt,
          .session = session(),
          .turn = turn_,
          .task = task_,
          .text = request.prompt});
    return agent_.run_turn(request, limit, interrupt);
  }

  // Settles a turn, and says what follows.
  ending end_turn(const turn_record& turn, turn_report report) {
    const interruption why = monitor_.end();
    show_wait(std::nullopt);
    const bool stopped_with_agent = was_stopped_with_agent(report);
    if (why == interruption::task_cancelled && report.what.end == turn_end::stopped)
      report.what.end = turn_end::cancelled;
    last_turn_ended_ = steady::now();
    if (settles(report.what.end)) fruitless_in_a_row_ = 0;
    if (why == interruption::none && is_fruitless(report)) take_fruitless(report);
    if (!report.limited) limits_in_a_row_ = 0;
    if (!report.again) given_back_in_a_row_ = 0;
    // If it cannot be stored before a stop, the session row stays live and the turn is recovered from the agent's file.
    auto settled = persist([&] { return held_.settle_turn(turn.turn, report.what); }, c_.stop, tell());
    turn_ = nullptr;
    task_ = nullptr;
    if (!settled) return lost(settled.error());
    if (settled->what == settle_outcome::kind::stale) return lost_to_another();
    emit({.what = engine_event::kind::turn_ended,
          .session = session(),
          .turn = &settled->turn,
          .task = settled->turn.task.empty() ? nullptr : &settled->task});
    if (why != interruption::none || report.what.end != turn_end::stopped || stopped_with_agent) return {};
    if (report.limited) return rest(*report.limited);
    if (report.blocked) return over(session_end::blocked, report.what.detail);
    if (report.again && ++given_back_in_a_row_ <= most_given_back) return {};
    return over(session_end::agent_lost, report.what.detail);
  }

  // A turn that ended with the agent's own error before it answered anything or used a tool.
  [[nodiscard]] bool is_fruitless(const turn_report& report) const {
    const auto& used = report.what.used;
    const bool answered = used ? used->total().output > 0 : used_tools_;
    return report.agent_error && report.what.end == turn_end::broke && !answered;
  }

  // No wording of a provider may burn a queue: such a turn is not charged; the task is tried once more after a rest,
  // and when the next turn ends so, too, the batch is held.
  void take_fruitless(turn_report& report) {
    report.what.end = turn_end::stopped;
    report.limited = provider_limit{std::nullopt, report.what.detail};
    if (++fruitless_in_a_row_ < most_fruitless_turns) return;
    report.limited.reset();
    report.blocked = true;
    report.what.detail += fmt::format(
        " ({} turns in a row ended so before an answer; see to it, then release the batch with execute_queue; "
        "its tasks are still queued)",
        fruitless_in_a_row_);
  }

  // Waits for a limit of the provider to pass, in the session that is there.
  ending rest(const provider_limit& limit) {
    const timestamp now = c_.place.now();
    milliseconds wait = std::min(c_.options.limit_wait * (1 << std::min(limits_in_a_row_, 10)), longest_limit_wait);
    if (limit.until && *limit.until > now)
      wait = std::min(std::max(*limit.until - now + after_limit, limits_in_a_row_ == 0 ? milliseconds{0} : wait),
                      longest_rest);
    ++limits_in_a_row_;
    const session_pause pause{now + wait, limit.reason};
    auto told = persist([&] { return c_.place.storage().set_pause(held_.session().id, pause); }, c_.stop, tell());
    if (!told) return lost(told.error());
    session_record resting = held_.session();
    resting.pause = pause;
    emit({.what = engine_event::kind::paused, .session = &resting});
    await(pause.until);
    held_.give_time(c_.place.now() - now);
    told = persist([&] { return c_.place.storage().set_pause(held_.session().id, std::nullopt); }, c_.stop, tell());
    if (!told) return lost(told.error());
    emit({.what = engine_event::kind::resumed, .session = session()});
    return {};
  }

  // By the calendar: a machine may sleep meanwhile. Without a task there is nothing to wait for.
  void await(timestamp until) {
    constexpr std::chrono::seconds look_again{30};
    std::int64_t seen = c_.place.storage().version();
    while (c_.place.now() < until && held_.next_task() && !monitor_.end_requested() && !c_.stop.stop_requested()) {
      const auto left = std::min<milliseconds>(until - c_.place.now(), look_again);
      seen = c_.place.storage().wait_for_change(seen, steady::now() + left, c_.stop);
    }
  }

  // A batch that was sealed by its very first task keeps its session a little: more tasks may be on their way.
  bool lingering() const {
    return c_.batch.lingers && held_.tasks() > 0 && !c_.stop.stop_requested() &&
           steady::now() < last_turn_ended_ + c_.options.linger;
  }

  void await_straggler() {
    const auto until = last_turn_ended_ + c_.options.linger;
    std::int64_t seen = c_.place.storage().version();
    while (!held_.next_task() && !monitor_.end_requested() && !c_.stop.stop_requested() && steady::now() < until)
      seen = c_.place.storage().wait_for_change(seen, until, c_.stop);
  }

  void pass_on(const agent_news& news) {
    using kind = engine_event::kind;
    const bool is_agents = news.what == agent_news::kind::line || news.what == agent_news::kind::tool;
    if (is_agents) show_wait(std::nullopt);
    switch (news.what) {
      case agent_news::kind::about:
        return keep_facts(news.about);
      case agent_news::kind::line:
        return emit({.what = kind::progress, .session = session(), .turn = turn_, .task = task_, .text = news.text});
      case agent_news::kind::tool:
        used_tools_ = true;
        return emit({.what = kind::tool, .session = session(), .turn = turn_, .task = task_, .text = news.text});
      case agent_news::kind::notice:
        return tell_notice(news.text);
      case agent_news::kind::silent:
        show_wait(session_pause{news.until, std::string(news.text)});
        return tell_notice(news.text);
      case agent_news::kind::retry:
        return show_wait(session_pause{news.until, std::string(news.text)}, true);
    }
  }

  // Only for people: if it cannot be stored now, a later process of the agent says it again.
  void keep_facts(const agent_facts& about) {
    static_cast<void>(c_.place.storage().describe_agent(held_.session().id, about));
    held_.describe(about);
    emit({.what = engine_event::kind::agent_known, .session = session()});
  }

  // For people who ask for the status: what the running turn waits for, or nothing any more.
  void show_wait(const std::optional<session_pause>& wait, bool is_event = false) {
    if (!wait && !shows_wait_) return;
    shows_wait_ = wait.has_value();
    static_cast<void>(c_.place.storage().set_pause(held_.session().id, wait));
    session_record now = held_.session();
    now.pause = wait;
    if (is_event) emit({.what = engine_event::kind::paused, .session = &now});
    if (std::exchange(told_pause_, is_event) && !wait) emit({.what = engine_event::kind::resumed, .session = &now});
  }

  void tell_notice(std::string_view text) {
    emit({.what = engine_event::kind::notice, .session = session(), .turn = turn_, .task = task_, .text = text});
  }

  session_agent agent_;
  turn_witness witness_;
  const turn_record* turn_ = nullptr;  // the running one, for events
  const task_record* task_ = nullptr;
  steady::time_point last_turn_ended_;
  int limits_in_a_row_ = 0;
  int given_back_in_a_row_ = 0;
  int fruitless_in_a_row_ = 0;
  bool used_tools_ = false;  // in the running turn
  bool told_dirty_ = false;
  bool shows_wait_ = false;
  bool told_pause_ = false;  // that wait, as an event
};

}  // namespace

result<session_outcome> run_session(const session_context& context) {
  if (!context.runs.calls_back_with().empty()) return run_prompt_session(context);
  return session_runner(context).run();
}

}  // namespace cobatch
