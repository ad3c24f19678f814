// An agent in the host's language: its callbacks as a cobatch::agent.
#pragma once

#include <memory>
#include <string>

#include <cobatch/agent.hpp>

#include "cobatch.h"

namespace cobatch::capi {

/// Takes `user_data`: `destroy` is called when nobody uses the agent any more.
[[nodiscard]] std::shared_ptr<agent> make_host_agent(std::string name, const cobatch_agent_vtable& calls,
                                                     void* user_data);

}  // namespace cobatch::capi
