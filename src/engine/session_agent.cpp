#include "engine/session_agent.hpp"

#include <utility>

#include <fmt/format.h>

namespace cobatch {

session_agent::session_agent(agent& runs, const batch_record& batch, session_start common)
    : runs_(runs),
      batch_(batch),
      common_(std::move(common)),
      talk_(batch.settings.way.value_or(running_way::one_session)) {}

void session_agent::go_on_from(conversation earlier, std::filesystem::path folder) {
  talk_ = std::move(earlier);
  earlier_folder_ = std::move(folder);
}

conversation_wish session_agent::wish_of(const task_record& task) const {
  return {task.spec.id, task.spec.model.empty() ? batch_.settings.model : task.spec.model, task.spec.tools};
}

bool session_agent::is_ready_for(const task_record& task) const {
  if (!session_) return false;
  if (ready_for_ == task.spec.id) return true;
  return talk_.before(wish_of(task), true) == conversation_step::go_on &&
         !(batch_.has_preamble && !talk_.holds_preamble());
}

result<bool> session_agent::get_ready(const task_record& task) {
  const auto wish = wish_of(task);
  if (auto taken = take(talk_.before(wish, session_ != nullptr), wish); !taken) return fail(taken.error());
  ready_for_ = wish.task;
  return batch_.has_preamble && !talk_.holds_preamble();
}

result<void> session_agent::take(conversation_step step, const conversation_wish& wish) {
  if (step == conversation_step::go_on) return {};
  if (step == conversation_step::clear || step == conversation_step::begin) tell_reload(wish);
  if (step == conversation_step::clear && !session_->clear()) step = conversation_step::begin;
  if (step != conversation_step::clear)
    if (auto started = start(step, wish); !started) return started;
  talk_.taken(step, wish);
  return {};
}

// What a reload costs is paid: it is said why.
void session_agent::tell_reload(const conversation_wish& wish) const {
  const bool by_way = batch_.settings.way.value_or(running_way::one_session) != running_way::one_session;
  if (processes_ == 0 || by_way || !common_.on_news) return;
  const std::string text =
      talk_.is_broken() ? "the turn before came to nothing; the conversation is begun anew, and loads its context again"
                        : fmt::format("task {} runs in a conversation of its own, which loads its context again{}",
                                      wish.task.str(), wish.model.empty() ? "" : " (model " + wish.model + ")");
  common_.on_news({.what = agent_news::kind::notice, .text = text, .about = {}});
}

result<void> session_agent::start(conversation_step step, const conversation_wish& wish) {
  finish();
  session_start how = common_;
  how.process = processes_ + 1;
  how.model = wish.model;
  how.tools = wish.tools;
  how.fork = step == conversation_step::fork;
  if (how.fork) how.conversation = talk_.checkpoint();
  if (step == conversation_step::resume) {
    how.conversation = talk_.id();
    how.earlier_folder = earlier_folder_;
  }
  auto started = runs_.start(how);
  if (!started) return fail(started.error());
  session_ = std::move(*started);
  ++processes_;
  turns_ = 0;
  return {};
}

turn_report session_agent::run_turn(const turn_request& request, std::chrono::milliseconds limit,
                                    std::stop_token interrupt) {
  ++turns_;
  if (!request.task.empty()) ready_for_.reset();
  turn_report report = session_->run_turn(request, limit, std::move(interrupt));
  talk_.turn_ended(request.task, report, session_->conversation());
  if (!report.usable) finish();
  return report;
}

void session_agent::finish() {
  if (session_) session_->finish();
  session_.reset();
}

}  // namespace cobatch
