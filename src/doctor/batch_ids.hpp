// Tasks that should have been one batch: batches of one task each, assigned shortly one after another.
#pragma once

#include <vector>

#include <cobatch/store.hpp>

#include "store/store.hpp"

namespace cobatch {

/// The batches of one task (not cancelled) that a session has worked or will work, and that were made between two
/// moments, both included; the oldest first.
[[nodiscard]] result<std::vector<batch_record>> single_batches(store& storage, timestamp from, timestamp to);

}  // namespace cobatch
