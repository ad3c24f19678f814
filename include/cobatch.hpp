// All of Cobatch's C++ interface.
#pragma once

#include <cobatch/agent.hpp>
#include <cobatch/core.hpp>
#include <cobatch/doctor.hpp>
#include <cobatch/engine.hpp>
#include <cobatch/events.hpp>
#include <cobatch/host_session.hpp>
#include <cobatch/protocol.hpp>
#include <cobatch/store.hpp>
#include <cobatch/workspace.hpp>
