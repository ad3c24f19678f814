// cobatch import: what the original system kept, taken over.
#include "import/import.hpp"

#include <string>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "base/json.hpp"
#include "program/exit_codes.hpp"
#include "program/options.hpp"
#include "program/speak.hpp"
#include "program/terminal.hpp"
#include "views/record_json.hpp"

namespace cobatch::program {

namespace {

using kind = import_finding::kind;

std::string shown(kind what, const palette& paint) {
  switch (what) {
    case kind::note:
      return paint.note("note:");
    case kind::conflict:
      return paint.bad("conflict:");
    case kind::set_aside:
      break;
  }
  return paint.bad("set aside:");
}

// "claude_task_queue.json, task create_doc_1: …", with what is known of it.
std::string sentence_of(const import_finding& one) {
  std::string about = one.file;
  if (!one.task.empty()) about += fmt::format("{}task {}", about.empty() ? "" : ", ", one.task);
  return fmt::format("{}{}{}", about, about.empty() ? "" : ": ", one.message);
}

std::string summary_of(const import_report& report, bool dry_run) {
  if (report.put_in.total() == 0)
    return fmt::format("Nothing is new; {} {} here already.", report.there_already,
                       report.there_already == 1 ? "task was" : "tasks were");
  return fmt::format("{}: {}. Here already: {}.", dry_run ? "Would be put in" : "Put in", tally_text(report.put_in),
                     report.there_already);
}

std::string next_step(const import_report& report, bool dry_run) {
  if (dry_run) return "Nothing was changed. The same command without --dry-run does it.";
  if (report.put_in[task_state::queued] == 0) return {};
  return "What is queued stands in open batches, and none starts by itself: `cobatch status` lists them, `cobatch run "
         "BATCH_ID` runs one.";
}

void print_report(const import_report& report, bool dry_run) {
  const palette paint(STDOUT_FILENO);
  for (const auto& one : report.findings)
    print_line(fmt::format("{} {}", shown(one.what, paint), one_line(sentence_of(one))));
  print_line(paint.strong(summary_of(report, dry_run)));
  if (const auto next = next_step(report, dry_run); !next.empty()) print_line(next);
}

json::object report_json(const import_report& report, bool dry_run) {
  json::array findings;
  for (const auto& one : report.findings) {
    json::object entry{{"kind", name_of(one.what)}};
    if (!one.file.empty()) entry.push_back({"file", one.file});
    if (!one.task.empty()) entry.push_back({"task_id", one.task});
    entry.push_back({"message", one.message});
    findings.emplace_back(std::move(entry));
  }
  return {{"status", report.complete() ? "success" : "error"},
          {"message", summary_of(report, dry_run)},
          {"next_step", next_step(report, dry_run)},
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

}  // namespace

int run_import(const import_options& options) {
  const auto report = import_or_preview(options);
  if (!report) return fail_with(report.error(), options.common.json);
  if (options.common.json)
    print_line(json::write(report_json(*report, options.dry_run)));
  else
    print_report(*report, options.dry_run);
  return report->complete() ? exit_success : exit_refused;
}

}  // namespace cobatch::program
