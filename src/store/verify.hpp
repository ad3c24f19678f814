// Verifying a store after the disk failed: the way back from the poison flag (write_lock.hpp).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <cobatch/core/error.hpp>

#include "store/store.hpp"

namespace cobatch {

struct store_check {
  bool was_poisoned = false;
  std::vector<std::string> damage;  ///< what SQLite's integrity check found, a sentence each; empty: the store is sound

  [[nodiscard]] bool sound() const noexcept { return damage.empty(); }
};

/// Checks the whole store in a state folder, under the write lock. If it is sound, everything is written to the disk
/// anew and synced, and the poison flag is cleared: writing goes on in all processes. If it is not, nothing is changed.
/// Errors: as of open_sqlite_store; storage_fault if the disk fails again (the flag stays).
[[nodiscard]] result<store_check> verify_and_clear_poison(const std::filesystem::path& directory);

}  // namespace cobatch
