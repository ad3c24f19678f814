// Putting in order what a dead session left. Only the holder of the guard does it.
#pragma once

#include <optional>
#include <stop_token>

#include <cobatch/engine.hpp>
#include <cobatch/workspace.hpp>

#include "os/guard.hpp"

namespace cobatch {

/// Ends an agent that outlived its keeper, and what is left in its process session.
void end_leftovers(const std::optional<guard_record>& record);

/// Settles the session row of a dead session: its running turn by what the agent had written, where one of the
/// options' agents or a built-in agent of that name finds its end there. A task that has a check is checked then, or
/// done again if the options allow no checks. Call `end_leftovers` first, so that nobody writes any more. The session
/// as it ended.
[[nodiscard]] result<session_record> settle_dead_session(workspace& place, const engine_options& options,
                                                         const session_record& dead, std::stop_token stop);

}  // namespace cobatch
