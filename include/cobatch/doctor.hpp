// The doctor: the batch guide's checklist, and whatever else can be wrong, answered line by line.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/id.hpp>
#include <cobatch/fwd.hpp>

namespace cobatch {
inline namespace v1 {

enum class answer : std::uint8_t {
  yes,      ///< it is as it should be
  no,       ///< it is not
  unknown,  ///< it cannot be told, or not yet
};

[[nodiscard]] constexpr std::string_view name_of(answer a) noexcept {
  constexpr std::array<std::string_view, 3> names{"yes", "no", "unknown"};
  return names[static_cast<std::size_t>(a)];
}

/// A line of the checklist, answered.
struct finding {
  std::string check = {};  ///< what was looked at: a code that never changes ("lock_file"); it may come several times
  answer is = answer::yes;
  std::string message = {};  ///< what is there and what it means, for people; may hold a client's text (untrusted)
  std::string fix = {};      ///< a command to copy to a POSIX shell; empty if there is none

  friend bool operator==(const finding&, const finding&) = default;
};

/// Looks at a workspace before a batch: folders, disk, store, clock, views, lock, engines, and the batches that wait.
/// With `batch`, also at what came of that one.
///
/// Nothing is made where nothing is, nothing that is damaged is touched, no view is written and the guard is not taken,
/// so it may be called while a session runs; commands that write wait while the store is verified. One thing changes: a
/// store that the disk failed to write (storage_fault) is, if it is sound, written anew and let go on.
///
/// Never fails: what cannot be looked at is a finding. May be called from any thread.
[[nodiscard]] std::vector<finding> diagnose(const workspace_options& options,
                                            const std::optional<batch_id>& batch = std::nullopt);

/// Looks at what runs tasks: the keeper, the agent programs in PATH (each is started with `--version`, for at most 20
/// seconds), who would pay for them, and whether this process was started by an agent. No secret is in what it says.
/// That there is no such program is not held against a workspace in which an engine runs. Never fails. May be called
/// from any thread, as long as none changes the environment.
[[nodiscard]] std::vector<finding> diagnose_agents(const workspace_options& place);

}  // namespace v1
}  // namespace cobatch
