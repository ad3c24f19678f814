// What becomes of a batch that was just assigned to, in the replies of the actions that assign.
#pragma once

#include <string_view>

#include <cobatch/workspace.hpp>

#include "base/json.hpp"

namespace cobatch {
namespace request {

/// Adds `next_step` (what to do, of an open batch) or `execution` (how it runs), the names that the guide's clients
/// look for. `batch`: as it is after the call; `next_round`: the call started a further round of it.
void append_what_comes_next(json::object& fields, workspace& place, const batch_record& batch, bool next_round);

/// How a held batch goes on, as a sentence. One that no time lets go was held for its budget.
[[nodiscard]] std::string_view how_to_let_go(const batch_record& held);

}  // namespace request
}  // namespace cobatch
