#include "engine/engine.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <cobatch/engine.hpp>

#include "engine/budget.hpp"
#include "engine/change_signal.hpp"
#include "engine/engine_session.hpp"
#include "engine/persist.hpp"
#include "engine/recovery.hpp"
#include "os/guard.hpp"
#include "os/process.hpp"
#include "os/watch.hpp"
#include "store/store.hpp"
#include "workspace/lock.hpp"

namespace cobatch {

namespace {

using steady = std::chrono::steady_clock;

// An idle engine looks again this often even if nothing wakes it: for batches whose hold is over.
constexpr std::chrono::seconds idle_tick{15};
// A foreign marker's going is not notified everywhere.
constexpr std::chrono::milliseconds marker_tick{250};
// Failures in a row after which an engine that runs until it is idle gives up.
constexpr int failures_when_idle = 5;

// Failures after which an engine can do nothing useful any more.
bool is_final(errc code) {
  return code == errc::workspace_replaced || code == errc::storage_fault || code == errc::store_damaged ||
         code == errc::store_newer || code == errc::unsafe_file;
}

std::vector<std::string> names_of(const engine_options& options) {
  std::vector<std::string> names;
  for (const auto& a : options.agents) names.emplace_back(a->name());
  return names;
}

class engine {
 public:
  engine(workspace& place, const engine_options& options, std::stop_token stop, run_until until, wake_signal& wake)
      : place_(place), options_(options), stop_(std::move(stop)), until_(until), wake_(wake) {
    options_.on_event = [this, tell = options.on_event](const event& happened) {
      note(happened);
      if (tell) tell(happened);
    };
    serves_.names = names_of(options_);
    serves_.default_agent = serves_.names.front();
  }

  result<run_report> run() {
    // What an earlier session left is put in order even if there is nothing to run.
    next after = attempt(true);
    std::chrono::milliseconds trouble_wait{500};
    int failures = 0;
    while (!stop_.stop_requested()) {
      if (after.failed) {
        const bool given_up = until_ == run_until::idle && ++failures == failures_when_idle;
        if (given_up || is_final(after.failed->code)) return fail(*after.failed);
        tell(event::kind::trouble, after.failed->message);
        pause_for(trouble_wait, stop_);
        trouble_wait = std::min<std::chrono::milliseconds>(trouble_wait * 2, std::chrono::seconds{30});
      } else {
        trouble_wait = std::chrono::milliseconds{500};
        failures = 0;
        if (after.idle && until_ == run_until::idle) break;
        if (after.wait) wait_for(after);
      }
      after = attempt(false);
    }
    for (const auto& w : place_.refresh_views()) tell(event::kind::trouble, w.message);
    const bool could_not_start = until_ == run_until::idle && report_.turns == 0 && start_error_;
    if (could_not_start && !stop_.stop_requested()) return fail(*start_error_);
    if (auto looked = look_for_left(); !looked) return fail(looked.error());
    return report_;
  }

 private:
  // What one attempt came to.
  struct next {
    std::optional<error> failed;
    bool idle = false;  // nothing to run for this engine
    bool wait = false;  // until something changes; with `holder`: until the guard may be free
    std::optional<guard_record> holder;
    std::chrono::milliseconds at_most = idle_tick;
  };
  static next failure(error e) {
    next n;
    n.failed = std::move(e);
    return n;
  }
  static next nothing_to_do() {
    next n;
    n.idle = n.wait = true;
    return n;
  }

  // For the report.
  void note(const event& happened) {
    if (happened.what == event::kind::waiting) why_waiting_ = happened.text;
    if (happened.what == event::kind::session_started) why_waiting_.clear();
    if (happened.what != event::kind::turn_ended || !happened.task || !has_ended(happened.task->state)) return;
    ++(happened.task->state == task_state::done ? report_.tasks_done : report_.tasks_failed);
  }

  result<void> look_for_left() {
    std::vector<batch_record> all;
    if (options_.only) {
      auto batch = place_.storage().find_batch(*options_.only);
      if (!batch) return fail(batch.error());
      if (*batch) all.push_back(std::move(**batch));
    } else {
      auto seen = place_.storage().read_overview();
      if (!seen) return fail(seen.error());
      all = std::move(seen->unfinished);
    }
    for (auto& batch : all)
      if (batch.state != batch_state::open && batch.state != batch_state::finished && live_tasks(batch) > 0)
        report_.left.push_back(std::move(batch));
    if (!report_.left.empty()) report_.why_left = why_left();
    return {};
  }

  std::string why_left() const {
    if (stop_.stop_requested()) return "the run was asked to stop";
    if (!why_waiting_.empty()) return why_waiting_;
    for (const auto& batch : report_.left)
      if (batch.state == batch_state::held)
        return fmt::format("batch \"{}\" is held because {}", batch.id.str(), batch.hold_reason);
    for (const auto& batch : report_.left)
      if (batch.state == batch_state::running || batch.state == batch_state::ending)
        return fmt::format("another session runs batch \"{}\"", batch.id.str());
    for (const auto& batch : report_.left)
      if (!serves_.serves(batch.agent))
        return fmt::format("batch \"{}\" is for agent \"{}\", which this run does not serve", batch.id.str(),
                           batch.agent);
    return last_detail_;
  }

  // Looks for work; if there is some, and the guard is free, runs one session.
  next attempt(bool tidy) {
    wake_.clear();
    if (auto ok = place_.check_in_place(); !ok) return failure(ok.error());
    const auto work = has_work();
    if (!work) return failure(work.error());
    if (*work == work_state::none && !tidy) return nothing_to_do();

    auto lock = guard::open(place_.paths().state);
    if (!lock) return failure(lock.error());
    const auto got = lock->try_acquire();
    if (!got) return failure(got.error());
    if (!*got) return *work == work_state::none ? nothing_to_do() : wait_for_holder(*lock, *work);
    return with_guard(*lock);
  }

  enum class work_state {
    none,
    session,  // no batch for us, but a session row is live: running elsewhere, or dead with its batch
    batch,
  };
  result<work_state> has_work() {
    if (options_.only) {
      const auto batch = place_.storage().find_batch(*options_.only);
      if (!batch) return fail(batch.error());
      const bool some = *batch && (*batch)->state != batch_state::finished && (*batch)->state != batch_state::open;
      return some ? work_state::batch : work_state::none;
    }
    const auto some = place_.storage().has_work(serves_);
    if (!some) return fail(some.error());
    if (*some) return work_state::batch;
    const auto live = place_.storage().find_live_session();
    if (!live) return fail(live.error());
    return *live ? work_state::session : work_state::none;
  }

  next wait_for_tomorrow(const std::string& spent) {
    if (!std::exchange(told_spent_, true)) tell(event::kind::waiting, spent);
    return nothing_to_do();
  }

  next wait_for_holder(const guard& lock, work_state work) {
    next n;
    n.wait = true;
    report_.behind_lock_file = false;
    const auto record = lock.read_record();
    if (record && *record) n.holder = std::move(*record);
    // The batch of a living orchestrator is its own affair; that of a dead one falls to us when its keeper is done.
    n.idle = work == work_state::session && !(n.holder && liveness_of(n.holder->owner) == liveness::dead);
    if (!n.holder) n.at_most = marker_tick;
    if (!n.idle && !std::exchange(told_waiting_, true))
      tell(event::kind::waiting, "another session runs in this workspace; waiting for it to end");
    return n;
  }

  next with_guard(guard& lock) {
    told_waiting_ = false;
    const auto seen = clear_the_way(place_, lock, options_, stop_, [this](const session_record& dead) {
      options_.on_event({.what = event::kind::recovered, .session = dead});
    });
    if (!seen) return failure(seen.error());
    report_.behind_lock_file = seen->facts.marker == marker_state::foreign;
    if (report_.behind_lock_file) return wait_for_marker(*seen);
    told_foreign_ = false;
    why_waiting_.clear();
    return stop_.stop_requested() ? next{} : claim_and_run(lock, *seen);
  }

  // What a dead session left is in order by now: no budget is needed for that.
  std::optional<next> check_day() {
    const auto work = has_work();
    if (!work) return failure(work.error());
    if (*work != work_state::batch) return nothing_to_do();
    const auto spent = day_is_spent(place_, options_);
    if (!spent) return failure(spent.error());
    if (*spent) return wait_for_tomorrow((*spent)->detail);
    told_spent_ = false;
    return std::nullopt;
  }

  // A foreign marker is honoured: the session does not begin while it is there, and nobody knows how long that will be.
  // The guard is let go meanwhile.
  next wait_for_marker(const lock_view& seen) {
    if (!std::exchange(told_foreign_, true)) tell(event::kind::waiting, advice_on(seen, place_.paths()));
    next n;
    n.wait = true;
    n.idle = !options_.wait_for_lock_file;
    n.at_most = marker_tick;
    return n;
  }

  next claim_and_run(guard& lock, const lock_view& seen) {
    if (auto not_today = check_day()) return std::move(*not_today);
    const claim_request request = new_claim(seen, serves_, options_.only);
    auto claimed = persist([&] { return place_.storage().claim(request); }, stop_,
                           [this](const error& e) { tell(event::kind::trouble, e.message); });
    if (!claimed) return failure(claimed.error());
    if (claimed->what == claim_outcome::kind::nothing) return nothing_to_do();
    if (claimed->what == claim_outcome::kind::session_live) return {};
    return run_claimed(lock, *claimed, request.nonce);
  }

  next run_claimed(guard& lock, const claim_outcome& claimed, const std::string& nonce) {
    const auto runs = std::find_if(options_.agents.begin(), options_.agents.end(),
                                   [&](const auto& a) { return a->name() == claimed.session.agent; });
    if (runs == options_.agents.end())
      return failure({errc::internal, "claimed a batch for an agent that this engine does not serve"});
    const session_claim claim{place_, options_, lock, **runs, claimed.session, claimed.batch, stop_, nonce};
    auto ended = run_session(claim);
    if (!ended) return failure(ended.error());
    ++report_.sessions;
    report_.turns += ended->turns;
    start_error_ = ended->start_error;
    last_detail_ = ended->session.end_detail;
    if (auto released = lock.release(); !released) return failure(released.error());
    for (const auto& w : place_.refresh_views_soon()) tell(event::kind::trouble, w.message);
    if (ended->session.end == session_end::not_started) return failure({errc::io_error, ended->session.end_detail});
    return {};
  }

  void wait_for(const next& n) {
    const auto deadline = steady::now() + n.at_most;
    if (n.holder)
      wait_for_guard(*n.holder, deadline, stop_, wake_.descriptor());
    else
      wait_readable({wake_.descriptor()}, deadline);
  }

  void tell(event::kind what, std::string text) const { options_.on_event({.what = what, .text = std::move(text)}); }

  workspace& place_;
  engine_options options_;  // `on_event` also notes what happens
  std::stop_token stop_;
  run_until until_;
  wake_signal& wake_;
  served_agents serves_;
  run_report report_;
  std::optional<error> start_error_;  // of the latest session
  std::string last_detail_;           // the same
  std::string why_waiting_;           // empty if it waited for nothing since its latest session
  bool told_waiting_ = false;
  bool told_foreign_ = false;
  bool told_spent_ = false;
};

}  // namespace

result<presence> announce_engine(workspace& place, const engine_options& options) {
  if (options.agents.empty())
    return fail(errc::bad_value, "no agent was given; name at least one, such as make_claude_agent({})");
  if (auto ok = place.check_in_place(); !ok) return fail(ok.error());  // before anything is made there
  return presence::announce(place.paths().state, names_of(options));
}

result<run_report> run_announced(workspace& place, const engine_options& options, presence /*here*/,
                                 std::stop_token stop, run_until until) {
  auto wake = wake_signal::make();
  if (!wake) return fail(wake.error());
  engine works(place, options, stop, until, *wake);
  const change_signal changes(place.storage(), *wake, stop);
  return works.run();
}

result<run_report> v1::run(workspace& place, const engine_options& options, std::stop_token stop, run_until until) {
  auto here = announce_engine(place, options);
  if (!here) return fail(here.error());
  return run_announced(place, options, std::move(*here), std::move(stop), until);
}

}  // namespace cobatch
