// A turn that was begun, as it is put to an agent or a host.
#pragma once

#include <string>

#include <cobatch/agent.hpp>
#include <cobatch/store.hpp>

#include "engine/conversation.hpp"
#include "store/store.hpp"

namespace cobatch {

/// `talk`: what the agent's conversation holds already. `shared`: the preamble's text, if it is to stand in the prompt.
[[nodiscard]] turn_request make_turn_request(store& storage, const begin_outcome& begun, const conversation& talk,
                                             std::string shared);

/// The turn of the preamble.
[[nodiscard]] turn_request make_preamble_request(const begin_outcome& begun, std::string_view shared);

}  // namespace cobatch
