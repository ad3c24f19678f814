#include "agents/process_session.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>
#include <cobatch/store.hpp>

#include "agents/said_lines.hpp"
#include "agents/status_line.hpp"
#include "os/watch.hpp"

namespace cobatch {

namespace {

using steady = std::chrono::steady_clock;

// How long an agent that was asked to abort, or to begin anew, may take to answer before it is ended.
constexpr std::chrono::seconds answer_patience{10};
// How long an agent may take to end by itself when its input has ended.
constexpr std::chrono::seconds finish_patience{10};
// How long an agent may be silent after an answer that was passed over as one to an earlier task.
constexpr std::chrono::seconds late_patience{60};
constexpr std::size_t tail_bytes = 2000;
constexpr std::size_t quoted_bytes = 200;
// With less than this on its disk, an agent may have lost what it wrote.
constexpr std::uintmax_t little_room = std::uintmax_t{1} << 20;

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

// The end of a file, without the line breaks behind it.
struct file_tail {
  std::string text;
  bool is_all = false;
};

file_tail tail_of(const std::filesystem::path& file) {
  const unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.open()) return {};
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(tail_bytes));
  std::string text(tail_bytes, '\0');
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), from);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return {std::move(text), from == 0};
}

std::string errors_in(const std::filesystem::path& file) {
  return to_utf8(tail_of(file).text);
}

// The last line that the program wrote, whole or not, if it is for people: JSON is its own language.
std::string last_words_in(const file_tail& output) {
  const std::size_t line_end = output.text.rfind('\n');
  if (line_end == std::string::npos && !output.is_all) return {};
  const std::string_view line = std::string_view(output.text).substr(line_end == std::string::npos ? 0 : line_end + 1);
  return line.starts_with('{') ? std::string() : to_line(line, quoted_bytes);
}

// Of a disk that is as good as full; else nothing. The agent itself could not write it down.
std::string about_room_beside(const std::filesystem::path& file) {
  std::error_code failed;
  const auto room = std::filesystem::space(file, failed);
  if (failed || room.capacity == 0 || room.available >= little_room) return {};
  return fmt::format("; the disk with {} has {} KiB left", file.string(), room.available / 1024);
}

class process_session final : public agent_session {
 public:
  process_session(const process_agent_options& options, const session_start& how, process_parts parts)
      : options_(options),
        keeper_(std::move(parts.runs)),
        lines_(std::move(parts.lines)),
        speech_(std::move(parts.speech)),
        on_event_(how.on_event),
        quiet_after_(how.quiet_after),
        idle_limit_(how.idle_limit),
        is_first_(how.process == 1),
        resumed_(how.conversation),
        wake_(std::move(parts.wake)),
        watch_(file_watch::of(keeper_.output_file())),
        fresh_(how.conversation.empty()) {}

  ~process_session() override { finish(); }

  turn_report run_turn(const turn_request& request, std::chrono::milliseconds limit,
                       std::stop_token interrupt) override {
    wake_.clear();
    const std::stop_callback on_interrupt(interrupt, [this] { wake_.notify(); });
    const timestamp began = system_now();
    key_ = {request.turn, request.task};
    missed_ = false;
    ++turns_;
    turn_report report = converse(request, limit, interrupt);
    if (!ended_) static_cast<void>(keeper_.turn_ended());
    complete(report, began);
    return report;
  }

  bool clear() override {
    const std::string line = speech_->clear_line();
    if (ended_ || line.empty()) return false;
    const std::int64_t before = speech_->times_cleared();
    const auto deadline = steady::now() + answer_patience;
    if (!keeper_.send(line, deadline, -1)) return false;
    while (speech_->times_cleared() == before) {
      if (read_answer() || keeper_.ended() || steady::now() >= deadline) return false;
      if (speech_->times_cleared() == before) wait(deadline, -1);
    }
    fresh_ = true;
    return true;
  }

  std::string conversation() const override {
    const std::string told = speech_->conversation();
    return told.empty() ? resumed_ : told;
  }

  void finish() override {
    if (ended_) return;
    ended_ = keeper_.finish(finish_patience);
  }

 private:
  turn_report converse(const turn_request& request, std::chrono::milliseconds limit, const std::stop_token& interrupt) {
    if (keeper_.ended()) return agent_ended();
    if (auto told = keeper_.turn_begins(limit); !told) return agent_ended();
    deadline_ = running_deadline(steady::now() + limit);
    send(speech_->ask(request));
    if (options_.one_turn_a_process) keeper_.close_input();
    heard_ = steady::now();
    for (;;) {
      if (unsent_) return not_sent(*unsent_, limit);
      if (auto report = read_answer()) return after_answer(std::move(*report));
      if (keeper_.ended()) return agent_ended();
      if (interrupt.stop_requested()) return abort(turn_end::stopped, "the turn was interrupted");
      if (steady::now() >= deadline_.at()) return time_out(limit);
      const turn_report* passed_over = speech_->passed_over();
      if (passed_over != nullptr && steady::now() >= heard_ + late_patience) return after_answer(*passed_over);
      if (steady::now() >= idle_end()) return after_answer(end_idle_turn());
      wait_in_turn(
          std::min({tell_if_quiet(), idle_end(), passed_over == nullptr ? deadline_.at() : heard_ + late_patience}));
    }
  }

  // A paid turn is not given up for time in which nothing could run.
  void wait_in_turn(steady::time_point until) {
    wait(deadline_.next_wait(steady::now(), until), wake_.descriptor());
    const auto frozen = deadline_.woke(steady::now());
    if (frozen == frozen.zero()) return;
    heard_ += frozen;
    static_cast<void>(
        keeper_.turn_begins(std::chrono::ceil<std::chrono::milliseconds>(deadline_.at() - steady::now())));
  }

  turn_report not_sent(errc why, std::chrono::milliseconds limit) {
    if (why == errc::interrupted) return abort(turn_end::stopped, "the turn was interrupted");
    return why == errc::timed_out ? time_out(limit) : agent_ended();
  }

  // What was sent in part cannot be followed by anything else.
  void send(const std::string& bytes) {
    const auto sent = keeper_.send(bytes, deadline_.at(), wake_.descriptor());
    if (sent) return;
    unsent_ = sent.error().code;
    if (unsent_ == errc::interrupted || unsent_ == errc::timed_out) end_now();
  }

  turn_report after_answer(turn_report report) {
    const settlement& what = report.what;
    if (missed_ && what.end == turn_end::done && what.source == status_source::inferred && what.output.empty())
      report.what = failed_turn(
          turn_end::broke, "unreadable_answer",
          fmt::format("the answer of the agent is in a line that is longer than {} MiB", max_agent_line >> 20));
    if (options_.one_turn_a_process) {
      finish();
      report.usable = false;
    }
    return report;
  }

  turn_report time_out(std::chrono::milliseconds limit) {
    const auto seconds = std::chrono::duration<double>(limit).count();
    return abort(turn_end::timed_out, fmt::format("no result within the limit of {:g} s", seconds));
  }

  // True if the agent has said that the task is done or failed: all that is missing is its result.
  [[nodiscard]] bool has_closed() const {
    const auto said = find_status_line(speech_->last_message());
    return said && said->task == key_.task.str();
  }

  // When a turn whose agent is silent since then is ended.
  [[nodiscard]] steady::time_point idle_end() const {
    return idle_limit_ == std::chrono::milliseconds{0} || !has_closed() ? steady::time_point::max()
                                                                        : heard_ + idle_limit_;
  }

  turn_report end_idle_turn() {
    settlement what;
    what.output = speech_->last_message();
    settle_by_answer(what, key_.task);
    turn_report ended = abort(turn_end::stopped, {});
    if (settles(ended.what.end)) return ended;  // the result came all the same
    what.used = std::move(ended.what.used);
    what.detail += fmt::format("{}the agent wrote no result in {:g} s after the message that closes the task",
                               what.detail.empty() ? "" : "; ", std::chrono::duration<double>(idle_limit_).count());
    return {std::move(what), ended.usable};
  }

  // The next answer among the lines that are there, or nothing yet.
  std::optional<turn_report> read_answer() {
    watch_.clear();
    for (;;) {
      const auto line = lines_.next();
      if (!line) {
        end_now();
        return turn_report{failed_turn(turn_end::broke, std::string(name_of(line.error().code)), line.error().message),
                           false};
      }
      if (!*line) return std::nullopt;
      heard_ = steady::now();
      told_quiet_ = false;
      if ((*line)->is_cut || (*line)->is_mended) tell_of_repair(**line);
      missed_ = missed_ || (*line)->is_cut;
      auto report = read_line(*speech_, **line, key_);
      if (const std::string reply = speech_->take_reply(); !reply.empty() && !ended_) send(reply);
      if (!report) {
        said_.add((*line)->text);
        tell({.what = event::kind::progress, .text = std::string((*line)->text)});
      }
      if (auto news = speech_->take_news()) tell(*news);
      if (report) {
        if (!report->usable) end_now();
        return report;
      }
    }
  }

  // Of lines that are no UTF-8 the first is told: an agent that writes one often writes all of them so.
  void tell_of_repair(const agent_line& line) {
    if (line.is_mended && std::exchange(told_mended_, true)) return;
    const std::string what =
        line.is_cut ? fmt::format("is longer than {} MiB; only its beginning was read", max_agent_line >> 20)
                    : "is not valid UTF-8; U+FFFD was read in place of the bytes that are not text";
    const std::string text =
        fmt::format("the agent wrote a line that {}. The whole line is in {}", what, keeper_.output_file().string());
    tell({.what = event::kind::notice, .text = text});
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
    const bool answers = options_.calls_back_with.empty();
    turn_report report{
        failed_turn(again ? turn_end::stopped : turn_end::broke, "agent_ended",
                    describe(*ended_) + (answers ? " before the task was answered" : " before every task was logged")),
        false, again};
    report.killed = was_killed(*ended_);
    return report;
  }

  // Nothing came of its very first turn: it knows no such conversation, or cannot work at all.
  std::optional<turn_report> refused_to_work() {
    if (turns_ == 1 && !resumed_.empty() && said_.empty()) return conversation_lost();
    if (options_.exit_means && ended_->exit_code)
      if (const auto error = options_.exit_means(*ended_->exit_code)) return refused_to_start(*error);
    if (is_first_ && turns_ == 1 && ended_->exit_code.value_or(0) != 0 && said_nothing() && !options_.lines_are_output)
      return never_worked();
    return std::nullopt;
  }

  [[nodiscard]] bool said_nothing() const {
    return said_.empty() && last_words_in(tail_of(keeper_.output_file())).empty();
  }

  turn_report refused_to_start(provider_error error) {
    settlement what;
    what.detail = errors_in(keeper_.error_file());
    auto report = report_provider_error(error, std::move(what), std::nullopt);
    report.usable = false;
    return report;
  }

  // A wrong option, say, or a program that is not what it should be: no task could do better.
  turn_report never_worked() {
    const std::string errors = errors_in(keeper_.error_file());
    turn_report report{failed_turn(turn_end::stopped, "agent_refused",
                                   fmt::format("{} before it said a word{}{} (see to it; its tasks are still queued)",
                                               describe(*ended_), errors.empty() ? "" : ": ", errors)),
                       false};
    report.blocked = true;
    return report;
  }

  turn_report abort(turn_end end, std::string detail) {
    const std::string line = ended_ ? std::string() : speech_->abort_line(key_);
    std::optional<turn_report> report;
    if (!line.empty() && keeper_.send(line, steady::now() + answer_patience, -1)) report = answer_to_abort();
    // The turn may have come to its answer just then: what was paid for is not thrown away.
    if (report && settles(report->what.end)) return std::move(*report);
    const bool usable = report && report->usable && !keeper_.ended();
    if (!usable) end_now();
    settlement what = failed_turn(end, std::string(name_of(end)), std::move(detail));
    if (report) what.used = std::move(report->what.used);
    return {std::move(what), usable};
  }

  std::optional<turn_report> answer_to_abort() {
    const auto deadline = steady::now() + answer_patience;
    auto report = read_answer();
    while (!report && !keeper_.ended() && steady::now() < deadline) {
      wait(deadline, -1);
      report = read_answer();
    }
    return report;
  }

  void end_now() {
    if (!ended_) ended_ = keeper_.finish(std::chrono::milliseconds{0});
  }

  void wait(steady::time_point deadline, int also) {
    if (watch_.descriptor() < 0) deadline = std::min(deadline, steady::now() + fallback_tick);
    wait_readable({watch_.descriptor(), keeper_.end_descriptor(), also}, deadline);
  }

  // When to look again.
  steady::time_point tell_if_quiet() {
    if (quiet_after_ == std::chrono::milliseconds{0} || told_quiet_) return steady::time_point::max();
    if (steady::now() < heard_ + quiet_after_) return heard_ + quiet_after_;
    told_quiet_ = true;
    const auto end = std::min(deadline_.at(), idle_end());
    const std::string text = fmt::format(
        "nothing was heard of the agent for {:g} s{}; its turn goes on until its {}limit",
        std::chrono::duration<double>(quiet_after_).count(),
        has_closed() ? ", though its last message closes the task" : "", end < deadline_.at() ? "idle " : "");
    event notice{.what = event::kind::notice, .text = text};
    if (has_closed()) notice.until = system_now() + std::chrono::ceil<std::chrono::milliseconds>(end - steady::now());
    tell(notice);
    return steady::time_point::max();
  }

  void tell(const event& news) const {
    if (on_event_) on_event_(news);
  }

  // What is known of any turn, whatever it came to.
  void complete(turn_report& report, timestamp began) {
    settlement& what = report.what;
    const bool is_explained = settles(what.end) || report.limited || report.blocked;
    if (!is_explained) keep_what_was_said(what);
    static_cast<void>(said_.take());
    what.conversation = conversation();
    if (!what.used) what.used = used_until_now(what.conversation, began);
    what.loaded_context = fresh_;
    if (settles(what.end) || (what.used && what.used->total() != tokens{})) fresh_ = false;
  }

  std::optional<usage> used_until_now(const std::string& conversation, timestamp began) {
    return options_.used_since ? options_.used_since(conversation, began) : speech_->used_so_far();
  }

  void keep_what_was_said(settlement& what) {
    if (what.output.empty() && options_.lines_are_output) what.output = said_.take();
    if (const auto output = tail_of(keeper_.output_file()); !output.text.empty()) {
      what.detail += fmt::format("; its output is in {}", keeper_.output_file().string());
      if (const std::string words = last_words_in(output); !words.empty())
        what.detail += fmt::format(", and ends with \"{}\"", words);
    }
    const std::string errors = errors_in(keeper_.error_file());
    if (!errors.empty()) what.detail += "; on its standard error: " + errors;
    what.detail += about_room_beside(keeper_.output_file());
  }

  const process_agent_options& options_;
  keeper keeper_;
  line_follower lines_;
  std::unique_ptr<dialect> speech_;
  std::function<void(const event&)> on_event_;
  std::chrono::milliseconds quiet_after_, idle_limit_;
  bool is_first_;        // process of its session
  std::string resumed_;  // the conversation that it was started to go on with
  wake_signal wake_;
  file_watch watch_;
  turn_key key_;
  said_lines said_;
  running_deadline deadline_;   // of the running turn
  std::optional<errc> unsent_;  // why the agent was not told all that it should be
  steady::time_point heard_;
  bool told_quiet_ = false;
  bool fresh_;  // the conversation has not reached the model yet
  std::int64_t turns_ = 0;
  bool told_mended_ = false;
  bool missed_ = false;  // a line of the running turn was cut
  std::optional<keeper::ending> ended_;
};

}  // namespace

std::unique_ptr<agent_session> make_process_session(const process_agent_options& options, const session_start& how,
                                                    process_parts parts) {
  return std::make_unique<process_session>(options, how, std::move(parts));
}

}  // namespace cobatch
