// The folder in which agents work; and one for each session, in which its agent's output lies, and which is not kept for
// ever.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>

#include <cobatch/engine.hpp>
#include <cobatch/workspace.hpp>

namespace cobatch {

/// So many are kept, however old they are.
inline constexpr std::size_t session_folders_kept = 100;
/// And every one of a session that ended within this time.
inline constexpr std::chrono::hours session_folder_age{24 * 30};

/// Where the agents of an engine work. Absolute, as agents are told it in words that they may read from elsewhere. A relative folder of the options is
/// taken from this process's own.
[[nodiscard]] std::filesystem::path agent_folder(const engine_options& options, const workspace_paths& paths);

[[nodiscard]] std::filesystem::path session_folder(const workspace_paths& paths, epoch session);

/// Removes folders of sessions that ended longer ago and are not among the latest. What the store does not know as
/// ended stays, and so does what the folder of a later session leads to, as its conversation began there. Follows no
/// link; what cannot be removed is left for the next time. Call only while holding the guard.
void remove_old_session_folders(workspace& place);

}  // namespace cobatch
