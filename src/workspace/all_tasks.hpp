// Every task of a batch, however many pages of the store they fill.
#pragma once

#include <cobatch/store.hpp>

#include "store/store.hpp"

namespace cobatch {

/// `visit` gets each task in order of position; the first error that it answers ends the visit.
template <class Visit>
[[nodiscard]] result<void> visit_tasks(store& storage, const batch_id& batch, const Visit& visit) {
  task_filter filter;
  filter.batch = batch;
  for (;;) {
    const auto page = storage.list_tasks(filter);
    if (!page) return fail(page.error());
    for (const auto& task : *page)
      if (result<void> visited = visit(task); !visited) return visited;
    if (page->size() < filter.limit) return {};
    filter.after_position = page->back().position;
  }
}

}  // namespace cobatch
