#include "agent/process_agent.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "agent/line_follower.hpp"
#include "system/keeper.hpp"
#include "system/watch.hpp"

namespace cobatch {
inline namespace v1 {

namespace {

using steady = std::chrono::steady_clock;

// How long an agent that was asked to abort may take to answer before it is ended.
constexpr std::chrono::seconds abort_patience{10};
// How long an agent may take to end by itself when its input has ended.
constexpr std::chrono::seconds finish_patience{10};
// How much of what an agent said is kept with a turn that came to no answer; the whole stays in its file.
constexpr std::size_t said_limit = 16 * 1024;
constexpr std::size_t stderr_limit = 2000;

std::string describe(const keeper::ending& end) {
  if (end.keeper_lost) return "the keeper process was killed";
  if (end.exit_code) return fmt::format("the agent ended with exit code {}", *end.exit_code);
  if (end.signal) return fmt::format("the agent was ended by signal {}", *end.signal);
  return "the agent ended";
}

std::string tail_of(const std::filesystem::path& file) {
  const unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.open()) return {};
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(stderr_limit));
  std::string text(stderr_limit, '\0');
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), from);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return to_utf8(text);
}

// The latest lines that were not an answer, at most `said_limit` bytes of them.
class said_lines {
 public:
  void add(std::string_view line) {
    text_.append(line).push_back('\n');
    if (text_.size() > 2 * said_limit) trim();
  }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  [[nodiscard]] std::string take() {
    trim();
    return std::exchange(text_, {});
  }

 private:
  void trim() {
    if (text_.size() <= said_limit) return;
    std::size_t cut = text_.size() - said_limit;
    while (cut < text_.size() && (static_cast<unsigned char>(text_[cut]) & 0xC0U) == 0x80U) ++cut;
    text_.erase(0, cut);
  }
  std::string text_;
};

class process_session final : public agent_session {
 public:
  process_session(keeper k, line_follower lines, std::unique_ptr<dialect> speech,
                  std::function<void(std::string_view)> on_progress, wake_signal wake)
      : keeper_(std::move(k)),
        lines_(std::move(lines)),
        speech_(std::move(speech)),
        on_progress_(std::move(on_progress)),
        wake_(std::move(wake)),
        watch_(file_watch::of(keeper_.output_file())) {}

  ~process_session() override { finish(); }

  turn_report run_turn(const turn_request& request, std::chrono::milliseconds limit,
                       std::stop_token interrupt) override {
    wake_.clear();
    const std::stop_callback on_interrupt(interrupt, [this] { wake_.notify(); });
    key_ = {request.turn, request.task};
    ++turns_;
    turn_report report = converse(request, steady::now() + limit, limit, interrupt);
    if (!ended_) static_cast<void>(keeper_.turn_ended());
    if (!settles(report.what.end)) keep_what_was_said(report.what);
    static_cast<void>(said_.take());
    return report;
  }

  void finish() override {
    if (ended_) return;
    ended_ = keeper_.finish(finish_patience);
  }

 private:
  turn_report converse(const turn_request& request, steady::time_point deadline, std::chrono::milliseconds limit,
                       const std::stop_token& interrupt) {
    if (keeper_.ended()) return agent_ended();
    if (auto told = keeper_.turn_begins(limit); !told) return agent_ended();
    if (auto sent = keeper_.send(speech_->ask(request), deadline, wake_.descriptor()); !sent) {
      if (sent.error().code == errc::interrupted) return abort(turn_end::stopped, "the turn was interrupted");
      if (sent.error().code == errc::timed_out) return time_out(limit);
      return agent_ended();
    }
    for (;;) {
      if (auto report = read_answer()) return *report;
      if (keeper_.ended()) return agent_ended();
      if (interrupt.stop_requested()) return abort(turn_end::stopped, "the turn was interrupted");
      if (steady::now() >= deadline) return time_out(limit);
      wait(deadline, wake_.descriptor());
    }
  }

  turn_report time_out(std::chrono::milliseconds limit) {
    const auto seconds = std::chrono::duration<double>(limit).count();
    return abort(turn_end::timed_out, fmt::format("no result within the limit of {:g} s", seconds));
  }

  // The next answer among the lines that are there, or nothing yet.
  std::optional<turn_report> read_answer() {
    watch_.clear();
    for (;;) {
      const auto line = lines_.next();
      if (!line) {
        end_now();
        const bool long_line = line.error().code == errc::too_large;
        return turn_report{
            failed_turn(turn_end::broke, long_line ? "line_too_long" : std::string(name_of(line.error().code)),
                        line.error().message),
            false};
      }
      if (!*line) return std::nullopt;
      if (auto report = speech_->read(**line, key_)) {
        if (!report->usable) end_now();
        return report;
      }
      said_.add(**line);
      if (on_progress_) on_progress_(**line);
    }
  }

  // The agent is gone; what it wrote before may still hold the answer.
  turn_report agent_ended() {
    finish();
    if (auto report = read_answer()) {
      report->usable = false;
      return *report;
    }
    if (ended_->keeper_lost) return {failed_turn(turn_end::interrupted, "keeper_lost", describe(*ended_)), false};
    // An agent that ended between two turns broke neither: the task goes to a new process, once, without a charge.
    const bool again = turns_ > 1 && ended_->exit_code == 0 && said_.empty();
    return {failed_turn(again ? turn_end::stopped : turn_end::broke, "agent_ended",
                        describe(*ended_) + " before the task was answered"),
            false, again};
  }

  turn_report abort(turn_end end, std::string detail) {
    std::optional<usage> used;
    const std::string line = speech_->abort_line(key_);
    const auto deadline = steady::now() + abort_patience;
    if (!line.empty() && keeper_.send(line, deadline, -1)) {
      auto report = read_answer();
      while (!report && !keeper_.ended() && steady::now() < deadline) {
        wait(deadline, -1);
        report = read_answer();
      }
      end_now();
      // The turn may have come to its answer just then: what was paid for is not thrown away.
      if (report && settles(report->what.end)) return {std::move(report->what), false};
      if (report) used = std::move(report->what.used);
    }
    end_now();
    settlement what = failed_turn(end, std::string(name_of(end)), std::move(detail));
    what.used = std::move(used);
    return {std::move(what), false};
  }

  void end_now() {
    if (!ended_) ended_ = keeper_.finish(std::chrono::milliseconds{0});
  }

  void wait(steady::time_point deadline, int also) {
    if (watch_.descriptor() < 0) deadline = std::min(deadline, steady::now() + fallback_tick);
    wait_readable({watch_.descriptor(), keeper_.end_descriptor(), also}, deadline);
  }

  void keep_what_was_said(settlement& what) {
    if (what.output.empty()) what.output = said_.take();
    const std::string errors = tail_of(keeper_.error_file());
    if (!errors.empty()) what.detail += "; on its standard error: " + errors;
  }

  keeper keeper_;
  line_follower lines_;
  std::unique_ptr<dialect> speech_;
  std::function<void(std::string_view)> on_progress_;
  wake_signal wake_;
  file_watch watch_;
  turn_key key_;
  said_lines said_;
  std::int64_t turns_ = 0;
  std::optional<keeper::ending> ended_;
};

class process_agent final : public agent {
 public:
  explicit process_agent(process_agent_options options) : options_(std::move(options)) {}

  std::string_view name() const override { return options_.name; }

  result<std::unique_ptr<agent_session>> start(const session_start& how) override {
    auto argv = options_.argv();
    if (!argv) return fail(argv.error());
    auto wake = wake_signal::make();
    if (!wake) return fail(wake.error());
    keeper_start start;
    start.argv = std::move(*argv);
    start.environment = agent_environment();
    start.working_directory = how.working_directory;
    start.folder = how.folder;
    start.number = how.process;
    start.guard = how.guard;
    start.grace = options_.grace;
    start.record = how.record;
    auto started = keeper::start(start);
    if (!started) return fail(started.error());
    auto lines = line_follower::open(started->output_file());
    if (!lines) return fail(lines.error());
    return std::make_unique<process_session>(std::move(*started), std::move(*lines), options_.make_dialect(),
                                             how.on_progress, std::move(*wake));
  }

  // The answers in a process's output are in the order of its turns; the n-th one is of the n-th turn.
  std::optional<settlement> recover(const std::filesystem::path& folder, const turn_record& turn) override {
    auto lines = line_follower::open(folder / fmt::format("{}.out", turn.process));
    if (!lines) return std::nullopt;
    const auto speech = options_.make_dialect();
    const turn_key key{turn.turn, turn.task};
    for (std::int64_t answers = 0;;) {
      const auto line = lines->next();
      if (!line || !*line) return std::nullopt;
      auto report = speech->read(**line, key);
      if (report && ++answers == turn.process_turn) return std::move(report->what);
    }
  }

 private:
  process_agent_options options_;
};

}  // namespace

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

}  // namespace v1
}  // namespace cobatch
