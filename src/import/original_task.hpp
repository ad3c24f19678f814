// One task of the original, and what it is here.
#pragma once

#include <string>
#include <vector>

#include <cobatch/core/error.hpp>
#include <cobatch/store.hpp>

#include "import/original_files.hpp"

namespace cobatch {

/// All that the files say of one task; the entries are the reader's.
struct original_task {
  task_id id = {};
  const told_entry* task = nullptr;             ///< null: it stands in no queue
  std::vector<const told_entry*> results = {};  ///< no two are equal
  std::vector<const told_entry*> telemetry = {};
};

struct taken_task {
  adopted_task as = {};
  std::string note = {};         ///< a sentence about what is not as it was there; may be empty
  bool local_times = false;      ///< a time of it had no zone
  bool blocked = false;          ///< it has not ended there; it is cancelled so that engines leave it alone
  bool created_unread = false;   ///< its created_at cannot be read
  bool priority_unread = false;  ///< its priority is none that is known
};

/// The task as it is put in here. `now` stands in where the files have no time. Each member of the files that our own
/// records do not show just so is in `extra`. `archived` is set if the result is a line of the archive. Errors:
/// bad_value, too_large; the message says what is wrong with it.
[[nodiscard]] result<taken_task> take_over(const original_task& told, timestamp now);

}  // namespace cobatch
