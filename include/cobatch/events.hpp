// Following a workspace: what happens in it, in order, whichever process runs the engine.
//
// What sessions and turns do is read from the store, so nothing of it is lost: neither while nobody follows nor when
// an orchestrator is restarted, as long as it has kept the position of the last event it has seen to. What only the
// process of an engine knows, such as the agent's progress, is there if that engine tells the feed:
//
//   auto feed = cobatch::event_feed::open(place, kept).value();
//   options.on_event = [&](const cobatch::event& e) { feed.tell(e); };
//
// Records are as the store has them when the event is delivered: a feed that follows from long ago says of a session
// that it started, and shows it as it ended.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>

#include <cobatch/core/error.hpp>
#include <cobatch/core/event.hpp>
#include <cobatch/fwd.hpp>

namespace cobatch {
inline namespace v1 {

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
  void tell(const event& news);

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
