// The tables and their version.
#pragma once

#include <cobatch/core/error.hpp>

#include "store/sqlite.hpp"

namespace cobatch {

/// The version of the tables, in the file's `user_version`.
inline constexpr int schema_version = 6;

/// True if the file holds our tables, false if it is empty. Errors: store_newer (tables of another version);
/// store_damaged (no database, or not one of ours). Nothing is written.
[[nodiscard]] result<bool> has_tables(sqlite& db, const std::filesystem::path& file);

/// Makes the tables in an empty file, in one transaction. Call with the write lock held.
void make_tables(sqlite& db);

}  // namespace cobatch
