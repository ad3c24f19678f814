// Outcomes and whole stores as text, so that two can be compared and a difference can be read.
#pragma once

#include <optional>
#include <sstream>
#include <string>

#include "conformance/world.hpp"
#include "store/store.hpp"

namespace cobatch_test {

inline std::string text_of(const std::optional<timestamp>& t) { return t ? std::to_string(t->ms) : "-"; }

inline std::string text_of(const task_tally& tally) {
  std::string out;
  for (const auto n : tally.by_state) out += "/" + std::to_string(n);
  return out;
}

inline std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ",") + text;
  return "[" + out + "]";
}

inline std::string text_of(const batch_settings& s) {
  std::ostringstream out;
  out << "model '" << s.model << "' way " << (s.way ? name_of(*s.way) : "-") << " on error "
      << (s.on_error ? name_of(*s.on_error) : "-") << " budget ";
  if (s.budget) out << s.budget->nano_dollars << "," << s.budget->tokens << "," << s.budget->time.count();
  return out.str();
}

inline std::string text_of(const preamble& p) { return "preamble '" + p.text + "' " + joined(p.files); }

inline std::string text_of(const batch_record& b) {
  std::ostringstream out;
  out << "batch " << b.id.str() << " " << name_of(b.state) << " round " << b.round << " agent " << b.agent << " prio "
      << name_of(b.prio) << " tally" << text_of(b.tally) << " lingers " << b.lingers << " fruitless "
      << b.fruitless_sessions << " held " << b.hold_reason << " until " << text_of(b.held_until) << " created "
      << b.created_at.ms << " assigned " << b.last_assign_at.ms << " sealed " << text_of(b.sealed_at) << " "
      << text_of(b.settings) << " preamble " << b.has_preamble;
  return out.str();
}

inline std::string text_of(const task_record& t) {
  std::ostringstream out;
  std::vector<std::string> needs;
  for (const auto& need : t.spec.needs) needs.push_back(need.str());
  out << "task " << t.spec.id.str() << " '" << t.spec.description << "' '" << t.spec.context << "' "
      << name_of(t.spec.prio) << " by '" << t.spec.assigned_by << "' most " << t.spec.max_attempts << " in "
      << t.batch.str() << " at " << t.position << " round " << t.round << " " << name_of(t.state) << " owner "
      << static_cast<int>(t.owner) << " counts " << t.counts.attempts << "+" << t.counts.interruptions << " turn "
      << t.session.value << "." << t.turn.value << " created " << t.created_at.ms << " started "
      << text_of(t.started_at) << " ended " << text_of(t.ended_at) << " reason '" << t.reason << "' needs "
      << joined(needs) << " check " << joined(t.spec.check) << " model '" << t.spec.model << "' tools "
      << joined(t.spec.tools) << " limit " << t.spec.limit.count() << " extra " << t.extra;
  return out.str();
}

inline std::string text_of(const std::optional<usage>& used) {
  if (!used) return "no usage";
  std::ostringstream out;
  out << name_of(used->source) << (used->complete ? "" : " at least");
  for (const auto& [model, n, largest] : used->by_model)
    out << " " << model << " largest " << largest << " " << n.uncached_input << "," << n.cache_write_5m << ","
        << n.cache_write_1h << "," << n.cache_read << "," << n.output << "," << n.reasoning;
  out << " requests " << used->requests.value_or(-1) << " inherited " << used->inherited_read.value_or(-1);
  return out.str();
}

inline std::string text_of(const std::optional<work_changes>& changes) {
  if (!changes) return "no changes known";
  return "changes " + joined(changes->files) + joined(changes->commits) + (changes->complete ? "" : " at least");
}

inline std::string text_of(const turn_record& t) {
  std::ostringstream out;
  out << "turn " << t.session.value << "." << t.turn.value << " of " << t.task.str() << " in " << t.batch.str()
      << " at " << t.position << " attempt " << t.attempt << " process " << t.process << "." << t.process_turn
      << " from " << t.started_at.ms << " to " << text_of(t.ended_at) << " end " << (t.end ? name_of(*t.end) : "-")
      << " reason '" << t.reason << "' detail '" << t.detail << "' recovered " << t.recovered << " " << text_of(t.used)
      << " loaded " << t.loaded_context << " conversation '" << t.conversation << "' " << text_of(t.changes);
  return out.str();
}

inline std::string text_of(const session_record& s) {
  std::ostringstream out;
  out << "session " << s.id.value << " " << s.batch.str() << " round " << s.round << " agent " << s.agent << " "
      << (s.phase == session_phase::live ? "live" : "ended") << " owner " << s.owner.boot_id << ":"
      << s.owner.pid_namespace << ":" << s.owner.pid << ":" << s.owner.start_time << " from " << s.started_at.ms
      << " to " << text_of(s.ended_at) << " end " << (s.end ? name_of(*s.end) : "-") << " '" << s.end_detail
      << "' settled " << s.turns_settled << " asked " << s.end_requested << " about " << s.about.version << ","
      << s.about.model << "," << s.about.billing;
  if (s.pause) out << " rests until " << s.pause->until.ms << " '" << s.pause->reason << "'";
  return out.str();
}

inline std::string text_of(const result_record& r) {
  std::ostringstream out;
  out << "result of " << r.task.str() << " in " << r.batch.str() << " at " << r.position << " turn " << r.session.value
      << "." << r.turn.value << " " << name_of(r.status) << " " << name_of(r.what.end) << " '" << r.what.reason << "' '"
      << r.what.detail << "' " << name_of(r.what.source) << " '" << r.what.output << "' '" << r.what.output_summary
      << "' '" << r.what.actions_taken << "' '" << r.what.errors << "' " << text_of(r.what.used) << " at "
      << r.completed_at.ms << " took " << r.duration_ms << " loaded " << r.loaded_context << " conversation '"
      << r.what.conversation << "' " << text_of(r.what.changes) << " preamble: " << text_of(r.preamble_used)
      << " fenced " << r.fenced << " extra " << r.extra;
  return out.str();
}

template <class T>
std::string text_of(const std::optional<T>& found) {
  return found ? text_of(*found) : "none";
}

template <class T>
std::string lines_of(const std::vector<T>& all) {
  std::string out;
  for (const auto& one : all) out += text_of(one) + "\n";
  return out;
}

inline std::string text_of(const assign_outcome& o) {
  std::ostringstream out;
  out << "assign " << static_cast<int>(o.what) << " next " << o.next_round << " sealed " << o.sealed_now << "\n"
      << text_of(o.batch) << "\nconflict " << text_of(o.conflict) << "\nunknown " << o.unknown_need.str() << "\n";
  for (const auto& t : o.tasks)
    out << t.id.str() << " " << t.position << " " << name_of(t.state) << " " << t.duplicate << "\n";
  return out.str();
}

inline std::string text_of(const seal_outcome& o) {
  return "seal " + std::to_string(static_cast<int>(o.what)) + " " + text_of(o.batch);
}

inline std::string text_of(const execute_outcome& o) {
  return "execute " + std::to_string(static_cast<int>(o.what)) + " live " + text_of(o.live) + "\nrunnable\n" +
         lines_of(o.runnable) + "open\n" + lines_of(o.left_open);
}

inline std::string text_of(const claim_outcome& o) {
  return "claim " + std::to_string(static_cast<int>(o.what)) + " " + text_of(o.session) + "\n" + text_of(o.batch);
}

inline std::string text_of(const begin_outcome& o) {
  return "begin " + std::to_string(static_cast<int>(o.what)) + " " + text_of(o.turn) + "\n" + text_of(o.task) +
         "\nbefore " + text_of(o.previous);
}

inline std::string text_of(const settle_outcome& o) {
  return "settle " + std::to_string(static_cast<int>(o.what)) + " " + text_of(o.turn) + "\n" + text_of(o.task);
}

inline std::string text_of(const end_outcome& o) {
  return "end " + std::to_string(static_cast<int>(o.what)) + " " + text_of(o.session) + "\n" + text_of(o.batch);
}

inline std::string text_of(const task_outcome& o) {
  return "task " + std::to_string(static_cast<int>(o.what)) + " " + std::string(name_of(o.code)) + " was " +
         std::string(name_of(o.before)) + " " + text_of(o.task) + " need " + o.need.str();
}

inline std::string text_of(const retry_outcome& o) {
  std::string out = "retry " + std::to_string(static_cast<int>(o.what)) + " " + text_of(o.batch);
  for (const auto& id : o.tasks) out += "\nagain " + id.str();
  for (const auto& id : o.left) out += "\nleft " + id.str();
  return out;
}

inline std::string text_of(const begin_called_outcome& o) {
  return "begin called " + std::to_string(static_cast<int>(o.what)) + " " + std::string(name_of(o.code)) + " " +
         text_of(o.turn) + "\n" + text_of(o.task) + " need " + o.need.str();
}

inline std::string text_of(const complete_called_outcome& o) {
  return "complete called " + std::to_string(static_cast<int>(o.what)) + " " + std::string(name_of(o.code)) + " " +
         text_of(o.turn) + "\n" + text_of(o.task) + " need " + o.need.str();
}

inline std::string text_of(const adopt_outcome& o) {
  return "adopt " + std::to_string(static_cast<int>(o.what)) + " " + std::string(name_of(o.code)) + " " +
         text_of(o.task);
}

inline std::string text_of(const std::vector<adopt_outcome>& all) {
  std::string out;
  for (const auto& one : all) out += text_of(one) + "\n";
  return out;
}

inline std::string text_of(bool yes) { return yes ? "yes" : "no"; }

/// An answer of any command.
template <class T>
std::string text_of(const result<T>& answer) {
  return answer ? text_of(*answer) : "error " + std::string(name_of(answer.error().code));
}

/// The first line in which two texts differ; empty if they are equal.
inline std::string first_difference(const std::string& a, const std::string& b) {
  std::istringstream left(a), right(b);
  for (std::string x, y;;) {
    const bool more_left = static_cast<bool>(std::getline(left, x));
    const bool more_right = static_cast<bool>(std::getline(right, y));
    if (!more_left && !more_right) return {};
    if (more_left != more_right || x != y) return (more_left ? x : "(end)") + "\n" + (more_right ? y : "(end)");
  }
}

/// Everything a store tells of itself, by every way of asking that has a filter of its own.
inline std::string state_of(store& s, const std::vector<batch_id>& batches, std::int64_t epochs) {
  std::string out;
  const auto all = must(s.read_overview());
  out += "tally" + text_of(all.tally) + " live " + text_of(all.live) + "\n" + lines_of(all.unfinished);
  out += lines_of(must(s.list_batches({}))) + lines_of(must(s.list_sessions({})));
  for (const auto state : {batch_state::sealed, batch_state::finished})
    out += std::string(name_of(state)) + "\n" + lines_of(must(s.list_batches({state, {}, 1000})));
  out += lines_of(must(s.list_tasks({})));
  for (const auto state : {task_state::queued, task_state::in_progress, task_state::error})
    out += std::string(name_of(state)) + "\n" + lines_of(must(s.list_tasks({{}, state, 0, 1000})));
  out += lines_of(must(s.list_turns({})));
  for (const auto& id : batches) {
    out += text_of(must(s.find_preamble(id))) + "\n";
    out += text_of(must(s.find_batch(id))) + "\n" + lines_of(must(s.list_tasks({id, {}, 1, 5})));
    out += lines_of(must(s.list_batches({{}, id, 3}))) + lines_of(must(s.list_batches({{}, id, 3, true})));
    out += lines_of(must(s.list_sessions({id, epoch{2}, 5})));
    turn_filter filter;
    filter.batch = id;
    out += lines_of(must(s.list_turns(filter)));
  }
  for (const auto& task : must(s.list_tasks({}))) {
    out += text_of(must(s.find_result(task.spec.id))) + "\n";
    turn_filter filter;
    filter.task = task.spec.id;
    filter.limit = 2;
    out += lines_of(must(s.list_turns(filter)));
  }
  for (std::int64_t e = 1; e <= epochs; ++e) out += text_of(must(s.find_session(epoch{e}))) + "\n";
  for (const auto& filter : {result_filter{}, result_filter{{}, false, 3}, result_filter{batches.front(), true, 1000}})
    out += "results\n" + lines_of(must(s.list_results(filter)));
  for (const std::size_t limit : {0U, 3U, 1000U}) {
    const auto views = must(s.read_views(limit));
    out += "views\n" + lines_of(views.tasks) + lines_of(views.results);
  }
  return out;
}

}  // namespace cobatch_test
