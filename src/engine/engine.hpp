// An engine that others see before it runs: for who says that it is ready.
#pragma once

#include <stop_token>

#include <cobatch/engine.hpp>

#include "os/presence.hpp"

namespace cobatch {

/// Says that an engine with these options is there. Errors: bad_value (no agents), workspace_replaced, and those of
/// `presence`.
[[nodiscard]] result<presence> announce_engine(workspace& place, const engine_options& options);

/// `run`, of an engine that was announced so; it is there until this returns.
[[nodiscard]] result<run_report> run_announced(workspace& place, const engine_options& options, presence here,
                                               std::stop_token stop, run_until until);

}  // namespace cobatch
