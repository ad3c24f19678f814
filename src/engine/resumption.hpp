// The conversation of an earlier session that broke off, for the session that goes on with its batch.
#pragma once

#include <filesystem>
#include <optional>

#include <cobatch/workspace.hpp>

#include "engine/conversation.hpp"

namespace cobatch {

struct resumable {
  conversation talk;
  std::filesystem::path folder;  ///< of the session that had it
};

/// The conversation in which the session before this one of the same batch, round and agent was, if that session
/// crashed or was stopped: then what was loaded can serve on. Nothing otherwise, and if the store cannot tell.
[[nodiscard]] std::optional<resumable> find_resumable(workspace& place, const session_record& now);

}  // namespace cobatch
