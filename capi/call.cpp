// Section 15: JSON requests.
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#include <cobatch/protocol.hpp>

#include "place.hpp"
#include "text.hpp"

namespace cobatch::capi {
namespace {

static_assert(COBATCH_CALL_DONE == static_cast<int>(reply_kind::ok) &&
              COBATCH_CALL_REFUSED == static_cast<int>(reply_kind::refused) &&
              COBATCH_CALL_MALFORMED == static_cast<int>(reply_kind::malformed) &&
              COBATCH_CALL_FAULT == static_cast<int>(reply_kind::fault));

// What the caller frees with cobatch_text_free.
cobatch_owned_text own_copy(const std::string& text) {
  auto* data = static_cast<char*>(std::malloc(text.size() + 1));
  if (data == nullptr) throw std::bad_alloc();
  std::memcpy(data, text.c_str(), text.size() + 1);
  return {data, text.size()};
}

}  // namespace
}  // namespace cobatch::capi

using namespace cobatch::capi;

cobatch_status cobatch_call(cobatch_workspace* workspace, cobatch_text request, cobatch_owned_text* reply,
                            int32_t* kind, cobatch_error** err) {
  if (reply != nullptr) *reply = {nullptr, 0};
  if (kind != nullptr) *kind = COBATCH_CALL_DONE;
  return on_handle(workspace, "workspace", err, [&]() -> verdict {
    if (reply == nullptr) return null_argument("reply");
    if (request.data == nullptr && request.size > 0) return null_argument("request");
    const auto at = workspace->at;
    const interrupts::call blocked(at->blocked);
    const std::string_view text(request.size == 0 ? "" : request.data, request.size);
    const auto answer = cobatch::handle_request(at->here, text, blocked.stop());
    *reply = own_copy(answer.json);
    if (kind != nullptr) *kind = static_cast<std::int32_t>(answer.kind);
    return {};
  });
}

cobatch_status cobatch_supported_actions(cobatch_owned_text* json, cobatch_error** err) {
  if (json != nullptr) *json = {nullptr, 0};
  return guarded(err, [&]() -> verdict {
    if (json == nullptr) return null_argument("json");
    *json = own_copy(cobatch::supported_actions_json());
    return {};
  });
}
