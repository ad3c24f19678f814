// Which results leave the views, in an order in which each comes once.
//
// That order is the one in which their tasks ended. A task that is adopted with an end that has been passed already
// would be missed in it; such tasks are found by their keys, as they were stored after the mark was made.
#include <utility>

#include "store/commands.hpp"

namespace cobatch {
inline namespace v1 {
namespace commands {

namespace {

void take(rows& t, std::vector<task_row> ended, archive_part& part) {
  for (auto& row : ended) {
    auto result = t.find_result(row.record.spec.id);
    if (!result) continue;
    part.results.push_back(std::move(*result));
    part.tasks.push_back(std::move(row.record));
  }
}

}  // namespace

archive_part read_archive(rows& t, const archive_mark& from, std::size_t newest, std::size_t limit) {
  archive_part part;
  part.next = from;
  const end_place mark{from.ended_at, from.task};
  if (from != archive_mark{}) {
    auto late = t.stored_after(from.newest_task, mark, limit);
    if (!late.empty()) part.next.newest_task = late.back().key;
    limit -= late.size();
    take(t, std::move(late), part);
    if (limit == 0) return part;
  }
  const auto until = t.end_beyond(newest);
  if (!until || *until <= mark) return part;
  auto ended = t.ended_between(mark, *until, limit);
  if (ended.empty()) return part;
  part.next = {*ended.back().record.ended_at, ended.back().key, t.newest_task()};
  take(t, std::move(ended), part);
  return part;
}

}  // namespace commands
}  // namespace v1
}  // namespace cobatch
