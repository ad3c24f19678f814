#include "store/memory_rows.hpp"

#include <algorithm>

#include "store/settling.hpp"

namespace cobatch {

namespace {
// The value of a map's entry; nothing if there is none.
template <class Map, class Key>
std::optional<typename Map::mapped_type> look_up(const Map& map, const Key& key) {
  const auto at = map.find(key);
  if (at == map.end()) return std::nullopt;
  return at->second;
}
}  // namespace

memory_rows::place memory_rows::place_of(const batch_row& row) {
  const int urgency = static_cast<int>(priority::high) - static_cast<int>(row.record.prio);
  return {row.record.state, urgency, row.record.sealed_at, row.key};
}

std::optional<batch_row> memory_rows::find_batch(const batch_id& id) {
  const auto at = batch_keys_.find(id);
  if (at == batch_keys_.end()) return std::nullopt;
  return batch_at(at->second);
}

bool memory_rows::has_batch(const batch_id& id) {
  return batch_keys_.contains(id);
}

void memory_rows::visit_batches(batch_state state, const std::function<bool(const batch_row&)>& visit) {
  for (auto at = by_state_.lower_bound(place{state, 0, std::nullopt, 0}); at != by_state_.end(); ++at)
    if (at->state != state || !visit(batch_at(at->batch))) return;
}

void memory_rows::insert_batch(batch_row& row) {
  row.key = static_cast<key>(batches_.size()) + 1;
  batches_.push_back(row);
  batch_keys_.emplace(row.record.id, row.key);
  by_state_.insert(place_of(row));
  ++changes_;
}

void memory_rows::update_batch(const batch_row& before, const batch_row& after) {
  by_state_.erase(place_of(before));
  by_state_.insert(place_of(after));
  batch_at(after.key) = after;
  ++changes_;
}

preamble memory_rows::find_preamble(std::int64_t batch_key) {
  return preambles_.at(batch_key);
}

void memory_rows::put_preamble(std::int64_t batch_key, const preamble& shared) {
  preambles_.insert_or_assign(batch_key, shared);
  ++changes_;
}

std::optional<task_row> memory_rows::find_task(const task_id& id) {
  const auto at = task_keys_.find(id);
  if (at == task_keys_.end()) return std::nullopt;
  return task_at(at->second);
}

bool memory_rows::has_task(const task_id& id) {
  return task_keys_.contains(id);
}

std::optional<task_place> memory_rows::find_place(const task_id& id) {
  const auto at = task_keys_.find(id);
  if (at == task_keys_.end()) return std::nullopt;
  const task_row& row = task_at(at->second);
  return task_place{row.key, row.batch_key, row.record.state};
}

std::optional<task_row> memory_rows::next_queued(std::int64_t batch_key, std::int64_t after) {
  const auto& queued = queued_of_batch_[batch_key];
  const auto at = queued.upper_bound(after);
  if (at == queued.end()) return std::nullopt;
  return task_at(at->second);
}

std::optional<task_row> memory_rows::next_dependent(std::int64_t need_key, std::int64_t after) {
  const auto& all = dependents_[need_key];
  const auto at = std::find_if(all.upper_bound(after), all.end(),
                               [&](key k) { return task_at(k).record.state == task_state::queued; });
  if (at == all.end()) return std::nullopt;
  return task_at(*at);
}

void memory_rows::index_task(const task_row& row) {
  if (row.record.state == task_state::queued) queued_of_batch_[row.batch_key].emplace(row.record.position, row.key);
  if (row.record.ended_at)
    ended_.emplace(*row.record.ended_at, row.key);
  else
    live_.insert(row.key);
  ++tally_[row.record.state];
}

void memory_rows::unindex_task(const task_row& row) {
  queued_of_batch_[row.batch_key].erase(row.record.position);
  live_.erase(row.key);
  if (row.record.ended_at) ended_.erase({*row.record.ended_at, row.key});
  --tally_[row.record.state];
}

std::optional<task_row> memory_rows::next_failed(std::int64_t batch_key, std::int64_t after) {
  const auto& all = tasks_of_batch_[batch_key];
  const auto at = std::find_if(all.upper_bound(after), all.end(), [&](const auto& entry) {
    const task_state state = task_at(entry.second).record.state;
    return state == task_state::error || state == task_state::cancelled;
  });
  if (at == all.end()) return std::nullopt;
  return task_at(at->second);
}

bool memory_rows::is_taken(std::int64_t batch_key, std::int64_t position) {
  return tasks_of_batch_[batch_key].contains(position);
}

priority memory_rows::highest_priority(std::int64_t batch_key) {
  priority highest = priority::low;
  for (const auto& [position, k] : tasks_of_batch_[batch_key]) highest = std::max(highest, task_at(k).record.spec.prio);
  return highest;
}

void memory_rows::insert_task(task_row& row) {
  row.key = ++last_task_;
  tasks_.emplace(row.key, row);
  task_keys_.emplace(row.record.spec.id, row.key);
  tasks_of_batch_[row.batch_key].emplace(row.record.position, row.key);
  link_needs(row);
  index_task(row);
  ++changes_;
}

void memory_rows::update_task(const task_row& before, const task_row& after) {
  unindex_task(before);
  task_at(after.key) = after;
  index_task(after);
  ++changes_;
}

void memory_rows::update_spec(const task_row& after) {
  task_at(after.key) = after;
  ++changes_;
}

void memory_rows::link_needs(const task_row& row) {
  for (const auto& need : row.record.spec.needs) dependents_[task_keys_.at(need)].insert(row.key);
}

void memory_rows::remove_task(const task_row& row) {
  unindex_task(row);
  remove_result(row);
  dependents_.erase(row.key);
  for (auto& [need, all] : dependents_) all.erase(row.key);
  tasks_of_batch_[row.batch_key].erase(row.record.position);
  turns_of_task_.erase(row.record.spec.id);
  task_keys_.erase(row.record.spec.id);
  tasks_.erase(row.key);
  ++changes_;
}

std::optional<session_row> memory_rows::find_session(epoch id) {
  return look_up(sessions_, id);
}

std::optional<session_row> memory_rows::last_session() {
  if (sessions_.empty()) return std::nullopt;
  return sessions_.rbegin()->second;
}

std::optional<session_row> memory_rows::session_started(const batch_id& batch, timestamp from, timestamp until) {
  const auto at = std::find_if(sessions_.rbegin(), sessions_.rend(), [&](const auto& entry) {
    const session_record& session = entry.second.record;
    return session.batch == batch && from <= session.started_at && session.started_at < until;
  });
  if (at == sessions_.rend()) return std::nullopt;
  return at->second;
}

void memory_rows::insert_session(const session_row& row) {
  sessions_.emplace(row.record.id, row);
  ++changes_;
}

void memory_rows::update_session(const session_row& row) {
  session_row& kept = sessions_[row.record.id];
  const std::int64_t settled = kept.record.turns_settled;
  kept = row;
  kept.record.turns_settled = settled;
  ++changes_;
}

std::optional<turn_record> memory_rows::find_turn(epoch session, turn_no turn) {
  return look_up(turns_, turn_key{session, turn});
}

std::optional<turn_record> memory_rows::last_turn(epoch session) {
  auto at = turns_.lower_bound(turn_key{epoch{session.value + 1}, turn_no{}});
  if (at == turns_.begin()) return std::nullopt;
  --at;
  if (at->first.first != session) return std::nullopt;
  return at->second;
}

std::optional<turn_record> memory_rows::turn_before(const turn_record& turn) {
  const auto& all = turns_of_task_[turn.task];
  auto at = all.lower_bound(turn_key{turn.session, turn.turn});
  if (at == all.begin()) return std::nullopt;
  return look_up(turns_, *--at);
}

void memory_rows::insert_turn(const turn_record& turn, const task_record&) {
  const turn_key k{turn.session, turn.turn};
  turns_.emplace(k, turn);
  if (!turn.task.empty()) turns_of_task_[turn.task].insert(k);
  ++changes_;
}

void memory_rows::settle_turn(const turn_record& turn) {
  turns_.insert_or_assign(turn_key{turn.session, turn.turn}, turn);
  if (!turn.task.empty() && settles(*turn.end)) ++sessions_[turn.session].record.turns_settled;
  ++changes_;
}

std::optional<result_record> memory_rows::find_result(const task_id& task) {
  const auto at = task_keys_.find(task);
  if (at == task_keys_.end()) return std::nullopt;
  return look_up(results_, at->second);
}

void memory_rows::put_result(const task_row& task, const result_record& result) {
  results_.insert_or_assign(task.key, result);
  ++changes_;
}

bool memory_rows::remove_result(const task_row& task) {
  if (results_.erase(task.key) == 0) return false;
  said_archived_.erase(task.key);
  ++changes_;
  return true;
}

std::vector<task_record> memory_rows::list_tasks(const task_filter& filter) {
  std::vector<task_record> out;
  const auto take = [&](const task_row& row) {
    const bool wanted = (!filter.state || row.record.state == *filter.state) &&
                        (!filter.batch || row.record.position > filter.after_position);
    if (wanted && out.size() < filter.limit) out.push_back(row.record);
  };
  if (!filter.batch) {
    for (const auto& [k, row] : tasks_) take(row);
    return out;
  }
  const auto batch = batch_keys_.find(*filter.batch);
  if (batch == batch_keys_.end()) return out;
  for (const auto& [position, k] : tasks_of_batch_[batch->second]) take(task_at(k));
  return out;
}

std::vector<batch_record> memory_rows::list_batches(const batch_filter& filter) {
  std::vector<batch_record> out;
  const auto after = filter.after ? batch_keys_.find(*filter.after) : batch_keys_.end();
  if (filter.after && after == batch_keys_.end()) return out;
  const key last = static_cast<key>(batches_.size()), step = filter.newest_first ? -1 : 1;
  const key first = filter.after ? after->second + step : filter.newest_first ? last : 1;
  for (key k = first; k >= 1 && k <= last && out.size() < filter.limit; k += step)
    if (!filter.state || batch_at(k).record.state == *filter.state) out.push_back(batch_at(k).record);
  return out;
}

std::vector<session_record> memory_rows::list_sessions(const session_filter& filter) {
  std::vector<session_record> out;
  for (auto at = sessions_.upper_bound(filter.after); at != sessions_.end() && out.size() < filter.limit; ++at)
    if (!filter.batch || at->second.record.batch == *filter.batch) out.push_back(at->second.record);
  return out;
}

std::vector<turn_record> memory_rows::list_turns(const turn_filter& filter) {
  std::vector<turn_record> out;
  const turn_key after{filter.after_session, filter.after_turn};
  const auto is_of_task = [&](const turn_key& k) { return turns_of_task_[*filter.task].contains(k); };
  for (auto at = turns_.upper_bound(after); at != turns_.end() && out.size() < filter.limit; ++at) {
    const turn_record& turn = at->second;
    if ((!filter.batch || turn.batch == *filter.batch) && (!filter.task || is_of_task(at->first)) &&
        (!filter.session || turn.session == *filter.session) && (!filter.since || *filter.since <= turn.started_at))
      out.push_back(turn);
  }
  return out;
}

std::vector<result_record> memory_rows::list_results(const result_filter& filter) {
  std::vector<result_record> out;
  const auto take = [&](const auto& entry) {
    const auto result = results_.find(entry.second);
    const bool wanted = result != results_.end() && (!filter.batch || result->second.batch == *filter.batch);
    if (wanted && out.size() < filter.limit) out.push_back(result->second);
  };
  if (filter.newest_first)
    std::for_each(ended_.rbegin(), ended_.rend(), take);
  else
    std::for_each(ended_.begin(), ended_.end(), take);
  return out;
}

view_snapshot memory_rows::read_views(std::size_t ended_limit) {
  std::set<key> chosen = live_;
  for (auto at = ended_.rbegin(); at != ended_.rend() && ended_limit > 0; ++at, --ended_limit)
    chosen.insert(at->second);
  view_snapshot out;
  out.version = changes_;
  for (const key k : chosen) {
    out.tasks.push_back(task_at(k).record);
    if (auto result = look_up(results_, k)) out.results.push_back(std::move(*result));
  }
  return out;
}

std::optional<archive_mark> memory_rows::end_beyond(std::size_t newest) {
  if (newest >= ended_.size()) return std::nullopt;
  const auto& [at, k] = *std::next(ended_.rbegin(), static_cast<std::ptrdiff_t>(newest));
  return archive_mark{at, k};
}

std::vector<task_row> memory_rows::ended_between(const archive_mark& after, const archive_mark& until,
                                                 std::size_t limit) {
  std::vector<task_row> out;
  const auto last = ended_.upper_bound({until.ended_at, until.task});
  for (auto at = ended_.upper_bound({after.ended_at, after.task}); at != last && out.size() < limit; ++at)
    if (results_.contains(at->second) && !said_archived_.contains(at->second)) out.push_back(task_at(at->second));
  return out;
}

std::vector<task_row> memory_rows::said_not_archived(std::size_t limit) {
  std::vector<task_row> out;
  for (const auto& [k, archived] : said_archived_)
    if (!archived && out.size() < limit) out.push_back(task_at(k));
  return out;
}

}  // namespace cobatch
