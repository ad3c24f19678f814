// cobatch call: one request in, one reply out.
#include "program/exit_codes.hpp"
#include "program/options.hpp"
#include "program/speak.hpp"
#include "program/terminal.hpp"

namespace cobatch::program {

int run_call(const call_options& options) {
  const auto request = read_input(options.file, max_request_bytes);
  if (!request) {
    // Too large a request is malformed, as over HTTP; a file that cannot be read is a mistake of the command line.
    fail_with(request.error(), true);
    return exit_usage;
  }
  auto place = open_workspace(options.common);
  if (!place) return fail_with(place.error(), true);
  const reply answered = handle_request(*place, *request);
  print_line(answered.json);
  return exit_code_of(answered.kind);
}

}  // namespace cobatch::program
