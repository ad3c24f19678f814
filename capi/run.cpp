// Section 10: running here, and engines in the background.
#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <cobatch/core/text.hpp>
#include <cobatch/prices.hpp>

#include "agents.hpp"
#include "layout.hpp"
#include "os/process.hpp"
#include "place.hpp"
#include "records.hpp"
#include "text.hpp"
#include "time_limit.hpp"

namespace cobatch::capi {
namespace {

verdict take_agents(const cobatch_run_options& c, engine_options& own) {
  if (c.agent_count == 0) return bad_value("no agent was given; make one with cobatch_agent_claude or its like");
  if (c.agents == nullptr) return null_argument("agents of cobatch_run_options");
  for (std::size_t i = 0; i < c.agent_count; ++i) {
    if (c.agents[i] == nullptr) return null_argument("an agent of cobatch_run_options");
    if (!c.agents[i]->home.here()) return forked();
    own.agents.push_back(c.agents[i]->drives);
  }
  return {};
}

verdict take_durations(const cobatch_run_options& c, engine_options& own) {
  if (c.turn_limit_ms < 0 || c.session_limit_ms < 0 || c.check_limit_ms < 0 || c.limit_wait_ms < 0 ||
      c.idle_limit_ms < 0)
    return bad_value(
        "turn_limit_ms, session_limit_ms, check_limit_ms, limit_wait_ms and idle_limit_ms cannot be negative");
  own.turn_limit = duration_or(c.turn_limit_ms, own.turn_limit);
  own.session_limit = duration_or(c.session_limit_ms, own.session_limit);
  own.stop_grace = duration_or(c.stop_grace_ms, own.stop_grace);
  own.linger = duration_or(c.linger_ms, own.linger);
  own.check_limit = duration_or(c.check_limit_ms, own.check_limit);
  own.quiet_after = duration_or(c.quiet_after_ms, own.quiet_after);
  own.limit_wait = duration_or(c.limit_wait_ms, own.limit_wait);
  own.idle_limit = duration_or(c.idle_limit_ms, own.idle_limit);
  return {};
}

verdict take_prices(cobatch_text given, engine_options& own) {
  std::string file;
  if (auto v = take_system_text(given, "prices", file); v.failed()) return v;
  if (file.empty()) return {};
  auto prices = read_price_file(file);
  if (!prices) return prices.error();
  own.prices = std::make_shared<const price_table>(std::move(*prices));
  return {};
}

verdict take_day_budget(const cobatch_budget* given, engine_options& own) {
  std::optional<spending_cap> cap;
  if (auto v = take_budget(given, cap); v.failed()) return v;
  own.day_budget = cap.value_or(spending_cap{});
  const auto& day = own.day_budget;
  if (day.nano_dollars < 0 || day.tokens < 0 || day.time < day.time.zero())
    return bad_value("day_budget is negative; 0 is no limit");
  if (day.nano_dollars > 0 && !own.prices)
    return bad_value("day_budget has dollars, and without prices nobody knows what was spent; give a file of prices");
  return {};
}

verdict take_options(const cobatch_run_options* given, std::shared_ptr<place> at, engine_options& own) {
  cobatch_run_options c;
  if (auto v = take(given, "cobatch_run_options", c); v.failed()) return v;
  if (auto v = take_agents(c, own); v.failed()) return v;
  if (auto v = take_id(c.batch, "batch", own.only); v.failed()) return v;
  std::string folder;
  if (auto v = take_system_text(c.working_directory, "working_directory", folder); v.failed()) return v;
  own.working_directory = folder;
  if (auto v = take_count(c.max_tasks_per_session, "max_tasks_per_session", own.max_tasks_per_session); v.failed())
    return v;
  if (auto v = take_durations(c, own); v.failed()) return v;
  own.allow_checks = c.allow_checks != 0;
  own.wait_for_lock_file = c.wait_for_lock_file != 0;
  if (auto v = take_prices(c.prices, own); v.failed()) return v;
  if (auto v = take_day_budget(c.day_budget, own); v.failed()) return v;
  own.on_event = [at = std::move(at)](const event& happened) { at->tell(happened); };
  return {};
}

verdict give_report(const run_report& ran, cobatch_run_report* to) {
  if (to == nullptr) return {};
  cobatch_run_report own = COBATCH_RUN_REPORT_INIT;
  own.sessions = ran.sessions;
  own.turns = ran.turns;
  own.tasks_done = ran.tasks_done;
  own.tasks_failed = ran.tasks_failed;
  own.tasks_left = ran.tasks_left();
  own.tasks_held = ran.tasks_held();
  const auto why = utf8_prefix(ran.why_left, sizeof own.why_left - 1);
  std::copy(why.begin(), why.end(), own.why_left);
  return give(own, "cobatch_run_report", to);
}

}  // namespace
}  // namespace cobatch::capi

using namespace cobatch::capi;

struct cobatch_engine {
  cobatch::birthplace home;
  std::shared_ptr<place> at;
  cobatch::engine_options options;
  std::stop_source stop, hurry;
  std::atomic<bool> running = true;
  // When it has ended:
  cobatch::result<cobatch::run_report> outcome = cobatch::run_report{};
  std::exception_ptr thrown = {};  // instead of an outcome
  std::jthread thread = {};

  // The thread is waited for as it goes, before all else.
  ~cobatch_engine() {
    stop.request_stop();
    hurry.request_stop();
  }

  // The body of the thread.
  void work() noexcept {
    try {
      outcome = cobatch::run(at->here, options, stop.get_token(), cobatch::run_until::stopped);
      if (!outcome) at->tell({.what = cobatch::event::kind::trouble, .text = outcome.error().message});
    } catch (...) {
      thrown = std::current_exception();
    }
    running = false;
  }
};

cobatch_status cobatch_run(cobatch_workspace* workspace, const cobatch_run_options* options, cobatch_run_report* report,
                           cobatch_error** err) {
  return on_handle(workspace, "workspace", err, [&]() -> verdict {
    if (auto v = give_report({}, report); v.failed()) return v;
    const auto at = workspace->at;
    cobatch::engine_options own;
    if (auto v = take_options(options, at, own); v.failed()) return v;
    const interrupts::call blocked(at->blocked);
    own.hurry = blocked.hurry();
    const auto ready = at->here.prepare_to_run(own.only);
    if (!ready) return ready.error();
    const auto ran = cobatch::run(at->here, own, blocked.stop(), cobatch::run_until::idle);
    if (!ran) return ran.error();
    if (auto v = give_report(*ran, report); v.failed()) return v;
    if (blocked.interrupted())
      return {COBATCH_E_INTERRUPTED, "the run was interrupted; what was not run is still queued"};
    return {};
  });
}

cobatch_status cobatch_engine_start(cobatch_workspace* workspace, const cobatch_run_options* options,
                                    cobatch_engine** engine, cobatch_error** err) {
  if (engine != nullptr) *engine = nullptr;
  return on_handle(workspace, "workspace", err, [&]() -> verdict {
    if (engine == nullptr) return null_argument("engine");
    auto made = std::make_unique<cobatch_engine>();
    made->at = workspace->at;
    if (auto v = take_options(options, workspace->at, made->options); v.failed()) return v;
    made->options.hurry = made->hurry.get_token();
    made->thread = cobatch::start_own_thread([works = made.get()] { works->work(); });
    *engine = made.release();
    return {};
  });
}

int32_t cobatch_engine_is_running(const cobatch_engine* engine) {
  return engine != nullptr && engine->home.here() && engine->running ? 1 : 0;
}

cobatch_status cobatch_engine_stop(cobatch_engine* engine, int32_t at_once, cobatch_run_report* report,
                                   cobatch_error** err) {
  return on_handle(engine, "engine", err, [&]() -> verdict {
    if (auto v = give_report({}, report); v.failed()) return v;
    engine->stop.request_stop();
    if (at_once != 0) engine->hurry.request_stop();
    if (engine->thread.joinable()) engine->thread.join();
    if (engine->thrown) std::rethrow_exception(engine->thrown);
    if (!engine->outcome) return engine->outcome.error();
    return give_report(*engine->outcome, report);
  });
}

void cobatch_engine_free(cobatch_engine* engine) { free_handle(engine); }
