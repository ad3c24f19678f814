// What an engine does, told to people: a line a session and a line a task, with the tokens so far.
#pragma once

#include <string>

#include <cobatch/engine.hpp>

#include "program/terminal.hpp"

namespace cobatch::program {

class progress_printer {
 public:
  /// `live`: standard output is a terminal, and the line of the running task may be redrawn on it.
  explicit progress_printer(bool live) : live_(live) {}

  void on_event(const engine_event& event);

 private:
  void session_started(const session_record& session);
  void turn_started(const turn_record& turn);
  void turn_ended(const turn_record& turn, const task_record& task);
  void session_ended(const session_record& session);
  void redraw(std::string_view text);
  void print(std::string_view line);
  [[nodiscard]] std::string tokens_so_far() const;

  const bool live_;
  const palette paint_{1};
  tokens used_;
  bool known_in_full_ = true;
  bool drawn_ = false;
  std::string current_;
};

/// "45.2K in, 2K out, 310K from cache".
[[nodiscard]] std::string tokens_text(const tokens& used);

}  // namespace cobatch::program
