// Signals to all that descends from the keeper.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/// The keeper must be subreaper. Where there is no such thing, or /proc cannot be read, the agent's process group is
/// what can be reached.
void signal_descendants(pid_t agent, int signal_number);

/// Whether any of them lives, asked when the keeper has no child left. With a subreaper that is answer enough: no.
bool descendants_left(pid_t agent);
