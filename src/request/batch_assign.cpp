// batch_assign_tasks: each task for itself, so that one that is refused does not keep the others out.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "request/actions.hpp"
#include "request/sentence.hpp"
#include "request/values.hpp"
#include "views/record_json.hpp"

namespace cobatch {
inline namespace v1 {
namespace request {

namespace {

struct item {
  std::optional<batch_id> batch;
  task_spec spec;
  bool run = true;
};

class batch_assigner {
 public:
  explicit batch_assigner(const call& request) : request_(request) {}

  outcome run() {
    const auto batch = batch_id_in(request_.params);
    if (!batch) return refuse(batch.error());
    shared_ = *batch;
    const json::array& given = *request_.params.objects("tasks");
    for (std::size_t i = 0; i < given.size(); ++i) assign(i, given[i]);
    for (const auto& batch_to_run : to_run_) seal(batch_to_run);
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
    if (shared_) fields.push_back({"batch_id", shared_->str()});
    return answer{std::move(fields), std::move(warnings_)};
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
    if (wanted->run && std::find(to_run_.begin(), to_run_.end(), batch.id) == to_run_.end())
      to_run_.push_back(batch.id);
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
    detail.push_back({"message", sentence(why.message)});
    details_.emplace_back(std::move(detail));
  }

  // A batch of which no task is left to run is as sealed as it needs to be.
  void seal(const batch_id& batch) {
    auto done = request_.place.seal(batch);
    if (!done && done.error().code != errc::empty_batch)
      warnings_.push_back({std::string(name_of(done.error().code)), done.error().message});
    if (done) warnings_.insert(warnings_.end(), done->warnings.begin(), done->warnings.end());
  }

  const call& request_;
  std::optional<batch_id> shared_;  // of the tasks that name none
  std::vector<batch_id> to_run_;
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
