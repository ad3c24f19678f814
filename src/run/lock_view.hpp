// What can be seen of the lock at one moment: guard, marker, session row. The rules are in <cobatch/core/lock.hpp>.
#pragma once

#include <optional>
#include <string>

#include <cobatch/core/lock.hpp>
#include <cobatch/store.hpp>
#include <cobatch/workspace.hpp>

#include "system/guard.hpp"
#include "system/marker.hpp"

namespace cobatch {
inline namespace v1 {

struct lock_view {
  lock_facts facts;
  std::optional<guard_record> record;     ///< of the latest holder of the guard
  std::optional<marker_identity> marker;  ///< the file that is there
  std::optional<session_record> live;     ///< the session row that was not ended
};

/// Whose marker it is: compared with the guard's record and the store's sessions.
[[nodiscard]] result<marker_state> standing_of(const std::optional<marker_identity>& marker,
                                               const std::optional<guard_record>& record, store& storage);

/// Looks at all three, without taking the guard.
[[nodiscard]] result<lock_view> look_at_lock(const workspace_paths& paths, store& storage);

/// What that means for a person and what to do, in a sentence or two.
[[nodiscard]] std::string advice_on(const lock_view& seen);

}  // namespace v1
}  // namespace cobatch
