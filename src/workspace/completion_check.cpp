#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>
#include <cobatch/host_session.hpp>

#include "base/json.hpp"
#include "workspace/checks.hpp"

namespace cobatch {

namespace {

constexpr std::string_view nothing_stored = "Nothing was stored; complete the turn again";

// Counts the texts of a completion and looks at each.
class text_check {
 public:
  result<void> operator()(std::string_view what, std::string_view text) {
    bytes_ += text.size();
    if (bytes_ > max_completion_bytes)
      return fail(errc::too_large, fmt::format("the texts of the completion have more than {} bytes. {}, with less",
                                               max_completion_bytes, nothing_stored));
    if (!is_utf8(text))
      return fail(errc::bad_encoding, fmt::format("{} of the completion is not valid UTF-8. {}", what, nothing_stored));
    return {};
  }

 private:
  std::size_t bytes_ = 0;
};

result<void> check_texts(const settlement& what) {
  const std::pair<std::string_view, const std::string&> texts[] = {
      {"reason", what.reason},
      {"detail", what.detail},
      {"output", what.output},
      {"output_summary", what.output_summary},
      {"actions_taken", what.actions_taken},
      {"errors", what.errors},
  };
  text_check check;
  for (const auto& [name, text] : texts)
    if (auto ok = check(name, text); !ok) return ok;
  if (!what.used) return {};
  for (const auto& entry : what.used->by_model)
    if (auto ok = check("a model's name", entry.model); !ok) return ok;
  return {};
}

result<void> check_usage(const settlement& what) {
  if (!what.used) return {};
  for (const auto& entry : what.used->by_model)
    if (!is_plausible(entry.count))
      return fail(errc::bad_value, fmt::format("a token count of the completion is below 0 or above {}. {}",
                                               max_reported_tokens, nothing_stored));
  return {};
}

result<void> to_one_line(std::string& text, std::string_view name, bool as_array) {
  if (text.empty()) return {};
  const auto parsed = json::parse(text);
  if (!parsed)
    return fail(errc::bad_json,
                fmt::format("{} of the completion is not JSON: {}. {}", name, parsed.error().message, nothing_stored));
  if (as_array && parsed->as_array() == nullptr)
    return fail(errc::bad_json,
                fmt::format("{} of the completion is {}, not an array. {}", name, parsed->kind(), nothing_stored));
  text = json::write(*parsed);
  return {};
}

}  // namespace

bool may_complete_with(turn_end end) noexcept {
  switch (end) {
    case turn_end::done:
    case turn_end::error:
    case turn_end::denied:
    case turn_end::broke:
    case turn_end::timed_out:
    case turn_end::stopped:
      return true;
    case turn_end::interrupted:
    case turn_end::cancelled:
      break;
  }
  return false;
}

result<settlement> check_completion(settlement what) {
  if (!may_complete_with(what.end))
    return fail(
        errc::bad_value,
        fmt::format("a host completes a turn as done, error, denied, broke, timed_out or stopped. {}", nothing_stored));
  if (auto ok = check_texts(what); !ok) return fail(ok.error());
  if (auto ok = check_usage(what); !ok) return fail(ok.error());
  if (auto ok = to_one_line(what.actions_taken, "actions_taken", true); !ok) return fail(ok.error());
  if (auto ok = to_one_line(what.errors, "errors", false); !ok) return fail(ok.error());
  return what;
}

}  // namespace cobatch
