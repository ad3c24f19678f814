#include "views/record_json.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cobatch/core/ledger.hpp>

namespace cobatch {
namespace {

constexpr std::string_view source_member = "status_source";

void add(json::object& to, std::string_view name, json::value content) {
  to.push_back({std::string(name), std::move(content)});
}

void add_unless_empty(json::object& to, std::string_view name, const std::string& s) {
  if (!s.empty()) add(to, name, s);
}

void add_time(json::object& to, std::string_view name, std::optional<timestamp> t) {
  if (t) add(to, name, to_iso(*t));
}

void add_all(json::object& to, json::object members) {
  for (auto& m : members) to.push_back(std::move(m));
}

json::array as_json(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

void add_duration(json::object& to, const result_record& r) {
  if (knows_duration(r)) add(to, "execution_time_seconds", seconds_json(r.duration_ms));
}

void add_end_of_task(json::object& to, const task_record& task, const result_record* r) {
  if (task.state == task_state::cancelled) {
    add_time(to, "cancelled_at", task.ended_at);
  } else if (r == nullptr) {
    add_time(to, "completed_at", task.ended_at);
  } else {
    add(to, "completed_at", to_iso(r->completed_at));
    add_duration(to, *r);
  }
}

// What a record was adopted with beyond what we know; none of it takes the place of a member of ours.
void add_extra(json::object& to, const std::string& extra) {
  const auto kept = extra.empty() ? json::value() : json::parse(extra).value_or(json::value());
  if (kept.as_object() == nullptr) return;
  const auto ours = static_cast<std::ptrdiff_t>(to.size());
  for (const auto& member : *kept.as_object())
    if (std::none_of(to.begin(), to.begin() + ours, [&](const auto& one) { return one.name == member.name; }))
      to.push_back(member);
}

json::object budget_json(const spending_cap& cap) {
  json::object out;
  if (cap.nano_dollars != 0) add(out, "usd", json::decimal_value(cap.nano_dollars, 9));
  if (cap.tokens != 0) add(out, "tokens", cap.tokens);
  // To 10^-9 minutes, which is finer than the milliseconds that are kept.
  if (cap.time.count() != 0) add(out, "minutes", json::decimal_value((cap.time.count() * 100'000 + 3) / 6, 9));
  if (cap.allow_unknown) add(out, "unknown", "allow");
  return out;
}

json::object about_json(const agent_facts& about) {
  json::object out;
  add_unless_empty(out, "version", about.version);
  add_unless_empty(out, "model", about.model);
  add_unless_empty(out, "billing", about.billing);
  return out;
}

// A task without what it was adopted with beyond that.
json::object known_members(const task_record& task, const result_record* r) {
  json::object out;
  add(out, "batch_id", task.batch.str());
  add(out, "task_id", task.spec.id.str());
  add(out, "batch_position", task.position);
  add(out, "status", name_of(task.state));
  add(out, "priority", name_of(task.spec.prio));
  add(out, "created_at", to_iso(task.created_at));
  add_time(out, "started_at", task.started_at);
  add_end_of_task(out, task, r);
  if (r != nullptr) add_all(out, token_members(*r));
  add(out, "description", task.spec.description);
  if (r != nullptr) add_unless_empty(out, "output_summary", r->what.output_summary);
  if (!task.spec.context.empty()) add(out, "context", kept_json(task.spec.context));
  add_unless_empty(out, "assigned_by", task.spec.assigned_by);
  if (task.owner != task_owner::nobody) add(out, "owner", task.owner == task_owner::manual ? "manual" : "session");
  add(out, "attempts", task.counts.attempts);
  add(out, "interruptions", task.counts.interruptions);
  add(out, "max_attempts", task.spec.max_attempts);
  add_all(out, condition_members(task.spec));
  add_unless_empty(out, "reason", task.reason);
  add(out, "round", task.round);
  if (task.session.value != 0) add(out, "session", task.session.value);
  if (task.turn.value != 0) add(out, "turn", task.turn.value);
  return out;
}

}  // namespace

json::object task_json(const task_record& task, const result_record* r) {
  json::object out = known_members(task, r);
  add_extra(out, task.extra);
  return out;
}

json::object extra_members(const task_record& task, const result_record* r) {
  if (task.extra.empty()) return {};
  json::object all = known_members(task, r);
  const auto known = static_cast<std::ptrdiff_t>(all.size());
  add_extra(all, task.extra);
  all.erase(all.begin(), all.begin() + known);
  return all;
}

json::object token_members(const result_record& r) {
  json::object out;
  if (!r.what.used) return out;
  account sum;
  add_result(sum, r);
  const std::int64_t input = sum.used.loaded_input();
  const bool after_first = r.position > 1;
  const bool loaded = r.loaded_context || r.preamble_used.has_value();
  const auto add_figure = [&](json::object& to, std::string_view name, std::int64_t figure) {
    if (sum.says(figure)) add(to, name, figure);
  };
  add_figure(out, "tokens_input", input);
  add_figure(out, "tokens_output", sum.used.output);
  if (!sum.cache_unknown) add_figure(out, "tokens_cache_read", sum.used.cache_read);
  if (after_first && !loaded)
    add(out, "tokens_input_guide", 0);
  else
    add_figure(out, "tokens_input_guide", input);
  add(out, "context_reloaded", after_first && loaded);
  add(out, "tokens_source", name_of(r.what.used->source));
  if (!sum.complete) add(out, "tokens_complete", false);
  if (r.preamble_used)
    if (const auto its = r.preamble_used->total().loaded_input(); r.preamble_used->says(its))
      add(out, "tokens_preamble_input", its);
  if (sum.requests) add(out, "tokens_requests", *sum.requests);
  if (sum.inherited_read) add(out, "tokens_inherited", *sum.inherited_read);
  json::object nested;
  add_figure(nested, "input", input);
  add_figure(nested, "output", sum.used.output);
  if (sum.says(input) && sum.says(sum.used.output))
    add(nested, "total", detail::saturating_add(input, sum.used.output));
  if (!sum.cache_unknown) add_figure(nested, "cache_read", sum.used.cache_read);
  add(out, "tokens", std::move(nested));
  return out;
}

json::object condition_members(const task_spec& task) {
  json::object out;
  json::array needs;
  for (const auto& need : task.needs) needs.emplace_back(need.str());
  if (!needs.empty()) add(out, "needs", std::move(needs));
  if (!task.check.empty()) add(out, "check", as_json(task.check));
  add_unless_empty(out, "model", task.model);
  if (!task.tools.empty()) add(out, "tools", as_json(task.tools));
  if (task.limit.count() != 0) add(out, "time_limit_seconds", json::decimal_value(task.limit.count(), 3));
  return out;
}

json::object setting_members(const batch_record& batch) {
  json::object out;
  const batch_settings& said = batch.settings;
  add_unless_empty(out, "model", said.model);
  if (said.way) add(out, "way", name_of(*said.way));
  if (said.on_error) add(out, "on_error", name_of(*said.on_error));
  if (said.budget) add(out, "budget", budget_json(*said.budget));
  if (batch.has_preamble) add(out, "preamble", true);
  return out;
}

json::object change_members(const work_changes& changes) {
  json::object out;
  add(out, "files_changed", as_json(changes.files));
  add(out, "commits", as_json(changes.commits));
  if (!changes.complete) add(out, "changes_complete", false);
  return out;
}

json::object result_json(const result_record& r, const task_record* task) {
  json::object figures = token_members(r);
  const auto others = std::stable_partition(figures.begin(), figures.end(), [](const json::member& figure) {
    return figure.name == "tokens_input" || figure.name == "tokens_output";
  });
  json::object out;
  add(out, "status", name_of(r.status));
  add(out, "task_id", r.task.str());
  std::move(figures.begin(), others, std::back_inserter(out));
  add(out, "batch_id", r.batch.str());
  add(out, "batch_position", r.position);
  std::move(others, figures.end(), std::back_inserter(out));
  add(out, "completed_at", to_iso(r.completed_at));
  add_duration(out, r);
  if (task != nullptr) add(out, "description", task->spec.description);
  add(out, "output_summary", r.what.output_summary);
  add(out, "output", r.what.output);
  add(out, "actions_taken", kept_json(r.what.actions_taken, json::array{}));
  add(out, "errors", kept_json(r.what.errors));
  add(out, source_member, name_of(r.what.source));
  add_unless_empty(out, "reason", r.what.reason);
  add_unless_empty(out, "detail", r.what.detail);
  if (r.what.changes) add_all(out, change_members(*r.what.changes));
  add(out, "session", r.session.value);
  add(out, "turn", r.turn.value);
  add_extra(out, r.extra);
  return out;
}

bool knows_duration(const result_record& r) { return r.turn != turn_no{} || r.duration_ms > 0; }

bool is_own_result(const json::value& told) { return told.find(source_member) != nullptr; }

json::object batch_json(const batch_record& batch, bool cut_off) {
  json::object out{{"batch_id", batch.id.str()}, {"batch_status", name_of(batch.state)}};
  if (cut_off && is_worked(batch.state)) add(out, "cut_off", true);
  add(out, "round", batch.round);
  add_unless_empty(out, "agent", batch.agent);
  add_all(out, setting_members(batch));
  add(out, "priority", name_of(batch.prio));
  add(out, "created_at", to_iso(batch.created_at));
  add(out, "last_assign_at", to_iso(batch.last_assign_at));
  add_time(out, "sealed_at", batch.sealed_at);
  add_unless_empty(out, "hold_reason", batch.hold_reason);
  add_time(out, "held_until", batch.held_until);
  add(out, "tally", tally_json(batch.tally));
  return out;
}

json::object session_json(const session_record& session) {
  json::object out;
  add(out, "session", session.id.value);
  add(out, "batch_id", session.batch.str());
  add(out, "round", session.round);
  add(out, "agent", session.agent);
  add(out, "phase", session.phase == session_phase::live ? "live" : "ended");
  add(out, "started_at", to_iso(session.started_at));
  add_time(out, "ended_at", session.ended_at);
  if (session.end) add(out, "end", name_of(*session.end));
  add_unless_empty(out, "end_detail", session.end_detail);
  add(out, "turns_settled", session.turns_settled);
  add(out, "end_requested", session.end_requested);
  if (session.pause) {
    add(out, "paused_until", to_iso(session.pause->until));
    add_unless_empty(out, "pause_reason", session.pause->reason);
  }
  if (auto about = about_json(session.about); !about.empty()) add(out, "about", std::move(about));
  if (session.owner.known()) add(out, "pid", session.owner.pid);
  return out;
}

json::object known_tokens_json(const tokens& count, bool complete, bool knows_cache) {
  json::object out{{"uncached_input", count.uncached_input},
                   {"cache_write_5m", count.cache_write_5m},
                   {"cache_write_1h", count.cache_write_1h},
                   {"cache_read", count.cache_read},
                   {"output", count.output},
                   {"reasoning", count.reasoning}};
  std::erase_if(out, [&](const json::member& figure) {
    if (figure.content != json::value(0)) return false;
    return !complete || (figure.name.starts_with("cache_") && !knows_cache);
  });
  return out;
}

json::object tally_json(const task_tally& tally) {
  json::object out;
  for (std::size_t i = 0; i < task_state_count; ++i) {
    const auto state = static_cast<task_state>(i);
    add(out, name_of(state), tally[state]);
  }
  add(out, "total", tally.total());
  return out;
}

json::array warnings_json(std::span<const warning> warnings) {
  json::array out;
  for (const auto& w : warnings) out.push_back(json::object{{"code", w.code}, {"message", w.message}});
  return out;
}

json::value kept_json(const std::string& kept, json::value if_empty) {
  if (kept.empty()) return if_empty;
  auto parsed = json::parse(kept);
  return parsed ? std::move(*parsed) : json::value(kept);
}

json::value seconds_json(std::int64_t milliseconds) {
  // A clock may be set back while a turn runs.
  return json::number{json::write_decimal(std::max<std::int64_t>(milliseconds, 0), 3, 3)};
}

}  // namespace cobatch
