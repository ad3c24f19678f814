// Connections set up the way the store needs them. Call these with the write lock held.
#pragma once

#include <memory>

#include <cobatch/core/error.hpp>

#include "store/sqlite_db.hpp"
#include "store/sqlite_files.hpp"
#include "store/write_lock.hpp"

namespace cobatch {

/// The connection that writes. Makes or migrates the tables. Errors: store_newer, store_damaged, disk_full,
/// not_writable, cannot_lock, storage_fault; of the first two nothing was touched.
[[nodiscard]] result<std::unique_ptr<sqlite_db>> open_writer(const sqlite_files& files, write_lock& lock);

/// A connection that only reads. Throws sqlite_failure.
[[nodiscard]] std::unique_ptr<sqlite_db> open_reader(const sqlite_files& files);

}  // namespace cobatch
