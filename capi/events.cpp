// Section 12: events.
#include <memory>
#include <optional>
#include <utility>

#include <cobatch/events.hpp>

#include "layout.hpp"
#include "place.hpp"
#include "records.hpp"
#include "text.hpp"
#include "time_limit.hpp"

using namespace cobatch::capi;

struct cobatch_events {
  cobatch_events(std::shared_ptr<place> p, cobatch::event_feed f) : at(std::move(p)), feed(std::move(f)) {
    at->add_feed(feed);
  }
  cobatch_events(const cobatch_events&) = delete;
  cobatch_events& operator=(const cobatch_events&) = delete;
  ~cobatch_events() { at->remove_feed(feed); }

  cobatch::birthplace home;
  std::shared_ptr<place> at;
  cobatch::event_feed feed;
  cobatch::event lent = {};  // what the latest call gave
  lent_usage used;
};

namespace {

// The numbers are the same on both sides.
constexpr bool same(cobatch::event::kind kind, std::int32_t number) {
  return static_cast<std::int32_t>(kind) == number;
}
using k = cobatch::event::kind;
static_assert(same(k::session_started, COBATCH_EVENT_SESSION_STARTED) &&
              same(k::turn_started, COBATCH_EVENT_TURN_STARTED));
static_assert(same(k::turn_ended, COBATCH_EVENT_TURN_ENDED) && same(k::session_ended, COBATCH_EVENT_SESSION_ENDED));
static_assert(same(k::changed, COBATCH_EVENT_CHANGED) && same(k::progress, COBATCH_EVENT_PROGRESS));
static_assert(same(k::waiting, COBATCH_EVENT_WAITING) && same(k::trouble, COBATCH_EVENT_TROUBLE));
static_assert(same(k::recovered, COBATCH_EVENT_RECOVERED) && same(k::dropped, COBATCH_EVENT_DROPPED));
static_assert(same(k::agent_known, COBATCH_EVENT_AGENT_KNOWN) && same(k::tool, COBATCH_EVENT_TOOL));
static_assert(same(k::notice, COBATCH_EVENT_NOTICE) && same(k::paused, COBATCH_EVENT_PAUSED));
static_assert(same(k::resumed, COBATCH_EVENT_RESUMED));

// Of what happens between the start and the end of a turn or a session nobody writes down when it did.
bool has_no_time(k kind) {
  return kind == k::progress || kind == k::tool || kind == k::notice || kind == k::agent_known || kind == k::paused ||
         kind == k::resumed;
}

void show_session(const cobatch::session_record& session, bool ended, cobatch_event_info& to) {
  to.session = session.id.value;
  to.batch = lend(session.batch.str());
  to.agent = lend(session.agent);
  to.at = ended ? number_of(session.ended_at) : session.started_at.ms;
  if (!ended) return;
  to.session_end = number_of(session.end);
  to.text = lend(session.end_detail);
}

void show_turn(const cobatch::turn_record& turn, bool ended, lent_usage& used, cobatch_event_info& to) {
  to.session = turn.session.value;
  to.turn = turn.turn.value;
  to.batch = lend(turn.batch.str());
  to.task = lend(turn.task.str());
  to.at = turn.started_at.ms;
  if (!ended) return;
  to.at = number_of(turn.ended_at);
  to.turn_end = number_of(turn.end);
  to.text = lend(turn.detail);
  to.usage = used.lend(turn.used);
}

cobatch_event_info info_of_event(const cobatch::event& event, lent_usage& used) {
  cobatch_event_info info = COBATCH_EVENT_INFO_INIT;
  info.kind = static_cast<std::int32_t>(event.what);
  info.at = COBATCH_NO_TIME;
  info.batch = info.task = info.agent = {"", 0};
  info.text = lend(event.text);
  info.count = event.count;
  info.resume_session = event.position.session.value;
  info.resume_step = event.position.step;
  const bool session_is_over = event.what == k::session_ended || event.what == k::recovered;
  if (event.session) show_session(*event.session, session_is_over, info);
  if (event.turn) show_turn(*event.turn, event.what == k::turn_ended, used, info);
  if (event.task) info.task_state = number_of(event.task->state);
  if (has_no_time(event.what)) info.at = COBATCH_NO_TIME;
  return info;
}

verdict give_event(cobatch_events& events, cobatch::event&& next, cobatch_event_info* to) {
  events.lent = std::move(next);
  return give(info_of_event(events.lent, events.used), "cobatch_event_info", to);
}

}  // namespace

cobatch_status cobatch_events_open(cobatch_workspace* workspace, const cobatch_events_options* options,
                                   cobatch_events** events, cobatch_error** err) {
  if (events != nullptr) *events = nullptr;
  return on_handle(workspace, "workspace", err, [&]() -> verdict {
    if (events == nullptr) return null_argument("events");
    cobatch_events_options c;
    if (auto v = take(options, "cobatch_events_options", c); v.failed()) return v;
    if (auto v = check_flags(c.flags, COBATCH_EVENTS_RESUME, "COBATCH_EVENTS_RESUME"); v.failed()) return v;
    std::optional<cobatch::event_position> after;
    if ((c.flags & COBATCH_EVENTS_RESUME) != 0) after = {{c.resume_session}, c.resume_step};
    auto feed = cobatch::event_feed::open(workspace->at->here, after);
    if (!feed) return feed.error();
    *events = new cobatch_events(workspace->at, std::move(*feed));
    return {};
  });
}

int32_t cobatch_events_fd(const cobatch_events* events) {
  return events == nullptr || !events->home.here() ? -1 : events->feed.descriptor();
}

cobatch_status cobatch_events_next(cobatch_events* events, cobatch_event_info* event, cobatch_error** err) {
  return on_handle(events, "events", err, [&]() -> verdict {
    if (auto v = give_blank("cobatch_event_info", event); v.failed()) return v;
    auto next = events->feed.next();
    if (!next) return next.error();
    return *next ? give_event(*events, std::move(**next), event) : the_end();
  });
}

cobatch_status cobatch_events_wait(cobatch_events* events, int64_t timeout_ms, cobatch_event_info* event,
                                   cobatch_error** err) {
  return on_handle(events, "events", err, [&]() -> verdict {
    if (auto v = give_blank("cobatch_event_info", event); v.failed()) return v;
    const interrupts::call blocked(events->at->blocked);
    auto next = events->feed.wait(deadline_in(timeout_ms), blocked.stop());
    if (!next) return next.error();
    if (*next) return give_event(*events, std::move(**next), event);
    if (blocked.interrupted()) return {COBATCH_E_INTERRUPTED, "the wait was interrupted"};
    return {COBATCH_E_TIMED_OUT, "no event came within " + std::to_string(timeout_ms) + " ms"};
  });
}

void cobatch_events_close(cobatch_events* events) { free_handle(events); }
