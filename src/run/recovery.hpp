// Putting in order what a dead session left. Only the holder of the guard does it.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include <cobatch/agent.hpp>
#include <cobatch/workspace.hpp>

#include "system/guard.hpp"

namespace cobatch {
inline namespace v1 {

/// Ends an agent that outlived its keeper, and what is left in its process session.
void end_leftovers(const std::optional<guard_record>& record);

/// Settles the session row of a dead session: its running turn by what the agent had written, where one of `readers` or
/// a built-in agent of that name finds its end there. Call `end_leftovers` first, so that nobody writes any more. The
/// session as it ended.
[[nodiscard]] result<session_record> settle_dead_session(workspace& place,
                                                         std::span<const std::shared_ptr<agent>> readers,
                                                         const session_record& dead);

}  // namespace v1
}  // namespace cobatch
