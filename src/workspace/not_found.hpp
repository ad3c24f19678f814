// How the calls of a workspace say that something is not there.
#pragma once

#include <utility>

#include <fmt/format.h>

#include <cobatch/core/error.hpp>
#include <cobatch/core/id.hpp>
#include <cobatch/store.hpp>

#include "store/store.hpp"

namespace cobatch {

[[nodiscard]] inline error not_found(const task_id& task) {
  return {errc::task_not_found, fmt::format("there is no task \"{}\" here. Check the id and the project folder; "
                                            "batch_status names the tasks of a batch, list_batches the batches",
                                            task.str())};
}

[[nodiscard]] inline error not_found(const batch_id& batch) {
  return {errc::batch_not_found, fmt::format("there is no batch \"{}\" here. Check the id and the project folder; "
                                             "list_batches names the batches that are here",
                                             batch.str())};
}

/// The batch, or batch_not_found.
[[nodiscard]] inline result<batch_record> batch_there(store& storage, const batch_id& batch) {
  auto found = storage.find_batch(batch);
  if (!found) return fail(found.error());
  if (!*found) return fail(not_found(batch));
  return std::move(**found);
}

}  // namespace cobatch
