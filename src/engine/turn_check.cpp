#include "engine/turn_check.hpp"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "os/programs.hpp"

namespace cobatch {

namespace {

constexpr std::size_t shown_command_bytes = 200;

std::string shown(const std::vector<std::string>& argv) {
  const std::string all = to_utf8(fmt::format("{}", fmt::join(argv, " ")));
  const auto cut = utf8_prefix(all, shown_command_bytes);
  return fmt::format("the check \"{}{}\"", cut, cut.size() < all.size() ? "…" : "");
}

// The end of what was written, after a colon; empty if nothing was.
std::string last_words(std::string_view written) {
  std::string text = to_utf8(written);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.size() > check_output_bytes) {
    std::size_t from = text.size() - check_output_bytes;
    while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0U) == 0x80U) ++from;
    text.erase(0, from);
  }
  return text.empty() ? "" : ": " + text;
}

// Why the task is not done; empty if it is.
std::string why_not_done(const result<program_end>& end, std::chrono::milliseconds limit) {
  if (!end) return "could not be run: " + end.error().message;
  if (end->exit_code == 0) return {};
  if (end->exit_code) return fmt::format("exited with {}{}", *end->exit_code, last_words(end->errors));
  if (end->signal) return fmt::format("was ended by signal {}{}", *end->signal, last_words(end->errors));
  return fmt::format("had not ended after {} s, and was ended{}", static_cast<double>(limit.count()) / 1000,
                     last_words(end->errors));
}

settlement decided(settlement what, turn_end end, std::string reason, std::string detail) {
  what.end = end;
  what.reason = std::move(reason);
  what.detail = std::move(detail);
  what.source = status_source::cobatch;
  return what;
}

}  // namespace

settlement apply_check(settlement what, const std::vector<std::string>& check, const std::filesystem::path& folder,
                       std::chrono::milliseconds limit, std::stop_token stop) {
  if (what.end != turn_end::done || check.empty()) return what;
  program_call call;
  call.argv = check;
  call.working_directory = folder;
  call.output_as_errors = true;
  call.error_limit = check_output_bytes + 4;  // a character that is cut at the front is then not shown
  call.deadline = std::chrono::steady_clock::now() + limit;
  call.stop = std::move(stop);
  const auto end = run_program(call);
  if (end && end->stopped)
    return decided(std::move(what), turn_end::stopped, "check_interrupted",
                   shown(check) + " was interrupted; the task is to be done again");
  const std::string why = why_not_done(end, limit);
  if (why.empty()) return what;
  return decided(std::move(what), turn_end::error, "check_failed", shown(check) + " " + why);
}

turn_check::turn_check(const engine_options& options, const workspace_paths& paths,
                       std::filesystem::path working_directory, std::filesystem::path folder)
    : options_(options),
      working_directory_(std::move(working_directory)),
      kept_(std::move(folder) / "before.json"),
      tree_(working_directory_, own_files(paths)) {}

bool turn_check::look_before() {
  before_ = tree_.look();
  if (!before_) return false;
  // Without it only a crash would leave the changes unknown.
  static_cast<void>(write_snapshot(*before_, kept_));
  return is_dirty(*before_);
}

settlement turn_check::look_after(settlement what, const task_spec& task, std::stop_token stop) const {
  if (before_)
    if (const auto after = tree_.look()) what.changes = tree_.changes_between(*before_, *after);
  if (task.check.empty()) return what;
  return apply_check(std::move(what), task.check, working_directory_, options_.check_limit, std::move(stop));
}

settlement turn_check::look_after_crash(settlement what, const task_spec& task, std::stop_token stop) {
  before_ = read_snapshot(kept_);
  return look_after(std::move(what), task, std::move(stop));
}

}  // namespace cobatch
