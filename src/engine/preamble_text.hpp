// The text of a batch's preamble, with the content of its files.
#pragma once

#include <filesystem>
#include <string>

#include <cobatch/core/batch.hpp>
#include <cobatch/core/error.hpp>
#include <cobatch/store.hpp>

#include "store/store.hpp"

namespace cobatch {

/// Reads the files now. Errors; each names the file and says what to do: io_error (it is not there or cannot be read),
/// unsafe_file (it leads out of the folder, or is no plain file), too_large, bad_encoding (no UTF-8).
[[nodiscard]] result<std::string> read_preamble(const preamble& shared, const std::filesystem::path& folder);
/// That of a batch in the store. Errors also: the store's.
[[nodiscard]] result<std::string> read_preamble_of(store& storage, const batch_id& batch,
                                                   const std::filesystem::path& folder);

}  // namespace cobatch
