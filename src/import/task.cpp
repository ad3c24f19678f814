#include <algorithm>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cobatch/core/text.hpp>
#include <cobatch/host_session.hpp>

#include "base/json.hpp"
#include "import/original.hpp"
#include "views/record_json.hpp"
#include "workspace/telemetry_file.hpp"

namespace cobatch {

namespace {

using std::chrono::milliseconds;

std::optional<task_state> state_named(std::string_view status) {
  if (status == "pending") return task_state::queued;
  if (status == "completed") return task_state::done;
  for (std::size_t i = 0; i < task_state_count; ++i)
    if (name_of(static_cast<task_state>(i)) == status) return static_cast<task_state>(i);
  return std::nullopt;
}

// What a result says that its task came to.
std::optional<task_state> end_in(const json::value& result) {
  const auto state = state_named(json::text_of(result, "status"));
  return state == task_state::done || state == task_state::error ? state : std::nullopt;
}

// Text as it is, anything else as JSON.
std::string text_in(const json::value& given, std::string_view name) {
  const json::value* found = given.find(name);
  if (found == nullptr || found->is_null()) return {};
  return found->as_string() != nullptr ? *found->as_string() : json::write(*found);
}

// JSON text; empty for what stands for nothing.
std::string json_in(const json::value& given, std::string_view name) {
  const json::value* found = given.find(name);
  return found == nullptr || found->is_null() || *found == json::value("") ? std::string() : json::write(*found);
}

std::optional<original_time> time_in(const json::value& given, std::string_view name) {
  return read_original_time(json::text_of(given, name));
}

std::optional<timestamp> moment_in(const json::value& given, std::string_view name) {
  const auto time = time_in(given, name);
  return time ? std::optional(time->at) : std::nullopt;
}

// In thousandths; nothing if it is no number, or a negative one.
std::optional<json::decimal> thousandths(const json::value& number) {
  if (number.as_int() != nullptr) return json::read_decimal(std::to_string(*number.as_int()), 3);
  if (number.as_number() != nullptr) return json::read_decimal(number.as_number()->text, 3);
  return std::nullopt;
}

milliseconds duration_in(const json::value& of, std::string_view name) {
  const json::value* found = of.find(name);
  const auto given = found == nullptr ? std::nullopt : thousandths(*found);
  return milliseconds{given ? given->value : 0};
}

// The flat figures of the guide, and where they are missing those of the original's `tokens` object.
std::optional<usage> usage_in(const json::value& result) {
  json::object flat;
  const json::value* nested = result.find("tokens");
  for (const auto& [name, in_nested] : {std::pair("tokens_input", "input"),
                                        {"tokens_output", "output"},
                                        {"tokens_cache_read", "cache_read"},
                                        {"tokens_cache_creation", "cache_creation"},
                                        {"tokens_raw_input", "raw_input"}}) {
    const json::value* given = result.find(name);
    if (given == nullptr && nested != nullptr) given = nested->find(in_nested);
    if (given != nullptr) flat.push_back({name, *given});
  }
  return usage_in_telemetry(flat);
}

// A result that Cobatch wrote tells its input without what was read from the cache; in `usage_in_telemetry` that is part of it.
std::optional<usage> own_usage_in(const json::value& result) {
  json::object figures;
  const auto input = json::number_of(result, "tokens_input"), read = json::number_of(result, "tokens_cache_read");
  if (input) figures.push_back({"tokens_input", detail::saturating_add(*input, read.value_or(0))});
  for (const char* name : {"tokens_cache_read", "tokens_output"})
    if (const json::value* given = result.find(name)) figures.push_back({name, *given});
  auto used = usage_in_telemetry(figures);
  if (used && result.find("tokens_complete") != nullptr) used->complete = false;
  return used;
}

// Whether the task's turn loaded its context. The original did not say so, but wrote 0 for a task that found it loaded,
// and where it wrote of the cache, most was read from there then.
bool loaded_context_in(const json::value& result, std::int64_t position, const std::optional<usage>& used) {
  if (const json::value* given = result.find("context_reloaded"); given != nullptr && given->as_bool() != nullptr)
    return *given->as_bool() || position <= 1;
  if (!used) return true;
  const tokens sum = used->total();
  return sum.loaded_input() > 0 && sum.loaded_input() >= sum.cache_read;
}

// True if `ours` says the same: a time in other words, a number with other zeros.
bool says_the_same(const json::value& given, const json::value& ours) {
  if (given == ours) return true;
  if (given.as_string() != nullptr && ours.as_string() != nullptr) {
    const auto one = read_original_time(*given.as_string()), other = read_original_time(*ours.as_string());
    return one && other && one->at == other->at;
  }
  const auto one = thousandths(given), other = thousandths(ours);
  return one && one->exact && one == other;
}

// The members that our record does not show just so.
json::object members_beside(const json::value& given, const json::object& ours) {
  json::object rest;
  for (const auto& member : *given.as_object()) {
    const auto shown = std::find_if(ours.begin(), ours.end(), [&](const auto& one) { return one.name == member.name; });
    if (shown == ours.end() || !says_the_same(member.content, shown->content)) rest.push_back(member);
  }
  return rest;
}

std::string as_extra(json::object members) { return members.empty() ? std::string() : json::write(std::move(members)); }

void add_list(json::object& to, const char* name, json::array list) {
  if (!list.empty()) to.push_back({name, std::move(list)});
}

result<void> check_sizes(const adopted_task& task) {
  const auto check = [](std::string_view what, std::size_t size, std::size_t limit) -> result<void> {
    if (size <= limit) return {};
    return fail(errc::too_large, fmt::format("its {} has {} bytes; the limit is {}", what, size, limit));
  };
  const task_spec& spec = task.task.spec;
  if (auto ok = check("description", spec.description.size(), max_description_bytes); !ok) return ok;
  if (auto ok = check("context", spec.context.size(), max_context_bytes); !ok) return ok;
  if (!task.result) return {};
  const settlement& what = task.result->what;
  return check("result",
               what.output.size() + what.output_summary.size() + what.actions_taken.size() + what.errors.size(),
               max_completion_bytes);
}

// Inside another object than the one it came from, JSON may be nested too deeply.
result<void> check_extra(const std::string& extra) {
  if (extra.empty() || json::parse(extra)) return {};
  return fail(errc::bad_value, "its further members are nested too deeply");
}

class taking {
 public:
  taking(const original_task& original, timestamp now) : original_(original), now_(now) {}

  result<taken_task> run() {
    choose_result();
    const auto state = choose_state();
    if (!state) return fail(state.error());
    out_.as.task.state = *state;
    fill_task();
    if ((!has_ended(*state) || out_.blocked) && is_blank(task().spec.description))
      return fail(errc::bad_value, "it has no description, so nobody could do it");
    if (*state == task_state::done || *state == task_state::error) fill_result();
    fill_extra();
    if (auto ok = check_sizes(out_.as); !ok) return fail(ok.error());
    if (auto ok = check_extra(task().extra); !ok) return fail(ok.error());
    return std::move(out_);
  }

 private:
  task_record& task() { return out_.as.task; }
  [[nodiscard]] const task_record& task() const { return out_.as.task; }

  // What the queue and the latest result say, one after the other; of a member that both have, the queue's is meant.
  [[nodiscard]] std::vector<const json::value*> sources() const {
    std::vector<const json::value*> both;
    if (original_.task != nullptr) both.push_back(&original_.task->content);
    if (result_ != nullptr) both.push_back(&result_->content);
    return both;
  }

  std::optional<timestamp> time_of(const json::value& given, std::string_view name) {
    const auto time = time_in(given, name);
    if (!time) return std::nullopt;
    out_.local_times = out_.local_times || time->local;
    return time->at;
  }

  std::optional<timestamp> first_time(std::initializer_list<std::string_view> names) {
    for (const auto& name : names)
      for (const json::value* source : sources())
        if (const auto time = time_of(*source, name)) return time;
    return std::nullopt;
  }

  void note(std::string_view sentence) { out_.note += fmt::format("{}{}", out_.note.empty() ? "" : " ", sentence); }

  // The latest that says how the task ended.
  void choose_result() {
    const auto moment = [](const original_entry* one) {
      return moment_in(one->content, "completed_at").value_or(timestamp{});
    };
    for (const original_entry* one : original_.results)
      if (end_in(one->content) && (result_ == nullptr || moment(one) >= moment(result_))) result_ = one;
  }

  // False if the task was queued again after it had ended.
  [[nodiscard]] bool result_is_later() const {
    const auto completed = moment_in(result_->content, "completed_at");
    for (const char* name : {"created_at", "started_at", "reset_at"})
      if (const auto since = moment_in(original_.task->content, name); since && completed && *since > *completed)
        return false;
    return true;
  }

  result<task_state> choose_state() {
    if (original_.task == nullptr && result_ == nullptr)
      return fail(unknown_status(original_.results.front()->content));
    if (original_.task == nullptr) return *end_in(result_->content);
    const json::value& given = original_.task->content;
    const auto state = state_named(json::text_of(given, "status"));
    if (!state && given.find("status") != nullptr) return fail(unknown_status(given));
    const bool ended = state && has_ended(*state);
    if (state != task_state::cancelled && result_ != nullptr && (ended || result_is_later()))
      return *end_in(result_->content);
    result_ = nullptr;
    if (ended) return *state;
    if (json::is_true(given, "blocked")) {
      out_.blocked = true;
      note(fmt::format(
          "It was blocked there{}; it is cancelled here, so that nobody does it unasked. To queue it, reset "
          "it (reset_task).",
          reason_for_block(given)));
      return task_state::cancelled;
    }
    if (!state) note("It had no status there; it is queued here.");
    if (state == task_state::in_progress) note("It was in progress there; it is queued here, to be done again.");
    return task_state::queued;
  }

  // " (waits for the owner)"
  static std::string reason_for_block(const json::value& given) {
    const std::string reason = text_in(given, "blocked_reason");
    return reason.empty() ? reason : fmt::format(" ({})", reason);
  }

  static error unknown_status(const json::value& given) {
    const json::value* status = given.find("status");
    return {errc::bad_value, status == nullptr
                                 ? std::string("it has no status")
                                 : fmt::format("its status {} is not one that is known", json::write(*status))};
  }

  void fill_task() {
    task_spec& spec = task().spec;
    spec.id = original_.id;
    for (const json::value* source : sources())
      if (spec.description.empty()) spec.description = text_in(*source, "description");
    if (original_.task != nullptr) fill_from_queue(original_.task->content);
    fill_times();
    fill_batch();
  }

  void fill_from_queue(const json::value& given) {
    task_spec& spec = task().spec;
    spec.context = json_in(given, "context");
    const auto prio = parse_priority(json::text_of(given, "priority"));
    spec.prio = prio.value_or(priority::medium);
    out_.priority_unread = !prio && !json_in(given, "priority").empty();
    const std::string by = json::text_of(given, "assigned_by");
    if (by.size() <= max_id_bytes && is_printable(by)) spec.assigned_by = by;
  }

  void fill_times() {
    if (has_ended(task().state)) {
      auto ended = first_time({name_of_end(), "updated_at"});
      if (!ended && !original_.telemetry.empty()) ended = time_of(original_.telemetry.back()->content, "timestamp");
      if (!ended && !out_.blocked) note("It was not said when it ended; here the time of the import stands for that.");
      task().ended_at = ended.value_or(now_);
      task().started_at = first_time({"started_at"});
      if (!task().started_at && ended) task().started_at = started_before(*ended);
    }
    const auto known = task().started_at ? task().started_at : task().ended_at;
    const auto created = first_time({"created_at"});
    task().created_at = created.value_or(known.value_or(now_));
    const auto stands_there = [](const json::value* source) { return !json_in(*source, "created_at").empty(); };
    const auto all = sources();
    out_.created_unread = !created && std::any_of(all.begin(), all.end(), stands_there);
  }

  [[nodiscard]] const char* name_of_end() const {
    if (out_.blocked) return "blocked_at";
    return task().state == task_state::cancelled ? "cancelled_at" : "completed_at";
  }

  // By how long it took, if that is known and can be.
  [[nodiscard]] std::optional<timestamp> started_before(timestamp ended) const {
    const milliseconds took = duration();
    return took.count() > 0 && took < ended - timestamp{} ? std::optional(ended + -took) : std::nullopt;
  }

  // 0 if it is not known.
  [[nodiscard]] milliseconds duration() const {
    if (result_ == nullptr) return milliseconds{0};
    const milliseconds took = duration_in(result_->content, "execution_time_seconds");
    if (took.count() > 0 || original_.telemetry.empty()) return took;
    return duration_in(original_.telemetry.back()->content, "duration_seconds");
  }

  void fill_batch() {
    bool given = false;
    for (const json::value* source : sources()) {
      const json::value* found = source->find("batch_id");
      given = given || (found != nullptr && !found->is_null() && *found != json::value(""));
      auto batch = batch_id::parse(json::text_of(*source, "batch_id"));
      if (batch && task().batch.empty()) task().batch = std::move(*batch);
      if (const auto position = json::number_of(*source, "batch_position"); position && *position > 0)
        task().position = *position;
    }
    if (!task().batch.empty()) return;
    task().batch = default_batch_id(task().created_at, original_.id);
    if (given) note(fmt::format("Its batch_id cannot be used here; it is in batch {}.", task().batch.str()));
  }

  void fill_result() {
    if (result_ == nullptr) return;
    const json::value& given = result_->content;
    result_record r;
    r.task = original_.id;
    r.batch = task().batch;
    r.position = task().position;
    r.status = task().state;
    r.what.end = r.status == task_state::done ? turn_end::done : turn_end::error;
    r.what.output = text_in(given, "output");
    r.what.output_summary = text_in(given, "output_summary");
    if (json::array_of(given, "actions_taken") != nullptr) r.what.actions_taken = json_in(given, "actions_taken");
    r.what.errors = json_in(given, "errors");
    r.what.used = is_own_result(given) ? own_usage_in(given) : usage_in(given);
    for (const original_entry* one : original_.telemetry)
      if (!r.what.used) r.what.used = usage_in_telemetry(one->content);
    r.completed_at = time_of(given, "completed_at").value_or(*task().ended_at);
    r.duration_ms = duration().count();
    r.loaded_context = loaded_context_in(given, r.position, r.what.used);
    r.fenced = false;
    out_.as.result = std::move(r);
    out_.as.archived = result_->archived;
  }

  void fill_extra() {
    auto& r = out_.as.result;
    if (r) r->extra = as_extra(members_beside(result_->content, result_json(*r, &task())));
    json::object extra;
    if (original_.task != nullptr)
      extra = members_beside(original_.task->content, task_json(task(), r ? &*r : nullptr));
    json::array earlier, telemetry;
    for (const original_entry* one : original_.results)
      if (!r || one != result_) earlier.push_back(one->content);
    for (const original_entry* one : original_.telemetry) telemetry.push_back(one->content);
    add_list(extra, "earlier_results", std::move(earlier));
    add_list(extra, "token_telemetry", std::move(telemetry));
    task().extra = as_extra(std::move(extra));
  }

  const original_task& original_;
  const timestamp now_;
  const original_entry* result_ = nullptr;  // how the task ended, if the files say so
  taken_task out_;
};

}  // namespace

result<taken_task> take_over(const original_task& original, timestamp now) { return taking(original, now).run(); }

}  // namespace cobatch
