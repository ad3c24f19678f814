// Following a workspace: what happens in it, in order, whichever process runs the engine.
//
// What sessions and turns do is read from the store, so nothing of it is lost: neither while nobody follows nor when
// an orchestrator is restarted, as long as it has kept the position of the last event it has seen to. What only the
// process of an engine knows, such as the agent's progress, is there if that engine tells the feed:
//
//   auto feed = cobatch::event_feed::open(place, kept).value();
//   options.on_event = [&](const cobatch::engine_event& e) { feed.tell(e); };
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/fwd.hpp>

namespace cobatch {
inline namespace v1 {

/// A place between two events of a workspace: two numbers that can be kept, to go on from there at any time.
///
/// The events of a session are numbered: 1 is its start, 2n and 2n + 1 are start and end of its turn n, and the number
/// after those of its last turn is its end.
struct event_position {
  epoch session = {};     ///< 0: before the first one
  std::int64_t step = 0;  ///< the number of the session's latest event before this place; 0: before its start

  friend constexpr auto operator<=>(const event_position&, const event_position&) = default;
};

/// Records are as the store has them when the event is delivered: a feed that follows from long ago says of a session
/// that it started, and shows it as it ended.
struct event {
  enum class kind : std::uint8_t {
    changed,          ///< something was stored by some process: look again at what you wait for
    session_started,  ///< `session`
    turn_started,     ///< `turn`, `task`
    progress,         ///< `turn` (if one runs), `text`: a line the agent said on the way (untrusted text)
    turn_ended,       ///< `turn` (settled), `task`
    session_ended,    ///< `session`
    recovered,        ///< `session`: the engine that tells the feed has settled a dead one
    waiting,          ///< `text`: another session runs, or a foreign marker is there
    trouble,          ///< `text`: something failed that the engine will try again
    lines_dropped,    ///< `dropped`: so many lines of an engine were not fetched in time and are gone
    agent_known,      ///< `session`: its `about` is known now
    tool,             ///< `turn`, `text`: the agent uses a tool, and on what (untrusted text)
    notice,           ///< `session`, `turn` (if one runs), `text`: see engine_event
    paused,           ///< `session`: it rests; its `pause` says until when and why
    resumed,          ///< `session`: it goes on
  };
  kind what = kind::changed;
  event_position position = {};  ///< open a feed here to get what comes after this event
  std::optional<session_record> session = {};
  std::optional<turn_record> turn = {};
  std::optional<task_record> task = {};
  std::string text = {};
  std::int64_t dropped = 0;
};

/// The events of one workspace, each once and in order: of a session its start, its turns one after another, its end.
///
/// News of the store come in rounds: one `changed`, then the events it brought, if any. The first event of a feed is
/// always `changed`, so that what an orchestrator looks up at each of them is right from the start.
///
/// One thread at a time may call `next`, `wait` and `position`; `tell` and `descriptor` may be called from any.
class event_feed {
 public:
  /// Follows from a place: that of an event that was seen to, or `event_position{}` for all there ever was; absent:
  /// from now on. The workspace must outlive the feed. Errors: the store's; bad_value (a place that this workspace has
  /// not come to: its store is another one); io_error (no descriptors left).
  [[nodiscard]] static result<event_feed> open(workspace& place, std::optional<event_position> after);

  event_feed(event_feed&&) noexcept;
  event_feed& operator=(event_feed&&) noexcept;
  ~event_feed();

  /// Adds what only its engine knows: progress, tools, notices, pauses, what the agent says of itself, waiting, trouble
  /// and recovered; the rest is passed over, as the store tells it, and prompts are. Progress of a turn is delivered
  /// between the turn's start and its end. At most 16 MiB wait to be fetched; above that the oldest lines of progress
  /// are given up, and one event says how many. The feed must outlive the engines that tell it.
  void tell(const engine_event& news);

  /// The next event, or nothing if none waits. Never waits for one. Errors: the store's; nothing is lost, the next
  /// call tries again.
  [[nodiscard]] result<std::optional<event>> next();

  /// The next event; nothing if none has come when the deadline passes or a stop is requested. Errors as of `next`.
  [[nodiscard]] result<std::optional<event>> wait(std::chrono::steady_clock::time_point deadline,
                                                  std::stop_token stop = {});

  /// For poll, select, epoll and event loops: readable while events wait, until `next` has answered that there is none.
  /// It belongs to the feed; do not read from it or close it.
  [[nodiscard]] int descriptor() const noexcept;

  /// Behind the latest event that was delivered; at first, where the feed began.
  [[nodiscard]] event_position position() const noexcept;

 private:
  class state;
  explicit event_feed(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace v1
}  // namespace cobatch
