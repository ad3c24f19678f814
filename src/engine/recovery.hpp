// What the holder of the guard does before it claims a batch: it puts in order what a dead session left.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>

#include <cobatch/engine.hpp>
#include <cobatch/store.hpp>
#include <cobatch/workspace.hpp>

#include "os/guard.hpp"
#include "workspace/lock.hpp"

namespace cobatch {

/// Takes the steps of the table in <cobatch/core/lock.hpp> as far as they lead. An agent that outlived its keeper is
/// ended. A dead session is settled: its running turn by what the agent had written, where one of the options' agents,
/// or a built-in agent of that name, finds its end there; a task that has a check is checked then, or done again if the
/// options allow no checks. The lock file of the dead session is removed. The lock as it is then: free, or with a
/// foreign lock file, which is honoured: no session may begin while it is there.
[[nodiscard]] result<lock_view> clear_the_way(workspace& place, const guard& held, const engine_options& options,
                                              std::stop_token stop,
                                              const std::function<void(const session_record&)>& on_recovered);

/// A claim by this process, with a nonce of its own.
[[nodiscard]] claim_request new_claim(const lock_view& seen, served_agents serves, std::optional<batch_id> only);

}  // namespace cobatch
