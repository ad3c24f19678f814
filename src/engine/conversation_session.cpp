// A session in which the agent takes one task after another in a conversation, a turn each.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "agents/turn_outcome.hpp"
#include "engine/conversation.hpp"
#include "engine/engine_session.hpp"
#include "engine/turn_check.hpp"
#include "engine/turn_request.hpp"
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

class conversation_session final : public engine_session {
 public:
  explicit conversation_session(const session_claim& claim)
      : engine_session(claim), talk_(strategy()), check_(options_, place_.paths(), working_directory_, folder_) {}

 private:
  ending prepare() override {
    if (strategy() == running_way::fork && !(runs_.can_fork() && batch_.has_preamble))
      return over(session_end::blocked, why_no_fork());
    if (strategy() == running_way::one_session)
      if (auto earlier = find_resumable(place_, session())) {
        talk_ = std::move(earlier->talk);
        earlier_folder_ = std::move(earlier->folder);
      }
    return {};
  }

  running_way strategy() const { return batch_.settings.way.value_or(running_way::one_session); }

  std::string why_no_fork() const {
    if (!batch_.has_preamble)
      return "the batch is to run as a fork, and has no preamble to fork from; give it one, or another way";
    return fmt::format("the batch is to run as a fork, which agent {} cannot do; give it another way, or another agent",
                       runs_.name());
  }

  // One turn, or the reason to end.
  ending step() override {
    if (auto ok = place_.check_in_place(); !ok) return lost(ok.error());
    if (stop_.stop_requested()) return over(session_end::stopped, "the engine was asked to stop");
    if (monitor_.end_requested()) return over(session_end::cancelled, std::string(end_was_requested));
    if (auto limit = live_.full()) return over(session_end::full, std::move(*limit));
    if (const auto next = live_.next_task()) {
      if (auto spent = check_budget(wish_of(*next).model); is_over(spent)) return spent;
      if (objection_to(next->spec).empty()) {
        if (auto ready = get_ready(*next); !ready) return start_failed(ready.error());
        // What the preamble came to, and used, decides what follows.
        if (lacks_preamble() && runs_.takes_preamble() && strategy() != running_way::separate)
          if (auto told = take_preamble_turn(*next)) return std::move(*told);
      }
      // To start an agent takes time.
      if (stop_.stop_requested()) return {};
    }

    begin_request request;
    request.may_end = !lingering();
    auto begun = begin_turn(request);
    if (!begun) return lost(begun.error());
    switch (begun->what) {
      case begin_outcome::kind::stale: return lost_to_another();
      case begin_outcome::kind::none_left:
        if (request.may_end) return over(session_end::finished);
        await_straggler();
        return {};
      case begin_outcome::kind::begun: break;
    }
    return take_turn(*begun);
  }

  // ------------------------------------------------------------------------------------ the agent's conversation

  // What the task wants of the agent, by itself or by its batch.
  conversation_wish wish_of(const task_record& task) const {
    return {task.spec.id, task.spec.model.empty() ? batch_.settings.model : task.spec.model, task.spec.tools};
  }

  bool lacks_preamble() const { return batch_.has_preamble && !talk_.holds_preamble(); }

  // Brings a process to where the task can be sent. Errors: the agent's start.
  result<void> get_ready(const task_record& task) {
    const auto wish = wish_of(task);
    auto step = talk_.before(wish, process_ != nullptr);
    if (step == conversation_step::clear || step == conversation_step::begin) tell_reload(wish);
    if (step == conversation_step::clear && !process_->clear()) step = conversation_step::begin;
    if (step != conversation_step::clear && step != conversation_step::go_on)
      if (auto started = start_agent(step, wish); !started) return started;
    if (step != conversation_step::go_on) talk_.taken(step, wish);
    ready_for_ = wish.task;
    return {};
  }

  // True if `get_ready` was called for this very task, and its turn has not run since; or if it has nothing to do.
  bool is_ready_for(const task_record& task) const {
    if (!process_) return false;
    if (ready_for_ == task.spec.id) return true;
    return talk_.before(wish_of(task), true) == conversation_step::go_on && !lacks_preamble();
  }

  // What a reload costs is paid: people are told why.
  void tell_reload(const conversation_wish& wish) {
    if (processes_ == 0 || strategy() != running_way::one_session) return;
    tell_notice(talk_.is_broken()
                    ? "the turn before came to nothing; the conversation is begun anew, and loads its context again"
                    : fmt::format("task {} runs in a conversation of its own, which loads its context again{}",
                                  wish.task.str(), wish.model.empty() ? "" : " (model " + wish.model + ")"));
  }

  result<void> start_agent(conversation_step step, const conversation_wish& wish) {
    end_agent();
    session_start start = common_start();
    start.process = processes_ + 1;
    start.model = wish.model;
    start.tools = wish.tools;
    start.fork = step == conversation_step::fork;
    if (start.fork) start.conversation = talk_.checkpoint();
    if (step == conversation_step::resume) {
      start.conversation = talk_.id();
      start.earlier_folder = earlier_folder_;
    }
    auto started = runs_.start(start);
    if (!started) return fail(started.error());
    process_ = std::move(*started);
    ++processes_;
    process_turns_ = 0;
    return {};
  }

  turn_report send(const turn_request& request, milliseconds limit, const std::stop_token& interrupt) {
    used_tools_ = false;
    emit({.what = event::kind::prompt, .text = request.prompt});
    ++process_turns_;
    if (!request.task.empty()) ready_for_.reset();
    turn_report report = process_->run_turn(request, limit, interrupt);
    talk_.turn_ended(request.task, report, process_->conversation());
    if (!report.usable) end_agent();
    return report;
  }

  void end_agent() override {
    if (process_) process_->finish();
    process_.reset();
  }

  // --------------------------------------------------------------------------------------------------- one turn

  result<begin_outcome> begin_turn(begin_request request) {
    request.process = std::max<std::int64_t>(1, processes_);
    request.process_turn = process_turns_ + 1;
    return persist([&] { return live_.begin_turn(request); });
  }

  // A turn of the preamble; nothing if no task is left that it would be told for.
  std::optional<ending> take_preamble_turn(const task_record& task) {
    begin_request request;
    request.preamble = true;
    const auto begun = begin_turn(request);
    if (!begun) return lost(begun.error());
    if (begun->what == begin_outcome::kind::stale) return lost_to_another();
    if (begun->what == begin_outcome::kind::none_left) return std::nullopt;
    turn_ = begun->turn;
    emit({.what = event::kind::turn_started});
    const auto interrupt = monitor_.begin(task.spec.id);
    turn_report report = send(make_preamble_request(*begun, preamble_), options_.turn_limit, interrupt);
    // It was asked for nothing: whatever it answers, it has been told.
    if (settles(report.what.end)) {
      report.what.end = turn_end::done;
      talk_.hold_preamble();
      if (strategy() == running_way::fork) talk_.set_checkpoint();
    }
    const bool may_go_on =
        report.what.end == turn_end::done || report.what.end == turn_end::stopped || is_fruitless(report);
    auto ended = end_turn(begun->turn, std::move(report));
    if (!may_go_on && !is_over(ended))
      return over(session_end::agent_lost, "the agent did not take the batch's preamble");
    return ended;
  }

  std::string objection_to(const task_spec& task) const {
    if (!task.check.empty() && !options_.allow_checks)
      return "the task has a check, and this engine may not run any; start it with --allow-checks, or leave the check "
             "out";
    return runs_.objection(task);
  }

  ending take_turn(const begin_outcome& begun) {
    turn_ = begun.turn;
    task_ = begun.task;
    emit({.what = event::kind::turn_started});
    const task_spec& spec = begun.task.spec;
    if (auto why_not = objection_to(spec); !why_not.empty())
      return end_turn(begun.turn, {failed_turn(turn_end::denied, "not_allowed", std::move(why_not))});
    // The queue may have changed since it was looked at; the turn is given back, and taken again with the right agent.
    if (!is_ready_for(begun.task))
      return end_turn(begun.turn, {failed_turn(turn_end::stopped, "no_agent", "no agent was ready when the task came"),
                                   false, true});
    const bool dirty = check_.look_before();
    if (dirty && !std::exchange(told_dirty_, true))
      tell_notice("the working tree has changes that are not committed; they cannot be told from the tasks' own later");
    const auto interrupt = monitor_.begin(spec.id);
    const bool untold = lacks_preamble();
    const auto request = make_turn_request(storage(), begun, talk_, untold ? preamble_ : std::string());
    turn_report report = send(request, limit_of(spec), interrupt);
    if (untold && settles(report.what.end)) talk_.hold_preamble();
    report.what = check_.look_after(std::move(report.what), spec, interrupt);
    if (strategy() == running_way::separate && settles(report.what.end)) end_agent();
    return end_turn(begun.turn, std::move(report));
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
    auto settled = persist([&] { return live_.settle_turn(turn.turn, report.what); });
    turn_.reset();
    task_.reset();
    if (!settled) return lost(settled.error());
    if (settled->what == settle_outcome::kind::stale) return lost_to_another();
    event ended{.what = event::kind::turn_ended, .turn = settled->turn};
    if (!settled->turn.task.empty()) ended.task = settled->task;
    emit(std::move(ended));
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

  // ------------------------------------------------------------------------------------------------------ waits

  // Waits for a limit of the provider to pass, in the session that is there.
  ending rest(const provider_limit& limit) {
    const timestamp now = place_.now();
    milliseconds wait = std::min(options_.limit_wait * (1 << std::min(limits_in_a_row_, 10)), longest_limit_wait);
    if (limit.until && *limit.until > now)
      wait = std::min(std::max(*limit.until - now + after_limit, limits_in_a_row_ == 0 ? milliseconds{0} : wait),
                      longest_rest);
    ++limits_in_a_row_;
    const session_pause pause{now + wait, limit.reason};
    auto stored = persist([&] { return storage().set_pause(session().id, pause); });
    if (!stored) return lost(stored.error());
    emit_paused(pause);
    await(pause.until);
    live_.give_time(place_.now() - now);
    stored = persist([&] { return storage().set_pause(session().id, std::nullopt); });
    if (!stored) return lost(stored.error());
    emit({.what = event::kind::resumed});
    return {};
  }

  void emit_paused(const session_pause& pause) {
    session_record resting = session();
    resting.pause = pause;
    emit({.what = event::kind::paused, .session = std::move(resting), .text = pause.reason, .until = pause.until});
  }

  // By the calendar: a machine may sleep meanwhile. Without a task there is nothing to wait for.
  void await(timestamp until) {
    constexpr std::chrono::seconds look_again{30};
    std::int64_t seen = storage().version();
    while (place_.now() < until && live_.next_task() && !monitor_.end_requested() && !stop_.stop_requested()) {
      const auto left = std::min<milliseconds>(until - place_.now(), look_again);
      seen = storage().wait_for_change(seen, steady::now() + left, stop_);
    }
  }

  // A batch that was sealed by its very first task keeps its session a little: more tasks may be on their way.
  bool lingering() const {
    return batch_.lingers && live_.tasks() > 0 && !stop_.stop_requested() &&
           steady::now() < last_turn_ended_ + options_.linger;
  }

  void await_straggler() {
    const auto until = last_turn_ended_ + options_.linger;
    std::int64_t seen = storage().version();
    while (!live_.next_task() && !monitor_.end_requested() && !stop_.stop_requested() && steady::now() < until)
      seen = storage().wait_for_change(seen, until, stop_);
  }

  // ----------------------------------------------------------------------------------------------------- events

  void on_agent_event(const event& happened) override {
    switch (happened.what) {
      case event::kind::agent_known: return keep_facts(happened.about);
      case event::kind::paused:
        return show_wait(session_pause{happened.until.value_or(place_.now()), happened.text}, true);
      case event::kind::notice:
        if (happened.until) show_wait(session_pause{*happened.until, happened.text});
        return tell_notice(happened.text);
      default:
        used_tools_ = used_tools_ || happened.what == event::kind::tool;
        show_wait(std::nullopt);  // it works
        return emit(happened);
    }
  }

  // Only for people: if it cannot be stored now, a later process of the agent says it again.
  void keep_facts(const agent_facts& about) {
    static_cast<void>(storage().describe_agent(session().id, about));
    live_.describe(about);
    emit({.what = event::kind::agent_known, .about = about});
  }

  // For people who ask for the status: what the running turn waits for, or nothing any more.
  void show_wait(const std::optional<session_pause>& wait, bool is_event = false) {
    if (!wait && !shows_wait_) return;
    shows_wait_ = wait.has_value();
    static_cast<void>(storage().set_pause(session().id, wait));
    if (is_event) emit_paused(*wait);
    if (std::exchange(told_pause_, is_event) && !wait) emit({.what = event::kind::resumed});
  }

  void tell_notice(std::string text) { emit({.what = event::kind::notice, .text = std::move(text)}); }

  conversation talk_;
  std::unique_ptr<agent_session> process_;
  std::int64_t processes_ = 0;      // started so far
  std::int64_t process_turns_ = 0;  // of the running one
  std::optional<task_id> ready_for_;
  std::filesystem::path earlier_folder_;  // of the session that had the conversation before
  turn_check check_;

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

result<session_outcome> run_conversation_session(const session_claim& claim) {
  return conversation_session(claim).run();
}

}  // namespace cobatch
