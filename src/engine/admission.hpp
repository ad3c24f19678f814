// The way to a session of one's own, for the one who holds the guard: what is in the way is put in order, then a batch
// is claimed.
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

/// Takes the steps of the table in <cobatch/core/lock.hpp> as far as they lead: ends what is left of a dead session,
/// settles it (see `settle_dead_session`) and removes its marker. The lock as it is then: free, or
/// with a foreign marker, which is honoured: no session may begin while it is there.
[[nodiscard]] result<lock_view> clear_the_way(workspace& place, const guard& held, const engine_options& options,
                                              std::stop_token stop,
                                              const std::function<void(const session_record&)>& on_recovered);

/// A claim by this process, with a nonce of its own.
[[nodiscard]] claim_request new_claim(const lock_view& seen, served_agents serves, std::optional<batch_id> only);

}  // namespace cobatch
