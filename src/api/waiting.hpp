// Requests in steps, for a server that holds many waits: nothing here blocks until a batch ends.
//
// handle_request is made of the same steps, with a wait for a change of the store between them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include <cobatch/protocol.hpp>
#include <cobatch/workspace.hpp>

namespace cobatch {
namespace request {

/// A wait_batch that goes on: the round that it waits for, and until when.
struct batch_wait {
  batch_id batch;
  std::int64_t round = 0;
  std::chrono::steady_clock::time_point deadline;
  std::vector<warning> warnings{};  ///< about the request; they stand in its reply
};

/// Answers a request as handle_request does, up to where that would wait. Never throws.
[[nodiscard]] std::variant<reply, batch_wait> begin(workspace& place, std::string_view request);

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
}  // namespace cobatch
