// What the server answers, as HTTP: the replies of <cobatch/protocol.hpp> with their status, and the pages about
// itself.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <cobatch/prices.hpp>
#include <cobatch/protocol.hpp>
#include <cobatch/workspace.hpp>

#include "api/request.hpp"
#include "program/http_rules.hpp"

namespace cobatch::program {

/// All of it may be called in any thread, and may block on the disk.
class http_answers {
 public:
  /// `agent`: the one that the engine beside the server runs; empty if there is no engine. `prices`: may be null.
  http_answers(workspace& place, std::string agent, std::shared_ptr<const price_table> prices)
      : place_(place), agent_(std::move(agent)), prices_(std::move(prices)) {}

  [[nodiscard]] std::variant<http_reply, request::batch_wait> execute(std::string_view body) const;
  [[nodiscard]] http_reply get(http_endpoint what) const;

 private:
  [[nodiscard]] bool has_engine() const { return !agent_.empty(); }
  [[nodiscard]] std::string front() const;

  workspace& place_;
  std::string agent_;
  std::shared_ptr<const price_table> prices_;
};

[[nodiscard]] http_reply http_reply_of(reply answered);

/// 408, 413, 503: what the server itself has to say of a request.
[[nodiscard]] http_reply came_too_slowly();
[[nodiscard]] http_reply body_too_large();
[[nodiscard]] http_reply too_busy(std::string_view why);

}  // namespace cobatch::program
