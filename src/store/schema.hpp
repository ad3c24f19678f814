// The tables, their version, and how an older file becomes a newer one.
#pragma once

#include <cobatch/core/error.hpp>

#include "store/sqlite_db.hpp"

namespace cobatch {

/// The version of the tables this library writes, in the file's `user_version`.
inline constexpr int schema_version = 5;

/// The version of a file: 0 of an empty one. Errors: store_newer; store_damaged (no database, or not one of ours).
/// Nothing is written.
[[nodiscard]] result<int> read_schema_version(sqlite_db& db, const std::filesystem::path& file);

/// Brings a file from `from` to `schema_version`, in one transaction. Call with the write lock held.
void migrate(sqlite_db& db, int from);

}  // namespace cobatch
