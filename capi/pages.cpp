#include "pages.hpp"

#include <cstddef>
#include <utility>

namespace cobatch::capi {

namespace {

constexpr std::size_t page_size = 256;

page_reader<task_record> pages_of_batch(std::shared_ptr<place> at, task_filter filter) {
  filter.limit = page_size;
  return [at = std::move(at), filter]() mutable {
    auto page = at->here.tasks(filter);
    if (page && !page->empty()) filter.after_position = page->back().position;
    return page;
  };
}

}  // namespace

page_reader<batch_record> batch_pages(std::shared_ptr<place> at, batch_filter filter) {
  filter.limit = page_size;
  return [at = std::move(at), filter]() mutable {
    auto page = at->here.batches(filter);
    if (page && !page->empty()) filter.after = page->back().id;
    return page;
  };
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
  filter.limit = page_size;
  return [at = std::move(at), filter]() mutable {
    auto page = at->here.turns(filter);
    if (page && !page->empty()) {
      filter.after_session = page->back().session;
      filter.after_turn = page->back().turn;
    }
    return page;
  };
}

page_reader<session_record> session_pages(std::shared_ptr<place> at, session_filter filter) {
  filter.limit = page_size;
  return [at = std::move(at), filter]() mutable {
    auto page = at->here.sessions(filter);
    if (page && !page->empty()) filter.after = page->back().id;
    return page;
  };
}

}  // namespace cobatch::capi
