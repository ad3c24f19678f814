#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cobatch/agent.hpp>
#include <cobatch/core/lint.hpp>

#include "doctor/checks.hpp"
#include "os/presence.hpp"
#include "os/programs.hpp"
#include "store/store.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

namespace {

// Of one kind, so many are told one by one; more would hide the other findings.
constexpr std::size_t most_told = 10;

// What is wrong with a batch, and the command that helps.
struct trouble {
  std::string message, fix;
};
using look_for_trouble = std::function<std::optional<trouble>(const batch_record&)>;

void check_each(std::string_view check, std::span<const batch_record> batches, const look_for_trouble& look,
                std::string all_well, findings& out) {
  std::size_t found = 0;
  for (const auto& batch : batches)
    if (auto wrong = look(batch); wrong && ++found <= most_told)
      out.no(check, std::move(wrong->message), std::move(wrong->fix));
  if (found == 0) out.yes(check, std::move(all_well));
  if (found > most_told)
    out.no(check, fmt::format("The same is so of {} more batches.", found - most_told), out.command("status"));
}

// The command for the batch's agent; empty if only a program of the user's own runs it.
std::string with_agent(const batch_record& batch, std::string_view command, const findings& out) {
  if (batch.agent.empty()) return out.command(command);
  return is_built_in_agent(batch.agent) ? out.command(fmt::format("{} --agent {}", command, batch.agent)) : "";
}

std::string run_it(const batch_record& batch, const findings& out) {
  return with_agent(batch, "run " + shell_quoted(batch.id.str()), out);
}

void check_served(const workspace_paths& paths, std::span<const batch_record> batches, findings& out) {
  const auto engines = live_engines(paths.state);
  if (!engines) return out.unknown("waiting", engines.error().message + ".");
  const auto look = [&](const batch_record& batch) -> std::optional<trouble> {
    const auto warnings = unserved(std::span(&batch, 1), *engines);
    if (warnings.empty()) return std::nullopt;
    return trouble{warnings.front().message + ".", with_agent(batch, "engine", out)};
  };
  check_each("waiting", batches, look, "No batch waits for an engine.", out);
}

void check_held(std::span<const batch_record> batches, findings& out) {
  const auto look = [&](const batch_record& batch) -> std::optional<trouble> {
    if (batch.state != batch_state::held) return std::nullopt;
    const std::string until =
        batch.held_until ? fmt::format("until {}", to_iso_seconds(*batch.held_until)) : "until you let it go";
    return trouble{fmt::format("Batch \"{}\" is held {}: {}. When that is seen to, run it; its tasks are still queued.",
                               batch.id.str(), until, batch.hold_reason),
                   run_it(batch, out)};
  };
  check_each("held", batches, look, "No batch is held.", out);
}

void check_open(std::span<const batch_record> batches, timestamp now, findings& out) {
  const auto look = [&](const batch_record& batch) -> std::optional<trouble> {
    const auto left_open = lint_left_open(batch, now);
    if (!left_open || batch.tally.total() == 0) return std::nullopt;
    return trouble{left_open->message, run_it(batch, out)};
  };
  check_each("left_open", batches, look, "No batch was left open.", out);
}

void check_manual(store& storage, findings& out) {
  const auto about = [&](std::string_view action, const task_record& task, std::string_view more = {}) {
    return out.command(fmt::format("call {} task_id={}{}", action, shell_quoted(task.spec.id.str()), more));
  };
  const auto running = storage.list_tasks({.state = task_state::in_progress});
  if (!running) return out.unknown("by_hand", running.error().message + ".");
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

}  // namespace

void check_queue(const workspace_paths& paths, store& storage, timestamp now, findings& out) {
  const auto all = storage.read_overview();
  if (!all) return out.unknown("waiting", all.error().message + ".");
  check_served(paths, all->unfinished, out);
  check_held(all->unfinished, out);
  check_open(all->unfinished, now, out);
  check_manual(storage, out);
}

}  // namespace cobatch
