// Sections 1 to 3: versions, text, status and errors.
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <cobatch/workspace.hpp>

#include "boundary.hpp"

// One block: the struct, then the message. So an error can be made without throwing.
struct cobatch_error {
  cobatch_status status;
  std::size_t size;
  const char* message;
};

namespace cobatch::capi {

namespace {

// For when there is no memory for an error. It is never freed.
constexpr char no_memory_text[] = "there is not enough memory";
cobatch_error no_memory{COBATCH_E_NO_MEMORY, sizeof no_memory_text - 1, no_memory_text};

cobatch_error* make_error(cobatch_status status, std::string_view message) noexcept {
  void* block = std::malloc(sizeof(cobatch_error) + message.size() + 1);
  if (block == nullptr) return &no_memory;
  char* text = static_cast<char*>(block) + sizeof(cobatch_error);
  if (!message.empty()) std::memcpy(text, message.data(), message.size());
  text[message.size()] = '\0';
  return new (block) cobatch_error{status, message.size(), text};
}

// Each code of the library is a status here, with the sign changed.
constexpr bool statuses_are_codes() {
  return COBATCH_E_BAD_JSON == -static_cast<int>(errc::bad_json) &&
         COBATCH_E_NOT_AN_OBJECT == -static_cast<int>(errc::not_an_object) &&
         COBATCH_E_WRONG_TYPE == -static_cast<int>(errc::wrong_type) &&
         COBATCH_E_MISSING_FIELD == -static_cast<int>(errc::missing_field) &&
         COBATCH_E_UNKNOWN_TOOL == -static_cast<int>(errc::unknown_tool) &&
         COBATCH_E_UNKNOWN_ACTION == -static_cast<int>(errc::unknown_action) &&
         COBATCH_E_TOO_LARGE == -static_cast<int>(errc::too_large) &&
         COBATCH_E_BAD_ENCODING == -static_cast<int>(errc::bad_encoding) &&
         COBATCH_E_BAD_ID == -static_cast<int>(errc::bad_id) &&
         COBATCH_E_BAD_VALUE == -static_cast<int>(errc::bad_value) &&
         COBATCH_E_DUPLICATE_IN_BATCH == -static_cast<int>(errc::duplicate_in_batch) &&
         COBATCH_E_TASK_EXISTS == -static_cast<int>(errc::task_exists) &&
         COBATCH_E_TASK_NOT_FOUND == -static_cast<int>(errc::task_not_found) &&
         COBATCH_E_BATCH_NOT_FOUND == -static_cast<int>(errc::batch_not_found) &&
         COBATCH_E_EMPTY_BATCH == -static_cast<int>(errc::empty_batch) &&
         COBATCH_E_TASK_IN_PROGRESS == -static_cast<int>(errc::task_in_progress) &&
         COBATCH_E_TASK_ENDED == -static_cast<int>(errc::task_ended) &&
         COBATCH_E_TASK_QUEUED == -static_cast<int>(errc::task_queued) &&
         COBATCH_E_ALREADY_COMPLETED == -static_cast<int>(errc::already_completed) &&
         COBATCH_E_STALE_SESSION == -static_cast<int>(errc::stale_session) &&
         COBATCH_E_AGENT_CONFLICT == -static_cast<int>(errc::agent_conflict) &&
         COBATCH_E_FOREIGN_MARKER == -static_cast<int>(errc::foreign_marker) &&
         COBATCH_E_SESSION_LIVE == -static_cast<int>(errc::session_live) &&
         COBATCH_E_NO_MARKER == -static_cast<int>(errc::no_marker) &&
         COBATCH_E_NO_USAGE == -static_cast<int>(errc::no_usage) &&
         COBATCH_E_BATCH_CONFLICT == -static_cast<int>(errc::batch_conflict) &&
         COBATCH_E_NEED_UNKNOWN == -static_cast<int>(errc::need_unknown) &&
         COBATCH_E_UNPRICED_MODEL == -static_cast<int>(errc::unpriced_model) &&
         COBATCH_E_AGENT_UNKNOWN == -static_cast<int>(errc::agent_unknown) &&
         COBATCH_E_AGENT_MISSING == -static_cast<int>(errc::agent_missing) &&
         COBATCH_E_AGENT_FAILED == -static_cast<int>(errc::agent_failed) &&
         COBATCH_E_KEEPER_MISSING == -static_cast<int>(errc::keeper_missing) &&
         COBATCH_E_STORAGE_FAULT == -static_cast<int>(errc::storage_fault) &&
         COBATCH_E_DISK_FULL == -static_cast<int>(errc::disk_full) &&
         COBATCH_E_NOT_WRITABLE == -static_cast<int>(errc::not_writable) &&
         COBATCH_E_CANNOT_LOCK == -static_cast<int>(errc::cannot_lock) &&
         COBATCH_E_UNSAFE_FILE == -static_cast<int>(errc::unsafe_file) &&
         COBATCH_E_WORKSPACE_REPLACED == -static_cast<int>(errc::workspace_replaced) &&
         COBATCH_E_STORE_NEWER == -static_cast<int>(errc::store_newer) &&
         COBATCH_E_STORE_DAMAGED == -static_cast<int>(errc::store_damaged) &&
         COBATCH_E_IO_ERROR == -static_cast<int>(errc::io_error) &&
         COBATCH_E_OUTCOME_UNKNOWN == -static_cast<int>(errc::outcome_unknown) &&
         COBATCH_E_TIMED_OUT == -static_cast<int>(errc::timed_out) &&
         COBATCH_E_INTERRUPTED == -static_cast<int>(errc::interrupted) &&
         COBATCH_E_PORT_IN_USE == -static_cast<int>(errc::port_in_use) &&
         COBATCH_E_INTERNAL == -static_cast<int>(errc::internal) &&
         COBATCH_E_FORKED == -static_cast<int>(errc::forked) && COBATCH_E_BUSY == -static_cast<int>(errc::busy);
}
static_assert(statuses_are_codes());
static_assert(detail::errc_names.size() == 48, "a code was added: give it a status in cobatch.h and a line above");

}  // namespace

cobatch_status hand_over(cobatch_status status, const char* message, cobatch_error** err) noexcept {
  if (err != nullptr && status != COBATCH_E_END) *err = make_error(status, message);
  return status;
}

cobatch_status hand_over(const verdict& v, cobatch_error** err) noexcept {
  return hand_over(v.status, v.message.c_str(), err);
}

}  // namespace cobatch::capi

using namespace cobatch::capi;

const char* cobatch_version(void) { return COBATCH_VERSION; }

int32_t cobatch_abi_version(void) { return COBATCH_ABI_VERSION; }

cobatch_text cobatch_str(const char* zero_terminated) {
  if (zero_terminated == nullptr) return {nullptr, 0};
  return {zero_terminated, std::strlen(zero_terminated)};
}

void cobatch_text_free(cobatch_owned_text* text) {
  if (text == nullptr) return;
  std::free(text->data);
  *text = {nullptr, 0};
}

void cobatch_init(void* options, uint32_t size) {
  if (options == nullptr || size < sizeof size) return;
  std::memset(options, 0, size);
  std::memcpy(options, &size, sizeof size);
}

const char* cobatch_status_name(cobatch_status status) {
  switch (status) {
    case COBATCH_OK: return "ok";
    case COBATCH_E_END: return "end";
    case COBATCH_E_NO_MEMORY: return "no_memory";
    case COBATCH_E_STRUCT_SIZE: return "struct_size";
    case COBATCH_E_CALLBACK: return "callback";
    default: break;
  }
  // The names are literals, so they end in a zero byte.
  for (const auto& entry : cobatch::detail::errc_names)
    if (-static_cast<std::int32_t>(entry.code) == status) return entry.name.data();
  return "unknown";
}

cobatch_status cobatch_error_status(const cobatch_error* error) {
  return error == nullptr ? COBATCH_OK : error->status;
}

cobatch_text cobatch_error_message(const cobatch_error* error) {
  if (error == nullptr) return {"", 0};
  return {error->message, error->size};
}

void cobatch_error_free(cobatch_error* error) {
  if (error != &no_memory) std::free(error);
}
