#include "agents/agent_process.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <limits>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>
#include <cobatch/store.hpp>

#include "agents/agent_output.hpp"
#include "agents/turn_outcome.hpp"
#include "os/keeper.hpp"
#include "os/programs.hpp"
#include "os/watch.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;
using steady = std::chrono::steady_clock;
using std::chrono::milliseconds;

// How long an agent that was asked to abort, or to begin anew, may take to answer before it is ended.
constexpr std::chrono::seconds answer_patience{10};
// How long an agent may take to end by itself when its input has ended.
constexpr std::chrono::seconds finish_patience{10};
// How long an agent may be silent after it answered an earlier task once more, before that answer ends the turn.
constexpr std::chrono::seconds late_patience{60};
// How much is kept of the latest lines that were no answer; the agent's file has all of them.
constexpr std::size_t said_bytes = 16 * 1024;
// With less than this on its disk, an agent may have lost what it wrote.
constexpr std::uintmax_t little_room = std::uintmax_t{1} << 20;

double seconds_in(milliseconds time) { return std::chrono::duration<double>(time).count(); }

std::string describe(const keeper::ending& end) {
  if (end.keeper_lost) return "the keeper process was killed";
  if (end.exit_code) return fmt::format("the agent ended with exit code {}", *end.exit_code);
  if (end.signal) return fmt::format("the agent was ended by signal {}", *end.signal);
  return "the agent ended";
}

// Shells and runtimes exit with 128 and the signal's number.
bool was_killed(const keeper::ending& end) {
  const int code = end.exit_code.value_or(0);
  return end.signal || code == 128 + SIGHUP || code == 128 + SIGINT || code == 128 + SIGTERM;
}

std::string errors_in(const fs::path& file) { return to_utf8(read_end_of(file).text); }

// Says that a disk is as good as full, which the agent itself could write down nowhere; else empty.
std::string about_room_beside(const fs::path& file) {
  std::error_code failed;
  const auto room = fs::space(file, failed);
  if (failed || room.capacity == 0 || room.available >= little_room) return {};
  return fmt::format("; the disk with {} has {} KiB left", file.string(), room.available / 1024);
}

// Keeps the end of a text, from the beginning of a character on.
void keep_end_of(std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return;
  std::size_t cut = text.size() - bytes;
  while (cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) ++cut;
  text.erase(0, cut);
}

// One process of an agent's program, from its start to its end.
class agent_process final : public agent_session {
 public:
  agent_process(const session_start& session, agent_program program, bool calls_back, keeper process,
                line_follower lines, wake_signal wake)
      : on_event_(session.on_event),
        quiet_after_(session.quiet_after),
        idle_limit_(session.idle_limit),
        is_first_(session.process == 1),
        calls_back_(calls_back),
        resumed_(session.conversation),
        dialect_(std::move(program.dialect)),
        program_(std::move(program)),
        keeper_(std::move(process)),
        lines_(std::move(lines)),
        wake_(std::move(wake)),
        watch_(file_watch::of(keeper_.output_file())),
        is_fresh_(session.conversation.empty()) {}

  ~agent_process() override { finish(); }

  turn_report run_turn(const turn_request& request, milliseconds limit, std::stop_token interrupt) override {
    wake_.clear();
    const std::stop_callback on_interrupt(interrupt, [this] { wake_.notify(); });
    const timestamp began = system_now();
    turn_ = {.key = {request.turn, request.task}};
    ++turns_;
    turn_report report = converse(request, limit, interrupt);
    if (!ended_) static_cast<void>(keeper_.turn_ended());
    complete(report.what, settles(report.what.end) || report.limited || report.blocked, began);
    return report;
  }

  bool clear() override {
    const std::string line = dialect_->clear_line();
    if (ended_ || line.empty()) return false;
    is_cleared_ = false;
    const auto answer = send_and_wait(line, [this] { return is_cleared_; });
    if (answer || !is_cleared_) return false;
    is_fresh_ = true;
    return true;
  }

  std::string conversation() const override {
    const std::string& reported = dialect_->conversation();
    return reported.empty() ? resumed_ : reported;
  }

  void finish() override { finish(finish_patience); }

 private:
  // ------------------------------------------------------------------------------------------------------- a turn

  turn_report converse(const turn_request& request, milliseconds limit, const std::stop_token& interrupt) {
    if (keeper_.ended() || !keeper_.turn_begins(limit)) return agent_ended();
    turn_.deadline = running_deadline(steady::now() + limit);
    send(dialect_->ask(request));
    if (program_.one_turn_a_process) keeper_.close_input();
    turn_.last_line_at = steady::now();
    for (;;) {
      if (turn_.unsent) return not_sent(*turn_.unsent, limit);
      if (auto report = read_answer()) return after_answer(std::move(*report));
      if (keeper_.ended()) return agent_ended();
      if (interrupt.stop_requested()) return abort(turn_end::stopped, "the turn was interrupted");
      if (steady::now() >= turn_.deadline.at()) return time_out(limit);
      if (steady::now() >= late_end()) return after_answer(std::move(*turn_.late_answer));
      if (steady::now() >= idle_end()) return after_answer(end_idle_turn());
      wait_in_turn(std::min({tell_if_quiet(), idle_end(), late_end()}));
    }
  }

  // A paid turn is not given up for time in which nothing could run.
  void wait_in_turn(steady::time_point until) {
    wait(turn_.deadline.next_wait(steady::now(), until), wake_.descriptor());
    const auto frozen = turn_.deadline.woke(steady::now());
    if (frozen == frozen.zero()) return;
    turn_.last_line_at += frozen;
    static_cast<void>(keeper_.turn_begins(std::chrono::ceil<milliseconds>(turn_.deadline.at() - steady::now())));
  }

  void wait(steady::time_point deadline, int also) {
    if (watch_.descriptor() < 0) deadline = std::min(deadline, steady::now() + fallback_tick);
    wait_readable({watch_.descriptor(), keeper_.end_descriptor(), also}, deadline);
  }

  // After a part of a message nothing else can be sent: the agent is ended.
  void send(const std::string& bytes) {
    const auto sent = keeper_.send(bytes, turn_.deadline.at(), wake_.descriptor());
    if (sent) return;
    turn_.unsent = sent.error().code;
    if (turn_.unsent == errc::interrupted || turn_.unsent == errc::timed_out) finish(milliseconds{0});
  }

  turn_report not_sent(errc why, milliseconds limit) {
    if (why == errc::interrupted) return abort(turn_end::stopped, "the turn was interrupted");
    return why == errc::timed_out ? time_out(limit) : agent_ended();
  }

  turn_report after_answer(turn_report report) {
    const settlement& outcome = report.what;
    if (turn_.missed_line && outcome.end == turn_end::done && outcome.source == status_source::inferred &&
        outcome.output.empty())
      report.what = failed_turn(
          turn_end::broke, "unreadable_answer",
          fmt::format("the answer of the agent is in a line that is longer than {} MiB", max_agent_line >> 20));
    if (program_.one_turn_a_process) {
      finish();
      report.usable = false;
    }
    return report;
  }

  turn_report time_out(milliseconds limit) {
    return abort(turn_end::timed_out, fmt::format("no result within the limit of {:g} s", seconds_in(limit)));
  }

  turn_report abort(turn_end end, std::string detail) {
    const std::string line = ended_ ? std::string() : dialect_->abort_line(turn_.key);
    const auto report = line.empty() ? std::nullopt : send_and_wait(line, [] { return false; });
    // The turn may have come to its answer just then: what was paid for is not thrown away.
    if (report && settles(report->what.end)) return *report;
    const bool usable = report && report->usable && !keeper_.ended();
    if (!usable) finish(milliseconds{0});
    settlement outcome = failed_turn(end, std::string(name_of(end)), std::move(detail));
    if (report) outcome.used = report->what.used;
    return {std::move(outcome), usable};
  }

  // Sends a line, and waits for an answer or until `is_done`, at most until the agent has ended or its time is over.
  template <class Condition>
  std::optional<turn_report> send_and_wait(const std::string& line, Condition is_done) {
    const auto deadline = steady::now() + answer_patience;
    if (!keeper_.send(line, deadline, -1)) return std::nullopt;
    auto answer = read_answer();
    while (!answer && !is_done() && !keeper_.ended() && steady::now() < deadline) {
      wait(deadline, -1);
      answer = read_answer();
    }
    return answer;
  }

  // When the turn ends if its only answer was one to an earlier task.
  [[nodiscard]] steady::time_point late_end() const {
    return turn_.late_answer ? turn_.last_line_at + late_patience : steady::time_point::max();
  }

  // True if the agent has said that the task is done or failed: all that is missing is its result.
  [[nodiscard]] bool has_closed() const {
    const auto said = find_status_line(turn_.message);
    return said && said->task == turn_.key.task.str();
  }

  // When the turn ends if the agent has closed its task and says nothing more.
  [[nodiscard]] steady::time_point idle_end() const {
    return idle_limit_ == milliseconds{0} || !has_closed() ? steady::time_point::max()
                                                           : turn_.last_line_at + idle_limit_;
  }

  turn_report end_idle_turn() {
    settlement outcome;
    outcome.output = turn_.message;
    settle_by_answer(outcome, turn_.key.task);
    turn_report ended = abort(turn_end::stopped, {});
    if (settles(ended.what.end)) return ended;  // the result came all the same
    outcome.used = std::move(ended.what.used);
    outcome.detail += fmt::format("{}the agent wrote no result in {:g} s after the message that closes the task",
                                  outcome.detail.empty() ? "" : "; ", seconds_in(idle_limit_));
    return {std::move(outcome), ended.usable};
  }

  // -------------------------------------------------------------------------------------------- what the agent says

  // The next answer among the lines that are there, or nothing yet.
  std::optional<turn_report> read_answer() {
    watch_.clear();
    for (;;) {
      const auto line = lines_.next();
      if (!line) {
        finish(milliseconds{0});
        return turn_report{failed_turn(turn_end::broke, std::string(name_of(line.error().code)), line.error().message),
                           false};
      }
      if (!*line) return std::nullopt;
      if (auto report = read_line(**line)) {
        if (!report->usable) finish(milliseconds{0});
        return report;
      }
    }
  }

  std::optional<turn_report> read_line(const agent_line& line) {
    turn_.last_line_at = steady::now();
    turn_.is_quiet_noted = false;
    turn_.missed_line = turn_.missed_line || line.is_cut;
    tell_of_repair(line);
    auto meaning = dialect_->read(line, turn_.key);
    turn_.message = meaning.message;
    is_cleared_ = is_cleared_ || meaning.is_cleared;
    if (meaning.late_answer) turn_.late_answer = std::move(meaning.late_answer);
    if (!meaning.reply.empty() && !ended_) send(meaning.reply);
    if (!meaning.end) {
      said_.append(line.text).push_back('\n');
      if (said_.size() > 2 * said_bytes) keep_end_of(said_, said_bytes);
      tell({.what = event::kind::progress, .text = std::string(line.text)});
    }
    if (meaning.news) tell(*meaning.news);
    return std::move(meaning.end);
  }

  // Only the first line that is not UTF-8 is reported: an agent that writes one often writes all of them so.
  void tell_of_repair(const agent_line& line) {
    if (!line.is_cut && !line.is_mended) return;
    if (line.is_mended && std::exchange(noted_mended_, true)) return;
    const std::string trouble =
        line.is_cut ? fmt::format("is longer than {} MiB; only its beginning was read", max_agent_line >> 20)
                    : "is not valid UTF-8; U+FFFD was read in place of the bytes that are not text";
    tell({.what = event::kind::notice,
          .text = fmt::format("the agent wrote a line that {}. The whole line is in {}", trouble,
                              keeper_.output_file().string())});
  }

  // Lets know once that the agent is silent. Returns when to look again.
  steady::time_point tell_if_quiet() {
    if (quiet_after_ == milliseconds{0} || turn_.is_quiet_noted) return steady::time_point::max();
    if (steady::now() < turn_.last_line_at + quiet_after_) return turn_.last_line_at + quiet_after_;
    turn_.is_quiet_noted = true;
    const bool closed = has_closed();
    const auto end = std::min(turn_.deadline.at(), idle_end());
    event notice{
        .what = event::kind::notice,
        .text = fmt::format("nothing was heard of the agent for {:g} s{}; its turn goes on until its {}limit",
                            seconds_in(quiet_after_), closed ? ", though its last message closes the task" : "",
                            end < turn_.deadline.at() ? "idle " : "")};
    if (closed) notice.until = system_now() + std::chrono::ceil<milliseconds>(end - steady::now());
    tell(notice);
    return steady::time_point::max();
  }

  void tell(const event& news) const {
    if (on_event_) on_event_(news);
  }

  // ------------------------------------------------------------------------------------------------- the agent's end

  void finish(milliseconds patience) {
    if (!ended_) ended_ = keeper_.finish(patience);
  }

  // The agent is gone; what it wrote before may still hold the answer.
  turn_report agent_ended() {
    finish();
    if (auto report = read_answer()) {
      report->usable = false;
      return *report;
    }
    if (ended_->keeper_lost) return {failed_turn(turn_end::interrupted, "keeper_lost", describe(*ended_)), false};
    if (!was_killed(*ended_))
      if (auto refused = refused_to_work()) return std::move(*refused);
    // An agent that ended between two turns broke neither: the task goes to a new process, once, without a charge.
    const bool again = turns_ > 1 && ended_->exit_code == 0 && said_.empty();
    turn_report report{failed_turn(again ? turn_end::stopped : turn_end::broke, "agent_ended",
                                   describe(*ended_) + (calls_back_ ? " before every task was logged"
                                                                    : " before the task was answered")),
                       false, again};
    report.killed = was_killed(*ended_);
    return report;
  }

  // Why nothing came of its very first turn: it knows no such conversation, or cannot work at all.
  std::optional<turn_report> refused_to_work() {
    if (turns_ == 1 && !resumed_.empty() && said_.empty()) return conversation_lost();
    const int exit_code = ended_->exit_code.value_or(0);
    const std::string errors = errors_in(keeper_.error_file());
    if (const auto error = dialect_->meaning_of_exit(exit_code)) {
      settlement outcome;
      outcome.detail = errors;
      auto report = report_provider_error(*error, std::move(outcome), std::nullopt);
      report.usable = false;
      return report;
    }
    // A wrong option, say, or a program that is not what it should be: no task could do better.
    const bool never_worked = is_first_ && turns_ == 1 && exit_code != 0 && !program_.lines_are_output &&
                              said_.empty() && last_words_in(read_end_of(keeper_.output_file())).empty();
    if (!never_worked) return std::nullopt;
    turn_report report{failed_turn(turn_end::stopped, "agent_refused",
                                   fmt::format("{} before it said a word{}{} (see to it; its tasks are still queued)",
                                               describe(*ended_), errors.empty() ? "" : ": ", errors)),
                       false};
    report.blocked = true;
    return report;
  }

  // Fills in what is known of any turn, whatever it came to.
  void complete(settlement& outcome, bool is_explained, timestamp began) {
    keep_end_of(said_, said_bytes);
    if (!is_explained) keep_what_was_said(outcome);
    said_.clear();
    outcome.conversation = conversation();
    if (!outcome.used) outcome.used = dialect_->used_so_far(outcome.conversation, began);
    outcome.loaded_context = is_fresh_;
    if (settles(outcome.end) || (outcome.used && outcome.used->total() != tokens{})) is_fresh_ = false;
  }

  void keep_what_was_said(settlement& outcome) {
    if (outcome.output.empty() && program_.lines_are_output) outcome.output = std::move(said_);
    if (const auto output = read_end_of(keeper_.output_file()); !output.text.empty()) {
      outcome.detail += fmt::format("; its output is in {}", keeper_.output_file().string());
      if (const std::string words = last_words_in(output); !words.empty())
        outcome.detail += fmt::format(", and ends with \"{}\"", words);
    }
    const std::string errors = errors_in(keeper_.error_file());
    if (!errors.empty()) outcome.detail += "; on its standard error: " + errors;
    outcome.detail += about_room_beside(keeper_.output_file());
  }

  std::function<void(const event&)> on_event_;
  milliseconds quiet_after_, idle_limit_;
  bool is_first_;  // process of its session
  bool calls_back_;
  std::string resumed_;  // the conversation that it was started to go on with
  const std::unique_ptr<dialect> dialect_;
  const agent_program program_;
  keeper keeper_;
  line_follower lines_;
  wake_signal wake_;
  file_watch watch_;
  std::optional<keeper::ending> ended_;

  bool is_fresh_;  // the conversation has not reached the model yet
  bool is_cleared_ = false;
  std::int64_t turns_ = 0;
  bool noted_mended_ = false;
  std::string said_;  // the latest lines that were no answer

  struct turn_state {
    turn_key key = {};
    running_deadline deadline = {};
    std::optional<errc> unsent = {};       // why not all was sent to the agent
    steady::time_point last_line_at = {};  // or the turn's begin
    bool is_quiet_noted = false;
    bool missed_line = false;       // one was cut
    std::string_view message = {};  // see line_meaning
    std::optional<turn_report> late_answer = {};
  };
  turn_state turn_;
};

// --------------------------------------------------------------------------- what the processes of a session left

constexpr auto all_processes = std::numeric_limits<std::int64_t>::max();

fs::path output_of(const fs::path& folder, std::int64_t process) { return folder / fmt::format("{}.out", process); }

// Reads the output of an earlier process again, for figures that are cumulative over processes. False if there is no
// such file. A file that cannot be read further is read up to there.
bool recall(dialect& reader, const fs::path& file) {
  auto lines = line_follower::open(file);
  if (!lines) return false;
  reader.process_begins();
  for (;;) {
    const auto line = lines->next();
    if (!line || !*line) return true;
    static_cast<void>(reader.read(**line, {}));
  }
}

void recall_all(dialect& reader, const fs::path& folder, std::int64_t before) {
  std::error_code none;
  if (const auto earlier = fs::read_symlink(link_to_earlier_in(folder), none); !none)
    recall_all(reader, earlier, all_processes);
  for (std::int64_t process = 1; process < before; ++process)
    if (!recall(reader, output_of(folder, process))) return;
}

result<void> link_to_earlier(const fs::path& folder, const fs::path& earlier) {
  std::error_code failed;
  if (!earlier.empty() && !fs::is_symlink(link_to_earlier_in(folder), failed))
    fs::create_directory_symlink(earlier, link_to_earlier_in(folder), failed);
  if (failed)
    return fail(errc::io_error, fmt::format("could not make a link in {}: {}", folder.string(), failed.message()));
  return {};
}

// The task that an answer names; empty if it names none.
std::string named_task(const settlement& outcome) {
  const auto said = find_status_line(outcome.output);
  return said ? said->task : std::string();
}

std::optional<settlement> unanswered(dialect& reader, const turn_record& turn) {
  settlement outcome = failed_turn(turn_end::interrupted, {}, "the orchestrator died while the turn ran");
  outcome.conversation = reader.conversation();
  outcome.used = reader.used_so_far(outcome.conversation, turn.started_at);
  if (outcome.conversation.empty() && !outcome.used) return std::nullopt;
  return outcome;
}

}  // namespace

result<std::unique_ptr<agent_session>> program_agent::start(const session_start& session) {
  if (auto linked = link_to_earlier(session.folder, session.earlier_folder); !linked) return fail(linked.error());
  auto chosen = program(session);
  if (!chosen) return fail(chosen.error());
  auto wake = wake_signal::make();
  if (!wake) return fail(wake.error());
  keeper_start start;
  start.argv = chosen->argv;
  start.environment = agent_environment();
  for (const auto& more : {chosen->environment, session.environment})
    start.environment.insert(start.environment.end(), more.begin(), more.end());
  start.working_directory = session.working_directory;
  start.folder = session.folder;
  start.number = session.process;
  start.guard = session.guard;
  start.grace = chosen->grace;
  start.turn_end = chosen->turn_end;
  start.record = session.record;
  auto started = keeper::start(start);
  if (!started) return fail(started.error());
  auto lines = line_follower::open(started->output_file());
  if (!lines) return fail(lines.error());
  if (!session.conversation.empty()) recall_all(*chosen->dialect, session.folder, session.process);
  chosen->dialect->process_begins();
  return std::make_unique<agent_process>(session, std::move(*chosen), !calls_back_with().empty(), std::move(*started),
                                         std::move(*lines), std::move(*wake));
}

// The answers in a process's output are in the order of its turns: the n-th one is of the n-th turn. One that names
// a task that was answered before is late, and counts as none.
std::optional<settlement> program_agent::recover(const fs::path& folder, const turn_record& turn) {
  const auto reader = make_dialect();
  recall_all(*reader, folder, turn.process);
  auto lines = line_follower::open(output_of(folder, turn.process));
  if (!lines) return std::nullopt;
  reader->process_begins();
  const turn_key key{turn.turn, turn.task};
  std::set<std::string> answered;
  for (std::int64_t answers = 0;;) {
    const auto line = lines->next();
    if (!line || !*line) return unanswered(*reader, turn);
    auto report = reader->read(**line, key).end;
    if (!report) continue;
    const std::string named = named_task(report->what);
    if (!named.empty() && !answered.insert(named).second) continue;  // a late answer to an earlier turn
    if (++answers < turn.process_turn) continue;
    if (!named.empty() && !turn.task.empty() && named != turn.task.str()) continue;
    report->what.conversation = reader->conversation();
    return std::move(report->what);
  }
}

fs::path link_to_earlier_in(const fs::path& folder) { return folder / "earlier"; }

}  // namespace cobatch
