// cobatch unlock.
#include "program/options.hpp"
#include "program/speak.hpp"

namespace cobatch::program {

int run_unlock(const unlock_options& options) {
  auto place = open_workspace(options.common);
  if (!place) return fail_with(place.error(), options.common.json);
  return print_reply(ask(*place, "unlock", {{"force", options.force}}), options.common.json);
}

}  // namespace cobatch::program
