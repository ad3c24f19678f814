// From the program's arguments to the command that was asked for.
#pragma once

namespace cobatch::program {

/// Parses the arguments, runs the command and returns the exit code.
int run_command_line(int argc, const char* const* argv);

}  // namespace cobatch::program
