#include "engine/session_frame.hpp"

#include <utility>

#include "engine/agent_folder.hpp"
#include "engine/budget.hpp"
#include "engine/persist.hpp"
#include "engine/preamble_text.hpp"
#include "engine/session_folders.hpp"
#include "os/files.hpp"
#include "store/store.hpp"

namespace cobatch {

session_frame::session_frame(const session_context& context)
    : c_(context),
      held_(context.place, context.lock, context.session,
            {context.options.max_tasks_per_session, context.options.session_limit}),
      monitor_(context.place.storage(), context.session.id, context.stop, context.options.stop_grace,
               context.options.hurry),
      folder_(session_folder(context.place.paths(), context.session.id)),
      working_directory_(agent_folder(context.options, context.place.paths())) {}

result<session_outcome> session_frame::run() {
  ending why = begin();
  if (!is_over(why)) {
    emit({.what = engine_event::kind::session_started, .session = session(), .batch = &c_.batch});
    while (!is_over(why)) why = step();
  }
  end_agent();
  if (why.lost) return fail(*why.lost);
  return finish(*why.reason, why.detail);
}

session_frame::ending session_frame::begin() {
  if (auto marks = held_.sign(); !marks) return over(session_end::not_started, marks.error().message);
  if (auto made = make_folder(folder_, 0700); !made) return over(session_end::not_started, made.error().message);
  if (c_.batch.has_preamble) {
    auto text = read_preamble_of(c_.place.storage(), c_.batch.id, working_directory_);
    if (!text) return over(session_end::blocked, text.error().message);
    shared_ = std::move(*text);
  }
  return prepare();
}

session_frame::ending session_frame::lost_to_another() {
  return lost({errc::stale_session, "the session was ended by somebody else"});
}

session_frame::ending session_frame::start_failed(const error& e) {
  start_error_ = e;
  const bool needs_a_person = e.code == errc::agent_missing || e.code == errc::keeper_missing;
  return over(needs_a_person ? session_end::blocked : session_end::agent_lost, e.message);
}

session_frame::ending session_frame::check_budget(std::string_view model) {
  const auto of_day = day_is_spent(c_.place, c_.options, model);
  if (of_day && *of_day) return over(session_end::stopped, of_day.value()->detail);
  const auto of_batch = batch_is_spent(c_.place, c_.batch.id, c_.options, model);
  if (of_batch && *of_batch) return over(of_batch.value()->why, of_batch.value()->detail);
  for (const auto* asked : {&of_day, &of_batch})
    if (!*asked) {
      const error& e = asked->error();
      return e.code == errc::unpriced_model ? over(session_end::blocked, e.message) : lost(e);
    }
  return {};
}

bool session_frame::was_stopped_with_agent(turn_report& report) const {
  constexpr std::chrono::seconds same_moment{1};
  if (!report.killed || report.what.end != turn_end::broke) return false;
  pause_for(same_moment, c_.stop);
  if (!c_.stop.stop_requested()) return false;
  report.what.end = turn_end::stopped;
  report.what.detail += "; the engine was asked to stop in the same moment, so no attempt is charged";
  return true;
}

std::chrono::milliseconds session_frame::limit_of(const task_spec& task) const {
  return task.limit.count() > 0 ? task.limit : c_.options.turn_limit;
}

session_start session_frame::common_start(std::function<void(const agent_news&)> on_news) {
  session_start how;
  how.session = session()->id;
  how.batch = session()->batch;
  how.working_directory = working_directory_;
  how.folder = folder_;
  how.guard = c_.lock.descriptor();
  how.record = [this](const process_identity& keeper, const process_identity& agent) {
    return held_.record_agent(keeper, agent);
  };
  how.on_news = std::move(on_news);
  how.quiet_after = c_.options.quiet_after;
  how.idle_limit = c_.options.idle_limit;
  return how;
}

result<session_outcome> session_frame::finish(session_end reason, const std::string& detail) {
  if (auto removed = held_.remove_marker(); !removed)
    emit({.what = engine_event::kind::trouble, .session = session(), .text = removed.error().message});
  auto ended = persist([&] { return held_.end(reason, detail); }, c_.stop, tell());
  if (!ended) return fail(ended.error());
  remove_old_session_folders(c_.place);
  emit({.what = engine_event::kind::session_ended, .session = session()});
  return session_outcome{std::move(*ended), held_.turns(), start_error_};
}

void session_frame::emit(const engine_event& event) {
  const std::lock_guard lock(telling_);
  if (c_.options.on_event) c_.options.on_event(event);
}

std::function<void(const error&)> session_frame::tell() {
  return
      [this](const error& e) { emit({.what = engine_event::kind::trouble, .session = session(), .text = e.message}); };
}

}  // namespace cobatch
