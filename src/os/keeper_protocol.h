// What the orchestrator (os/keeper.cpp) and the keeper (keeper.c) say to each other.
//
//   cobatch-keeper 2 PARENT GRACE_MS NUMBER FOLDER WORKING_DIRECTORY TURN_END PROGRAM ARGV0 [ARG...]
//   cobatch-keeper --version
//
// The first argument is the version of what follows. TURN_END is empty, or for an agent that ends at once at the end of
// its input the bytes that its output has at the end of each turn. The environment is the agent's.
//
// On the control pipe, a line each:            On the status pipe, a line each:
//   G       let the agent exec                   A <pid>   the agent was forked and waits
//   T <ms>  a turn begins and may go on that     R         it has been executed
//           long if the orchestrator dies        X <errno> exec|chdir|keeper   it could not be; "keeper" is what the
//   I       no turn runs                                   orchestrator's child says if it cannot become the keeper
//   C       the input ends                       E exit <n>    it has ended
//   Q <ms>  end the agent, with that grace       E signal <n>  a signal has ended it
//   end of file: the orchestrator has died       end of file: the keeper is gone, and with it all that the agent left
//   or let go                                    behind
#pragma once

#define COBATCH_KEEPER_VERSION "2"

/// The keeper's descriptors.
enum cobatch_keeper_fd {
  COBATCH_GUARD_FD = 3,     ///< the guard, or nothing; held, never used
  COBATCH_CONTROL_FD = 4,   ///< read
  COBATCH_STATUS_FD = 5,    ///< write
  COBATCH_INPUT_FD = 6,     ///< the agent's standard input
  COBATCH_OUTPUT_FD = 7,    ///< its output file
  COBATCH_ERROR_FD = 8,     ///< its error file
  COBATCH_HELD_FD = 9,      ///< the other end of its input; held only where there is a TURN_END: then the input of an
                            ///< agent whose orchestrator has died ends with its turn
  COBATCH_KEEPER_FDS = 10,  ///< how many: 0 to 2 are /dev/null
};
