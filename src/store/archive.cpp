// Which results are to be archived, and which have been.
//
// They are archived in the order in which their tasks ended, so that a mark tells how far. Of a result that comes to
// stand behind the mark (its task was adopted, or the clock was set back), and of one that is adopted from the archive
// itself, it is said one by one.
#include "store/archive.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "store/commands.hpp"

namespace cobatch {
namespace commands {

namespace {

archive_part part_of(rows& t, std::vector<task_row> ended, const archive_mark& until) {
  archive_part part;
  part.until = until;
  for (auto& row : ended) {
    auto result = t.find_result(row.record.spec.id);
    if (!result) continue;
    part.results.push_back(std::move(*result));
    part.tasks.push_back(std::move(row.record));
  }
  return part;
}

// The tasks whose result is still the one that was archived.
std::vector<task_row> archived_by(rows& t, const archive_part& part) {
  std::vector<task_row> out;
  for (const auto& result : part.results)
    if (auto row = t.find_task(result.task); row && t.find_result(result.task) == result)
      out.push_back(std::move(*row));
  return out;
}

}  // namespace

void put_result(rows& t, const task_row& ended, const result_record& result, bool archived) {
  t.put_result(ended, result);
  if ((end_of(ended) <= t.archived_until()) != archived) t.say_archived(ended.key, archived);
}

archive_part read_archive(rows& t, std::size_t newest, std::size_t limit) {
  const archive_mark mark = t.archived_until();
  auto overdue = t.said_not_archived(limit);
  if (!overdue.empty()) return part_of(t, std::move(overdue), mark);
  const auto until = t.end_beyond(newest);
  if (!until || *until <= mark) return {{}, {}, mark};
  auto ended = t.ended_between(mark, *until, limit);
  const archive_mark come_to = ended.size() < limit ? *until : end_of(ended.back());
  return part_of(t, std::move(ended), come_to);
}

void note_archived(rows& t, const archive_part& part) {
  const archive_mark before = t.archived_until();
  const archive_mark until = std::max(before, part.until);
  std::set<std::int64_t> passed;
  for (const auto& row : archived_by(t, part)) {
    if (end_of(row) <= before) t.say_archived(row.key, true);
    passed.insert(row.key);
  }
  // What came to stand here after the part was read.
  for (const auto& row : t.ended_between(before, until, std::numeric_limits<std::size_t>::max()))
    if (!passed.contains(row.key)) t.say_archived(row.key, false);
  t.set_archived_until(until);
}

}  // namespace commands
}  // namespace cobatch
