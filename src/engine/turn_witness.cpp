#include "engine/turn_witness.hpp"

#include <utility>

#include "engine/task_check.hpp"

namespace cobatch {

turn_witness::turn_witness(const engine_options& options, const workspace_paths& paths,
                           std::filesystem::path working_directory, std::filesystem::path folder)
    : options_(options),
      working_directory_(std::move(working_directory)),
      kept_(std::move(folder) / "before.json"),
      tree_(working_directory_, own_files(paths)) {}

bool turn_witness::look_before() {
  before_ = tree_.look();
  if (!before_) return false;
  // Without it only a crash would leave the changes unknown.
  static_cast<void>(write_snapshot(*before_, kept_));
  return is_dirty(*before_);
}

settlement turn_witness::look_after(settlement what, const task_spec& task, std::stop_token stop) const {
  if (before_)
    if (const auto after = tree_.look()) what.changes = tree_.changes_between(*before_, *after);
  if (task.check.empty()) return what;
  return apply_check(std::move(what), task.check, working_directory_, options_.check_limit, std::move(stop));
}

settlement turn_witness::look_after_crash(settlement what, const task_spec& task, std::stop_token stop) {
  before_ = read_snapshot(kept_);
  return look_after(std::move(what), task, std::move(stop));
}

}  // namespace cobatch
