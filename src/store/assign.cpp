// Commands about batches: assign, seal, execute.
#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "store/commands.hpp"
#include "store/followers.hpp"
#include "store/settling.hpp"

namespace cobatch {
namespace commands {

namespace {

constexpr std::chrono::milliseconds one_second{1000};

void check_request(const assign_request& request) {
  if (request.tasks.empty()) throw store_failure{{errc::bad_value, "no task was given; nothing was stored"}};
  std::unordered_set<std::string_view> ids;
  ids.reserve(request.tasks.size());
  for (const auto& task : request.tasks)
    if (!ids.insert(task.id.str()).second)
      throw store_failure{{errc::duplicate_in_batch,
                           "task_id \"" + task.id.str() + "\" stands twice in one request; nothing was stored"}};
}

// The tasks of the request that are there already, by their place in it.
struct existing_tasks {
  std::vector<std::optional<task_row>> found;
  std::size_t count = 0;
  std::optional<task_record> conflict;
};

existing_tasks look_up(rows& t, const assign_request& request) {
  existing_tasks out;
  out.found.reserve(request.tasks.size());
  for (const auto& spec : request.tasks) {
    auto& row = out.found.emplace_back();
    if (!t.has_task(spec.id)) continue;
    row = t.find_task(spec.id);
    ++out.count;
    const bool elsewhere = request.batch && row->record.batch != *request.batch;
    if ((elsewhere || !row->record.spec.same_content(spec)) && !out.conflict) out.conflict = row->record;
  }
  return out;
}

assigned_task as_assigned(const task_record& task, bool duplicate) {
  return {task.spec.id, task.position, task.state, duplicate};
}

void seal_now(batch_row& row, timestamp now) {
  row.record.state = on_seal(row.record.state);
  row.record.sealed_at = now;
}

batch_id free_batch_id(rows& t, timestamp now, taken_seconds& taken) {
  const timestamp second{now.ms - now.ms % one_second.count()};
  const bool known = taken.from <= second && second < taken.until;
  timestamp candidate = known ? taken.until : second;
  while (t.has_batch(make_batch_id(candidate))) candidate = candidate + one_second;
  taken = {known ? taken.from : second, candidate + one_second};
  return make_batch_id(candidate);
}

// What the request makes of its batch's agent; nothing if the batch names another.
std::optional<std::string> agree_on_agent(const batch_record& batch, const std::string& wanted) {
  if (wanted.empty() || wanted == batch.agent) return batch.agent;
  const bool may_name = batch.agent.empty() && batch.state != batch_state::running;
  return may_name ? std::optional(wanted) : std::nullopt;
}

bool preamble_fits(rows& t, const batch_row& batch, const preamble& wanted, bool runs) {
  if (wanted.empty()) return true;
  return batch.record.has_preamble ? t.find_preamble(batch.key) == wanted : !runs;
}

// Puts what the request says of its batch into the row; false if it contradicts what is there, or comes too late.
bool agree_on_settings(rows& t, batch_row& batch, const assign_request& request) {
  const bool runs = batch.record.state == batch_state::running || batch.record.state == batch_state::ending;
  auto merged = merge_settings(batch.record.settings, request.settings, runs);
  if (!merged || !preamble_fits(t, batch, request.shared, runs)) return false;
  batch.record.settings = std::move(*merged);
  batch.record.has_preamble = batch.record.has_preamble || !request.shared.empty();
  return true;
}

// Writes a batch with the preamble that it has got, if it has just got one.
void write_batch(rows& t, const std::optional<batch_row>& before, batch_row& after, const preamble& shared) {
  if (before)
    t.update_batch(*before, after);
  else
    t.insert_batch(after);
  if (after.record.has_preamble && !(before && before->record.has_preamble)) t.put_preamble(after.key, shared);
}

// Without a batch in the request the tasks may stand in several. The latest task's is told: it is the one that a first
// request, whose answer was lost, may have made. None is sealed then, as that first request sealed no other.
assign_outcome all_duplicates(rows& t, const assign_request& request, const existing_tasks& existing, timestamp now) {
  assign_outcome out;
  const auto by_key = [](const auto& a, const auto& b) { return a->key < b->key; };
  const auto latest = std::max_element(existing.found.begin(), existing.found.end(), by_key);
  const bool several = std::any_of(existing.found.begin(), existing.found.end(),
                                   [&](const auto& row) { return row->batch_key != (*latest)->batch_key; });
  const auto before = t.find_batch((*latest)->record.batch);
  if (!before) throw store_failure{{errc::store_damaged, "a task's batch is missing from the store"}};
  out.batch = before->record;
  if (!request.agent.empty() && !out.batch.agent.empty() && request.agent != out.batch.agent) {
    out.what = assign_outcome::kind::agent_conflict;
    return out;
  }
  batch_row after = *before;
  if (!agree_on_settings(t, after, request)) {
    out.what = assign_outcome::kind::batch_conflict;
    return out;
  }
  out.what = assign_outcome::kind::duplicate;
  for (const auto& row : existing.found) out.tasks.push_back(as_assigned(row->record, true));
  const bool is_open = before->record.state == batch_state::open && live_tasks(before->record) > 0;
  out.sealed_now = request.seal && !several && is_open;
  if (out.sealed_now) seal_now(after, now);
  if (after.record != before->record) write_batch(t, before, after, request.shared);
  out.batch = std::move(after.record);
  return out;
}

// What the needs of the new tasks come to.
struct needs_found {
  task_id unknown;                 // a need that does not stand before its task; empty if there is none
  std::vector<std::int64_t> lost;  // the keys of needs that will never be done
};

needs_found look_at_needs(rows& t, std::int64_t batch_key, const assign_request& request,
                          const existing_tasks& existing) {
  needs_found out;
  const auto has_needs = [](const task_spec& spec) { return !spec.needs.empty(); };
  if (std::none_of(request.tasks.begin(), request.tasks.end(), has_needs)) return out;
  std::unordered_set<std::string_view> earlier;  // new tasks of this request
  for (std::size_t i = 0; i < request.tasks.size(); ++i) {
    if (existing.found[i]) continue;
    for (const auto& need : request.tasks[i].needs) {
      if (earlier.contains(need.str())) continue;
      const auto place = t.find_place(need);
      if (!place || place->batch_key != batch_key) {
        out.unknown = need;
        return out;
      }
      if (ended_badly(place->state)) out.lost.push_back(place->key);
    }
    earlier.insert(request.tasks[i].id.str());
  }
  return out;
}

// Applies to the batch what assigning `added` new tasks does to it.
assign_effect apply_assign(batch_record& batch, bool is_new, const assign_request& request, timestamp now) {
  const auto before = is_new ? std::nullopt : std::optional(batch.state);
  const assign_effect effect = on_assign(before, request.seal);
  const bool was_empty_open = batch.state == batch_state::open && batch.tally.total() == 0;
  if (request.batch && was_empty_open && request.tasks.size() == 1 && request.seal && !request.whole_batch)
    batch.lingers = true;
  apply(effect, batch, now);
  batch.last_assign_at = now;
  return effect;
}

// Puts what the request makes of its batch into the row, but for its tasks; or says why it may not.
std::optional<assign_outcome::kind> agree(rows& t, batch_row& batch, const assign_request& request, std::int64_t added,
                                          const needs_found& needs) {
  auto agent = agree_on_agent(batch.record, request.agent);
  if (!agent) return assign_outcome::kind::agent_conflict;
  batch.record.agent = std::move(*agent);
  if (!agree_on_settings(t, batch, request)) return assign_outcome::kind::batch_conflict;
  if (batch.record.tally.total() + added > static_cast<std::int64_t>(max_batch_tasks))
    return assign_outcome::kind::batch_full;
  if (!needs.unknown.empty()) return assign_outcome::kind::need_unknown;
  return std::nullopt;
}

std::vector<assigned_task> insert_tasks(rows& t, const batch_row& batch, std::int64_t first_position,
                                        const assign_request& request, const existing_tasks& existing, timestamp now) {
  std::vector<assigned_task> out;
  out.reserve(request.tasks.size());
  task_row task;
  task.batch_key = batch.key;
  task.record.batch = batch.record.id;
  task.record.round = batch.record.round;
  task.record.created_at = now;
  task.record.position = first_position;
  for (std::size_t i = 0; i < request.tasks.size(); ++i) {
    if (existing.found[i]) {
      out.push_back(as_assigned(existing.found[i]->record, true));
      continue;
    }
    task.record.spec = request.tasks[i];
    t.insert_task(task);
    out.push_back(as_assigned(task.record, false));
    ++task.record.position;
  }
  return out;
}

// Cancels what was assigned in need of something that will never be done.
void cancel_lost(rows& t, batch_row& batch, const std::vector<std::int64_t>& lost, std::vector<assigned_task>& assigned,
                 timestamp now) {
  const batch_row before = batch;
  for (const std::int64_t need : lost) cancel_dependents(t, batch.record, need, now);
  finish_if_done(batch.record);
  t.update_batch(before, batch);
  for (auto& task : assigned)
    if (const auto place = t.find_place(task.id)) task.state = place->state;
}

}  // namespace

assign_outcome assign(rows& t, const assign_request& request, timestamp now, taken_seconds& taken) {
  check_request(request);
  existing_tasks existing = look_up(t, request);
  assign_outcome out;
  if (existing.conflict) {
    out.what = assign_outcome::kind::task_exists;
    out.conflict = std::move(existing.conflict);
    if (const auto batch = t.find_batch(out.conflict->batch)) out.batch = batch->record;
    return out;
  }
  if (existing.count == request.tasks.size()) return all_duplicates(t, request, existing, now);

  std::optional<batch_row> before;
  if (request.batch) before = t.find_batch(*request.batch);
  batch_row batch = before.value_or(batch_row{});
  if (!before) {
    batch.record.id = request.batch ? *request.batch : free_batch_id(t, now, taken);
    batch.record.created_at = now;
  }
  const auto added = static_cast<std::int64_t>(request.tasks.size() - existing.count);
  const needs_found needs = look_at_needs(t, batch.key, request, existing);
  if (const auto refusal = agree(t, batch, request, added, needs)) {
    out.what = *refusal;
    out.unknown_need = needs.unknown;
    out.batch = before ? before->record : batch.record;
    return out;
  }

  const assign_effect effect = apply_assign(batch.record, !before, request, now);
  batch.record.tally[task_state::queued] += added;
  const std::int64_t first_position = batch.last_position + 1;
  batch.last_position += added;
  for (std::size_t i = 0; i < request.tasks.size(); ++i)
    if (!existing.found[i]) batch.record.prio = std::max(batch.record.prio, request.tasks[i].prio);
  write_batch(t, before, batch, request.shared);
  out.tasks = insert_tasks(t, batch, first_position, request, existing, now);
  if (!needs.lost.empty()) cancel_lost(t, batch, needs.lost, out.tasks, now);
  out.what = assign_outcome::kind::stored;
  out.batch = std::move(batch.record);
  out.next_round = effect.next_round;
  out.sealed_now = effect.sealed_now;
  return out;
}

seal_outcome seal(rows& t, const batch_id& batch, timestamp now) {
  seal_outcome out;
  const auto before = t.find_batch(batch);
  if (!before) return out;
  out.batch = before->record;
  if (before->record.state != batch_state::open) {
    out.what = seal_outcome::kind::unchanged;
    return out;
  }
  if (live_tasks(before->record) == 0) {
    out.what = seal_outcome::kind::empty_batch;
    return out;
  }
  batch_row after = *before;
  seal_now(after, now);
  t.update_batch(*before, after);
  out.what = seal_outcome::kind::sealed;
  out.batch = after.record;
  return out;
}

std::vector<assign_outcome> assign_each(rows& t, const std::vector<assign_request>& requests, timestamp now,
                                        taken_seconds& taken) {
  std::vector<assign_outcome> out;
  out.reserve(requests.size());
  std::optional<batch_id> shared;
  std::set<batch_id> complete;
  for (assign_request request : requests) {
    const bool seals = std::exchange(request.seal, false);
    const bool names_none = !request.batch;
    if (names_none) request.batch = shared;
    const assign_outcome& done = out.emplace_back(assign(t, request, now, taken));
    if (done.refused()) continue;
    if (names_none) shared = done.batch.id;
    if (seals) complete.insert(done.batch.id);
  }
  // A batch of which no task is left to run is as sealed as it needs to be.
  for (const auto& batch : complete) static_cast<void>(seal(t, batch, now));
  for (auto& done : out)
    if (const auto row = t.find_batch(done.batch.id); row && !done.refused()) done.batch = row->record;
  return out;
}

namespace {

// A task that somebody has in progress by hand is nothing to run.
bool can_run(const batch_record& batch) {
  return batch.tally[task_state::queued] > 0 || (batch.state == batch_state::running && live_tasks(batch) > 0);
}

execute_outcome execute_one(rows& t, const batch_row& before, timestamp now) {
  execute_outcome out;
  if (!can_run(before.record)) {
    out.what = execute_outcome::kind::empty_batch;
    out.named = before.record;
    return out;
  }
  batch_row after = before;
  if (after.record.state == batch_state::open) seal_now(after, now);
  let_go(after.record);
  if (after.record != before.record) t.update_batch(before, after);
  out.what = execute_outcome::kind::started;
  out.runnable.push_back(after.record);
  return out;
}

// Open batches with work: sealed if nobody touched them for a while, else told.
void seal_untouched(rows& t, timestamp now, execute_outcome& out) {
  std::vector<batch_row> untouched;
  t.visit_batches(batch_state::open, [&](const batch_row& row) {
    if (!can_run(row.record)) return true;
    if (now - row.record.last_assign_at >= untouched_before_execute)
      untouched.push_back(row);
    else
      out.left_open.push_back(row.record);
    return true;
  });
  for (const auto& before : untouched) {
    batch_row after = before;
    seal_now(after, now);
    t.update_batch(before, after);
  }
}

std::vector<batch_record> runnable_batches(rows& t, timestamp now) {
  std::vector<batch_row> found;
  for (const batch_state state : {batch_state::running, batch_state::sealed, batch_state::held})
    t.visit_batches(state, [&](const batch_row& row) {
      if (is_due(row.record, now) && can_run(row.record)) found.push_back(row);
      return true;
    });
  std::sort(found.begin(), found.end(),
            [](const batch_row& a, const batch_row& b) { return runs_before(a.record, a.key, b.record, b.key); });
  std::vector<batch_record> out;
  out.reserve(found.size());
  for (auto& row : found) out.push_back(std::move(row.record));
  return out;
}

}  // namespace

execute_outcome execute(rows& t, const execute_request& request, timestamp now) {
  execute_outcome out;
  const auto named = request.batch ? t.find_batch(*request.batch) : std::nullopt;
  if (request.batch && !named) {
    out.what = execute_outcome::kind::not_found;
    return out;
  }
  const auto last = t.last_session();
  const bool lives = last && last->record.phase == session_phase::live && last->record.id == request.held;
  if (lives) {
    out.what = execute_outcome::kind::already_running;
    out.live = last->record;
    return out;
  }
  if (named) return execute_one(t, *named, now);
  seal_untouched(t, now, out);
  out.runnable = runnable_batches(t, now);
  out.what = out.runnable.empty() ? execute_outcome::kind::nothing_to_do : execute_outcome::kind::started;
  return out;
}

preamble find_preamble(rows& t, const batch_id& batch) {
  const auto row = t.find_batch(batch);
  return row && row->record.has_preamble ? t.find_preamble(row->key) : preamble{};
}

}  // namespace commands
}  // namespace cobatch
