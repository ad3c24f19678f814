#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include <cobatch/core/savings.hpp>

#include "program/foreground.hpp"

namespace cobatch::program {

namespace {

constexpr std::size_t said_width = 60;

std::string mark_of(turn_end end, const palette& paint) {
  switch (end) {
    case turn_end::done: return paint.good("done");
    case turn_end::stopped:
    case turn_end::cancelled: return paint.note(name_of(end));
    default: return paint.bad(name_of(end));
  }
}

std::string seconds_of(const turn_record& turn) {
  if (!turn.ended_at) return "";
  return fmt::format(", {:.1f} s", static_cast<double>((*turn.ended_at - turn.started_at).count()) / 1000.0);
}

std::string line_of(const turn_record& turn) {
  if (turn.task.empty()) return "      the preamble";
  const std::string again = turn.attempt > 1 ? fmt::format(" (attempt {})", turn.attempt) : "";
  return fmt::format("{:>4}  {}{}", turn.position, shortened(turn.task.str(), id_width), again);
}

}  // namespace

std::string tokens_text(const tokens& used, bool complete) {
  std::vector<std::string> parts;
  const auto add = [&](std::int64_t figure, std::string_view name) {
    parts.push_back(fmt::format("{} {}", guide_tokens(figure), name));
  };
  if (complete || used.loaded_input() > 0) add(used.loaded_input(), "in");
  if (complete || used.output > 0) add(used.output, "out");
  if (used.cache_read > 0) add(used.cache_read, "from cache");
  if (parts.empty()) return "unknown";
  return fmt::format("{}{}", complete ? "" : "at least ", fmt::join(parts, ", "));
}

std::string money_text(std::int64_t nano_dollars) {
  return fmt::format("${:.4f}", static_cast<double>(nano_dollars) / 1e9);
}

std::string_view price_basis(std::string_view billing) {
  return billing.starts_with("a login") ? "at API list prices (not billed under a subscription)" : "at list prices";
}

void progress_printer::on_event(const event& happened) {
  using kind = event::kind;
  switch (happened.what) {
    case kind::session_started: return session_started(*happened.session, *happened.batch);
    case kind::turn_started: return turn_started(*happened.turn);
    case kind::progress: return;  // the agent's own language; what it does is told by its tools
    case kind::turn_ended: return turn_ended(*happened.turn, happened.task);
    case kind::session_ended: return session_ended(*happened.session);
    case kind::recovered:
      return print(fmt::format("session {} of batch {} had died; its turns are settled, its tasks go on",
                               happened.session->id.value, one_line(happened.session->batch.str())));
    case kind::waiting: return print(paint_.note("waiting: " + one_line(happened.text)));
    case kind::trouble: return print(paint_.bad("trouble: " + one_line(happened.text)));
    case kind::tool:
      if (live_) redraw(fmt::format("{}  {}", current_, paint_.faint(shortened(happened.text, said_width))));
      return;
    case kind::agent_known: return agent_known(happened.about);
    case kind::notice: return print(paint_.note("note: " + one_line(happened.text)));
    case kind::prompt:
      if (show_prompts_) print(paint_.strong("sent to the agent:") + "\n" + many_lines(happened.text));
      return;
    case kind::paused:
      return print(paint_.note(fmt::format("waits until {}: {}; then it goes on by itself, and no attempt is charged",
                                           to_iso_seconds(*happened.until), one_line(happened.text))));
    case kind::resumed: return print("goes on");
    case kind::changed:
    case kind::dropped: return;  // a feed's
  }
}

void progress_printer::session_started(const session_record& session, const batch_record& batch) {
  total_ = batch.tally.total();
  ended_ = total_ - live_tasks(batch);
  sum_ = {};
  cost_ = {};
  billing_.clear();
  print(fmt::format("{} {}, batch {}, agent {}", paint_.strong("session"), session.id.value,
                    one_line(session.batch.str()), one_line(session.agent)));
}

void progress_printer::turn_started(const turn_record& turn) {
  total_ = std::max(total_, turn.position);
  current_ = bar() + line_of(turn);
  if (live_) redraw(current_);
}

void progress_printer::turn_ended(const turn_record& turn, const std::optional<task_record>& task) {
  if (task && has_ended(task->state)) ++ended_;
  add_turn(sum_, turn);
  if (turn.used) add_cost(*turn.used);
  const turn_end end = turn.end.value_or(turn_end::broke);
  std::string line = fmt::format("{}  {}{}", line_of(turn), mark_of(end, paint_), seconds_of(turn));
  if (turn.used && turn.used->total() != tokens{}) line += ": " + tokens_text(turn.used->total(), turn.used->complete);
  line += paint_.faint(used_so_far());
  if (end != turn_end::done && !turn.detail.empty()) line += "\n      " + one_line(turn.detail);
  if (end != turn_end::done && task && !has_ended(task->state)) line += "\n      the task goes back to the queue";
  print(line);
}

void progress_printer::agent_known(const agent_facts& about) {
  billing_ = about.billing;
  std::string line = "agent:";
  if (!about.version.empty()) line += fmt::format(" version {},", one_line(about.version));
  if (!about.model.empty()) line += fmt::format(" model {},", one_line(about.model));
  if (!about.billing.empty()) line += fmt::format(" paid by {},", one_line(about.billing));
  line.pop_back();
  print(paint_.faint(line));
}

void progress_printer::add_cost(const usage& used) {
  if (!prices_) return;
  const auto cost = prices_->cost_of(used.by_model);
  cost_.add(cost);
  if (!cost && unpriced_.insert(cost.error().message).second)
    print(paint_.note("note: " + one_line(cost.error().message)));
}

std::string progress_printer::bar() const {
  constexpr std::int64_t width = 10;
  const std::int64_t filled = total_ == 0 ? 0 : std::min(ended_, total_) * width / total_;
  return fmt::format("[{}{}] {}/{} ", std::string(static_cast<std::size_t>(filled), '#'),
                     std::string(static_cast<std::size_t>(width - filled), '.'), ended_, total_);
}

void progress_printer::session_ended(const session_record& session) {
  std::string line = fmt::format("{} {} ended: {}", paint_.strong("session"), session.id.value,
                                 session.end ? name_of(*session.end) : "unknown");
  if (!session.end_detail.empty()) line += " (" + one_line(session.end_detail) + ")";
  print(line + paint_.faint(used_so_far()));
}

std::string progress_printer::used_so_far() const {
  if (sum_.used == tokens{}) return "";
  return fmt::format("  [session so far: {}{}]", tokens_text(sum_.used, sum_.complete), money_so_far());
}

std::string progress_printer::money_so_far() const {
  if (!prices_) return "";
  return fmt::format(", {}{} {}", sum_.complete && !cost_.at_least ? "" : "at least ", money_text(cost_.nano_dollars()),
                     price_basis(billing_));
}

void progress_printer::redraw(std::string_view text) {
  std::fwrite("\r\x1b[K", 1, 4, stdout);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  drawn_ = true;
}

void progress_printer::print(std::string_view line) {
  if (drawn_) std::fwrite("\r\x1b[K", 1, 4, stdout);
  drawn_ = false;
  print_line(line);
}

}  // namespace cobatch::program
