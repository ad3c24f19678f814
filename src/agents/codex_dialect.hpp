// What Codex reads and writes: `codex exec --json`, a process a turn, and `codex app-server`, a process a session.
//
// Both are read by one dialect, because both may have had turns in one thread, whose figures add up over them.
#pragma once

#include <memory>
#include <string>

#include "agents/dialect.hpp"

namespace cobatch {

/// How a process was started; what it wrote is understood without that.
struct codex_start {
  bool app_server = false;
  std::string working_directory = {};
  std::string sandbox = {};
  std::string model = {};   ///< empty: its own choice
  std::string thread = {};  ///< the thread to go on with; empty: a new one
  bool fork = false;        ///< with `thread`: to go on with a copy of it
};

[[nodiscard]] std::unique_ptr<dialect> make_codex_dialect(codex_start how = {});

/// What the app-server's output has in it at the end of each turn, and nowhere else.
inline constexpr const char* codex_turn_end = R"("method":"turn/completed")";

}  // namespace cobatch
