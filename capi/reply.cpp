// Section 6: reading replies.
#include "reply.hpp"

#include "layout.hpp"
#include "text.hpp"

using namespace cobatch::capi;

namespace {

// The next record of a section, as `show` makes it.
template <class Section, class Info, class Show>
cobatch_status next_of(cobatch_reply* reply, Section cobatch_reply::*section, Info* record, const char* name,
                       cobatch_error** err, const Show& show) {
  return on_handle(reply, "reply", err, [&]() -> verdict {
    if (record == nullptr) return null_argument("record");
    const auto next = (reply->*section).next();
    if (!next) return next.error();
    return *next == nullptr ? the_end() : give(show(**next), name, record);
  });
}

// A record of which a reply has one or none.
template <class Part, class Info, class Show>
cobatch_status part_of(cobatch_reply* reply, std::optional<Part> cobatch_reply::*part, Info* record, const char* name,
                       cobatch_error** err, const Show& show) {
  return on_handle(reply, "reply", err, [&]() -> verdict {
    if (record == nullptr) return null_argument("record");
    const auto& there = reply->*part;
    return there ? give(show(*there), name, record) : the_end();
  });
}

cobatch_account_info info_of_account(const listed_account& listed, lent_models& lent) {
  cobatch_account_info out = COBATCH_ACCOUNT_INFO_INIT;
  const cobatch::account& sum = listed.sum;
  out.incomplete = sum.complete ? 0 : 1;
  out.scripted = sum.scripted ? 1 : 0;
  out.task = lend(listed.task.str());
  out.position = listed.position;
  out.turns = sum.turns;
  out.wasted_turns = sum.wasted_turns;
  out.turns_without_usage = sum.turns_without_usage;
  out.used = tokens_of(sum.used);
  out.waste = tokens_of(sum.waste);
  out.preamble_turns = listed.preamble_turns;
  out.told = sum.told ? 1 : 0;
  const auto cost = listed.cost.value_or(cobatch::account_cost{});
  out.has_cost = listed.cost ? 1 : 0;
  out.nano_dollars = cost.nano_dollars;
  out.cost_at_least = cost.at_least ? 1 : 0;
  const auto& models = lent.lend(sum.by_model);
  out.models = models.data();
  out.model_count = models.size();
  return out;
}

}  // namespace

cobatch_status cobatch_reply_next_batch(cobatch_reply* reply, cobatch_batch_info* record, cobatch_error** err) {
  return next_of(reply, &cobatch_reply::batches, record, "cobatch_batch_info", err,
                 [&](const cobatch::batch_record& batch) { return info_of(batch, reply->batch_budget); });
}

cobatch_status cobatch_reply_next_task(cobatch_reply* reply, cobatch_task_info* record, cobatch_error** err) {
  return next_of(reply, &cobatch_reply::tasks, record, "cobatch_task_info", err, [&](const listed_task& listed) {
    cobatch_task_info info = info_of(listed.task, reply->with_task);
    info.duplicate = listed.duplicate ? 1 : 0;
    return info;
  });
}

cobatch_status cobatch_reply_next_result(cobatch_reply* reply, cobatch_result_info* record, cobatch_error** err) {
  return next_of(reply, &cobatch_reply::results, record, "cobatch_result_info", err,
                 [&](const cobatch::result_record& outcome) { return info_of(outcome, reply->with_result); });
}

cobatch_status cobatch_reply_next_turn(cobatch_reply* reply, cobatch_turn_info* record, cobatch_error** err) {
  return next_of(reply, &cobatch_reply::turns, record, "cobatch_turn_info", err,
                 [&](const cobatch::turn_record& turn) { return info_of(turn, reply->with_turn); });
}

cobatch_status cobatch_reply_next_session(cobatch_reply* reply, cobatch_session_info* record, cobatch_error** err) {
  return next_of(reply, &cobatch_reply::sessions, record, "cobatch_session_info", err,
                 [](const cobatch::session_record& session) { return info_of(session); });
}

cobatch_status cobatch_reply_next_warning(cobatch_reply* reply, cobatch_warning_info* record, cobatch_error** err) {
  return next_of(reply, &cobatch_reply::warnings, record, "cobatch_warning_info", err,
                 [](const cobatch::warning& w) { return info_of(w); });
}

cobatch_status cobatch_reply_next_engine(cobatch_reply* reply, cobatch_engine_info* record, cobatch_error** err) {
  return next_of(reply, &cobatch_reply::engines, record, "cobatch_engine_info", err, [](const std::string& engine) {
    cobatch_engine_info info = COBATCH_ENGINE_INFO_INIT;
    info.description = lend(engine);
    return info;
  });
}

cobatch_status cobatch_reply_next_account(cobatch_reply* reply, cobatch_account_info* record, cobatch_error** err) {
  return next_of(reply, &cobatch_reply::accounts, record, "cobatch_account_info", err,
                 [&](const listed_account& listed) { return info_of_account(listed, reply->account_models); });
}

cobatch_status cobatch_reply_next_finding(cobatch_reply* reply, cobatch_finding_info* record, cobatch_error** err) {
  return next_of(reply, &cobatch_reply::findings, record, "cobatch_finding_info", err,
                 [](const cobatch::finding& found) { return info_of(found); });
}

cobatch_status cobatch_reply_lock(cobatch_reply* reply, cobatch_lock_info* record, cobatch_error** err) {
  return part_of(reply, &cobatch_reply::lock, record, "cobatch_lock_info", err,
                 [](const cobatch::lock_report& lock) { return info_of(lock); });
}

cobatch_status cobatch_reply_savings(cobatch_reply* reply, cobatch_savings_info* record, cobatch_error** err) {
  return part_of(reply, &cobatch_reply::compared, record, "cobatch_savings_info", err,
                 [](const cobatch::measured& compared) { return info_of(compared); });
}

int32_t cobatch_reply_outcome(const cobatch_reply* reply) {
  return reply == nullptr || !reply->home.here() ? COBATCH_NO_OUTCOME : reply->outcome;
}

void cobatch_reply_free(cobatch_reply* reply) { free_handle(reply); }
