#include "program/exit_codes.hpp"

#include "api/request.hpp"

namespace cobatch::program {

exit_code exit_code_of(errc code) noexcept {
  switch (code) {
    case errc::port_in_use:
      return exit_port;
    case errc::agent_unknown:
    case errc::agent_missing:
    case errc::agent_failed:
    case errc::keeper_missing:
      return exit_no_agent;
    default:
      if (is_misunderstood(code)) return exit_usage;
      return is_fault(code) ? exit_fault : exit_refused;
  }
}

exit_code exit_code_of(const reply& answered) noexcept {
  return answered.why ? exit_code_of(*answered.why) : exit_success;
}

}  // namespace cobatch::program
