#include "engine/conversation.hpp"

#include <utility>

namespace cobatch {

conversation_step conversation::before(const conversation_wish& wish, bool process_runs) const {
  using enum conversation_step;
  const bool in_place = process_runs && fits(wish);
  if (in_place && broken_ == wish.task) return go_on;
  switch (way_) {
    case running_way::separate:
      return begin;
    case running_way::fork:
      return checkpoint_.empty() ? begin : fork;
    case running_way::one_session:
      break;
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

}  // namespace cobatch
