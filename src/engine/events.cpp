#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include <cobatch/engine.hpp>
#include <cobatch/events.hpp>

#include "engine/change_signal.hpp"
#include "os/watch.hpp"
#include "store/store.hpp"

namespace cobatch {

namespace {

// How much of what engines told may wait to be fetched, in bytes.
constexpr std::size_t most_told = std::size_t{16} << 20;

constexpr std::int64_t session_start_step = 1;
constexpr std::int64_t start_step(turn_no turn) { return 2 * turn.value; }
constexpr std::int64_t end_step(turn_no turn) { return 2 * turn.value + 1; }

// True for what only an engine knows: the store does not have it.
bool is_known_to_engine_only(event::kind what) {
  switch (what) {
    case event::kind::progress:
    case event::kind::waiting:
    case event::kind::trouble:
    case event::kind::recovered:
    case event::kind::agent_known:
    case event::kind::tool:
    case event::kind::notice:
    case event::kind::paused:
    case event::kind::resumed: return true;
    default: return false;
  }
}

// True if the event's session says something that the store has only for a while, or not yet.
bool needs_session(event::kind what) {
  return what == event::kind::recovered || what == event::kind::agent_known || what == event::kind::paused ||
         what == event::kind::resumed || what == event::kind::notice;
}

// As it waits to be delivered. Its position is the earliest at which it may be.
event as_told(event told) {
  if (told.turn)
    told.position = {told.turn->session, start_step(told.turn->turn)};
  else if (told.session)
    told.position = {told.session->id, session_start_step};
  if (!needs_session(told.what)) told.session.reset();
  told.batch.reset();
  told.task.reset();
  return told;
}

}  // namespace

// What engines told and nobody has fetched yet. May be used from any thread.
class told_events {
 public:
  void put(event told) {
    const std::lock_guard lock(mutex_);
    bytes_ += size_of(told);
    waiting_.push_back(std::move(told));
    while (bytes_ > most_told) drop_one();
  }

  // The oldest one, if it may be delivered at this position.
  std::optional<event> take(event_position now) {
    const std::lock_guard lock(mutex_);
    std::optional<event> taken;
    if (dropped_ > 0) {
      taken.emplace();
      taken->what = event::kind::dropped;
      taken->count = std::exchange(dropped_, 0);
    } else if (!waiting_.empty() && waiting_.front().position <= now) {
      bytes_ -= size_of(waiting_.front());
      taken = std::move(waiting_.front());
      waiting_.pop_front();
    }
    if (taken) taken->position = now;
    return taken;
  }

 private:
  static std::size_t size_of(const event& told) { return sizeof told + told.text.size(); }

  void drop_one() {
    auto oldest =
        std::find_if(waiting_.begin(), waiting_.end(), [](const event& e) { return e.what == event::kind::progress; });
    if (oldest == waiting_.end()) oldest = waiting_.begin();
    bytes_ -= size_of(*oldest);
    waiting_.erase(oldest);
    ++dropped_;
  }

  std::mutex mutex_;
  std::deque<event> waiting_;
  std::size_t bytes_ = 0;
  std::int64_t dropped_ = 0;
};

// Reads the store's events one by one: each follows from the position before it, so nothing is kept but that.
class stored_events {
 public:
  explicit stored_events(store& storage) : storage_(storage) {}

  // The event after a position, if it has happened.
  [[nodiscard]] result<std::optional<event>> after(event_position at) {
    if (at.step < session_start_step) return first_start(at.session);
    const turn_no turn{at.step / 2};
    return at.step == start_step(turn) ? end_of(at.session, turn) : next_in(at.session, turn);
  }

  // Behind everything that has happened.
  [[nodiscard]] result<event_position> now() {
    const auto last = storage_.find_last_session();
    if (!last) return fail(last.error());
    event_position at;
    if (*last) at.session = (*last)->id;
    for (;;) {
      const auto found = after(at);
      if (!found) return fail(found.error());
      if (!*found) return at;
      at = (*found)->position;
    }
  }

 private:
  // The start of the first session from `first` on: epochs may have gaps.
  result<std::optional<event>> first_start(epoch first) {
    auto found = storage_.list_sessions({.after = {first.value - 1}, .limit = 1});
    if (!found) return fail(found.error());
    if (found->empty()) return std::nullopt;
    return about_session(event::kind::session_started, std::move(found->front()), session_start_step);
  }

  // A position may stand where a turn begins and where a session has ended: there is no turn of that number then.
  result<std::optional<event>> end_of(epoch session, turn_no turn) {
    auto found = first_turn_after(session, {turn.value - 1});
    if (!found) return fail(found.error());
    if (!*found) return first_start({session.value + 1});
    if (!(*found)->ended_at) return std::nullopt;
    return about_turn(event::kind::turn_ended, std::move(**found), end_step(turn));
  }

  // The start of the turn after `turn`, or the session's end.
  result<std::optional<event>> next_in(epoch session, turn_no turn) {
    // Read before the turns: if it has ended by now, its turns are all there.
    auto record = storage_.find_session(session);
    if (!record) return fail(record.error());
    if (!*record) return first_start({session.value + 1});
    auto found = first_turn_after(session, turn);
    if (!found) return fail(found.error());
    if (*found) return about_turn(event::kind::turn_started, std::move(**found), start_step((*found)->turn));
    if ((*record)->phase == session_phase::live) return std::nullopt;
    return about_session(event::kind::session_ended, std::move(**record), end_step(turn) + 1);
  }

  // Without the filter's `session`, the store goes straight to the place and not through all turns of the session.
  result<std::optional<turn_record>> first_turn_after(epoch session, turn_no turn) {
    auto found = storage_.list_turns({.after_session = session, .after_turn = turn, .limit = 1});
    if (!found) return fail(found.error());
    if (found->empty() || found->front().session != session) return std::nullopt;
    return std::optional(std::move(found->front()));
  }

  static std::optional<event> about_session(event::kind what, session_record session, std::int64_t step) {
    event e;
    e.what = what;
    e.position = {session.id, step};
    e.session = std::move(session);
    return e;
  }

  result<std::optional<event>> about_turn(event::kind what, turn_record turn, std::int64_t step) {
    auto task = storage_.find_task(turn.task);
    if (!task) return fail(task.error());
    event e;
    e.what = what;
    e.position = {turn.session, step};
    e.turn = std::move(turn);
    e.task = std::move(*task);
    return std::optional(std::move(e));
  }

  store& storage_;
};

namespace {

// A place that was kept from another store would never be reached, and the feed be silent.
result<void> check_reached(store& storage, event_position at) {
  const auto last = storage.find_last_session();
  if (!last) return fail(last.error());
  const epoch latest = *last ? (*last)->id : epoch{};
  if (at.step >= 0 && at.session <= latest) return {};
  return fail(
      errc::bad_value,
      fmt::format("the position (session {}, step {}) is not one of this workspace, whose latest session is {}; "
                  "nothing was read. Follow from its first event, or from now on",
                  at.session.value, at.step, latest.value));
}

}  // namespace

class event_feed::state {
 public:
  state(store& storage, event_position begin, wake_signal wake)
      : storage_(storage),
        stored_(storage),
        position_(begin),
        wake_(std::move(wake)),
        changes_(storage, wake_, std::stop_token{}) {
    wake_.notify();
  }

  void tell(const event& news) {
    if (!is_known_to_engine_only(news.what)) return;
    told_.put(as_told(news));
    wake_.notify();
  }

  result<std::optional<event>> next() {
    auto found = look();
    if (!found || *found) return found;
    // Looked at again once it is clear: what came in between has been cleared with it.
    wake_.clear();
    found = look();
    if (!found || *found) wake_.notify();
    return found;
  }

  result<std::optional<event>> wait(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [this] { wake_.notify(); });
    for (;;) {
      auto found = next();
      if (!found || *found) return found;
      if (stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) return found;
      wait_readable({wake_.descriptor()}, deadline);
    }
  }

  int descriptor() const noexcept { return wake_.descriptor(); }
  event_position position() const noexcept { return position_; }

 private:
  result<std::optional<event>> look() {
    if (in_round_ && !stored_next_) {
      auto stored = stored_.after(position_);
      if (!stored) return stored;
      stored_next_ = std::move(*stored);
      in_round_ = stored_next_.has_value();
    }
    // Asked for after the store was read: what was told of a turn was told before the store had the turn's end.
    if (auto told = told_.take(position_)) return told;
    if (!stored_next_) return begin_round();
    position_ = stored_next_->position;
    return std::exchange(stored_next_, std::nullopt);
  }

  // `changed`, if the store has changed since the round before began.
  std::optional<event> begin_round() {
    const std::int64_t version = storage_.version();
    if (version == seen_) return std::nullopt;
    seen_ = version;
    in_round_ = true;
    event e;
    e.what = event::kind::changed;
    e.position = position_;
    return e;
  }

  store& storage_;
  stored_events stored_;
  told_events told_;
  event_position position_;
  std::optional<std::int64_t> seen_;  // the store's version when the latest round began
  bool in_round_ = false;             // there may be more in the store
  std::optional<event> stored_next_;  // read, and not yet delivered
  wake_signal wake_;
  change_signal changes_;  // last: it uses the signal
};

event_feed::event_feed(std::unique_ptr<state> s) : state_(std::move(s)) {}
event_feed::event_feed(event_feed&&) noexcept = default;
event_feed& event_feed::operator=(event_feed&&) noexcept = default;
event_feed::~event_feed() = default;

result<event_feed> event_feed::open(workspace& place, std::optional<event_position> after) {
  store& storage = place.storage();
  if (after) {
    if (auto reached = check_reached(storage, *after); !reached) return fail(reached.error());
  } else {
    const auto now = stored_events(storage).now();
    if (!now) return fail(now.error());
    after = *now;
  }
  auto wake = wake_signal::make();
  if (!wake) return fail(wake.error());
  return event_feed(std::make_unique<state>(storage, *after, std::move(*wake)));
}

void event_feed::tell(const event& news) { state_->tell(news); }
result<std::optional<event>> event_feed::next() { return state_->next(); }
result<std::optional<event>> event_feed::wait(std::chrono::steady_clock::time_point deadline, std::stop_token stop) {
  return state_->wait(deadline, stop);
}
int event_feed::descriptor() const noexcept { return state_->descriptor(); }
event_position event_feed::position() const noexcept { return state_->position(); }

}  // namespace cobatch
