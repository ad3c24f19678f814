// The handle of an agent.
#pragma once

#include <memory>

#include <cobatch/agent.hpp>

#include "boundary.hpp"

struct cobatch_agent {
  cobatch::capi::birthplace home;
  std::shared_ptr<cobatch::agent> drives;
};
