// Claude Code's transcript files: what is known of a turn that came to no answer.
#pragma once

#include <optional>
#include <string>

#include <cobatch/core/time.hpp>
#include <cobatch/core/usage.hpp>

namespace cobatch {

/// What the requests of a conversation, its subagents' included, used from `since` on. Each is counted once, by its
/// message's id; the answer that was under way when the process ended is in no file, so the usage is never complete.
/// Nothing if no file of that conversation is found (in $CLAUDE_CONFIG_DIR, or ~/.claude) or it has no such request.
[[nodiscard]] std::optional<usage> read_claude_transcript(const std::string& conversation, timestamp since);

}  // namespace cobatch
