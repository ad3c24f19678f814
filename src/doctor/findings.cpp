#include "doctor/findings.hpp"

#include <utility>

#include <fmt/format.h>

#include <cobatch/workspace.hpp>

#include "base/text.hpp"
#include "os/programs.hpp"

namespace cobatch {

findings::findings(const workspace_options& place) {
  if (place.root != ".") place_ += " --root " + shell_quoted(place.root.string());
  if (!place.state.empty()) place_ += " --state " + shell_quoted(place.state.string());
}

void findings::yes(std::string_view check, std::string message) {
  add(check, answer::yes, std::move(message), {});
}
void findings::no(std::string_view check, std::string message, std::string fix) {
  add(check, answer::no, std::move(message), std::move(fix));
}
void findings::unknown(std::string_view check, std::string message, std::string fix) {
  add(check, answer::unknown, std::move(message), std::move(fix));
}

std::string findings::command(std::string_view arguments) const {
  return fmt::format("cobatch {}{}", arguments, place_);
}

std::vector<finding> findings::take() && {
  return std::move(found_);
}

void findings::add(std::string_view check, answer is, std::string message, std::string fix) {
  found_.push_back({std::string(check), is, sentence(std::move(message)), std::move(fix)});
}

}  // namespace cobatch
