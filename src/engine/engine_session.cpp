#include "engine/engine_session.hpp"

#include "engine/budget.hpp"
#include "engine/session_folders.hpp"
#include "engine/turn_request.hpp"
#include "os/files.hpp"
#include "store/store.hpp"

namespace cobatch {

engine_session::engine_session(const session_claim& claim)
    : place_(claim.place),
      options_(claim.options),
      runs_(claim.runs),
      batch_(claim.batch),
      stop_(claim.stop),
      live_(claim.place, claim.lock, claim.session, {options_.max_tasks_per_session, options_.session_limit}),
      monitor_(claim.place.storage(), claim.session.id, claim.stop, options_.stop_grace, options_.hurry),
      folder_(session_folder(claim.place.paths(), claim.session.id)),
      working_directory_(agent_folder(options_, claim.place.paths())),
      guard_(claim.lock.descriptor()) {}

result<session_outcome> engine_session::run() {
  ending why = begin();
  if (!is_over(why)) {
    emit({.what = event::kind::session_started, .batch = batch_});
    while (!is_over(why)) why = step();
  }
  end_agent();
  if (why.lost) return fail(*why.lost);
  return finish(*why.reason, why.detail);
}

engine_session::ending engine_session::begin() {
  if (auto signed_in = live_.sign(); !signed_in) return over(session_end::not_started, signed_in.error().message);
  if (auto made = make_folder(folder_, 0700); !made) return over(session_end::not_started, made.error().message);
  if (batch_.has_preamble) {
    auto text = read_preamble_of(storage(), batch_.id, working_directory_);
    if (!text) return over(session_end::blocked, text.error().message);
    preamble_ = std::move(*text);
  }
  return prepare();
}

engine_session::ending engine_session::lost_to_another() {
  return lost({errc::stale_session, "the session was ended by somebody else"});
}

engine_session::ending engine_session::start_failed(const error& e) {
  start_error_ = e;
  const bool needs_a_person = e.code == errc::agent_missing || e.code == errc::keeper_missing;
  return over(needs_a_person ? session_end::blocked : session_end::agent_lost, e.message);
}

engine_session::ending engine_session::check_budget(std::string_view model) {
  const auto of_day = day_is_spent(place_, options_, model);
  if (of_day && *of_day) return over(session_end::stopped, of_day.value()->detail);
  const auto of_batch = batch_is_spent(place_, batch_.id, options_, model);
  if (of_batch && *of_batch) return over(of_batch.value()->why, of_batch.value()->detail);
  for (const auto* asked : {&of_day, &of_batch})
    if (!*asked) {
      const error& e = asked->error();
      return e.code == errc::unpriced_model ? over(session_end::blocked, e.message) : lost(e);
    }
  return {};
}

bool engine_session::was_stopped_with_agent(turn_report& report) const {
  constexpr std::chrono::seconds same_moment{1};
  if (!report.killed || report.what.end != turn_end::broke) return false;
  pause_for(same_moment, stop_);
  if (!stop_.stop_requested()) return false;
  report.what.end = turn_end::stopped;
  report.what.detail += "; the engine was asked to stop in the same moment, so no attempt is charged";
  return true;
}

std::chrono::milliseconds engine_session::limit_of(const task_spec& task) const {
  return task.limit.count() > 0 ? task.limit : options_.turn_limit;
}

session_start engine_session::common_start() {
  session_start start;
  start.session = session().id;
  start.batch = session().batch;
  start.working_directory = working_directory_;
  start.folder = folder_;
  start.guard = guard_;
  start.record = [this](const process_identity& keeper, const process_identity& agent) {
    return live_.record_agent(keeper, agent);
  };
  start.on_event = [this](const event& happened) { on_agent_event(happened); };
  start.quiet_after = options_.quiet_after;
  start.idle_limit = options_.idle_limit;
  return start;
}

result<session_outcome> engine_session::finish(session_end reason, const std::string& detail) {
  if (auto removed = live_.remove_lock_file(); !removed)
    emit({.what = event::kind::trouble, .text = removed.error().message});
  auto ended = persist([&] { return live_.end(reason, detail); });
  if (!ended) return fail(ended.error());
  remove_old_session_folders(place_);
  emit({.what = event::kind::session_ended});
  return session_outcome{std::move(*ended), live_.turns(), start_error_};
}

void engine_session::emit(event happened) {
  if (!options_.on_event) return;
  if (!happened.session) happened.session = session();
  if (!happened.turn) happened.turn = turn_;
  if (!happened.task) happened.task = task_;
  const std::lock_guard lock(telling_);
  options_.on_event(happened);
}

result<session_outcome> run_session(const session_claim& claim) {
  return claim.runs.calls_back_with().empty() ? run_conversation_session(claim) : run_prompt_session(claim);
}

}  // namespace cobatch
