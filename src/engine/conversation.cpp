#include "engine/conversation.hpp"

#include <utility>

#include "engine/session_folders.hpp"
#include "store/store.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {

conversation_step conversation::before(const conversation_wish& wish, bool process_runs) const {
  using enum conversation_step;
  const bool in_place = process_runs && fits(wish);
  if (in_place && broken_ == wish.task) return go_on;
  switch (way_) {
    case running_way::separate: return begin;
    case running_way::fork: return checkpoint_.empty() ? begin : fork;
    case running_way::one_session: break;
  }
  if (broken_ && broken_ != wish.task) return in_place ? clear : begin;
  if (in_place) return go_on;
  return !id_.empty() && model_ == wish.model ? resume : begin;
}

void conversation::taken(conversation_step step, const conversation_wish& wish) {
  using enum conversation_step;
  model_ = wish.model;
  tools_ = wish.tools;
  if (step == go_on || step == resume) return;
  id_.clear();
  holds_.clear();
  broken_.reset();
  holds_preamble_ = step == fork;
}

void conversation::turn_ended(const task_id& task, const turn_report& report, std::string id) {
  if (report.forget) {
    id_.clear();
    checkpoint_.clear();
    holds_.clear();
    broken_.reset();
    holds_preamble_ = false;
    return;
  }
  id_ = std::move(id);
  if (task.empty()) return;
  if (settles(report.what.end))
    broken_.reset();
  else
    broken_ = task;
  if (report.what.end == turn_end::done) holds_.insert(task);
}

void conversation::go_on_from(std::string id, std::string model, bool holds_preamble, std::set<task_id> holds,
                              std::optional<task_id> broken) {
  id_ = std::move(id);
  model_ = std::move(model);
  holds_preamble_ = holds_preamble;
  holds_ = std::move(holds);
  broken_ = std::move(broken);
}

namespace {

std::optional<session_record> session_before(workspace& place, const session_record& now) {
  session_filter filter;
  filter.batch = now.batch;
  std::optional<session_record> latest;
  for (;;) {
    const auto page = place.storage().list_sessions(filter);
    if (!page) return std::nullopt;
    for (const auto& one : *page)
      if (one.id < now.id) latest = one;
    if (page->size() < filter.limit) return latest;
    filter.after = page->back().id;
  }
}

bool broke_off(const session_record& before) {
  return before.end == session_end::crashed || before.end == session_end::stopped;
}

}  // namespace

std::optional<resumable> find_resumable(workspace& place, const session_record& now) {
  const auto before = session_before(place, now);
  if (!before || !broke_off(*before) || before->round != now.round || before->agent != now.agent) return std::nullopt;
  turn_filter filter;
  filter.batch = now.batch;
  const auto turns = all_turns(place.storage(), filter);
  if (!turns || turns->empty()) return std::nullopt;
  const turn_record& last = turns->back();
  if (last.session != before->id || last.conversation.empty()) return std::nullopt;

  std::set<task_id> holds;
  bool preamble = false;
  for (const auto& turn : *turns) {
    if (turn.conversation != last.conversation || turn.end != turn_end::done) continue;
    if (turn.task.empty())
      preamble = true;
    else
      holds.insert(turn.task);
  }
  std::optional<task_id> broken;
  if (!last.task.empty() && last.end && !settles(*last.end)) broken = last.task;
  std::string model;
  if (const auto task = place.storage().find_task(last.task); task && *task) model = (*task)->spec.model;
  if (const auto batch = place.storage().find_batch(now.batch); model.empty() && batch && *batch)
    model = (*batch)->settings.model;
  resumable found{conversation(running_way::one_session), session_folder(place.paths(), before->id)};
  found.talk.go_on_from(last.conversation, std::move(model), preamble, std::move(holds), std::move(broken));
  return found;
}

}  // namespace cobatch
