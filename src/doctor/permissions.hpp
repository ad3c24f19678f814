// How to get a folder that may not be written in to be writable.
#pragma once

#include <filesystem>
#include <string>

namespace cobatch {

/// True if the folder's file system is mounted read-only, so that its modes and owners do not matter.
[[nodiscard]] bool is_mounted_read_only(const std::filesystem::path& folder);

/// The shell command that lets this process's user write in the folder and to what is in it.
[[nodiscard]] std::string how_to_make_writable(const std::filesystem::path& folder);

}  // namespace cobatch
