// What agents that call back, and people, report: that a task is begun, what it used, what came of it.
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "api/actions.hpp"
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

settlement completion_in(const arguments& params) {
  settlement what;
  what.end = *params.text("status") == name_of(turn_end::done) ? turn_end::done : turn_end::error;
  what.output = params.text_or_empty("output");
  what.output_summary = params.text_or_empty("output_summary");
  // Some say a list, some a sentence.
  if (const json::value* actions = params.any("actions_taken"))
    what.actions_taken = json::write(actions->as_array() != nullptr ? *actions : json::value(json::array{*actions}));
  if (const json::value* errors = params.any("errors")) what.errors = json::write(*errors);
  return what;
}

answer reply_about(const task_record& task, std::string message) {
  return answer{{{"message", std::move(message)},
                 {"task_id", task.spec.id.str()},
                 {"task_status", name_of(task.state)},
                 {"batch_id", task.batch.str()},
                 {"batch_position", task.position}}};
}

answer begun_reply(const task_record& task, bool again) {
  answer reply = reply_about(
      task, fmt::format("Task {} is {}in progress, in session {}. Call log_task_completion when it is done.",
                        quoted_text(task.spec.id.str()), again ? "already " : "", task.session.value));
  if (task.counts.next_attempt() > 1) reply.add("attempt", task.counts.next_attempt());
  return reply;
}

answer marked_reply(const task_outcome& marked) {
  if (marked.task.owner == task_owner::session)
    return begun_reply(marked.task, marked.what == task_outcome::kind::unchanged);
  return reply_about(marked.task, fmt::format("Task {} is in progress by hand: engines leave it alone. "
                                              "log_task_completion ends it, reset_task gives it back.",
                                              quoted_text(marked.task.spec.id.str())));
}

// Besides the one that has just begun. If that cannot be seen, perhaps.
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
  const task_id id = request.params.task();
  const auto token = token_in(request.params);
  if (!token) return fail(token.error());
  if (*token) {
    auto begun = request.place.begin_called(**token, id);
    if (!begun) return fail(std::move(begun.error()));
    const bool again = begun->what == begin_called_outcome::kind::repeated;
    return with_clean_start(request, id, !again, begun_reply(begun->task, again));
  }
  auto marked = request.place.mark_manually(id);
  if (!marked) return fail(std::move(marked.error()));
  return with_clean_start(request, id, marked->what == task_outcome::kind::changed, marked_reply(*marked));
}

outcome log_task_completion(const call& request) {
  const task_id id = request.params.task();
  const auto token = token_in(request.params);
  if (!token) return fail(token.error());
  settlement what = completion_in(request.params);
  telemetry_file telemetry(request.place.paths().data);
  auto claimed = telemetry.claim(id);
  what.used = claimed.used;
  const std::string summary = what.output_summary;
  auto done = request.place.complete_called({*token, id, std::move(what)});
  const bool stored = done && done->what == complete_called_outcome::kind::settled;
  stored ? telemetry.use_up() : telemetry.give_back();
  if (!done) return fail(std::move(done.error()));
  const bool again = done->what == complete_called_outcome::kind::repeated;
  answer reply =
      reply_about(done->task, fmt::format("Task {} {} {}.", quoted_text(id.str()),
                                          again ? "was logged before as" : "is logged as", name_of(done->task.state)));
  reply.add("output_summary", summary);
  if (again) reply.add("duplicate", true);
  reply.warnings = std::move(claimed.warnings);
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
                          quoted_text(other->str()), name_of(waits->task.state)));
}

}  // namespace

outcome capture_token_telemetry(const call& request) {
  const task_id id = request.params.task();
  const auto status = request.place.task(id);
  if (!status) return fail(status.error());
  if (has_ended(status->task.state))
    return fail(errc::task_ended,
                fmt::format("Task {} is {}, and what it used is settled; nothing was changed. Telemetry is to be told "
                            "before log_task_completion.",
                            quoted_text(id.str()), name_of(status->task.state)));
  const telemetry_figures figures{*request.params.integer("tokens_input"), *request.params.integer("tokens_output"),
                                  request.params.text_or_empty("tool"), request.params.text_or_empty("action")};
  telemetry_file telemetry(request.place.paths().data);
  if (auto free = check_nobody_waits(request.place, telemetry, id); !free) return fail(free.error());
  if (auto written = telemetry.write(id, figures); !written) return fail(written.error());
  return answer{
      {{"message", fmt::format("Noted; log_task_completion of task {} takes it over. It is what was told, not "
                               "what was measured.",
                               quoted_text(id.str()))},
       {"task_id", id.str()},
       {"tokens_input", figures.input},
       {"tokens_output", figures.output}}};
}

}  // namespace request
}  // namespace cobatch
