// batch_assign_tasks: each task for itself, so that one that is refused does not keep the others out.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "request/actions.hpp"
#include "request/values.hpp"
#include "request/what_comes_next.hpp"
#include "run/sentence.hpp"
#include "views/record_json.hpp"

namespace cobatch {
inline namespace v1 {
namespace request {

namespace {

// A batch that tasks of the call went to.
struct used_batch {
  batch_record record;
  bool next_round = false;
  bool run = false;  // a task of it says so
};

struct item {
  std::optional<batch_id> batch;
  task_spec spec;
  bool run = true;
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
    shared_ = *batch;
    const json::array& given = *request_.params.objects("tasks");
    for (std::size_t i = 0; i < given.size(); ++i) assign(i, given[i]);
    for (auto& one : batches_)
      if (one.run) seal(one);
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
    fields.insert(fields.begin(), {"message", summary});
    append_batches(fields);
    return answer{std::move(fields), std::move(warnings_)};
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

  void assign(std::size_t index, const json::value& given) {
    auto wanted = read(index, given);
    if (!wanted) return refuse_item(index, given, wanted.error());
    assign_request request;
    request.batch = wanted->batch ? wanted->batch : shared_;
    request.tasks.push_back(std::move(wanted->spec));
    request.seal = false;
    auto done = request_.place.assign(request);
    if (!done) return refuse_item(index, given, done.error());
    const batch_record& batch = done->outcome.batch;
    const assigned_task& task = done->outcome.tasks.front();
    if (!wanted->batch && !shared_) shared_ = batch.id;
    note_batch(done->outcome, wanted->run);
    json::object detail{
        {"index", static_cast<std::int64_t>(index)},
        {"task_id", task.id.str()},
        {"status", "success"},
        {"message", task.duplicate ? "It was there before with the same content."
                                   : fmt::format("Number {} of batch {}.", task.position, in_quotes(batch.id.str()))},
        {"batch_id", batch.id.str()}};
    if (task.duplicate) detail.push_back({"duplicate", true});
    details_.emplace_back(std::move(detail));
  }

  void note_batch(const assign_outcome& done, bool run) {
    auto at = std::find_if(batches_.begin(), batches_.end(),
                           [&](const used_batch& one) { return one.record.id == done.batch.id; });
    if (at == batches_.end()) at = batches_.emplace(at);
    at->record = done.batch;
    at->next_round = at->next_round || done.next_round;
    at->run = at->run || run;
  }

  result<item> read(std::size_t index, const json::value& given) {
    const auto fields =
        arguments::check(given, listed_task_fields(), fmt::format("tasks[{}].", index), request_.unknown);
    if (!fields) return fail(fields.error());
    auto batch = batch_id_in(*fields);
    if (!batch) return fail(std::move(batch.error()));
    auto spec = task_spec_in(*fields);
    if (!spec) return fail(std::move(spec.error()));
    const bool run_all = request_.params.boolean("auto_execute").value_or(true);
    return item{std::move(*batch), std::move(*spec), fields->boolean("auto_execute").value_or(run_all)};
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

  // A batch of which no task is left to run is as sealed as it needs to be.
  void seal(used_batch& batch) {
    auto done = request_.place.seal(batch.record.id);
    if (done) batch.record = done->batch;
    if (!done && done.error().code != errc::empty_batch)
      warnings_.push_back({std::string(name_of(done.error().code)), done.error().message});
    if (done) warnings_.insert(warnings_.end(), done->warnings.begin(), done->warnings.end());
  }

  const call& request_;
  std::optional<batch_id> shared_;  // of the tasks that name none
  std::vector<used_batch> batches_;
  json::array details_;
  std::vector<warning> warnings_;
  std::vector<error> refused_;
};

}  // namespace

outcome batch_assign_tasks(const call& request) {
  return batch_assigner(request).run();
}

}  // namespace request
}  // namespace v1
}  // namespace cobatch
