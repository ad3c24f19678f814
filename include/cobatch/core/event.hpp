// What happens in a workspace: one record, for what an agent lets know, what an engine tells as it goes, and what a feed
// delivers (<cobatch/events.hpp>). The numbers of the kinds are those of COBATCH_EVENT_* in cobatch.h.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/session.hpp>
#include <cobatch/core/task.hpp>
#include <cobatch/core/time.hpp>

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

struct event {
  enum class kind : std::int32_t {
    session_started = 1,  ///< `session`; from an engine also `batch`
    turn_started = 2,     ///< `turn`, `task`
    turn_ended = 3,       ///< `turn` (settled), `task` (as it is now)
    session_ended = 4,    ///< `session`
    changed = 5,          ///< from a feed: something was stored by some process; look again at what you wait for
    progress = 6,         ///< `turn` (if one runs), `text`: a line that the agent wrote on the way (untrusted text)
    waiting = 7,          ///< `text`: another session runs, or a foreign lock file is there
    trouble = 8,          ///< `text`: something failed that the engine will try again
    recovered = 9,        ///< `session`: a dead one, which the engine has settled now
    dropped = 10,         ///< from a feed: `count` lines of an engine were not fetched in time and are gone
    agent_known = 11,     ///< `about`: what the agent says of itself; from an engine also `session`
    tool = 12,            ///< `turn`, `text`: the agent uses a tool, and on what (untrusted text)
    notice = 13,          ///< `text`: something worth knowing: a stalled agent, a context loaded anew
    paused = 14,   ///< `text`, `until`: why, and until when, the session or its agent waits for the provider; from an
                   ///< engine also `session`. No attempt is charged
    resumed = 15,  ///< `session`: it goes on
    prompt = 16,   ///< `turn`, `text`: what is sent to the agent, whole; a feed passes it over
  };
  kind what = kind::changed;
  event_position position = {};  ///< from a feed: open another one here to get what comes after this event
  std::optional<session_record> session = {};
  std::optional<batch_record> batch = {};
  std::optional<turn_record> turn = {};
  std::optional<task_record> task = {};
  std::string text = {};
  agent_facts about = {};
  std::optional<timestamp> until = {};  ///< with `paused`; with a `notice` of an agent that has closed its task and
                                        ///< is silent: when the turn ends at the latest
  std::int64_t count = 0;
};

}  // namespace v1
}  // namespace cobatch
