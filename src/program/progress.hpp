// What an engine does, told to people: a line a session and a line a task, with the tokens so far; on a terminal also
// the line of the running task, with a bar for its batch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <cobatch/engine.hpp>

#include "program/terminal.hpp"

namespace cobatch::program {

class progress_printer {
 public:
  /// `live`: standard output is a terminal, and the line of the running task may be redrawn on it.
  /// `prices`: to show money; null: there are none.
  progress_printer(bool live, bool show_prompts, std::shared_ptr<const price_table> prices)
      : live_(live), show_prompts_(show_prompts), prices_(std::move(prices)) {}

  void on_event(const event& happened);

 private:
  void session_started(const session_record& session, const batch_record& batch);
  void turn_started(const turn_record& turn);
  void turn_ended(const turn_record& turn, const std::optional<task_record>& task);
  void agent_known(const agent_facts& about);
  void paused(const event& pause);
  void prompt(std::string_view text);
  void session_ended(const session_record& session);
  void redraw(std::string_view text);
  void print(std::string_view line);
  [[nodiscard]] std::string tokens_so_far() const;
  [[nodiscard]] std::string money_so_far() const;

  [[nodiscard]] std::string bar() const;

  const bool live_;
  const bool show_prompts_;
  const std::shared_ptr<const price_table> prices_;
  const palette paint_{1};
  tokens used_;
  wide cost_;  // pico-dollars, of what has a price
  bool all_priced_ = true;
  std::set<std::string> told_unpriced_;
  bool known_in_full_ = true;
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
