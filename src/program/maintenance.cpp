// cobatch doctor: the guide's checklist, answered. cobatch import: what the original system kept, taken over. cobatch
// unlock: a lock file that nobody stands behind, removed.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/doctor.hpp>
#include <cobatch/prices.hpp>

#include "base/text.hpp"
#include "import/import.hpp"
#include "os/lock_file.hpp"
#include "program/commands.hpp"
#include "program/terminal.hpp"
#include "views/record_json.hpp"
#include "workspace/layout.hpp"

namespace cobatch::program {

namespace {

// ---------------------------------------------------------------------------------------------------------- doctor

std::string mark_of(answer is, const palette& paint) {
  switch (is) {
    case answer::yes: return paint.good("ok");
    case answer::no: return paint.bad("!!");
    case answer::unknown: break;
  }
  return paint.note("??");
}

std::string verdict_on(const std::vector<finding>& found) {
  const auto count = [&](answer is) {
    return std::count_if(found.begin(), found.end(), [&](const finding& one) { return one.is == is; });
  };
  const auto wrong = count(answer::no);
  const auto unknown = count(answer::unknown);
  return fmt::format("{}{}.",
                     wrong == 0   ? "Nothing is wrong"
                     : wrong == 1 ? "1 thing is wrong"
                                  : fmt::format("{} things are wrong", wrong),
                     unknown == 0 ? "" : fmt::format("; {} cannot be told", unknown));
}

void print_findings(const std::vector<finding>& found) {
  const palette paint(1);
  for (const auto& one : found) {
    print_line(fmt::format("{}  {}", mark_of(one.is, paint), one_line(one.message)));
    if (!one.fix.empty()) print_line("      " + one_line(one.fix));
  }
  print_line(paint.strong(verdict_on(found)));
}

void check_prices(const std::filesystem::path& file, std::vector<finding>& found) {
  const auto table = read_price_file(file);
  if (!table) return found.push_back({"prices", answer::no, sentence(table.error().message)});
  for (const auto& fault : table->faults()) found.push_back({"prices", answer::no, sentence(fault.what.message)});
  if (!table->faults().empty()) return;
  if (table->empty()) return found.push_back({"prices", answer::no, "The price file has no entry that can be used."});
  found.push_back({"prices", answer::yes, "Every entry of the price file can be used."});
}

json::object findings_json(const std::vector<finding>& found, bool well) {
  json::array list;
  for (const auto& one : found) {
    json::object entry{{"check", one.check}, {"answer", name_of(one.is)}, {"message", one.message}};
    if (!one.fix.empty()) entry.push_back({"fix", one.fix});
    list.emplace_back(std::move(entry));
  }
  return {{"status", well ? "success" : "error"}, {"message", verdict_on(found)}, {"findings", std::move(list)}};
}

// ---------------------------------------------------------------------------------------------------------- import

std::string heading_of(import_finding::kind what, const palette& paint) {
  switch (what) {
    case import_finding::kind::note: return paint.note("note:");
    case import_finding::kind::conflict: return paint.bad("conflict:");
    case import_finding::kind::set_aside: break;
  }
  return paint.bad("set aside:");
}

// "claude_task_queue.json, task create_doc_1: …", with what is known of it.
std::string sentence_of(const import_finding& one) {
  std::string about = one.file;
  if (!one.task.empty()) about += fmt::format("{}task {}", about.empty() ? "" : ", ", one.task);
  return fmt::format("{}{}{}", about, about.empty() ? "" : ": ", one.message);
}

std::string summary_of_import(const import_report& report, bool dry_run) {
  if (report.put_in.total() == 0)
    return fmt::format("Nothing is new; {} {} here already.", report.there_already,
                       report.there_already == 1 ? "task was" : "tasks were");
  return fmt::format("{}: {}. Here already: {}.", dry_run ? "Would be put in" : "Put in", tally_text(report.put_in),
                     report.there_already);
}

std::string step_after_import(const import_report& report, bool dry_run) {
  if (dry_run) return "Nothing was changed. The same command without --dry-run does it.";
  if (report.put_in[task_state::queued] == 0) return {};
  return "What is queued stands in open batches, and none starts by itself: `cobatch status` lists them, `cobatch run "
         "BATCH_ID` runs one.";
}

void print_import(const import_report& report, bool dry_run) {
  const palette paint(1);
  for (const auto& one : report.findings)
    print_line(fmt::format("{} {}", heading_of(one.what, paint), one_line(sentence_of(one))));
  print_line(paint.strong(summary_of_import(report, dry_run)));
  if (const auto next = step_after_import(report, dry_run); !next.empty()) print_line(next);
}

json::object import_json(const import_report& report, bool dry_run) {
  json::array findings;
  for (const auto& one : report.findings) {
    json::object entry{{"kind", name_of(one.what)}};
    if (!one.file.empty()) entry.push_back({"file", one.file});
    if (!one.task.empty()) entry.push_back({"task_id", one.task});
    entry.push_back({"message", one.message});
    findings.emplace_back(std::move(entry));
  }
  return {{"status", report.complete() ? "success" : "error"},
          {"message", summary_of_import(report, dry_run)},
          {"next_step", step_after_import(report, dry_run)},
          {"dry_run", dry_run},
          {"put_in", tally_json(report.put_in)},
          {"there_already", report.there_already},
          {"findings", std::move(findings)}};
}

result<import_report> import_or_preview(const import_options& options) {
  if (auto there = check_root(options.common); !there) return fail(std::move(there.error()));
  if (options.dry_run)
    return preview_import({.root = options.common.root, .state = options.common.state}, options.folder);
  auto place = open_workspace(options.common);
  if (!place) return fail(place.error());
  return import_original(*place, options.folder);
}

// ---------------------------------------------------------------------------------------------------------- unlock

// A lock file may be there where no workspace is: it goes, and none is made. Nothing: there is a workspace, or no file.
std::optional<result<bool>> remove_stray(const common_options& options) {
  const auto paths = find_paths({.root = options.root, .state = options.state});
  std::error_code ignored;
  if (!paths || std::filesystem::exists(paths->state, ignored)) return std::nullopt;
  const auto seen = look_at_lock_file(paths->marker);
  if (!seen) return fail(seen.error());
  if (!*seen) return std::nullopt;
  return remove_lock_file(paths->marker, **seen);
}

}  // namespace

int run_doctor(const doctor_options& options) {
  const bool json = options.common.json;
  std::optional<batch_id> batch;
  if (!options.batch.empty()) {
    auto parsed = batch_id::parse(options.batch);
    if (!parsed) return fail_with(parsed.error(), json);
    batch = std::move(*parsed);
  }
  const workspace_options place{.root = options.common.root, .state = options.common.state};
  auto found = diagnose(place, batch);
  auto of_agents = diagnose_agents(place);
  found.insert(found.end(), std::make_move_iterator(of_agents.begin()), std::make_move_iterator(of_agents.end()));
  if (!options.prices.empty()) check_prices(options.prices, found);
  const bool well = std::none_of(found.begin(), found.end(), [](const finding& one) { return one.is == answer::no; });
  if (json)
    print_json(findings_json(found, well));
  else
    print_findings(found);
  return well ? exit_success : exit_refused;
}

int run_import(const import_options& options) {
  const auto report = import_or_preview(options);
  if (!report) return fail_with(report.error(), options.common.json);
  if (options.common.json)
    print_json(import_json(*report, options.dry_run));
  else
    print_import(*report, options.dry_run);
  return report->complete() ? exit_success : exit_refused;
}

int run_unlock(const unlock_options& options) {
  const bool json = options.common.json;
  if (const auto removed = remove_stray(options.common)) {
    if (!*removed) return fail_with(removed->error(), json);
    const std::string_view message = **removed
                                         ? "The lock file is removed."
                                         : "The lock file changed or went while it was looked at; nothing was removed.";
    if (json)
      print_json(
          {{"status", "success"}, {"message", message}, {"removed_marker", **removed}, {"session_cancelled", false}});
    else
      print_line(message);
    return exit_success;
  }
  auto place = open_existing(options.common);
  if (!place) return fail_with(place.error(), json);
  return print_reply(request::ask(*place, "unlock", {{"force", options.force}}), json);
}

}  // namespace cobatch::program
