#include "run/recovery.hpp"

#include <chrono>
#include <utility>

#include "run/lock_view.hpp"
#include "system/marker.hpp"
#include "system/process.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

constexpr std::chrono::seconds leftover_grace{2};

// The agent that ran the session: one of the engine's own, or a built-in one that can at least read its output.
std::shared_ptr<agent> reader_for(const std::string& name, const engine_options& options) {
  for (const auto& candidate : options.agents)
    if (candidate->name() == name) return candidate;
  if (name == "claude") return make_claude_agent({});
  if (name == "scripted") return make_scripted_agent({});
  if (name == "command") return make_command_agent({});
  return nullptr;
}

result<std::optional<turn_record>> running_turn(workspace& place, epoch session) {
  turn_filter filter;
  filter.session = session;
  for (;;) {
    auto page = place.turns(filter);
    if (!page) return fail(page.error());
    for (auto& turn : *page)
      if (!turn.ended_at) return std::optional(std::move(turn));
    if (page->size() < filter.limit) return std::nullopt;
    filter.after_session = page->back().session;
    filter.after_turn = page->back().turn;
  }
}

result<session_record> settle(workspace& place, const engine_options& options, const session_record& dead) {
  recover_request request;
  request.session = dead.id;
  const auto turn = running_turn(place, dead.id);
  if (!turn) return fail(turn.error());
  if (*turn) {
    const auto reader = reader_for(dead.agent, options);
    const auto folder = place.paths().sessions / std::to_string(dead.id.value);
    if (auto what = reader ? reader->recover(folder, **turn) : std::nullopt) {
      request.finished_turn = (*turn)->turn;
      request.what = std::move(*what);
    }
  }
  auto ended = place.storage().recover(request);
  if (!ended) return fail(ended.error());
  return std::move(ended->session);
}

}  // namespace

result<std::optional<session_record>> recover_dead_session(workspace& place, const engine_options& options,
                                                           const guard& lock) {
  auto record = lock.read_record();
  if (!record) return fail(record.error());
  if (*record && (*record)->agent.known()) end_process_session((*record)->agent, leftover_grace);

  auto all = place.storage().read_overview();
  if (!all) return fail(all.error());
  std::optional<session_record> settled;
  if (all->live) {
    auto done = settle(place, options, *all->live);
    if (!done) return fail(done.error());
    settled = std::move(*done);
  }

  const auto marker = look_at_marker(place.paths().marker);
  if (!marker) return fail(marker.error());
  const auto standing = standing_of(*marker, *record, place.storage());
  if (!standing) return fail(standing.error());
  if (*standing == marker_state::ours)
    if (auto removed = remove_marker(place.paths().marker, **marker); !removed) return fail(removed.error());
  return settled;
}

}  // namespace v1
}  // namespace cobatch
