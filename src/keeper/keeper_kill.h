// What all parts of the keeper share: its version, and signals to all that descends from it.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/// The version of what the orchestrator and the keeper say to each other; `cobatch-keeper --version` prints it.
#define COBATCH_KEEPER_VERSION "2"

/// The keeper must be subreaper. Where there is no such thing, or /proc cannot be read, the agent's process group is
/// what can be reached.
void signal_descendants(pid_t agent, int signal_number);

/// Whether any of them lives, asked when the keeper has no child left. With a subreaper that is answer enough: no.
bool descendants_left(pid_t agent);
