// One process of an agent program, from its start to its end.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <cobatch/agent.hpp>

#include "agents/dialect.hpp"
#include "agents/line_follower.hpp"
#include "agents/process_agent.hpp"
#include "os/keeper.hpp"
#include "os/watch.hpp"

namespace cobatch {

struct process_parts {
  keeper runs;
  line_follower lines;
  std::unique_ptr<dialect> speech;
  wake_signal wake;
};

/// What a line means, as `dialect::read` says. One that is cut means nothing, unless it was the answer: then the turn
/// has ended.
[[nodiscard]] std::optional<turn_report> read_line(dialect& speech, const agent_line& line, const turn_key& expected);

/// `options` outlive the session.
[[nodiscard]] std::unique_ptr<agent_session> make_process_session(const process_agent_options& options,
                                                                  const session_start& how, process_parts parts);

}  // namespace cobatch
