// What commands share about the archive.
#pragma once

#include "store/rows.hpp"

namespace cobatch {
namespace commands {

/// Puts the result of a task that has ended and has none. `archived`: it stands in the archive already.
void put_result(rows& t, const task_row& ended, const result_record& result, bool archived = false);

}  // namespace commands
}  // namespace cobatch
