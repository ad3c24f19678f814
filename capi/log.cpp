#include "log.hpp"

#include <string>
#include <utility>

#include "boundary.hpp"

namespace cobatch::capi {

namespace {

std::string named(const session_record& session) {
  return "session " + std::to_string(session.id.value) + " of batch \"" + session.batch.str() + "\" (agent " +
         session.agent + ")";
}

std::string rests(const event& pause) {
  std::string line = named(*pause.session) + " rests";
  if (pause.until) line += " until " + to_iso(*pause.until) + ": " + pause.text;
  return line;
}

std::string ended(const session_record& session) {
  std::string line = named(session) + " ended";
  if (session.end) line += ": " + std::string(name_of(*session.end));
  if (!session.end_detail.empty()) line += ". " + session.end_detail;
  return line;
}

}  // namespace

void host_log::set(cobatch_log_fn log, void* user_data, void (*destroy)(void*)) noexcept {
  {
    const std::lock_guard lock(mutex_);
    log_ = log;
    std::swap(user_data_, user_data);
    std::swap(destroy_, destroy);
  }
  if (destroy != nullptr) tell_host([&] { destroy(user_data); });
}

void host_log::say(std::int32_t level, std::string_view line) {
  const std::lock_guard lock(mutex_);
  if (log_ != nullptr) log_(user_data_, level, {line.data(), line.size()});
}

void host_log::tell(const event& happened) noexcept try {
  using kind = event::kind;
  switch (happened.what) {
    case kind::session_started: return say(COBATCH_LOG_INFO, named(*happened.session) + " began");
    case kind::session_ended: return say(COBATCH_LOG_INFO, ended(*happened.session));
    case kind::recovered: return say(COBATCH_LOG_WARNING, named(*happened.session) + " had crashed; it is settled");
    case kind::waiting:
    case kind::notice: return say(COBATCH_LOG_INFO, happened.text);
    case kind::paused: return say(COBATCH_LOG_INFO, rests(happened));
    case kind::resumed: return say(COBATCH_LOG_INFO, named(*happened.session) + " goes on");
    case kind::trouble: return say(COBATCH_LOG_WARNING, happened.text);
    case kind::turn_started:
    case kind::turn_ended:
    case kind::progress:
    case kind::agent_known:
    case kind::tool:
    case kind::prompt:
    case kind::changed:
    case kind::dropped: return;
  }
} catch (...) {
  // A log that throws, or no memory for a line of it, must not end a session.
}

void host_log::warn(std::string_view line) noexcept try { say(COBATCH_LOG_WARNING, line); } catch (...) {
  // As above.
}

}  // namespace cobatch::capi
