// The guide's telemetry file, data/last_execution_telemetry.json: what an agent says of one task before it logs the
// task's completion. It serves one task only: who uses it takes it away first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/core/usage.hpp>

#include "base/json.hpp"

namespace cobatch {

struct telemetry_figures {
  std::int64_t input = 0, output = 0;
  std::string tool = {}, action = {};
};

struct claimed_telemetry {
  std::optional<usage> used = {};  ///< `told`; nothing if there was no file, or it is of another task
  std::vector<warning> warnings = {};
};

/// The figures in an object of the guide's form, or of the later one, which has input with all that was read from and
/// written to the cache in it, and tells these apart beside it; an input that is less than what was read is taken to be
/// without it, as in the guide's form. `told`; nothing if neither input nor output is told, or the parts exceed the
/// whole. `complete` is false if one of the two is missing, or where a figure should be stands what is no count.
[[nodiscard]] std::optional<usage> usage_in_telemetry(const json::value& object);

class telemetry_file {
 public:
  /// `data`: the workspace's folder.
  explicit telemetry_file(const std::filesystem::path& data);

  /// Takes the file away and reads it. One that names another task is left where it is; one that cannot be read is set
  /// aside under another name, and that is said.
  [[nodiscard]] claimed_telemetry claim(const task_id& task);
  /// When a task begins: a file that is there is of one before, unless it names its task, or may be of one of the
  /// others that are in progress. It gets another name, and that is said, or that it could not.
  [[nodiscard]] std::vector<warning> leave_behind(const task_id& next, bool others_in_progress);
  /// The task that the file names; empty if it names none, or there is no file.
  [[nodiscard]] std::string named_task() const;
  /// The claimed file has served its task.
  void use_up();
  /// It has not: puts it back, unless another is there by now.
  void give_back();
  /// Errors: those of writing a file.
  [[nodiscard]] result<void> write(const task_id& task, const telemetry_figures& told);

 private:
  std::filesystem::path file_, claimed_;
  bool is_claimed_ = false;
};

}  // namespace cobatch
