#include "program/exit_codes.hpp"

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
    case errc::storage_fault:
    case errc::disk_full:
    case errc::not_writable:
    case errc::cannot_lock:
    case errc::unsafe_file:
    case errc::workspace_replaced:
    case errc::store_newer:
    case errc::store_damaged:
    case errc::io_error:
    case errc::outcome_unknown:
    case errc::internal:
      return exit_fault;
    default:
      return exit_refused;
  }
}

}  // namespace cobatch::program
