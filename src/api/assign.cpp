// Assigning: one task, a whole batch, several tasks each for itself; and saying that a batch is complete.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "api/actions.hpp"
#include "base/text.hpp"
#include "store/store.hpp"
#include "views/record_json.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {
namespace request {

namespace {

// What a reply lists at most, so that it stays below the 100,000 characters that GPT actions take.
constexpr std::size_t tasks_in_reply = 200;
constexpr std::size_t most_tasks_at_once = 10'000;

// ------------------------------------------------------------------------------------------- what is to be assigned

task_spec task_in(const arguments& params) {
  task_spec spec;
  spec.id = params.task();
  spec.description = *params.text("description");
  spec.context = params.context();
  spec.prio = params.word("priority", parse_priority).value_or(spec.prio);
  spec.assigned_by = params.text_or_empty("assigned_by");
  spec.max_attempts = static_cast<int>(params.integer("max_attempts").value_or(spec.max_attempts));
  for (auto& need : params.texts("needs")) spec.needs.emplace_back(std::move(need));
  spec.check = params.texts("check");
  spec.model = params.text_or_empty("model");
  spec.tools = params.texts("tools");
  spec.limit = std::chrono::seconds(params.integer("time_limit_seconds").value_or(0));
  return spec;
}

// Rounded; a time that is not 0 does not become 0, which would be no limit at all.
std::chrono::milliseconds from_nano_minutes(std::int64_t nano) {
  const std::int64_t ms = (nano * 6 + 50'000) / 100'000;
  return std::chrono::milliseconds{nano > 0 ? std::max<std::int64_t>(ms, 1) : 0};
}

result<std::optional<spending_cap>> budget_in(const arguments& params) {
  const auto given = params.object("budget");
  if (!given) return std::nullopt;
  const std::string unknown = given->text_or_empty("unknown");
  const spending_cap cap{given->nano("usd"), given->integer("tokens").value_or(0),
                         from_nano_minutes(given->nano("minutes")), unknown == "allow"};
  if (unknown == "hold" && !cap.needs_usage())
    return fail(errc::bad_value,
                "'budget.unknown' is 'hold', which needs a budget in usd or tokens beside it. Nothing was changed.");
  return cap;
}

// All but the tasks. The model is left out, as a task may have one, too.
result<assign_request> batch_in(const arguments& params) {
  auto budget = budget_in(params);
  if (!budget) return fail(std::move(budget.error()));
  assign_request wanted;
  wanted.batch = params.batch();
  wanted.agent = params.text_or_empty("agent");
  wanted.seal = params.boolean("auto_execute").value_or(true);
  wanted.settings = {.way = params.word("way", parse_running_way),
                     .on_error = params.word("on_error", parse_error_rule),
                     .budget = *budget};
  wanted.shared = {params.text_or_empty("preamble"), params.texts("context_files")};
  return wanted;
}

// -------------------------------------------------------------------------------------------- what becomes of it

// An agent that calls back has got its tasks in one prompt, and is told of no other. If it cannot be seen who works the
// batch, it is one that is given task after task.
bool has_all_in_one_prompt(workspace& place, const batch_id& batch) {
  const auto live = place.storage().find_live_session();
  return live && *live && (*live)->batch == batch && (*live)->agent == calling_agent;
}

std::string execution_of(workspace& place, const batch_record& batch) {
  switch (batch.state) {
    case batch_state::running:
      if (const auto lock = place.lock(); lock && lock->cut_off)
        return "The session of this batch was cut off; the next engine settles it, and what is queued runs then.";
      if (has_all_in_one_prompt(place, batch.id))
        return "A session works this batch now, and its agent got its tasks in one prompt; what came later runs in a "
               "session after it, in order, which loads the context anew.";
      return "A session works this batch now; what is queued in it runs there, in order.";
    case batch_state::finished: return "The batch has ended.";
    case batch_state::held:
      return fmt::format("The batch is held because {}. {}", batch.hold_reason, how_to_let_go(batch));
    default:
      return fmt::format("The batch is sealed: an engine runs its {} in one session, in order.",
                         counted(batch.tally[task_state::queued], "queued task"));
  }
}

// `next_step` (what to do, of an open batch) or `execution` (how it runs), the names that the guide's clients look for.
json::member what_comes_next(workspace& place, const batch_record& batch, bool next_round) {
  if (batch.state == batch_state::open)
    return {"next_step",
            "The batch is open and runs nothing yet. Assign its other tasks with this batch_id, the last one with "
            "auto_execute true; or call seal_batch when it is complete."};
  std::string text = execution_of(place, batch);
  if (next_round) text = fmt::format("The batch had ended; this starts its round {}. {}", batch.round, text);
  return {"execution", std::move(text)};
}

// Of a request whose tasks were all there: what it said of their batch holds all the same.
bool says_of_batch(const assign_request& wanted) {
  return wanted.settings != batch_settings{} || !wanted.shared.empty();
}

std::string message_for_one(const assigned_task& task, const assign_outcome& done, bool says_of_batch) {
  const auto id = quoted_text(task.id.str()), batch = quoted_text(done.batch.id.str());
  if (!task.duplicate) return fmt::format("Task {} is number {} of batch {}.", id, task.position, batch);
  return fmt::format("Task {} was assigned before with the same content; it is {} in batch {}. {}{}.", id,
                     name_of(task.state), batch,
                     says_of_batch ? "Only the batch's settings were stored" : "Nothing was stored",
                     done.sealed_now ? ", the batch was sealed" : "");
}

std::string message_for_many(const assign_outcome& done, std::int64_t duplicates, bool says_of_batch) {
  const std::int64_t fresh = std::ssize(done.tasks) - duplicates;
  std::string text = fmt::format("{} stored in batch {}.", counted(fresh, "task"), quoted_text(done.batch.id.str()));
  if (duplicates > 0)
    text += fmt::format(" {} there before with the same content and left as {}.",
                        duplicates == 1 ? "1 was" : fmt::format("{} were", duplicates),
                        duplicates == 1 ? "it is" : "they are");
  if (fresh == 0 && says_of_batch) text += " The batch's settings were stored.";
  return text;
}

void add_tasks(answer& reply, const std::vector<assigned_task>& tasks) {
  const std::size_t shown = std::min(tasks.size(), tasks_in_reply);
  json::array list;
  for (const auto& task : std::span(tasks).first(shown)) {
    json::object entry{{"task_id", task.id.str()}, {"batch_position", task.position}, {"status", name_of(task.state)}};
    if (task.duplicate) entry.push_back({"duplicate", true});
    list.emplace_back(std::move(entry));
  }
  reply.add("tasks", std::move(list));
  reply.add("tasks_listed", static_cast<std::int64_t>(shown));
  if (shown < tasks.size())
    reply.add("more_tasks", fmt::format("Only the first {} are listed. All were stored; batch_status with batch_id and "
                                        "after_position lists the rest.",
                                        shown));
}

}  // namespace

outcome assign_task(const call& request) {
  auto wanted = batch_in(request.params);
  if (!wanted) return fail(std::move(wanted.error()));
  wanted->tasks.push_back(task_in(request.params));
  auto done = request.place.assign(*wanted);
  if (!done) return fail(std::move(done.error()));
  const assign_outcome& stored = done->outcome;
  const assigned_task& task = stored.tasks.front();
  answer reply{{{"message", message_for_one(task, stored, says_of_batch(*wanted))},
                {"task_id", task.id.str()},
                {"batch_id", stored.batch.id.str()},
                {"task_status", name_of(task.state)},
                {"batch_position", task.position},
                {"batch_status", name_of(stored.batch.state)}},
               std::move(done->warnings)};
  if (task.duplicate) reply.add("duplicate", true);
  reply.fields.push_back(what_comes_next(request.place, stored.batch, stored.next_round));
  return reply;
}

outcome assign_batch(const call& request) {
  auto wanted = batch_in(request.params);
  if (!wanted) return fail(std::move(wanted.error()));
  wanted->settings.model = request.params.text_or_empty("model");
  wanted->whole_batch = true;
  const json::array& given = *request.params.objects("tasks");
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto fields = arguments::check(given[i], batch_task_fields(), fmt::format("tasks[{}].", i), request.unknown);
    if (!fields) return fail(fields.error());
    task_spec& spec = wanted->tasks.emplace_back(task_in(*fields));
    if (spec.assigned_by.empty()) spec.assigned_by = request.params.text_or_empty("assigned_by");
  }
  auto done = request.place.assign(*wanted);
  if (!done) return fail(std::move(done.error()));
  const assign_outcome& stored = done->outcome;
  const auto total = std::ssize(stored.tasks);
  const auto duplicates = std::int64_t{
      std::count_if(stored.tasks.begin(), stored.tasks.end(), [](const auto& task) { return task.duplicate; })};
  answer reply{{{"message", message_for_many(stored, duplicates, says_of_batch(*wanted))},
                {"batch_id", stored.batch.id.str()},
                {"batch_status", name_of(stored.batch.state)},
                {"task_count", std::int64_t{total}},
                {"duplicates", duplicates}},
               std::move(done->warnings)};
  if (duplicates == total) reply.add("duplicate", true);
  add_tasks(reply, stored.tasks);
  reply.fields.push_back(what_comes_next(request.place, stored.batch, stored.next_round));
  return reply;
}

outcome seal_batch(const call& request) {
  const batch_id batch = *request.params.batch();
  auto done = request.place.seal(batch);
  if (!done) return fail(std::move(done.error()));
  const std::string text =
      done->sealed_now
          ? fmt::format("Batch {} is sealed: an engine runs its {} in one session, in order.", quoted_text(batch.str()),
                        counted(done->batch.tally[task_state::queued], "queued task"))
          : fmt::format("Batch {} is {} already; nothing was changed.", quoted_text(batch.str()),
                        name_of(done->batch.state));
  return answer{{{"message", text},
                 {"batch_id", batch.str()},
                 {"batch_status", name_of(done->batch.state)},
                 {"sealed_now", done->sealed_now},
                 {"tally", tally_json(done->batch.tally)}},
                std::move(done->warnings)};
}

// ---------------------------------------------------------------------------------------------- each for itself

namespace {

// A batch that tasks of the call went to.
struct used_batch {
  batch_record record;
  bool next_round = false;
  bool run = false;  // a task of it says so
};

// That nothing was changed is said of a whole call; others of this one may have been stored.
std::string about_one_task(std::string message) {
  for (const std::string_view whole : {"othing was changed", "othing was stored"})
    if (const auto at = message.find(whole); at != std::string::npos && at > 0)
      message.replace(at - 1, whole.size() + 1,
                      message[at - 1] == 'N' ? "This task was not stored" : "this task was not stored");
  return message;
}

// One task that is refused does not keep the others out.
class batch_assigner {
 public:
  explicit batch_assigner(const call& request) : request_(request), shared_(request.params.batch()) {}

  outcome run() {
    const json::array& given = *request_.params.objects("tasks");
    if (given.size() > most_tasks_at_once)
      return fail(errc::too_large, fmt::format("'tasks' has {} entries; one call takes at most {}. Nothing was stored: "
                                               "give them in several calls, or as one batch with assign_batch",
                                               given.size(), most_tasks_at_once));
    std::vector<result<assign_request>> wanted;
    std::vector<assign_request> sound;
    for (std::size_t i = 0; i < given.size(); ++i)
      if (const auto& one = wanted.emplace_back(read(i, given[i]))) sound.push_back(*one);
    auto done = request_.place.assign_each(sound);
    if (!done) return fail(std::move(done.error()));
    auto next = done->begin();
    for (std::size_t i = 0; i < given.size(); ++i)
      if (!wanted[i])
        refuse(i, given[i], wanted[i].error());
      else if (const auto& stored = *next++)
        note(i, *stored, *wanted[i]);
      else
        refuse(i, given[i], stored.error());
    return reply(std::ssize(given));
  }

 private:
  result<assign_request> read(std::size_t index, const json::value& given) {
    const auto fields =
        arguments::check(given, listed_task_fields(), fmt::format("tasks[{}].", index), request_.unknown);
    if (!fields) return fail(fields.error());
    assign_request wanted;
    const auto own_batch = fields->batch();
    wanted.batch = own_batch ? own_batch : shared_;
    wanted.tasks.push_back(task_in(*fields));
    wanted.seal = fields->boolean("auto_execute").value_or(request_.params.boolean("auto_execute").value_or(true));
    return wanted;
  }

  void note(std::size_t index, const assign_outcome& done, const assign_request& wanted) {
    const assigned_task& task = done.tasks.front();
    const std::string& batch = done.batch.id.str();
    if (!wanted.batch) shared_ = done.batch.id;
    note_batch(done, wanted.seal);
    json::object detail{
        {"index", static_cast<std::int64_t>(index)},
        {"task_id", task.id.str()},
        {"status", "success"},
        {"message", task.duplicate ? "It was there before with the same content."
                                   : fmt::format("Number {} of batch {}.", task.position, quoted_text(batch))},
        {"batch_id", batch}};
    if (task.duplicate) detail.push_back({"duplicate", true});
    details_.emplace_back(std::move(detail));
  }

  void note_batch(const assign_outcome& done, bool run) {
    const auto [at, is_new] = index_of_.try_emplace(done.batch.id, batches_.size());
    if (is_new) batches_.push_back({done.batch});
    used_batch& batch = batches_[at->second];
    batch.next_round = batch.next_round || done.next_round;
    batch.run = batch.run || run;
  }

  void refuse(std::size_t index, const json::value& given, const error& why) {
    refused_.push_back(why);
    const json::value* id = given.find("task_id");
    json::object detail{{"index", static_cast<std::int64_t>(index)}};
    if (id != nullptr && id->as_string() != nullptr) detail.push_back({"task_id", *id});
    detail.push_back({"status", "error"});
    detail.push_back({"code", name_of(why.code)});
    detail.push_back({"message", sentence(about_one_task(why.message))});
    details_.emplace_back(std::move(detail));
  }

  outcome reply(std::int64_t total) {
    const auto failed = std::int64_t{std::ssize(refused_)};
    const std::string summary =
        fmt::format("{} of {} tasks stored or there before, {} refused.", total - failed, total, failed);
    json::object counts{{"success_count", total - failed},
                        {"failed_count", failed},
                        {"total_tasks", total},
                        {"details", std::move(details_)},
                        {"summary", summary}};
    if (failed == total && failed > 0)
      return tl::unexpected(refusal(refused_.front().code, refused_.front().message, std::move(counts)));
    answer done{{{"message", summary}}};
    done.add_all(std::move(counts));
    add_batches(done);
    std::vector<batch_record> to_run;
    for (const auto& one : batches_)
      if (one.run) to_run.push_back(one.record);
    done.warnings = unserved(to_run, request_.place.paths().state);
    return done;
  }

  // Of one batch as the other assigning actions say it; of several, the same of each.
  void add_batches(answer& to) const {
    if (batches_.size() == 1) return to.add_all(about(batches_.front()));
    if (shared_) to.add("batch_id", shared_->str());
    json::array all;
    for (const auto& one : batches_) all.emplace_back(about(one));
    to.add("batches", std::move(all));
  }

  [[nodiscard]] json::object about(const used_batch& one) const {
    return {{"batch_id", one.record.id.str()},
            {"batch_status", name_of(one.record.state)},
            what_comes_next(request_.place, one.record, one.next_round)};
  }

  const call& request_;
  std::optional<batch_id> shared_;  // of the tasks that name none
  std::vector<used_batch> batches_;
  std::unordered_map<batch_id, std::size_t> index_of_;  // in `batches_`
  json::array details_;
  std::vector<error> refused_;
};

}  // namespace

outcome batch_assign_tasks(const call& request) { return batch_assigner(request).run(); }

}  // namespace request
}  // namespace cobatch
