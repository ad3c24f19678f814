#include "agents/status_line.hpp"

#include <fmt/format.h>

#include <cobatch/core/text.hpp>

#include "base/json.hpp"

namespace cobatch {

namespace {

constexpr std::string_view tag = "COBATCH";
constexpr std::size_t summary_limit = 200;

std::string first_line(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return std::string(utf8_prefix(text.substr(from, text.find('\n', from) - from), summary_limit));
}

std::optional<status_line> read_line(std::string_view line) {
  constexpr std::string_view frame = " \t\r`*>";
  const auto first = line.find_first_not_of(frame);
  if (first == std::string_view::npos || !line.substr(first).starts_with(tag)) return std::nullopt;
  const auto open = line.find('{', first);
  const auto close = line.rfind('}');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  const auto parsed = json::parse(line.substr(open, close - open + 1));
  if (!parsed) return std::nullopt;
  const json::value* status = parsed->find("status");
  if (status == nullptr || (*status != json::value("done") && *status != json::value("error"))) return std::nullopt;
  status_line found;
  if (const json::value* task = parsed->find("task"); task != nullptr && task->as_string() != nullptr)
    found.task = *task->as_string();
  found.done = *status == json::value("done");
  if (const json::value* summary = parsed->find("summary"); summary != nullptr && summary->as_string() != nullptr)
    found.summary = *summary->as_string();
  return found;
}

}  // namespace

std::optional<status_line> find_status_line(std::string_view answer) {
  for (;;) {
    const auto newline = answer.rfind('\n');
    const auto line = newline == std::string_view::npos ? answer : answer.substr(newline + 1);
    if (auto found = read_line(line)) return found;
    if (newline == std::string_view::npos) return std::nullopt;
    answer = answer.substr(0, newline);
  }
}

void settle_by_answer(settlement& what, const task_id& asked) {
  const auto said = find_status_line(what.output);
  if (said && !said->task.empty() && !asked.empty() && said->task != asked.str()) {
    what.end = turn_end::broke;
    what.source = status_source::cobatch;
    what.reason = "wrong_task";
    what.detail = fmt::format("the agent's closing line is for task \"{}\", and it was asked for task \"{}\"",
                              to_line(said->task, max_id_bytes), asked.str());
    return;
  }
  what.end = said && !said->done ? turn_end::error : turn_end::done;
  what.source = said ? status_source::reported : status_source::inferred;
  what.output_summary = said ? said->summary : first_line(what.output);
  if (what.end == turn_end::error) what.detail = said->summary;
}

}  // namespace cobatch
