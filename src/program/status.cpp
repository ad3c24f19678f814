// cobatch status: the workspace, a batch or a task.
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "program/commands.hpp"
#include "program/terminal.hpp"
#include "views/record_json.hpp"

namespace cobatch::program {

namespace {

constexpr std::size_t summary_width = 100;

json::object lock_json(const workspace& place, const lock_report& lock) {
  json::object out{{"locked", lock.guard_busy},
                   {"orchestrator_lost", lock.orchestrator_lost},
                   {"cut_off", lock.cut_off},
                   {"advice", lock.advice},
                   {"lock_file", place.paths().marker.string()}};
  if (!lock.marker_content.empty()) out.push_back({"marker_content", lock.marker_content});
  return out;
}

bool is_cut_off(const workspace_status& status, const batch_record& batch) {
  return status.lock.cut_off && is_worked(batch.state);
}

json::object workspace_json(const workspace& place, const workspace_status& status) {
  json::array batches, engines;
  for (const auto& batch : status.all.unfinished) {
    json::object shown = batch_json(batch, status.lock.cut_off);
    for (auto& member : shown) {
      if (member.name == "batch_status") member.name = "state";
      if (member.name == "tally") member.name = "tasks";
    }
    shown.push_back({"lingers", batch.lingers});
    shown.push_back({"fruitless_sessions", batch.fruitless_sessions});
    batches.emplace_back(std::move(shown));
  }
  for (const auto& engine : status.engines) engines.emplace_back(engine);
  json::object out{{"status", "success"},
                   {"workspace", place.paths().root.string()},
                   {"tasks", tally_json(status.all.tally)},
                   {"unfinished_batches", std::move(batches)}};
  if (status.all.live && !status.lock.cut_off) out.push_back({"session", session_json(*status.all.live)});
  out.push_back({"lock", lock_json(place, status.lock)});
  out.push_back({"engines", std::move(engines)});
  if (!status.warnings.empty()) out.push_back({"warnings", warnings_json(status.warnings)});
  return out;
}

// "way fork, on error stop, budget 2.5 usd, 30 minutes": what was said of a batch; empty if nothing was.
std::string settings_text(const json::value& batch) {
  std::vector<std::string> parts;
  for (const auto& [name, shown] : {std::pair("model", "model"), {"way", "way"}, {"on_error", "on error"}})
    if (const auto said = text_of(batch, name); !said.empty())
      parts.push_back(fmt::format("{} {}", shown, one_line(said)));
  const json::value* budget = batch.find("budget");
  if (budget != nullptr && budget->as_object() != nullptr) {
    std::string_view lead = "budget ";
    for (const auto& [unit, amount] : *budget->as_object())
      parts.push_back(std::string(std::exchange(lead, "")) +
                      (unit == "unknown" ? "unknown usage allowed"
                                         : fmt::format("{} {}", one_line(json::write(amount)), one_line(unit))));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

void print_settings(const json::value& batch, std::string_view indent) {
  if (const auto said = settings_text(batch); !said.empty()) print_line(fmt::format("{}{}", indent, said));
}

void print_pause(const json::value& session) {
  if (const auto until = text_of(session, "paused_until"); !until.empty())
    print_line(fmt::format("waits until {}: {}", one_line(until), one_line(text_of(session, "pause_reason"))));
}

void print_workspace(const workspace& place, const workspace_status& status) {
  const palette paint(1);
  print_line(fmt::format("{} {}", paint.strong("workspace"), one_line(place.paths().root.string())));
  print_line(fmt::format("tasks: {}", tally_text(status.all.tally)));
  for (const auto& batch : status.all.unfinished) {
    print_line(fmt::format("  batch {}: {}, {}", shortened(batch.id.str(), id_width),
                           is_cut_off(status, batch) ? "cut off" : name_of(batch.state), tally_text(batch.tally)));
    print_settings(json::value(setting_members(batch)), "    ");
    if (!batch.hold_reason.empty()) print_line("    held: " + one_line(batch.hold_reason));
  }
  if (status.all.live && !status.lock.cut_off) print_pause(json::value(session_json(*status.all.live)));
  print_line("lock: " + one_line(status.lock.advice));
  if (status.lock.marker != marker_state::absent)
    print_line(fmt::format("  {} holds: {}", one_line(place.paths().marker.string()),
                           shortened(status.lock.marker_content, summary_width)));
  if (status.engines.empty()) print_line("engines: none; run the tasks with cobatch run, engine or serve");
  for (const auto& engine : status.engines) print_line("engine: " + one_line(engine));
  print_warnings(status.warnings);
}

int workspace_command(workspace& place, bool json) {
  const auto status = place.status();
  if (!status) return fail_with(status.error(), json);
  if (json)
    print_json(workspace_json(place, *status));
  else
    print_workspace(place, *status);
  return exit_success;
}

// Why a task ended in error, or is queued again: what its latest turn came to.
void print_why(workspace& place, std::string_view task, std::string_view status) {
  const bool failed = status == "error";
  if (!failed && status != "queued") return;
  const auto turns = place.turns({.task = task_id(std::string(task))});
  if (!turns || turns->empty() || !turns->back().end) return;
  const turn_record& latest = turns->back();
  const std::string& why = latest.detail.empty() ? latest.reason : latest.detail;
  print_line(fmt::format("      {}{}{}", failed ? "" : "earlier turn ", name_of(*latest.end),
                         why.empty() ? "" : ": " + shortened(why, summary_width)));
}

void print_batch(workspace& place, const json::value& batch) {
  const palette paint(1);
  print_settings(batch, "");
  if (const json::value* session = batch.find("session"); session != nullptr) print_pause(*session);
  const auto* tasks = json::array_of(batch, "tasks");
  if (tasks == nullptr) return;
  for (const auto& task : *tasks) {
    const auto id = text_of(task, "task_id"), state = text_of(task, "status"), reason = text_of(task, "reason");
    print_line(fmt::format("{:>4}  {}  {}{}", json::number_of(task, "batch_position").value_or(0),
                           shortened(id, id_width),
                           state == "done"    ? paint.good(state)
                           : state == "error" ? paint.bad(state)
                                              : one_line(state),
                           reason.empty() ? "" : fmt::format(" ({})", one_line(reason))));
    print_why(place, id, state);
  }
  if (batch.find("next_after_position") != nullptr)
    print_line("      … more: ask for them with --json and batch_status, after_position");
}

void print_task(workspace& place, const json::value& task) {
  print_why(place, text_of(task, "task_id"), text_of(task, "task_status"));
  if (const auto said = text_of(task, "output_summary"); !said.empty())
    print_line("summary: " + shortened(said, summary_width));
  if (const auto output = text_of(task, "output"); !output.empty()) print_line(many_lines(output));
}

}  // namespace

int run_status(const status_options& options) {
  const bool json = options.common.json;
  auto place = open_existing(options.common);
  if (!place) return fail_with(place.error(), json);
  if (options.id.empty()) return workspace_command(*place, json);
  if (!is_utf8(options.id)) return fail_with(not_utf8(options.id), json);

  request::object_reply answered = request::ask(*place, "batch_status", {{"batch_id", options.id}});
  const bool is_batch = answered.why != errc::batch_not_found;
  if (!is_batch) answered = request::ask(*place, "check_task_status", {{"task_id", options.id}});
  if (answered.why == errc::task_not_found)
    return fail_with({errc::task_not_found, fmt::format("There is no batch and no task '{}' in {}.", options.id,
                                                        place->paths().root.string())},
                     json);
  const json::value shown(answered.body);
  const int code = print_reply(answered, json);
  if (json || answered.kind != reply_kind::ok) return code;
  if (is_batch)
    print_batch(*place, shown);
  else
    print_task(*place, shown);
  return code;
}

}  // namespace cobatch::program
