// The doctor's checks, in the order in which they are made. Each says what it found; none throws for what it meets.
#pragma once

#include <memory>
#include <vector>

#include <cobatch/core/batch.hpp>
#include <cobatch/store.hpp>
#include <cobatch/workspace.hpp>

#include "doctor/findings.hpp"
#include "store/store.hpp"

namespace cobatch {

/// The folders, the disk and the file system. False if there is nothing yet to look at in them.
[[nodiscard]] bool check_folders(const workspace_paths& paths, findings& out);

/// Git tracks none of the files that Cobatch writes in `data/`; nothing is said where it does not.
void check_git(const workspace_paths& paths, findings& out);

/// The store and its version; null if there is none yet or any more, or none that can be used.
[[nodiscard]] std::unique_ptr<store> check_store(const workspace_paths& paths, const workspace_options& options,
                                                 findings& out);

/// The newest record is not in the future.
void check_clock(store& storage, timestamp now, findings& out);

/// The lock and the lock file. `storage` null: there is none that knows whose it is.
void check_lock(const workspace_paths& paths, store* storage, findings& out);
/// The engines that are alive.
void check_engines(const workspace_paths& paths, findings& out);

/// The JSON views are ours and show what the store holds. Before anything that might write them.
void check_views(const workspace_paths& paths, store& storage, findings& out);

/// What waits, and for whom: batches without an engine, held, left open, and tasks that people have.
void check_queue(const workspace_paths& paths, store& storage, timestamp now, findings& out);

/// Tasks that belong together are in one batch.
void check_batch_ids(store& storage, timestamp now, findings& out);

/// What came of a batch: ended, its tasks done, their tokens known, their context shared.
void check_batch(store& storage, const batch_record& batch, findings& out);

}  // namespace cobatch
