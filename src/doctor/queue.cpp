// Who may run, and what waits: the lock, the engines, the batches that have not ended, and batches of one task.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/agent.hpp>
#include <cobatch/core/lint.hpp>

#include "doctor/checks.hpp"
#include "os/lock_file.hpp"
#include "os/presence.hpp"
#include "os/programs.hpp"
#include "workspace/lock.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

// ---------------------------------------------------------------------------------------------------- the lock

std::string_view about_marker(marker_state marker) {
  switch (marker) {
    case marker_state::absent: return "There is no lock file.";
    case marker_state::ours: return "The lock file is one of Cobatch.";
    case marker_state::foreign: break;
  }
  return "The lock file is not one of Cobatch.";
}

// A folder with something in it is not for Cobatch to remove.
std::string how_to_remove(const fs::path& marker, const findings& out) {
  std::error_code unseen;
  const bool is_folder = fs::is_directory(fs::symlink_status(marker, unseen));
  if (!is_folder || fs::is_empty(marker, unseen)) return out.command("unlock");
  return fmt::format("mv {0} {0}.old", shell_quoted(marker.string()));
}

// Without a store that could know it, a lock file is somebody else's.
result<lock_view> look_without_store(const workspace_paths& paths) {
  auto marker = look_at_lock_file(paths.marker);
  if (!marker) return fail(marker.error());
  lock_view seen;
  seen.facts.guard = guard_state::free;
  seen.facts.marker = *marker ? marker_state::foreign : marker_state::absent;
  seen.marker = std::move(*marker);
  return seen;
}

void check_engines(const std::vector<live_engine>& engines, findings& out) {
  for (const auto& engine : engines)
    out.yes("engine", fmt::format("An engine runs: pid {}, agents {}.", engine.pid, fmt::join(engine.agents, ", ")));
  if (engines.empty())
    out.unknown("engine",
                "No engine is running, so a batch waits after its last task, unless you run it with cobatch run.",
                out.command("engine"));
}

// ------------------------------------------------------------------------------------------ what has not ended

// Of one kind, so many are listed; more would hide the other findings.
constexpr std::size_t most_listed = 10;

// `look` answers what is wrong with a batch, empty if nothing is; `fix` the command that helps.
template <class Look, class Fix>
void check_each(std::string_view check, std::span<const batch_record> batches, const Look& look, const Fix& fix,
                std::string all_well, findings& out) {
  std::size_t found = 0;
  for (const auto& batch : batches)
    if (std::string wrong = look(batch); !wrong.empty() && ++found <= most_listed)
      out.no(check, std::move(wrong), fix(batch));
  if (found == 0) out.yes(check, std::move(all_well));
  if (found > most_listed)
    out.no(check, fmt::format("The same is so of {} more batches.", found - most_listed), out.command("status"));
}

// The command for the batch's agent; empty if only a program of the user's own runs it.
std::string with_agent(const batch_record& batch, std::string_view command, const findings& out) {
  if (batch.agent.empty()) return out.command(command);
  return is_built_in_agent(batch.agent) ? out.command(fmt::format("{} --agent {}", command, batch.agent)) : "";
}

std::string why_held(const batch_record& batch) {
  if (batch.state != batch_state::held) return {};
  const std::string until =
      batch.held_until ? fmt::format("until {}", to_iso_seconds(*batch.held_until)) : "until you let it go";
  return fmt::format("Batch \"{}\" is held {}: {}. When that is seen to, run it; its tasks are still queued.",
                     batch.id.str(), until, batch.hold_reason);
}

void check_unfinished(std::span<const batch_record> batches, const result<std::vector<live_engine>>& engines,
                      timestamp now, findings& out) {
  const auto run_engine = [&](const batch_record& batch) { return with_agent(batch, "engine", out); };
  const auto run_it = [&](const batch_record& batch) {
    return with_agent(batch, "run " + shell_quoted(batch.id.str()), out);
  };
  const auto no_engine = [&](const batch_record& batch) {
    const auto warnings = unserved(std::span(&batch, 1), *engines);
    return warnings.empty() ? std::string() : warnings.front().message;
  };
  const auto left_open = [&](const batch_record& batch) {
    const auto found = batch.tally.total() > 0 ? lint_left_open(batch, now) : std::nullopt;
    return found ? found->message : std::string();
  };
  if (engines)
    check_each("waiting", batches, no_engine, run_engine, "No batch waits for an engine.", out);
  else
    out.unknown("waiting", engines.error());
  check_each("held", batches, why_held, run_it, "No batch is held.", out);
  check_each("left_open", batches, left_open, run_it, "No batch was left open.", out);
}

void check_manual(store& storage, findings& out) {
  const auto about = [&](std::string_view action, const task_record& task, std::string_view more = {}) {
    return out.command(fmt::format("call {} task_id={}{}", action, shell_quoted(task.spec.id.str()), more));
  };
  const auto running = storage.list_tasks({.state = task_state::in_progress});
  if (!running) return out.unknown("by_hand", running.error());
  for (const auto& task : *running)
    if (task.owner == task_owner::manual)
      out.unknown("by_hand",
                  fmt::format("Task \"{}\" is in progress by hand{}: engines leave it alone until whoever has it says "
                              "what came of it, with `{}` or status=error. If nobody has it any more, queue it again.",
                              task.spec.id.str(),
                              task.started_at ? " since " + to_iso_seconds(*task.started_at) : std::string(),
                              about("log_task_completion", task, " status=done")),
                  about("reset_task", task));
}

// ------------------------------------------------------------------------------------------ batches of one task

// Older ones are over and done with.
constexpr std::chrono::hours looked_back{1};

// True if a session has worked it, or will. What was imported with its end, and what somebody does by hand, loads no
// context.
result<bool> is_for_sessions(store& storage, const batch_record& batch) {
  if (batch.tally[task_state::queued] > 0) return true;
  const auto sessions = storage.list_sessions({.batch = batch.id, .limit = 1});
  if (!sessions) return fail(sessions.error());
  return !sessions->empty();
}

void check_batch_ids(store& storage, timestamp now, findings& out) {
  const auto lately = single_batches(storage, now + -looked_back, now);
  if (!lately) return out.unknown("batch_ids", lately.error());
  const std::string id = make_batch_id(now).str();
  std::string text;  // of the first one
  std::vector<batch_record> earlier;
  int spread = 0;
  for (const auto& batch : *lately) {
    std::string found = in_batch_of_its_own(batch, earlier);
    if (!found.empty() && ++spread == 1) text = std::move(found);
    earlier.push_back(batch);
  }
  if (spread == 0)
    return out.yes("batch_ids", fmt::format("No tasks were spread over batches of one in the last hour. Give all tasks "
                                            "of the next batch the same batch_id, such as {}.",
                                            id));
  if (spread > 1) text += fmt::format(" {} more batches of the last hour are like that.", spread - 1);
  out.no("batch_ids", text, out.command(fmt::format("assign TASK_ID DESCRIPTION --batch {} --open", id)));
}

}  // namespace

result<std::vector<batch_record>> single_batches(store& storage, timestamp from, timestamp to) {
  std::vector<batch_record> found;
  batch_filter filter;
  for (;;) {
    const auto page = storage.list_batches(filter);
    if (!page) return fail(page.error());
    for (const auto& batch : *page) {
      if (!has_one_task(batch) || batch.created_at < from || batch.created_at > to) continue;
      const auto counts = is_for_sessions(storage, batch);
      if (!counts) return fail(counts.error());
      if (*counts) found.push_back(batch);
    }
    if (page->size() < filter.limit) break;
    filter.after = page->back().id;
  }
  // Adopted batches are made at another time than they are put in.
  std::stable_sort(found.begin(), found.end(),
                   [](const batch_record& a, const batch_record& b) { return a.created_at < b.created_at; });
  return found;
}

std::string in_batch_of_its_own(const batch_record& batch, const std::vector<batch_record>& others) {
  const assign_facts facts{.batch = batch.id,
                           .explicit_id = true,
                           .sealed_now = true,
                           .tasks_in_batch = batch.tally.total(),
                           .made_at = batch.created_at};
  const auto found = lint_different_batch_ids(facts, others);
  return found ? found->message : std::string();
}

void check_lock(const workspace_paths& paths, store* storage, findings& out) {
  const auto seen = storage != nullptr ? look_at_lock(paths, *storage) : look_without_store(paths);
  if (!seen) return out.unknown("lock_file", seen.error());
  const std::string message = fmt::format("{} {}", about_marker(seen->facts.marker), advice_on(*seen, paths));
  if (seen->facts.marker == marker_state::foreign)
    out.no("lock_file", message, how_to_remove(paths.marker, out));
  else
    out.yes("lock_file", message);
}

void check_queue(const workspace_paths& paths, store& storage, timestamp now, findings& out) {
  const auto engines = live_engines(paths.state);
  if (engines)
    check_engines(*engines, out);
  else
    out.unknown("engine", engines.error());
  const auto all = storage.read_overview();
  if (all)
    check_unfinished(all->unfinished, engines, now, out);
  else
    out.unknown("waiting", all.error());
  check_manual(storage, out);
  check_batch_ids(storage, now, out);
}

}  // namespace cobatch
