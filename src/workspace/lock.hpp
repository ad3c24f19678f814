// What can be seen of the lock at one moment: guard, marker, session row. The rules are in <cobatch/core/lock.hpp>.
#pragma once

#include <optional>
#include <string>

#include <cobatch/core/lock.hpp>
#include <cobatch/store.hpp>
#include <cobatch/workspace.hpp>

#include "os/guard.hpp"
#include "os/lock_file.hpp"
#include "store/store.hpp"

namespace cobatch {

struct lock_view {
  lock_facts facts;
  std::optional<guard_record> record;        ///< of the latest holder of the guard
  std::optional<lock_file_identity> marker;  ///< the file that is there
  std::optional<session_record> live;        ///< the session row that was not ended
};

/// True if the session row is that of a session that died with its keeper: nobody holds the guard.
[[nodiscard]] bool is_cut_off(const lock_view& seen) noexcept;

/// Looks at all three, without taking the guard.
[[nodiscard]] result<lock_view> look_at_lock(const workspace_paths& paths, store& storage);

/// The same for the one who holds the guard, to whom it is free.
[[nodiscard]] result<lock_view> look_at_lock(const workspace_paths& paths, store& storage, const guard& held);

/// What that means for a person and what to do, in a few sentences. Where a foreign marker comes from is looked for
/// then: git may be asked.
[[nodiscard]] std::string advice_on(const lock_view& seen, const workspace_paths& paths);

}  // namespace cobatch
