// Requests and replies: the envelope, its errors and warnings, and waits in steps.
//
// A server that holds many waits takes a request with `begin`, which never blocks until a batch ends, and looks at its
// waits with `batch_look`. `handle_request` is made of the same steps, with a wait for a change of the store between
// them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/prices.hpp>
#include <cobatch/protocol.hpp>
#include <cobatch/workspace.hpp>

#include "base/json.hpp"

namespace cobatch {
namespace request {

/// A wait_batch that goes on: the round that it waits for, and until when.
struct batch_wait {
  batch_id batch;
  std::int64_t round = 0;
  std::chrono::steady_clock::time_point deadline;
  std::vector<warning> warnings{};  ///< about the request; they stand in its reply
};

/// Answers a request as handle_request does, up to where that would wait. `prices`: the host's own, for `savings`; null:
/// it has none. Never throws.
[[nodiscard]] std::variant<reply, batch_wait> begin(workspace& place, std::string_view request,
                                                    const price_table* prices = nullptr);

/// A reply that was not written.
struct object_reply {
  reply_kind kind = reply_kind::ok;
  json::object body;
  std::optional<errc> why = {};  ///< as in `reply`
};
/// The same for who has the parameters as values, and wants the reply so. Waits as handle_request does.
[[nodiscard]] object_reply ask(workspace& place, std::string_view action, json::object params);

/// One look at the batches that are waited for: each is read once, however many wait for it.
class batch_look {
 public:
  explicit batch_look(workspace& place) : place_(place) {}

  /// The reply to a wait that is over, because the round has ended, its deadline has passed, or everything stops;
  /// nothing if it goes on. Never throws.
  [[nodiscard]] std::optional<reply> reply_to(const batch_wait& wait, bool stopping);

 private:
  const result<std::optional<batch_record>>& present(const batch_id& batch);

  workspace& place_;
  std::map<batch_id, result<std::optional<batch_record>>> seen_;
};

}  // namespace request

/// True if the request could not be understood: the first group of codes.
[[nodiscard]] constexpr bool is_misunderstood(errc code) noexcept { return code < errc::task_exists; }

/// True if the request was fine and storage or the system was not.
[[nodiscard]] constexpr bool is_fault(errc code) noexcept {
  switch (code) {
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
    case errc::internal: return true;
    default: return false;
  }
}

}  // namespace cobatch
