#include "pages.hpp"

#include <cstddef>
#include <utility>

#include "store/store.hpp"

namespace cobatch::capi {

namespace {

constexpr std::size_t page_size = 256;

// The pages of one of the workspace's lists; `go_on_after` makes the filter ask for what follows a record.
template <class Record, class Filter, class GoOnAfter>
page_reader<Record> pages(std::shared_ptr<place> at, result<std::vector<Record>> (workspace::*list)(const Filter&),
                          Filter filter, GoOnAfter go_on_after) {
  filter.limit = page_size;
  return [at = std::move(at), list, filter = std::move(filter), go_on_after]() mutable {
    auto page = (at->here.*list)(filter);
    if (page && !page->empty()) go_on_after(filter, page->back());
    return page;
  };
}

page_reader<task_record> pages_of_batch(std::shared_ptr<place> at, task_filter filter) {
  return pages(std::move(at), &workspace::tasks, std::move(filter),
               [](task_filter& f, const task_record& last) { f.after_position = last.position; });
}

}  // namespace

page_reader<batch_record> batch_pages(std::shared_ptr<place> at, batch_filter filter) {
  return pages(std::move(at), &workspace::batches, std::move(filter),
               [](batch_filter& f, const batch_record& last) { f.after = last.id; });
}

page_reader<task_record> task_pages(std::shared_ptr<place> at, task_filter filter) {
  if (filter.batch) return pages_of_batch(std::move(at), std::move(filter));
  std::vector<batch_record> batches;
  std::size_t next_batch = 0;
  page_reader<task_record> of_batch;
  auto more_batches = batch_pages(at, {});
  return [=]() mutable -> result<std::vector<task_record>> {
    for (;;) {
      if (of_batch) {
        auto page = of_batch();
        if (!page || !page->empty()) return page;
      }
      if (next_batch == batches.size()) {
        auto more = more_batches();
        if (!more) return fail(more.error());
        if (more->empty()) return std::vector<task_record>();
        batches = std::move(*more);
        next_batch = 0;
      }
      filter.batch = batches[next_batch++].id;
      of_batch = pages_of_batch(at, filter);
    }
  };
}

page_reader<result_record> result_pages(std::shared_ptr<place> at, task_filter filter) {
  auto tasks = task_pages(at, std::move(filter));
  return [at = std::move(at), tasks = std::move(tasks)]() -> result<std::vector<result_record>> {
    std::vector<result_record> results;
    while (results.empty()) {
      const auto page = tasks();
      if (!page) return fail(page.error());
      if (page->empty()) break;
      for (const auto& task : *page) {
        if (!has_ended(task.state)) continue;
        auto found = at->here.storage().find_result(task.spec.id);
        if (!found) return fail(found.error());
        if (*found) results.push_back(std::move(**found));
      }
    }
    return results;
  };
}

page_reader<turn_record> turn_pages(std::shared_ptr<place> at, turn_filter filter) {
  return pages(std::move(at), &workspace::turns, std::move(filter), [](turn_filter& f, const turn_record& last) {
    f.after_session = last.session;
    f.after_turn = last.turn;
  });
}

page_reader<session_record> session_pages(std::shared_ptr<place> at, session_filter filter) {
  return pages(std::move(at), &workspace::sessions, std::move(filter),
               [](session_filter& f, const session_record& last) { f.after = last.id; });
}

}  // namespace cobatch::capi
