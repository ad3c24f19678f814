// batch_assign_tasks: each task for itself, so that one that is refused does not keep the others out.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "api/actions.hpp"
#include "api/values.hpp"
#include "api/what_comes_next.hpp"
#include "base/text.hpp"
#include "views/record_json.hpp"
#include "workspace/workspace.hpp"

namespace cobatch {
namespace request {

namespace {

constexpr std::size_t most_tasks = 10'000;

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

class batch_assigner {
 public:
  explicit batch_assigner(const call& request) : request_(request) {}

  outcome run() {
    const auto batch = batch_id_in(request_.params);
    if (!batch) return refuse(batch.error());
    const json::array& given = *request_.params.objects("tasks");
    if (given.size() > most_tasks)
      return refuse({errc::too_large, fmt::format("'tasks' has {} entries; one call takes at most {}. Nothing was "
                                                  "stored: give them in several calls, or as one batch with "
                                                  "assign_batch",
                                                  given.size(), most_tasks)});
    shared_ = *batch;
    std::vector<result<assign_request>> wanted;
    std::vector<assign_request> sound;
    for (std::size_t i = 0; i < given.size(); ++i)
      if (const auto& one = wanted.emplace_back(read(i, given[i]))) sound.push_back(*one);
    auto done = request_.place.assign_each(sound);
    if (!done) return refuse(std::move(done.error()));
    auto next = done->begin();
    for (std::size_t i = 0; i < given.size(); ++i)
      if (!wanted[i])
        refuse_item(i, given[i], wanted[i].error());
      else if (const auto& stored = *next++)
        note(i, *stored, !wanted[i]->batch, wanted[i]->seal);
      else
        refuse_item(i, given[i], stored.error());
    return reply(static_cast<std::int64_t>(given.size()));
  }

 private:
  outcome reply(std::int64_t total) {
    const auto failed = static_cast<std::int64_t>(refused_.size());
    const std::string summary =
        fmt::format("{} of {} tasks stored or there before, {} refused.", total - failed, total, failed);
    json::object fields{{"success_count", total - failed},
                        {"failed_count", failed},
                        {"total_tasks", total},
                        {"details", std::move(details_)},
                        {"summary", summary}};
    if (failed == total && failed > 0)
      return refuse({refused_.front().code, refused_.front().message, std::move(fields)});
    std::vector<batch_record> to_run;
    for (const auto& one : batches_)
      if (one.run) to_run.push_back(one.record);
    fields.insert(fields.begin(), {"message", summary});
    append_batches(fields);
    return answer{std::move(fields), unserved(to_run, request_.place.paths().state)};
  }

  // Of one batch as the other assigning actions say it; of several, the same of each.
  void append_batches(json::object& fields) const {
    if (batches_.size() == 1) return append_batch(fields, batches_.front());
    if (shared_) fields.push_back({"batch_id", shared_->str()});
    json::array all;
    for (const auto& one : batches_) append_batch(*all.emplace_back(json::object{}).as_object(), one);
    fields.push_back({"batches", std::move(all)});
  }

  void append_batch(json::object& fields, const used_batch& one) const {
    fields.push_back({"batch_id", one.record.id.str()});
    fields.push_back({"batch_status", name_of(one.record.state)});
    append_what_comes_next(fields, request_.place, one.record, one.next_round);
  }

  void note(std::size_t index, const assign_outcome& done, bool names_none, bool run) {
    const assigned_task& task = done.tasks.front();
    if (names_none) shared_ = done.batch.id;
    note_batch(done, run);
    json::object detail{{"index", static_cast<std::int64_t>(index)},
                        {"task_id", task.id.str()},
                        {"status", "success"},
                        {"message", task.duplicate ? "It was there before with the same content."
                                                   : fmt::format("Number {} of batch {}.", task.position,
                                                                 in_quotes(done.batch.id.str()))},
                        {"batch_id", done.batch.id.str()}};
    if (task.duplicate) detail.push_back({"duplicate", true});
    details_.emplace_back(std::move(detail));
  }

  void note_batch(const assign_outcome& done, bool run) {
    const auto [at, is_new] = places_.try_emplace(done.batch.id, batches_.size());
    if (is_new) batches_.push_back({done.batch});
    used_batch& batch = batches_[at->second];
    batch.next_round = batch.next_round || done.next_round;
    batch.run = batch.run || run;
  }

  result<assign_request> read(std::size_t index, const json::value& given) {
    const auto fields =
        arguments::check(given, listed_task_fields(), fmt::format("tasks[{}].", index), request_.unknown);
    if (!fields) return fail(fields.error());
    auto batch = batch_id_in(*fields);
    if (!batch) return fail(std::move(batch.error()));
    auto spec = task_spec_in(*fields);
    if (!spec) return fail(std::move(spec.error()));
    assign_request wanted;
    wanted.batch = *batch ? std::move(*batch) : shared_;
    wanted.tasks.push_back(std::move(*spec));
    wanted.seal = fields->boolean("auto_execute").value_or(request_.params.boolean("auto_execute").value_or(true));
    return wanted;
  }

  void refuse_item(std::size_t index, const json::value& given, const error& why) {
    refused_.push_back(why);
    const json::value* id = given.find("task_id");
    json::object detail{{"index", static_cast<std::int64_t>(index)}};
    if (id != nullptr && id->as_string() != nullptr) detail.push_back({"task_id", *id->as_string()});
    detail.push_back({"status", "error"});
    detail.push_back({"code", name_of(why.code)});
    detail.push_back({"message", sentence(about_one_task(why.message))});
    details_.emplace_back(std::move(detail));
  }

  const call& request_;
  std::optional<batch_id> shared_;  // of the tasks that name none
  std::vector<used_batch> batches_;
  std::unordered_map<batch_id, std::size_t> places_;  // of them
  json::array details_;
  std::vector<error> refused_;
};

}  // namespace

outcome batch_assign_tasks(const call& request) {
  return batch_assigner(request).run();
}

}  // namespace request
}  // namespace cobatch
