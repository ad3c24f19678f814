// Putting in order what a dead session left. Only the holder of the guard does it.
#pragma once

#include <optional>

#include <cobatch/engine.hpp>
#include <cobatch/workspace.hpp>

#include "system/guard.hpp"

namespace cobatch {
inline namespace v1 {

/// Ends an agent that outlived its keeper, settles a session row that was never ended (its running turn by what the
/// agent had written, where that shows its end), and removes the marker if it is ours. The session that was settled,
/// if there was one.
[[nodiscard]] result<std::optional<session_record>> recover_dead_session(workspace& place,
                                                                         const engine_options& options,
                                                                         const guard& lock);

}  // namespace v1
}  // namespace cobatch
