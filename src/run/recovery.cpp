#include "run/recovery.hpp"

#include <chrono>
#include <utility>

#include "run/all_turns.hpp"
#include "system/process.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

constexpr std::chrono::seconds leftover_grace{2};

// The agent that ran the session, or a built-in one of its name that can at least read its output.
std::shared_ptr<agent> reader_for(const std::string& name, std::span<const std::shared_ptr<agent>> readers) {
  for (const auto& candidate : readers)
    if (candidate->name() == name) return candidate;
  if (name == "claude") return make_claude_agent({});
  if (name == "scripted") return make_scripted_agent({});
  if (name == "command") return make_command_agent({});
  return nullptr;
}

// A session is one conversation: only its last turn can be running.
result<std::optional<turn_record>> running_turn(workspace& place, epoch session) {
  turn_filter filter;
  filter.session = session;
  auto turns = all_turns(place.storage(), filter);
  if (!turns) return fail(turns.error());
  if (turns->empty() || turns->back().ended_at) return std::nullopt;
  return std::optional(std::move(turns->back()));
}

}  // namespace

void end_leftovers(const std::optional<guard_record>& record) {
  if (record && record->agent.known()) end_process_session(record->agent, leftover_grace);
}

result<session_record> settle_dead_session(workspace& place, std::span<const std::shared_ptr<agent>> readers,
                                           const session_record& dead) {
  recover_request request;
  request.session = dead.id;
  const auto turn = running_turn(place, dead.id);
  if (!turn) return fail(turn.error());
  if (*turn) {
    const auto reader = reader_for(dead.agent, readers);
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

}  // namespace v1
}  // namespace cobatch
