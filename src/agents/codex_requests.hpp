// The requests to `codex app-server`, a line each. Their ids are words, so that who reads the answers alone, in the
// file that a dead session left, knows what was asked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agents/codex_dialect.hpp"
#include "base/json.hpp"

namespace cobatch {
namespace codex {

inline constexpr std::string_view initialize_id = "initialize";
inline constexpr std::string_view start_id = "start";    // of a new thread
inline constexpr std::string_view resume_id = "resume";  // of an earlier one
inline constexpr std::string_view fork_id = "fork";      // of a copy of an earlier one
inline constexpr std::string_view clear_id = "clear";    // of a new thread in the place of one
inline constexpr std::string_view turn_prefix = "turn-";

[[nodiscard]] std::string initialize();
/// That its answer was read, and the thread that `how` asks for.
[[nodiscard]] std::string open_thread(const codex_start& how);
[[nodiscard]] std::string clear(const codex_start& how);
[[nodiscard]] std::string start_turn(const std::string& thread, std::string_view prompt, turn_no turn);
[[nodiscard]] std::string interrupt(const std::string& thread, const std::string& turn);
/// The answer to a request of the server's own: that nobody is there to decide.
[[nodiscard]] std::string decline(const json::value& id);

}  // namespace codex
}  // namespace cobatch
