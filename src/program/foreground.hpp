// What run, engine and serve have in common: which agent they run, what stops them, and what they print of their
// sessions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <cobatch/agent.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/core/ledger.hpp>
#include <cobatch/engine.hpp>
#include <cobatch/prices.hpp>

#include "os/watch.hpp"
#include "program/commands.hpp"
#include "program/terminal.hpp"

namespace cobatch::program {

/// The agent that was named, else claude if it is there, else none. Never the scripted one by itself.
struct chosen_agent {
  std::shared_ptr<agent> driver;   ///< null: none was named, and claude is not there
  std::vector<std::string> about;  ///< for people: which one it is and what it may do
};

/// Errors: bad_value (options that do not go together), agent_missing (its program is not there).
[[nodiscard]] result<chosen_agent> choose_agent(const agent_options& options);

/// The same, for those who need one. Errors beyond those: agent_missing (there is none; how to choose one).
[[nodiscard]] result<chosen_agent> choose_agent_to_run(const agent_options& options);

/// How to choose one, for those who have none.
[[nodiscard]] std::string how_to_choose_an_agent();

/// Errors: those of reading the price file, and bad_value (--day-usd without one).
[[nodiscard]] result<engine_options> engine_options_of(const agent_options& options, const chosen_agent& chosen,
                                                       std::stop_token hurry);

inline constexpr std::string_view how_to_stop =
    "stop it with Ctrl-C: the running task gets 10 seconds; a second Ctrl-C ends it at once";

/// SIGINT, SIGTERM and SIGHUP as stop requests, made in a thread of our own. The handler only counts and writes a byte
/// to a pipe. Handlers, unlike blocked signals, are not inherited by agents.
class stop_signals {
 public:
  /// The first signal requests a stop, the second to hurry with it; the third ends the program at once, as if nobody
  /// had asked for signals. SIGHUP is never more than the first. One watch at a time in a process.
  [[nodiscard]] static result<std::unique_ptr<stop_signals>> watch();
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;
  ~stop_signals();

  [[nodiscard]] const std::stop_source& stop() const noexcept { return stop_; }
  [[nodiscard]] std::stop_token hurry() const noexcept { return hurry_.get_token(); }

 private:
  explicit stop_signals(wake_signal bell);
  void listen(const std::stop_token& done);

  wake_signal bell_;
  std::stop_source stop_, hurry_;
  std::jthread thread_;
};

/// What an engine does, for people: a line a session and a line a task, with the tokens so far; on a terminal also the
/// line of the running task, with a bar for its batch.
class progress_printer {
 public:
  /// `prices`: to show money; null: there are none.
  progress_printer(bool show_prompts, std::shared_ptr<const price_table> prices)
      : show_prompts_(show_prompts), prices_(std::move(prices)) {}

  void on_event(const event& happened);

 private:
  void session_started(const session_record& session, const batch_record& batch);
  void turn_started(const turn_record& turn);
  void turn_ended(const turn_record& turn, const std::optional<task_record>& task);
  void agent_known(const agent_facts& about);
  void session_ended(const session_record& session);
  void redraw(std::string_view text);
  void print(std::string_view line);
  void add_cost(const usage& used);
  [[nodiscard]] std::string used_so_far() const;
  [[nodiscard]] std::string money_so_far() const;
  [[nodiscard]] std::string bar() const;

  const bool live_ = is_terminal(1);  // the line of the running task may be redrawn
  const bool show_prompts_;
  const std::shared_ptr<const price_table> prices_;
  const palette paint_{1};
  account sum_;                     // of the session
  running_cost cost_;               // of it, too
  std::set<std::string> unpriced_;  // what was said of models without a price
  bool drawn_ = false;
  std::string current_;
  std::string billing_;     // of the session's agent
  std::int64_t ended_ = 0;  // tasks of the batch
  std::int64_t total_ = 0;
};

/// "45.2K in, 2K out, 310K from cache". If they are not complete, "at least 2K out": a 0 of them
/// says nothing; "unknown" if all are.
[[nodiscard]] std::string tokens_text(const tokens& used, bool complete);
/// "$0.7444".
[[nodiscard]] std::string money_text(std::int64_t nano_dollars);
/// "at list prices", and whether that is billed, by what the agent said of who pays (`agent_facts::billing`).
[[nodiscard]] std::string_view price_basis(std::string_view billing);

}  // namespace cobatch::program
