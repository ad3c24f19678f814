#include "views/record_json.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cobatch {
namespace {

constexpr std::string_view source_member = "status_source";

json::value text(std::string_view s) {
  return json::value(std::string(s));
}

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

void add_texts(json::object& to, std::string_view name, const std::vector<std::string>& texts) {
  json::array list;
  for (const auto& s : texts) list.emplace_back(s);
  add(to, name, std::move(list));
}

void add_texts_unless_empty(json::object& to, std::string_view name, const std::vector<std::string>& texts) {
  if (!texts.empty()) add_texts(to, name, texts);
}

void add_number(json::object& to, std::string_view name, std::optional<std::int64_t> n) {
  if (n) add(to, name, *n);
}

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

// What both are known to have; nothing if of one it is not known.
std::optional<std::int64_t> sum_of(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  if (!a || !b) return std::nullopt;
  return detail::saturating_add(*a, *b);
}

// What a result's turn used, together with the preamble that was sent right before it.
usage with_preamble(const result_record& r) {
  usage sum = *r.what.used;
  if (!r.preamble_used) return sum;
  const usage& before = *r.preamble_used;
  sum.by_model.insert(sum.by_model.end(), before.by_model.begin(), before.by_model.end());
  sum.complete = sum.complete && before.complete;
  sum.requests = sum_of(sum.requests, before.requests);
  sum.inherited_read = sum_of(sum.inherited_read, before.inherited_read);
  return sum;
}

std::string_view name_of_owner(task_owner owner) {
  return owner == task_owner::manual ? "manual" : "session";
}

// A task without what it was adopted with beyond that.
json::object known_members(const task_record& task, const result_record* r) {
  json::object out;
  add(out, "batch_id", task.batch.str());
  add(out, "task_id", task.spec.id.str());
  add(out, "batch_position", task.position);
  add(out, "status", text(name_of(task.state)));
  add(out, "priority", text(name_of(task.spec.prio)));
  add(out, "created_at", to_iso(task.created_at));
  add_time(out, "started_at", task.started_at);
  add_end_of_task(out, task, r);
  if (r != nullptr) add_all(out, token_members(*r));
  add(out, "description", task.spec.description);
  if (r != nullptr) add_unless_empty(out, "output_summary", r->what.output_summary);
  if (!task.spec.context.empty()) add(out, "context", kept_json(task.spec.context));
  add_unless_empty(out, "assigned_by", task.spec.assigned_by);
  if (task.owner != task_owner::nobody) add(out, "owner", text(name_of_owner(task.owner)));
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
  const usage used = with_preamble(r);
  const tokens sum = used.total();
  const std::int64_t input = sum.loaded_input();
  const bool after_first = r.position > 1;
  const bool loaded = r.loaded_context || r.preamble_used.has_value();
  const auto add_figure = [&](json::object& to, std::string_view name, std::int64_t figure) {
    if (used.says(figure)) add(to, name, figure);
  };
  add_figure(out, "tokens_input", input);
  add_figure(out, "tokens_output", sum.output);
  if (used.knows_cache()) add_figure(out, "tokens_cache_read", sum.cache_read);
  if (after_first && !loaded)
    add(out, "tokens_input_guide", 0);
  else
    add_figure(out, "tokens_input_guide", input);
  add(out, "context_reloaded", after_first && loaded);
  add(out, "tokens_source", text(name_of(used.source)));
  if (!used.complete) add(out, "tokens_complete", false);
  if (r.preamble_used)
    if (const auto told = r.preamble_used->total().loaded_input(); r.preamble_used->says(told))
      add(out, "tokens_preamble_input", told);
  add_number(out, "tokens_requests", used.requests);
  add_number(out, "tokens_inherited", used.inherited_read);
  json::object nested;
  add_figure(nested, "input", input);
  add_figure(nested, "output", sum.output);
  if (used.says(input) && used.says(sum.output)) add(nested, "total", detail::saturating_add(input, sum.output));
  if (used.knows_cache()) add_figure(nested, "cache_read", sum.cache_read);
  add(out, "tokens", std::move(nested));
  return out;
}

json::object condition_members(const task_spec& task) {
  json::object out;
  json::array needs;
  for (const auto& need : task.needs) needs.emplace_back(need.str());
  if (!needs.empty()) add(out, "needs", std::move(needs));
  add_texts_unless_empty(out, "check", task.check);
  add_unless_empty(out, "model", task.model);
  add_texts_unless_empty(out, "tools", task.tools);
  if (task.limit.count() != 0) add(out, "time_limit_seconds", json::decimal_value(task.limit.count(), 3));
  return out;
}

json::object setting_members(const batch_record& batch) {
  json::object out;
  const batch_settings& said = batch.settings;
  add_unless_empty(out, "model", said.model);
  if (said.way) add(out, "way", text(name_of(*said.way)));
  if (said.on_error) add(out, "on_error", text(name_of(*said.on_error)));
  if (said.budget) add(out, "budget", budget_json(*said.budget));
  if (batch.has_preamble) add(out, "preamble", true);
  return out;
}

json::object change_members(const work_changes& changes) {
  json::object out;
  add_texts(out, "files_changed", changes.files);
  add_texts(out, "commits", changes.commits);
  if (!changes.complete) add(out, "changes_complete", false);
  return out;
}

json::object result_json(const result_record& r, const task_record* task) {
  json::object figures = token_members(r);
  const auto others = std::stable_partition(figures.begin(), figures.end(), [](const json::member& figure) {
    return figure.name == "tokens_input" || figure.name == "tokens_output";
  });
  json::object out;
  add(out, "status", text(name_of(r.status)));
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
  add(out, source_member, text(name_of(r.what.source)));
  add_unless_empty(out, "reason", r.what.reason);
  add_unless_empty(out, "detail", r.what.detail);
  if (r.what.changes) add_all(out, change_members(*r.what.changes));
  add(out, "session", r.session.value);
  add(out, "turn", r.turn.value);
  add_extra(out, r.extra);
  return out;
}

bool knows_duration(const result_record& r) {
  return r.turn != turn_no{} || r.duration_ms > 0;
}

bool is_own_result(const json::value& told) {
  return told.find(source_member) != nullptr;
}

json::object batch_json(const batch_record& batch) {
  json::object out;
  add(out, "batch_id", batch.id.str());
  add(out, "state", text(name_of(batch.state)));
  add(out, "round", batch.round);
  add_unless_empty(out, "agent", batch.agent);
  add_all(out, setting_members(batch));
  add(out, "priority", text(name_of(batch.prio)));
  add(out, "tasks", tally_json(batch.tally));
  add(out, "created_at", to_iso(batch.created_at));
  add(out, "last_assign_at", to_iso(batch.last_assign_at));
  add_time(out, "sealed_at", batch.sealed_at);
  add(out, "lingers", batch.lingers);
  add(out, "fruitless_sessions", batch.fruitless_sessions);
  add_unless_empty(out, "hold_reason", batch.hold_reason);
  add_time(out, "held_until", batch.held_until);
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
  if (session.end) add(out, "end", text(name_of(*session.end)));
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

json::object turn_json(const turn_record& turn) {
  json::object out;
  add(out, "session", turn.session.value);
  add(out, "turn", turn.turn.value);
  if (turn.task.empty()) {
    add(out, "preamble", true);
    add(out, "batch_id", turn.batch.str());
  } else {
    add(out, "task_id", turn.task.str());
    add(out, "batch_id", turn.batch.str());
    add(out, "batch_position", turn.position);
  }
  add(out, "attempt", turn.attempt);
  add(out, "process", turn.process);
  add(out, "process_turn", turn.process_turn);
  add(out, "loaded_context", turn.loaded_context);
  add_unless_empty(out, "conversation", turn.conversation);
  add(out, "started_at", to_iso(turn.started_at));
  add_time(out, "ended_at", turn.ended_at);
  if (turn.end) add(out, "end", text(name_of(*turn.end)));
  add_unless_empty(out, "reason", turn.reason);
  add_unless_empty(out, "detail", turn.detail);
  if (turn.recovered) add(out, "recovered", true);
  if (turn.used) add(out, "usage", usage_json(*turn.used));
  if (turn.changes) add(out, "changes", change_members(*turn.changes));
  return out;
}

json::object tokens_json(const tokens& count) {
  return {{"uncached_input", count.uncached_input},
          {"cache_write_5m", count.cache_write_5m},
          {"cache_write_1h", count.cache_write_1h},
          {"cache_read", count.cache_read},
          {"output", count.output},
          {"reasoning", count.reasoning}};
}

json::object known_tokens_json(const tokens& count, bool complete, bool knows_cache) {
  json::object out = tokens_json(count);
  std::erase_if(out, [&](const json::member& figure) {
    if (figure.content != json::value(0)) return false;
    return !complete || (figure.name.starts_with("cache_") && !knows_cache);
  });
  return out;
}

json::object usage_json(const usage& used) {
  json::array models;
  for (const auto& entry : used.by_model) {
    json::object one;
    add_unless_empty(one, "model", entry.model);
    add_all(one, known_tokens_json(entry.count, used.complete, used.knows_cache()));
    models.push_back(std::move(one));
  }
  json::object out = known_tokens_json(used.total(), used.complete, used.knows_cache());
  add(out, "source", text(name_of(used.source)));
  add(out, "complete", used.complete);
  add_number(out, "requests", used.requests);
  add_number(out, "inherited_read", used.inherited_read);
  add(out, "by_model", std::move(models));
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
  milliseconds = std::max<std::int64_t>(milliseconds, 0);  // a clock may be set back while a turn runs
  const std::int64_t whole = milliseconds / 1000;
  const std::string fraction = std::to_string(1000 + milliseconds % 1000).substr(1);
  return json::number{std::to_string(whole) + "." + fraction};
}

}  // namespace cobatch
