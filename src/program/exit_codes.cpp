#include "program/exit_codes.hpp"

#include "request/fault.hpp"

namespace cobatch::program {

exit_code exit_code_of(errc code) noexcept {
  switch (code) {
    case errc::bad_json:
    case errc::not_an_object:
    case errc::wrong_type:
    case errc::missing_field:
    case errc::unknown_tool:
    case errc::unknown_action:
    case errc::bad_encoding:
    case errc::bad_id:
    case errc::bad_value:
      return exit_usage;
    case errc::port_in_use:
      return exit_port;
    case errc::agent_unknown:
    case errc::agent_missing:
    case errc::agent_failed:
    case errc::keeper_missing:
      return exit_no_agent;
    default:
      return is_fault(code) ? exit_fault : exit_refused;
  }
}

}  // namespace cobatch::program
