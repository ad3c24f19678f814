#include "engine/recovery.hpp"

#include <chrono>
#include <random>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/session_folders.hpp"
#include "engine/turn_check.hpp"
#include "os/lock_file.hpp"
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
  return turn_check(options, place.paths(), agent_folder(options, place.paths()), folder)
      .look_after_crash(std::move(what), (*task)->spec, std::move(stop));
}

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

std::string make_nonce() {
  std::random_device random;
  std::string nonce;
  for (int i = 0; i < 4; ++i) nonce += fmt::format("{:08x}", random());
  return nonce;
}

}  // namespace

result<lock_view> clear_the_way(workspace& place, const guard& held, const engine_options& options,
                                std::stop_token stop, const std::function<void(const session_record&)>& on_recovered) {
  const auto record = held.read_record();
  if (!record) return fail(record.error());
  end_leftovers(*record);
  for (;;) {
    auto seen = look_at_lock(place.paths(), place.storage(), held);
    if (!seen) return seen;
    switch (next_engine_step(seen->facts)) {
      case engine_step::start:
      case engine_step::wait_marker: return seen;
      case engine_step::recover: {
        const auto settled = settle_dead_session(place, options, *seen->live, stop);
        if (!settled) return fail(settled.error());
        if (on_recovered) on_recovered(*settled);
        break;
      }
      case engine_step::remove_marker:
        if (auto removed = remove_lock_file(place.paths().marker, *seen->marker); !removed)
          return fail(removed.error());
        break;
      case engine_step::wait_guard:
      case engine_step::ask_again: return fail(errc::internal, "the guard is held here and looks held by another");
    }
  }
}

claim_request new_claim(const lock_view& seen, served_agents serves, std::optional<batch_id> only) {
  claim_request request;
  request.nonce = make_nonce();
  request.owner = identity_of_self();
  request.serves = std::move(serves);
  request.only = std::move(only);
  if (seen.record) request.above = seen.record->session;
  return request;
}

}  // namespace cobatch
