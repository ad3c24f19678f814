// The commands that assign tasks.
#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "store/database.hpp"
#include "store/settling.hpp"

namespace cobatch {

namespace {

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

existing_tasks look_up(transaction& t, const assign_request& request) {
  existing_tasks out;
  out.found.reserve(request.tasks.size());
  for (const auto& spec : request.tasks) {
    const auto& row = out.found.emplace_back(t.find_task(spec.id));
    if (!row) continue;
    ++out.count;
    const bool elsewhere = request.batch && row->record.batch != *request.batch;
    if ((elsewhere || !row->record.spec.same_content(spec)) && !out.conflict) out.conflict = row->record;
  }
  return out;
}

assigned_task as_assigned(const task_record& task, bool duplicate) {
  return {task.spec.id, task.position, task.state, duplicate};
}

batch_id free_batch_id(transaction& t) {
  constexpr std::chrono::milliseconds one_second{1000};
  const timestamp second{t.now.ms - t.now.ms % one_second.count()};
  auto& known = t.known();
  if (second < known.taken_from || known.taken_until <= second) known.taken_from = known.taken_until = second;
  while (t.find_batch(make_batch_id(known.taken_until))) known.taken_until = known.taken_until + one_second;
  const batch_id id = make_batch_id(known.taken_until);
  known.taken_until = known.taken_until + one_second;
  return id;
}

// What the request makes of its batch's agent; nothing if the batch names another.
std::optional<std::string> agree_on_agent(const batch_record& batch, const std::string& wanted) {
  if (wanted.empty() || wanted == batch.agent) return batch.agent;
  const bool may_name = batch.agent.empty() && batch.state != batch_state::running;
  return may_name ? std::optional(wanted) : std::nullopt;
}

// Puts what the request says of its batch into the row; false if it contradicts what is there, or comes too late.
bool agree_on_settings(transaction& t, batch_row& batch, const assign_request& request) {
  const bool runs = is_worked(batch.record.state);
  auto merged = merge_settings(batch.record.settings, request.settings, runs);
  if (!merged) return false;
  batch.record.settings = std::move(*merged);
  if (request.shared.empty()) return true;
  if (batch.record.has_preamble) return t.find_preamble(batch) == request.shared;
  batch.record.has_preamble = !runs;
  return !runs;
}

// Saves a batch with the preamble that it has got, if it has just got one.
void save(transaction& t, batch_row& batch, bool had_preamble, const preamble& shared) {
  t.save(batch);
  if (batch.record.has_preamble == had_preamble) return;
  t.db.run("INSERT INTO batch_preamble(batch_seq, text, files) VALUES(?, ?, ?)", batch.key, shared.text,
           write_list(shared.files));
  t.wrote();
}

// Without a batch in the request the tasks may stand in several. The latest task's is answered: it is the one that a
// first request, whose answer was lost, may have made. None is sealed then, as that first request sealed no other.
assign_outcome all_duplicates(transaction& t, const assign_request& request, const existing_tasks& existing) {
  assign_outcome out;
  const auto by_key = [](const auto& a, const auto& b) { return a->key < b->key; };
  const auto latest = std::max_element(existing.found.begin(), existing.found.end(), by_key);
  const bool several = std::any_of(existing.found.begin(), existing.found.end(),
                                   [&](const auto& row) { return row->batch_key != (*latest)->batch_key; });
  batch_row batch = t.batch_of((*latest)->record.batch);
  out.batch = batch.record;
  if (!request.agent.empty() && !batch.record.agent.empty() && request.agent != batch.record.agent) {
    out.what = assign_outcome::kind::agent_conflict;
    return out;
  }
  const bool had_preamble = batch.record.has_preamble;
  if (!agree_on_settings(t, batch, request)) {
    out.what = assign_outcome::kind::batch_conflict;
    return out;
  }
  out.what = assign_outcome::kind::duplicate;
  for (const auto& row : existing.found) out.tasks.push_back(as_assigned(row->record, true));
  const bool is_open = batch.record.state == batch_state::open && live_tasks(batch.record) > 0;
  out.sealed_now = request.seal && !several && is_open;
  if (out.sealed_now) seal_now(batch.record, t.now);
  save(t, batch, had_preamble, request.shared);
  out.batch = std::move(batch.record);
  return out;
}

// What the needs of the new tasks come to.
struct needs_found {
  task_id unknown;            // a need that does not stand before its task; empty if there is none
  std::vector<task_id> lost;  // needs that will never be done
};

needs_found look_at_needs(transaction& t, std::int64_t batch_key, const assign_request& request,
                          const existing_tasks& existing) {
  needs_found out;
  std::unordered_set<std::string_view> earlier;  // new tasks of this request, once one has needs
  const auto has_needs = [](const task_spec& spec) { return !spec.needs.empty(); };
  if (std::none_of(request.tasks.begin(), request.tasks.end(), has_needs)) return out;
  for (std::size_t i = 0; i < request.tasks.size(); ++i) {
    if (existing.found[i]) continue;
    for (const auto& need : request.tasks[i].needs) {
      if (earlier.contains(need.str())) continue;
      const auto place = t.find_place(need);
      if (!place || place->batch_key != batch_key) {
        out.unknown = need;
        return out;
      }
      if (ended_badly(place->state)) out.lost.push_back(need);
    }
    earlier.insert(request.tasks[i].id.str());
  }
  return out;
}

// Puts what the request makes of its batch into the row, but for its tasks; or says why it may not.
std::optional<assign_outcome::kind> agree(transaction& t, batch_row& batch, const assign_request& request,
                                          std::int64_t added, const needs_found& needs) {
  auto agent = agree_on_agent(batch.record, request.agent);
  if (!agent) return assign_outcome::kind::agent_conflict;
  batch.record.agent = std::move(*agent);
  if (!agree_on_settings(t, batch, request)) return assign_outcome::kind::batch_conflict;
  if (batch.record.tally.total() + added > static_cast<std::int64_t>(max_batch_tasks))
    return assign_outcome::kind::batch_full;
  if (!needs.unknown.empty()) return assign_outcome::kind::need_unknown;
  return std::nullopt;
}

// Applies to the batch what assigning `added` new tasks does to it.
assign_effect add_to(batch_row& batch, bool is_new, const assign_request& request, const existing_tasks& existing,
                     std::int64_t added, timestamp now) {
  batch_record& b = batch.record;
  const assign_effect effect = on_assign(is_new ? std::nullopt : std::optional(b.state), request.seal);
  const bool was_empty_open = b.state == batch_state::open && b.tally.total() == 0;
  if (request.batch && was_empty_open && request.tasks.size() == 1 && request.seal && !request.whole_batch)
    b.lingers = true;
  apply(effect, b, now);
  b.last_assign_at = now;
  b.tally[task_state::queued] += added;
  batch.last_position += added;
  for (std::size_t i = 0; i < request.tasks.size(); ++i)
    if (!existing.found[i]) b.prio = std::max(b.prio, request.tasks[i].prio);
  return effect;
}

std::vector<assigned_task> insert_tasks(transaction& t, const batch_row& batch, std::int64_t first_position,
                                        const assign_request& request, const existing_tasks& existing) {
  std::vector<assigned_task> out;
  out.reserve(request.tasks.size());
  task_row task;
  task.batch_key = batch.key;
  task.record.batch = batch.record.id;
  task.record.round = batch.record.round;
  task.record.created_at = t.now;
  task.record.position = first_position;
  for (std::size_t i = 0; i < request.tasks.size(); ++i) {
    if (existing.found[i]) {
      out.push_back(as_assigned(existing.found[i]->record, true));
      continue;
    }
    task.record.spec = request.tasks[i];
    t.insert(task);
    out.push_back(as_assigned(task.record, false));
    ++task.record.position;
  }
  return out;
}

// Cancels what was assigned in need of something that will never be done.
void cancel_lost(transaction& t, batch_row& batch, const std::vector<task_id>& lost,
                 std::vector<assigned_task>& assigned) {
  for (const auto& need : lost) t.cancel_dependents(batch, need);
  finish_if_done(batch.record);
  t.save(batch);
  for (auto& task : assigned)
    if (const auto place = t.find_place(task.id)) task.state = place->state;
}

assign_outcome assign_one(transaction& t, const assign_request& request) {
  check_request(request);
  existing_tasks existing = look_up(t, request);
  assign_outcome out;
  if (existing.conflict) {
    out.what = assign_outcome::kind::task_exists;
    out.conflict = std::move(existing.conflict);
    if (auto batch = t.find_batch(out.conflict->batch)) out.batch = std::move(batch->record);
    return out;
  }
  if (existing.count == request.tasks.size()) return all_duplicates(t, request, existing);

  const auto before = request.batch ? t.find_batch(*request.batch) : std::nullopt;
  batch_row batch = before.value_or(batch_row{});
  if (!before) {
    batch.record.id = request.batch ? *request.batch : free_batch_id(t);
    batch.record.created_at = t.now;
  }
  const auto added = static_cast<std::int64_t>(request.tasks.size() - existing.count);
  const needs_found needs = look_at_needs(t, batch.key, request, existing);
  if (const auto refusal = agree(t, batch, request, added, needs)) {
    out.what = *refusal;
    out.unknown_need = needs.unknown;
    out.batch = before ? before->record : batch.record;
    return out;
  }
  const std::int64_t first_position = batch.last_position + 1;
  const assign_effect effect = add_to(batch, !before, request, existing, added, t.now);
  save(t, batch, before && before->record.has_preamble, request.shared);
  out.tasks = insert_tasks(t, batch, first_position, request, existing);
  if (!needs.lost.empty()) cancel_lost(t, batch, needs.lost, out.tasks);
  out.what = assign_outcome::kind::stored;
  out.batch = std::move(batch.record);
  out.next_round = effect.next_round;
  out.sealed_now = effect.sealed_now;
  return out;
}

std::vector<assign_outcome> assign_all(transaction& t, const std::vector<assign_request>& requests) {
  std::vector<assign_outcome> out;
  out.reserve(requests.size());
  std::optional<batch_id> shared;
  std::set<batch_id> complete;
  for (assign_request request : requests) {
    const bool seals = std::exchange(request.seal, false);
    const bool names_none = !request.batch;
    if (names_none) request.batch = shared;
    const assign_outcome& done = out.emplace_back(assign_one(t, request));
    if (done.refused()) continue;
    if (names_none) shared = done.batch.id;
    if (seals) complete.insert(done.batch.id);
  }
  // A batch of which no task is left to run is as sealed as it needs to be.
  for (const auto& batch : complete) t.seal(batch);
  for (auto& done : out)
    if (auto row = t.find_batch(done.batch.id); row && !done.refused()) done.batch = std::move(row->record);
  return out;
}

}  // namespace

result<assign_outcome> v1::store::assign(const assign_request& request) {
  return change([&](transaction& t) { return assign_one(t, request); });
}

result<std::vector<assign_outcome>> v1::store::assign_each(const std::vector<assign_request>& requests) {
  return change([&](transaction& t) { return assign_all(t, requests); });
}

}  // namespace cobatch
