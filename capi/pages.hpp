// Lists, page by page, so that a batch of 100,000 tasks is never in memory at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <cobatch/workspace.hpp>

#include "place.hpp"

namespace cobatch::capi {

/// Gives the next page each time; an empty one is the end.
template <class Record>
using page_reader = std::function<result<std::vector<Record>>()>;

[[nodiscard]] page_reader<batch_record> batch_pages(std::shared_ptr<place> at, batch_filter filter);
/// Without a batch: those of all batches, one batch after another.
[[nodiscard]] page_reader<task_record> task_pages(std::shared_ptr<place> at, task_filter filter);
/// The results of those tasks.
[[nodiscard]] page_reader<result_record> result_pages(std::shared_ptr<place> at, task_filter filter);
[[nodiscard]] page_reader<turn_record> turn_pages(std::shared_ptr<place> at, turn_filter filter);
[[nodiscard]] page_reader<session_record> session_pages(std::shared_ptr<place> at, session_filter filter);

}  // namespace cobatch::capi
