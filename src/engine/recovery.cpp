#include "engine/recovery.hpp"

#include <chrono>
#include <utility>

#include "engine/agent_folder.hpp"
#include "engine/session_folders.hpp"
#include "engine/turn_witness.hpp"
#include "os/process.hpp"
#include "store/store.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

namespace {

constexpr std::chrono::seconds leftover_grace{2};

// The agent that ran the session, or a built-in one of its name that can at least read its output.
std::shared_ptr<agent> reader_for(const std::string& name, std::span<const std::shared_ptr<agent>> readers) {
  for (const auto& candidate : readers)
    if (candidate->name() == name) return candidate;
  if (name == "claude") return make_claude_agent({});
  if (name == "codex") return make_codex_agent({});
  if (name == "gemini") return make_gemini_agent({});
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

// What the turn changed, and whether its task is really done, as far as that can be told now.
settlement look_at_it(workspace& place, const engine_options& options, const turn_record& turn,
                      const std::filesystem::path& folder, settlement what, std::stop_token stop) {
  const auto task = place.storage().find_task(turn.task);
  if (!task || !*task) return what;
  if (what.end == turn_end::done && !(*task)->spec.check.empty() && !options.allow_checks) {
    what.end = turn_end::interrupted;
    what.source = status_source::cobatch;
    what.reason = "not_checked";
    what.detail = "the orchestrator died before the task's check, and none may be run here";
  }
  return turn_witness(options, place.paths(), agent_folder(options, place.paths()), folder)
      .look_after_crash(std::move(what), (*task)->spec, std::move(stop));
}

}  // namespace

void end_leftovers(const std::optional<guard_record>& record) {
  if (record && record->agent.known()) end_process_session(record->agent, leftover_grace);
}

result<session_record> settle_dead_session(workspace& place, const engine_options& options, const session_record& dead,
                                           std::stop_token stop) {
  recover_request request;
  request.session = dead.id;
  const auto turn = running_turn(place, dead.id);
  if (!turn) return fail(turn.error());
  if (*turn) {
    const auto reader = reader_for(dead.agent, options.agents);
    const auto folder = session_folder(place.paths(), dead.id);
    if (auto what = reader ? reader->recover(folder, **turn) : std::nullopt) {
      request.finished_turn = (*turn)->turn;
      request.what = look_at_it(place, options, **turn, folder, std::move(*what), std::move(stop));
    }
  }
  auto ended = place.storage().recover(request);
  if (!ended) return fail(ended.error());
  return std::move(ended->session);
}

}  // namespace cobatch
