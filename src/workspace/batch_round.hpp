// When a wait for a batch is over.
#pragma once

#include <cstdint>
#include <optional>

#include <cobatch/store.hpp>

namespace cobatch {

/// True if the batch has ended the round that was its present one when the wait began, or is gone.
[[nodiscard]] inline bool has_ended(const std::optional<batch_record>& now, std::int64_t round) noexcept {
  return !now || now->state == batch_state::finished || now->round > round;
}

}  // namespace cobatch
