#include "agents/process_agent.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "agents/line_follower.hpp"
#include "agents/objection.hpp"
#include "agents/process_session.hpp"
#include "agents/status_line.hpp"
#include "os/keeper.hpp"
#include "os/programs.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

fs::path output_of(const fs::path& folder, std::int64_t process) {
  return folder / fmt::format("{}.out", process);
}

// Lets the dialect know what it said in an earlier process, for figures that are cumulative over processes. False if
// there is no such file; a file that cannot be read further is left where it is.
bool recall(dialect& speech, const fs::path& file) {
  auto lines = line_follower::open(file);
  if (!lines) return false;
  speech.process_begins();
  for (;;) {
    const auto line = lines->next();
    if (!line || !*line) return true;
    static_cast<void>(read_line(speech, **line, {}));
  }
}

// The task that an answer names; empty if it names none.
std::string named_task(const settlement& what) {
  const auto said = find_status_line(what.output);
  return said ? said->task : std::string();
}

constexpr auto all = std::numeric_limits<std::int64_t>::max();

result<void> link_to_earlier(const fs::path& folder, const fs::path& earlier) {
  std::error_code failed;
  if (!earlier.empty() && !fs::is_symlink(link_to_earlier_in(folder), failed))
    fs::create_directory_symlink(earlier, link_to_earlier_in(folder), failed);
  if (failed)
    return fail(errc::io_error, fmt::format("could not make a link in {}: {}", folder.string(), failed.message()));
  return {};
}

void recall_all(dialect& speech, const fs::path& folder, std::int64_t before) {
  std::error_code none;
  if (const auto earlier = fs::read_symlink(link_to_earlier_in(folder), none); !none) recall_all(speech, earlier, all);
  for (std::int64_t process = 1; process < before; ++process)
    if (!recall(speech, output_of(folder, process))) return;
}

class process_agent final : public agent {
 public:
  explicit process_agent(process_agent_options options) : options_(std::move(options)) {}

  std::string_view name() const override { return options_.name; }
  bool takes_preamble() const override { return options_.takes_preamble; }
  std::string_view calls_back_with() const override { return options_.calls_back_with; }
  bool can_fork() const override { return options_.can_fork; }
  std::string objection(const task_spec& task) const override {
    if (options_.objection) return options_.objection(task);
    return options_.takes_model ? objection_to_tools(task, name()) : agent::objection(task);
  }

  result<std::unique_ptr<agent_session>> start(const session_start& how) override {
    if (auto linked = link_to_earlier(how.folder, how.earlier_folder); !linked) return fail(linked.error());
    auto argv = options_.argv(how);
    if (!argv) return fail(argv.error());
    auto wake = wake_signal::make();
    if (!wake) return fail(wake.error());
    keeper_start start;
    start.argv = std::move(*argv);
    start.environment = agent_environment();
    start.environment.insert(start.environment.end(), options_.environment.begin(), options_.environment.end());
    start.environment.insert(start.environment.end(), how.environment.begin(), how.environment.end());
    start.working_directory = how.working_directory;
    start.folder = how.folder;
    start.number = how.process;
    start.guard = how.guard;
    start.grace = options_.grace;
    start.turn_end = options_.turn_end;
    start.record = how.record;
    auto started = keeper::start(start);
    if (!started) return fail(started.error());
    auto lines = line_follower::open(started->output_file());
    if (!lines) return fail(lines.error());
    auto speech = options_.make_dialect(how);
    if (!how.conversation.empty()) recall_all(*speech, how.folder, how.process);
    speech->process_begins();
    return make_process_session(options_, how,
                                {std::move(*started), std::move(*lines), std::move(speech), std::move(*wake)});
  }

  // The answers in a process's output are in the order of its turns: the n-th one is of the n-th turn. One that names
  // a task that was answered before is late, and counts as none.
  std::optional<settlement> recover(const fs::path& folder, const turn_record& turn) override {
    const auto speech = options_.make_dialect({});
    recall_all(*speech, folder, turn.process);
    auto lines = line_follower::open(output_of(folder, turn.process));
    if (!lines) return std::nullopt;
    speech->process_begins();
    const turn_key key{turn.turn, turn.task};
    std::set<std::string> answered;
    for (std::int64_t answers = 0;;) {
      const auto line = lines->next();
      if (!line || !*line) return unanswered(*speech, turn);
      auto report = read_line(*speech, **line, key);
      if (!report) continue;
      const std::string named = named_task(report->what);
      if (!named.empty() && !answered.insert(named).second) continue;  // a late answer to an earlier turn
      if (++answers < turn.process_turn) continue;
      if (!named.empty() && !turn.task.empty() && named != turn.task.str()) continue;
      report->what.conversation = speech->conversation();
      return std::move(report->what);
    }
  }

 private:
  std::optional<settlement> unanswered(dialect& speech, const turn_record& turn) const {
    settlement what = failed_turn(turn_end::interrupted, {}, "the orchestrator died while the turn ran");
    what.conversation = speech.conversation();
    what.used = options_.used_since ? options_.used_since(what.conversation, turn.started_at) : speech.used_so_far();
    if (what.conversation.empty() && !what.used) return std::nullopt;
    return what;
  }

  process_agent_options options_;
};

}  // namespace

fs::path link_to_earlier_in(const fs::path& folder) {
  return folder / "earlier";
}

std::string dialect::abort_line(const turn_key&) {
  return {};
}

bool dialect::is_answer(std::string_view) const {
  return false;
}

std::optional<turn_report> read_line(dialect& speech, const agent_line& line, const turn_key& expected) {
  if (!line.is_cut) return speech.read(line.text, expected);
  if (!speech.is_answer(line.text)) return std::nullopt;
  return unreadable_answer(line.text, fmt::format("it is longer than {} MiB", max_agent_line >> 20));
}

std::string_view first_type(std::string_view line) noexcept {
  constexpr std::string_view name = "\"type\"";
  const auto skip_space = [&](std::size_t at) { return std::min(line.find_first_not_of(" \t", at), line.size()); };
  std::size_t at = line.find(name);
  if (at == std::string_view::npos) return {};
  at = skip_space(at + name.size());
  if (line.substr(at, 1) != ":") return {};
  at = skip_space(at + 1);
  if (line.substr(at, 1) != "\"") return {};
  const std::string_view value = line.substr(at + 1);
  return value.substr(0, value.find('"'));
}

turn_report unreadable_answer(std::string_view line, std::string_view why) {
  constexpr std::size_t quoted_bytes = 200;
  return {failed_turn(turn_end::broke, "unreadable_answer",
                      fmt::format("the agent's answer cannot be read: {}; the line begins: {}", why,
                                  to_line(line, quoted_bytes))),
          false};
}

turn_report conversation_lost() {
  auto what = failed_turn(turn_end::stopped, "conversation_lost",
                          "the agent could not go on with its earlier conversation; a new one is begun");
  what.used.emplace();  // nothing: it was not asked for anything
  turn_report report{std::move(what), false, true};
  report.forget = true;
  return report;
}

settlement failed_turn(turn_end end, std::string reason, std::string detail) {
  settlement what;
  what.end = end;
  what.source = status_source::cobatch;
  what.reason = std::move(reason);
  what.detail = std::move(detail);
  return what;
}

std::shared_ptr<agent> make_process_agent(process_agent_options options) {
  return std::make_shared<process_agent>(std::move(options));
}

}  // namespace cobatch
