// The handle of an agent.
#pragma once

#include <memory>
#include <string>

#include <cobatch/agent.hpp>

#include "boundary.hpp"

struct cobatch_agent {
  cobatch::birthplace home;
  std::shared_ptr<cobatch::agent> drives;
};

namespace cobatch::capi {

/// Refuses the name of one of Cobatch's own agents for one of the host's.
[[nodiscard]] inline verdict check_host_name(const std::string& name) {
  if (!is_built_in_agent(name)) return {};
  return bad_value("\"" + name + "\" is one of Cobatch's own agents; give yours a name of its own");
}

}  // namespace cobatch::capi
