// The doctor's checks, in the order in which they are made, and what they have found so far. What a call of the
// workspace would warn of is found by the same code, and said in the same words.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/doctor.hpp>
#include <cobatch/store.hpp>
#include <cobatch/workspace.hpp>

#include "store/store.hpp"

namespace cobatch {

class findings {
 public:
  /// `place`: the workspace that the commands which are advised are for.
  explicit findings(const workspace_options& place);

  void yes(std::string_view check, std::string message);
  void no(std::string_view check, std::string message, std::string fix = {});
  void unknown(std::string_view check, std::string message, std::string fix = {});
  void unknown(std::string_view check, const error& why) { unknown(check, why.message); }

  /// "cobatch ARGUMENTS", with what names the workspace.
  [[nodiscard]] std::string command(std::string_view arguments) const;

  [[nodiscard]] std::vector<finding> take() && { return std::move(found_); }

 private:
  void add(std::string_view check, answer is, std::string message, std::string fix);

  std::string place_;
  std::vector<finding> found_;
};

// None of these throws for what it meets.

/// The folders, the disk and the file system. False if there is nothing yet to look at in them.
[[nodiscard]] bool check_folders(const workspace_paths& paths, findings& out);
/// The shell command that lets this process's user write in the folder and to what is in it.
[[nodiscard]] std::string how_to_make_writable(const std::filesystem::path& folder);

/// Git tracks none of the files that Cobatch writes in `data/`; nothing is said where it does not.
void check_git(const workspace_paths& paths, findings& out);

/// The store and its version; null if there is none yet or any more, or none that can be used.
[[nodiscard]] std::unique_ptr<store> check_store(const workspace_paths& paths, const workspace_options& options,
                                                 findings& out);

/// The newest record is not in the future.
void check_clock(store& storage, timestamp now, findings& out);

/// The JSON views are ours and show what the store holds. Before anything that might write them.
void check_views(const workspace_paths& paths, store& storage, findings& out);

/// The lock and the lock file. `storage` null: there is none that knows whose it is.
void check_lock(const workspace_paths& paths, store* storage, findings& out);

/// The engines that are alive; what waits, and for whom: batches without an engine, held, left open, and tasks that
/// people have; and tasks that belong together but are in batches of their own.
void check_queue(const workspace_paths& paths, store& storage, timestamp now, findings& out);

/// What came of a batch: ended, its tasks done, their tokens known, their context shared.
void check_batch(store& storage, const batch_record& batch, findings& out);

/// The batches of one task (not cancelled) that a session has worked or will work, and that were made between two
/// moments, both included; the oldest first.
[[nodiscard]] result<std::vector<batch_record>> single_batches(store& storage, timestamp from, timestamp to);
/// The warning `different_batch_ids` that an assign to this batch of one task would give now, beside these others; no
/// text if there is none.
[[nodiscard]] std::string in_batch_of_its_own(const batch_record& batch, const std::vector<batch_record>& others);

}  // namespace cobatch
