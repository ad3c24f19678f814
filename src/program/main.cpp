#include <csignal>
#include <exception>
#include <string>

#include "program/command_line.hpp"
#include "program/exit_codes.hpp"
#include "program/terminal.hpp"

namespace {

int run(int argc, char** argv) {
  try {
    return cobatch::program::run_command_line(argc, argv);
  } catch (const std::exception& e) {
    cobatch::program::print_error_line("cobatch: internal: " + cobatch::program::one_line(e.what()));
    return cobatch::program::exit_fault;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away loses output; it ends no session
  const int code = run(argc, argv);
  const bool arrived = cobatch::program::close_output();
  return arrived || code != cobatch::program::exit_success ? code : cobatch::program::exit_fault;
}
