// Putting a view in place without losing what somebody else put there.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/time.hpp>

#include "views/view_note.hpp"

namespace cobatch {

/// Stands in the name of a file that was set aside: `<name>.outside-<moment>`.
inline constexpr std::string_view set_aside_mark = ".outside-";

/// "20251107_214500", in UTC: a moment in the name of a file.
[[nodiscard]] std::string moment_text(timestamp moment);

/// Gives a file the name `<view>.outside-YYYYMMDD_HHMMSS`, or one like it if that is taken; the new name. Errors:
/// not_writable, io_error; then it has its old one.
[[nodiscard]] result<std::filesystem::path> keep_aside(const std::filesystem::path& file,
                                                       const std::filesystem::path& view, timestamp now);

/// True if the file at `path` is one of `ours`, by its stamp or by its content.
[[nodiscard]] bool is_ours(const std::filesystem::path& path, const std::vector<written_file>& ours);

/// Replaces a view: readers see the old or the new text, never half of one. Mode 0600; not synced.
///
/// A file in its place that is not one of `ours` and not empty is kept as `<name>.outside-YYYYMMDD_HHMMSS` and told of
/// in `warnings` (`view_edited`). That holds whenever it is put there: new and old change places in one step, and what
/// came out is looked at afterwards. (Where the file system cannot do that, an edit in the last microseconds is lost.)
///
/// `remember` is called before the new file gets its name, with `ours` as it has to be kept: a crash at any moment
/// leaves only files that the next call knows what to do with. Afterwards `ours` names the new file only.
[[nodiscard]] result<void> replace_view(const std::filesystem::path& path, std::string_view text,
                                        std::vector<written_file>& ours, const std::function<result<void>()>& remember,
                                        timestamp now, std::vector<warning>& warnings);

}  // namespace cobatch
