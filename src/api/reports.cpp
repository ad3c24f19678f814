// mark_task_in_progress, log_task_completion, capture_token_telemetry: what agents that call back, and people, report.
#include <fmt/core.h>

#include "api/actions.hpp"
#include "api/values.hpp"
#include "base/json.hpp"
#include "store/store.hpp"
#include "views/record_json.hpp"
#include "workspace/telemetry_file.hpp"

namespace cobatch {
namespace request {

namespace {

result<std::optional<session_token>> token_in(const arguments& params) {
  const std::string* given = params.text("session");
  if (given == nullptr || given->empty()) return std::optional<session_token>();
  if (auto token = session_token::parse(*given)) return token;
  return fail(
      errc::stale_session,
      "The session token is none that Cobatch gave out; nothing was changed. It stands in the environment of the "
      "agent as COBATCH_SESSION; leave `session` out if you are not that agent.");
}

std::string json_text(const arguments& params, std::string_view name) {
  const json::value* given = params.any(name);
  return given == nullptr ? std::string() : json::write(*given);
}

// Some say a list, some a sentence.
std::string actions_text(const arguments& params) {
  const json::value* given = params.any("actions_taken");
  if (given == nullptr) return {};
  return json::write(given->as_array() != nullptr ? *given : json::value(json::array{*given}));
}

std::optional<turn_end> parse_status(std::string_view text) noexcept {
  for (const turn_end end : {turn_end::done, turn_end::error})
    if (name_of(end) == text) return end;
  return std::nullopt;
}

result<settlement> completion_in(const arguments& params) {
  const auto status = word_in(params, "status", parse_status, "done or error");
  if (!status) return fail(status.error());
  settlement what;
  what.end = **status;
  const auto text = [&](std::string_view name) {
    const std::string* given = params.text(name);
    return given == nullptr ? std::string() : *given;
  };
  what.output = text("output");
  what.output_summary = text("output_summary");
  what.actions_taken = actions_text(params);
  what.errors = json_text(params, "errors");
  return what;
}

json::object standing(const task_record& task) {
  return {{"task_id", task.spec.id.str()},
          {"task_status", name_of(task.state)},
          {"batch_id", task.batch.str()},
          {"batch_position", task.position}};
}

answer reply_about(const task_record& task, std::string message) {
  answer reply{{{"message", std::move(message)}}};
  for (auto& field : standing(task)) reply.fields.push_back(std::move(field));
  return reply;
}

answer begun_reply(const task_record& task, bool again) {
  answer reply = reply_about(
      task, fmt::format("Task {} is {}in progress, in session {}. Call log_task_completion when it is done.",
                        in_quotes(task.spec.id.str()), again ? "already " : "", task.session.value));
  if (task.counts.next_attempt() > 1) reply.fields.push_back({"attempt", task.counts.next_attempt()});
  return reply;
}

answer marked_reply(const task_outcome& marked) {
  if (marked.task.owner == task_owner::session)
    return begun_reply(marked.task, marked.what == task_outcome::kind::unchanged);
  return reply_about(marked.task, fmt::format("Task {} is in progress by hand: engines leave it alone. "
                                              "log_task_completion ends it, reset_task gives it back.",
                                              in_quotes(marked.task.spec.id.str())));
}

// Besides the one that has just begun. If that cannot be told, perhaps.
bool others_in_progress(const call& request) {
  const auto all = request.place.storage().read_overview();
  return !all || all->tally[task_state::in_progress] > 1;
}

// Telemetry that lies there before a task begins is not of that task.
answer with_clean_start(const call& request, const task_id& task, bool begins, answer reply) {
  if (begins)
    reply.warnings = telemetry_file(request.place.paths().data).leave_behind(task, others_in_progress(request));
  return reply;
}

}  // namespace

outcome mark_task_in_progress(const call& request) {
  const auto id = task_id_in(request.params);
  if (!id) return refuse(id.error());
  const auto token = token_in(request.params);
  if (!token) return refuse(token.error());
  if (*token) {
    auto begun = request.place.begin_called(**token, *id);
    if (!begun) return refuse(std::move(begun.error()));
    const bool again = begun->what == begin_called_outcome::kind::repeated;
    return with_clean_start(request, *id, !again, begun_reply(begun->task, again));
  }
  auto marked = request.place.mark_manually(*id);
  if (!marked) return refuse(std::move(marked.error()));
  return with_clean_start(request, *id, marked->what == task_outcome::kind::changed, marked_reply(*marked));
}

outcome log_task_completion(const call& request) {
  const auto id = task_id_in(request.params);
  if (!id) return refuse(id.error());
  const auto token = token_in(request.params);
  if (!token) return refuse(token.error());
  auto what = completion_in(request.params);
  if (!what) return refuse(std::move(what.error()));
  telemetry_file telemetry(request.place.paths().data);
  auto told = telemetry.claim(*id);
  what->used = told.used;
  const std::string summary = what->output_summary;
  auto done = request.place.complete_called({*token, *id, std::move(*what)});
  const bool stored = done && done->what == complete_called_outcome::kind::settled;
  stored ? telemetry.use_up() : telemetry.give_back();
  if (!done) return refuse(std::move(done.error()));
  const bool again = done->what == complete_called_outcome::kind::repeated;
  answer reply =
      reply_about(done->task, fmt::format("Task {} {} {}.", in_quotes(id->str()),
                                          again ? "was logged before as" : "is logged as", name_of(done->task.state)));
  reply.fields.push_back({"output_summary", summary});
  if (again) reply.fields.push_back({"duplicate", true});
  reply.warnings = std::move(told.warnings);
  return reply;
}

namespace {

// Figures wait in the file until their task is logged; they are not to be written over.
result<void> check_nobody_waits(workspace& place, const telemetry_file& telemetry, const task_id& task) {
  const auto other = task_id::parse(telemetry.named_task());
  if (!other || *other == task) return {};
  const auto waits = place.task(*other);
  if (!waits || has_ended(waits->task.state)) return {};
  return fail(errc::task_in_progress,
              fmt::format("The file for telemetry holds the figures of task {}, which is {}; nothing was changed. Log "
                          "that one first: log_task_completion takes them over.",
                          in_quotes(other->str()), name_of(waits->task.state)));
}

}  // namespace

outcome capture_token_telemetry(const call& request) {
  const auto id = task_id_in(request.params);
  if (!id) return refuse(id.error());
  const auto status = request.place.task(*id);
  if (!status) return refuse(status.error());
  if (has_ended(status->task.state))
    return refuse(
        {errc::task_ended,
         fmt::format("Task {} is {}, and what it used is settled; nothing was changed. Telemetry is to be told "
                     "before log_task_completion.",
                     in_quotes(id->str()), name_of(status->task.state))});
  told_tokens told;
  for (const auto& [name, count] : {std::pair{"tokens_input", &told.input}, std::pair{"tokens_output", &told.output}}) {
    const auto given = number_in(request.params, name, 0, max_reported_tokens, 0);
    if (!given) return refuse(given.error());
    *count = *given;
  }
  if (const auto* tool = request.params.text("tool")) told.tool = *tool;
  if (const auto* action = request.params.text("action")) told.action = *action;
  telemetry_file telemetry(request.place.paths().data);
  if (auto free = check_nobody_waits(request.place, telemetry, *id); !free) return refuse(free.error());
  if (auto written = telemetry.write(*id, told); !written) return refuse(written.error());
  return answer{
      {{"message", fmt::format("Noted; log_task_completion of task {} takes it over. It is what was told, not "
                               "what was measured.",
                               in_quotes(id->str()))},
       {"task_id", id->str()},
       {"tokens_input", told.input},
       {"tokens_output", told.output}}};
}

}  // namespace request
}  // namespace cobatch
