#include "records.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "layout.hpp"
#include "text.hpp"
#include "workspace/checks.hpp"

namespace cobatch::capi {

// The enumerations of the two interfaces stand in the same order; those of the C one leave 0 for "none".
static_assert(COBATCH_PRIORITY_LOW == static_cast<int>(priority::low) + 1 &&
              COBATCH_PRIORITY_HIGH == static_cast<int>(priority::high) + 1);
static_assert(COBATCH_TASK_QUEUED == static_cast<int>(task_state::queued) + 1 &&
              COBATCH_TASK_CANCELLED == static_cast<int>(task_state::cancelled) + 1);
static_assert(COBATCH_BATCH_OPEN == static_cast<int>(batch_state::open) + 1 &&
              COBATCH_BATCH_HELD == static_cast<int>(batch_state::held) + 1);
static_assert(COBATCH_TURN_DONE == static_cast<int>(turn_end::done) + 1 &&
              COBATCH_TURN_CANCELLED == static_cast<int>(turn_end::cancelled) + 1);
static_assert(COBATCH_SESSION_FINISHED == static_cast<int>(session_end::finished) + 1 &&
              COBATCH_SESSION_USAGE_UNKNOWN == static_cast<int>(session_end::usage_unknown) + 1);
static_assert(COBATCH_WAY_ONE_SESSION == static_cast<int>(running_way::one_session) + 1 &&
              COBATCH_WAY_SEPARATE == static_cast<int>(running_way::separate) + 1);
static_assert(COBATCH_ON_ERROR_CONTINUE == static_cast<int>(error_rule::go_on) + 1 &&
              COBATCH_ON_ERROR_STOP == static_cast<int>(error_rule::stop) + 1);
static_assert(COBATCH_USAGE_REPORTED == static_cast<int>(usage_source::reported) &&
              COBATCH_USAGE_TOLD == static_cast<int>(usage_source::told));
static_assert(COBATCH_SAID_BY_AGENT == static_cast<int>(status_source::reported) &&
              COBATCH_SAID_BY_COBATCH == static_cast<int>(status_source::cobatch));
static_assert(COBATCH_MARKER_ABSENT == static_cast<int>(marker_state::absent) &&
              COBATCH_MARKER_FOREIGN == static_cast<int>(marker_state::foreign));
static_assert(COBATCH_ANSWER_YES == static_cast<int>(answer::yes) + 1 &&
              COBATCH_ANSWER_UNKNOWN == static_cast<int>(answer::unknown) + 1);

std::int32_t number_of(priority p) noexcept { return static_cast<std::int32_t>(p) + 1; }
std::int32_t number_of(task_state state) noexcept { return static_cast<std::int32_t>(state) + 1; }
std::int32_t number_of(batch_state state) noexcept { return static_cast<std::int32_t>(state) + 1; }
std::int32_t number_of(const std::optional<turn_end>& end) noexcept {
  return end ? static_cast<std::int32_t>(*end) + 1 : COBATCH_TURN_RUNNING;
}
std::int32_t number_of(const std::optional<session_end>& end) noexcept {
  return end ? static_cast<std::int32_t>(*end) + 1 : COBATCH_SESSION_LIVE;
}
std::int64_t number_of(const std::optional<timestamp>& time) noexcept { return time ? time->ms : COBATCH_NO_TIME; }

cobatch_tokens tokens_of(const tokens& count) noexcept {
  return {count.uncached_input, count.cache_write_5m, count.cache_write_1h,
          count.cache_read,     count.output,         count.reasoning};
}

const std::vector<cobatch_model_tokens>& lent_models::lend(const std::vector<model_tokens>& by_model) {
  models_.clear();
  for (const auto& entry : by_model) models_.push_back({capi::lend(entry.model), tokens_of(entry.count)});
  return models_;
}

const cobatch_usage* lent_usage::lend(const std::optional<usage>& used) {
  if (!used) return nullptr;
  const auto& models = models_.lend(used->by_model);
  usage_ = COBATCH_USAGE_INIT;
  usage_.source = static_cast<std::int32_t>(used->source);
  usage_.incomplete = used->complete ? 0 : 1;
  usage_.models = models.data();
  usage_.model_count = models.size();
  usage_.total = tokens_of(used->total());
  usage_.has_requests = used->requests ? 1 : 0;
  usage_.requests = used->requests.value_or(0);
  usage_.has_inherited_read = used->inherited_read ? 1 : 0;
  usage_.inherited_read = used->inherited_read.value_or(0);
  return &usage_;
}

const cobatch_changes* lent_changes::lend(const std::optional<work_changes>& changes) {
  if (!changes) return nullptr;
  changes_ = COBATCH_CHANGES_INIT;
  changes_.incomplete = changes->complete ? 0 : 1;
  changes_.files = files_.lend(changes->files);
  changes_.commits = commits_.lend(changes->commits);
  return &changes_;
}

const cobatch_budget* lent_budget::lend(const std::optional<spending_cap>& cap) {
  if (!cap) return nullptr;
  budget_ = COBATCH_BUDGET_INIT;
  budget_.nano_dollars = cap->nano_dollars;
  budget_.tokens = cap->tokens;
  budget_.time_ms = cap->time.count();
  budget_.allow_unknown = cap->allow_unknown ? 1 : 0;
  return &budget_;
}

verdict take_budget(const cobatch_budget* given, std::optional<spending_cap>& own) {
  own.reset();
  if (given == nullptr) return {};
  cobatch_budget c;
  if (auto v = take(given, "cobatch_budget", c); v.failed()) return v;
  own = spending_cap{c.nano_dollars, c.tokens, std::chrono::milliseconds{c.time_ms}, c.allow_unknown != 0};
  return {};
}

verdict take_usage(const cobatch_usage* given, std::optional<usage>& own) {
  own.reset();
  if (given == nullptr) return {};
  cobatch_usage c;
  if (auto v = take(given, "cobatch_usage", c); v.failed()) return v;
  if (c.source < COBATCH_USAGE_REPORTED || c.source > COBATCH_USAGE_TOLD)
    return bad_value("source of cobatch_usage is " + std::to_string(c.source) + "; see COBATCH_USAGE_...");
  if (c.models == nullptr && c.model_count > 0) return null_argument("models of cobatch_usage");
  usage taken;
  taken.source = static_cast<usage_source>(c.source);
  taken.complete = c.incomplete == 0;
  if (c.has_requests != 0) taken.requests = c.requests;
  if (c.has_inherited_read != 0) taken.inherited_read = c.inherited_read;
  for (std::size_t i = 0; i < c.model_count; ++i) {
    const cobatch_model_tokens& entry = c.models[i];
    const cobatch_tokens& n = entry.tokens;
    std::string model;
    if (auto v = take_text(entry.model, "model", model); v.failed()) return v;
    taken.by_model.push_back(
        {std::move(model),
         {n.uncached_input, n.cache_write_5m, n.cache_write_1h, n.cache_read, n.output, n.reasoning}});
  }
  own = std::move(taken);
  return {};
}

verdict take_completion(const cobatch_completion* given, settlement& own) {
  if (given == nullptr) return null_argument("completion");
  cobatch_completion c;
  if (auto v = take(given, "cobatch_completion", c); v.failed()) return v;
  const bool is_end = c.end >= COBATCH_TURN_DONE && c.end <= COBATCH_TURN_CANCELLED;
  const auto end = static_cast<turn_end>(is_end ? c.end - 1 : 0);
  if (!is_end || !may_complete_with(end))
    return bad_value("end of cobatch_completion is " + std::to_string(c.end) +
                     "; give COBATCH_TURN_DONE, _ERROR, _DENIED, _BROKE, _TIMED_OUT or _STOPPED");
  own = {};
  own.end = end;
  for (const auto& [text, name, to] :
       {std::tuple(c.reason, "reason", &own.reason), std::tuple(c.detail, "detail", &own.detail),
        std::tuple(c.output, "output", &own.output),
        std::tuple(c.output_summary, "output_summary", &own.output_summary),
        std::tuple(c.actions_taken, "actions_taken", &own.actions_taken), std::tuple(c.errors, "errors", &own.errors)})
    if (auto v = take_text(text, name, *to); v.failed()) return v;
  return take_usage(c.usage, own.used);
}

cobatch_warning_info info_of(const warning& w) noexcept {
  cobatch_warning_info out = COBATCH_WARNING_INFO_INIT;
  out.code = lend(w.code);
  out.message = lend(w.message);
  return out;
}

cobatch_batch_info info_of(const batch_record& batch, lent_budget& budget) {
  cobatch_batch_info out = COBATCH_BATCH_INFO_INIT;
  out.state = number_of(batch.state);
  out.priority = number_of(batch.prio);
  out.fruitless_sessions = batch.fruitless_sessions;
  out.id = lend(batch.id.str());
  out.agent = lend(batch.agent);
  out.hold_reason = lend(batch.hold_reason);
  out.round = batch.round;
  out.queued = batch.tally[task_state::queued];
  out.in_progress = batch.tally[task_state::in_progress];
  out.done = batch.tally[task_state::done];
  out.error = batch.tally[task_state::error];
  out.cancelled = batch.tally[task_state::cancelled];
  out.created_at = batch.created_at.ms;
  out.last_assign_at = batch.last_assign_at.ms;
  out.sealed_at = number_of(batch.sealed_at);
  out.held_until = number_of(batch.held_until);
  const batch_settings& said = batch.settings;
  out.way = said.way ? static_cast<std::int32_t>(*said.way) + 1 : COBATCH_WAY_DEFAULT;
  out.on_error = said.on_error ? static_cast<std::int32_t>(*said.on_error) + 1 : COBATCH_ON_ERROR_DEFAULT;
  out.preamble = batch.has_preamble ? 1 : 0;
  out.model = lend(said.model);
  out.budget = budget.lend(said.budget);
  return out;
}

cobatch_task_info info_of(const task_record& task, lent_with_task& lent) {
  cobatch_task_info out = COBATCH_TASK_INFO_INIT;
  out.state = number_of(task.state);
  out.priority = number_of(task.spec.prio);
  out.max_attempts = task.spec.max_attempts;
  out.attempts = task.counts.attempts;
  out.interruptions = task.counts.interruptions;
  out.id = lend(task.spec.id.str());
  out.batch = lend(task.batch.str());
  out.description = lend(task.spec.description);
  out.context = lend(task.spec.context);
  out.assigned_by = lend(task.spec.assigned_by);
  out.position = task.position;
  out.round = task.round;
  out.session = task.session.value;
  out.turn = task.turn.value;
  out.created_at = task.created_at.ms;
  out.started_at = number_of(task.started_at);
  out.ended_at = number_of(task.ended_at);
  out.needs = lent.needs.lend_ids(task.spec.needs);
  out.check = lent.check.lend(task.spec.check);
  out.tools = lent.tools.lend(task.spec.tools);
  out.model = lend(task.spec.model);
  out.reason = lend(task.reason);
  out.limit_ms = task.spec.limit.count();
  return out;
}

cobatch_result_info info_of(const result_record& outcome, lent_with_result& lent) {
  cobatch_result_info out = COBATCH_RESULT_INFO_INIT;
  const settlement& what = outcome.what;
  out.state = number_of(outcome.status);
  out.end = number_of(std::optional(what.end));
  out.said_by = static_cast<std::int32_t>(what.source);
  out.loaded_context = outcome.loaded_context ? 1 : 0;
  out.task = lend(outcome.task.str());
  out.batch = lend(outcome.batch.str());
  out.reason = lend(what.reason);
  out.detail = lend(what.detail);
  out.output = lend(what.output);
  out.output_summary = lend(what.output_summary);
  out.actions_taken = lend(what.actions_taken);
  out.errors = lend(what.errors);
  out.position = outcome.position;
  out.session = outcome.session.value;
  out.turn = outcome.turn.value;
  out.completed_at = outcome.completed_at.ms;
  out.duration_ms = outcome.duration_ms;
  out.usage = lent.used.lend(what.used);
  out.preamble_usage = lent.preamble_used.lend(outcome.preamble_used);
  out.changes = lent.changes.lend(what.changes);
  return out;
}

cobatch_turn_info info_of(const turn_record& turn, lent_with_turn& lent) {
  cobatch_turn_info out = COBATCH_TURN_INFO_INIT;
  out.end = number_of(turn.end);
  out.attempt = turn.attempt;
  out.recovered = turn.recovered ? 1 : 0;
  out.task = lend(turn.task.str());
  out.batch = lend(turn.batch.str());
  out.reason = lend(turn.reason);
  out.detail = lend(turn.detail);
  out.session = turn.session.value;
  out.turn = turn.turn.value;
  out.position = turn.position;
  out.process = turn.process;
  out.process_turn = turn.process_turn;
  out.started_at = turn.started_at.ms;
  out.ended_at = number_of(turn.ended_at);
  out.usage = lent.used.lend(turn.used);
  out.loaded_context = turn.loaded_context ? 1 : 0;
  out.conversation = lend(turn.conversation);
  out.changes = lent.changes.lend(turn.changes);
  return out;
}

cobatch_session_info info_of(const session_record& session) noexcept {
  cobatch_session_info out = COBATCH_SESSION_INFO_INIT;
  out.end = number_of(session.end);
  out.end_requested = session.end_requested ? 1 : 0;
  out.batch = lend(session.batch.str());
  out.agent = lend(session.agent);
  out.end_detail = lend(session.end_detail);
  out.session = session.id.value;
  out.round = session.round;
  out.owner_pid = session.owner.pid;
  out.turns_settled = session.turns_settled;
  out.started_at = session.started_at.ms;
  out.ended_at = number_of(session.ended_at);
  out.agent_version = lend(session.about.version);
  out.agent_model = lend(session.about.model);
  out.agent_billing = lend(session.about.billing);
  out.pause_reason = session.pause ? lend(session.pause->reason) : cobatch_text{"", 0};
  out.paused_until = session.pause ? session.pause->until.ms : COBATCH_NO_TIME;
  return out;
}

cobatch_lock_info info_of(const lock_report& lock) noexcept {
  cobatch_lock_info out = COBATCH_LOCK_INFO_INIT;
  out.held = lock.guard_busy ? 1 : 0;
  out.orchestrator_lost = lock.orchestrator_lost ? 1 : 0;
  out.marker = static_cast<std::int32_t>(lock.marker);
  out.marker_content = lend(lock.marker_content);
  out.advice = lend(lock.advice);
  return out;
}

cobatch_savings_info info_of(const measured& compared) noexcept {
  cobatch_savings_info out = COBATCH_SAVINGS_INFO_INIT;
  if (compared.guide) {
    out.has_guide = 1;
    out.guide_without = compared.guide->without;
    out.guide_with = compared.guide->with;
    out.guide_saved = compared.guide->saved();
    out.guide_saved_permille = compared.guide->saved_permille().value_or(0);
  }
  if (compared.processed) {
    out.has_processed = 1;
    out.processed = *compared.processed;
    out.cache_read = compared.cache_read.value_or(0);
  }
  return out;
}

cobatch_finding_info info_of(const finding& found) noexcept {
  cobatch_finding_info out = COBATCH_FINDING_INFO_INIT;
  out.answer = static_cast<std::int32_t>(found.is) + 1;
  out.check = lend(found.check);
  out.message = lend(found.message);
  out.fix = lend(found.fix);
  return out;
}

cobatch_turn_request info_of(const turn_request& request) noexcept {
  cobatch_turn_request out = COBATCH_TURN_REQUEST_INIT;
  out.attempt = request.attempt;
  out.task = lend(request.task.str());
  out.batch = lend(request.batch.str());
  out.description = lend(request.description);
  out.context = lend(request.context);
  out.prompt = lend(request.prompt);
  out.session = request.session.value;
  out.turn = request.turn.value;
  out.position = request.position;
  return out;
}

}  // namespace cobatch::capi
