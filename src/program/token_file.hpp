// The secret that HTTP requests must bring, from a file that only its owner may read.
#pragma once

#include <filesystem>
#include <string>

#include <cobatch/core/error.hpp>

namespace cobatch::program {

/// The file's first line. Errors: io_error, unsafe_file (others than its owner may read or write it), bad_value (empty,
/// shorter than 16 characters, or not printable ASCII without spaces).
[[nodiscard]] result<std::string> read_token(const std::filesystem::path& file);

}  // namespace cobatch::program
