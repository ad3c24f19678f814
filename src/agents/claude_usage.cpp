#include "agents/claude_usage.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "agents/agent_output.hpp"
#include "base/json.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

// `modelUsage`, and what there is of it since the last result.
std::optional<std::vector<model_tokens>> read_model_usage(const json::value& models) {
  return read_models(models, {.input = "inputTokens",
                              .output = "outputTokens",
                              .cache_read = "cacheReadInputTokens",
                              .cache_write = "cacheCreationInputTokens",
                              .cache_write_1h = "cacheCreationEphemeral1hInputTokens",
                              .reasoning = "thinkingTokens"});
}

bool exceeds(const tokens& a, const tokens& b) noexcept {
  return a.uncached_input > b.uncached_input ||
         a.cache_write_5m + a.cache_write_1h > b.cache_write_5m + b.cache_write_1h || a.cache_read > b.cache_read ||
         a.output > b.output;
}

}  // namespace

void claude_usage::note_request(const json::value& line) {
  const json::value& message = at(line, "message");
  const std::string model = json::text_of(message, "model");
  const auto figures = read_usage(at(message, "usage"), model, usage_source::reported);
  if (!figures || model == no_model || !turn_.seen.insert(json::text_of(message, "id")).second) return;
  if (at(line, "parent_tool_use_id").is_null())
    turn_.requests.add(model, figures->total());
  else
    turn_.requests.add_of_subagent(model, figures->total());
}

std::optional<usage> claude_usage::of_turn(const json::value& result, bool aborted) {
  auto used = figures(result);
  const auto carried = std::exchange(carried_, {});
  const auto turn = std::exchange(turn_, {});
  if (!used && carried.empty()) return std::nullopt;
  if (!used) used.emplace();
  turn.requests.describe(*used);
  detail::add_models(used->by_model, carried);
  if (aborted || turn.unsure) used->complete = false;
  if (!used->complete && used->by_model.empty()) return std::nullopt;
  return used;
}

void claude_usage::carry_over(const json::value& result) {
  if (const auto models = read_model_usage(at(result, "model_usage_since_last_result")))
    detail::add_models(carried_, *models);
}

std::optional<usage> claude_usage::figures(const json::value& result) {
  const std::string conversation = json::text_of(result, "session_id");
  const bool first = std::exchange(first_result_, false);
  // A fork: another conversation, whose figures begin where those of the first ended, or at 0: nobody can tell.
  const bool unclear = first && !baseline_.empty() && conversation != conversation_;
  conversation_ = conversation;
  auto total = read_model_usage(at(result, "modelUsage"));
  auto plain = read_usage(at(result, "usage"), {}, usage_source::reported);
  std::optional<usage> used;
  if (const json::value* since = result.find("model_usage_since_last_result")) {
    if (auto models = read_model_usage(*since)) used = usage{.by_model = std::move(*models)};
    // `usage` has more where a stream broke and its request was sent again: nobody counted what the first one used.
    if (used && plain && exceeds(plain->total(), used->total())) used->complete = false;
  } else if (total && !unclear) {
    used = usage{.by_model = since_baseline(*total), .source = usage_source::difference};
  } else {
    used = std::move(plain);
    if (used && unclear) used->complete = false;
  }
  if (total) baseline_ = std::move(*total);
  return used;
}

std::vector<model_tokens> claude_usage::since_baseline(const std::vector<model_tokens>& total) const {
  std::vector<model_tokens> parts;
  for (const auto& now : total) {
    const auto before =
        std::find_if(baseline_.begin(), baseline_.end(), [&](const model_tokens& m) { return m.model == now.model; });
    // A count that went down began anew: turns of a killed process are missing from it.
    const tokens less = before == baseline_.end() ? now.count : now.count - before->count;
    const tokens count = is_plausible(less) ? less : now.count;
    if (count != tokens{}) parts.push_back({now.model, count});
  }
  return parts;
}

// ------------------------------------------------------------------------------------------------- the transcript

namespace {

fs::path projects_folder() {
  if (const char* named = std::getenv("CLAUDE_CONFIG_DIR"); named != nullptr && *named != '\0')
    return fs::path(named) / "projects";
  const char* home = std::getenv("HOME");
  return home == nullptr ? fs::path() : fs::path(home) / ".claude" / "projects";
}

// The id becomes a part of a path.
bool is_plain_id(const std::string& id) {
  constexpr std::string_view allowed = "0123456789abcdefABCDEF-";
  return !id.empty() && id.size() <= 64 && id.find_first_not_of(allowed) == std::string::npos;
}

// What is in a folder, as far as it can be read.
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed); !failed && entry != fs::directory_iterator();
       entry.increment(failed))
    found.push_back(entry->path());
  return found;
}

// The conversation's own file and those of its subagents. All project folders are searched, because the rules that
// make a folder's name from the working directory have changed.
std::vector<fs::path> transcripts_of(const std::string& conversation) {
  std::vector<fs::path> found;
  std::error_code none;
  for (const auto& project : entries_of(projects_folder())) {
    const fs::path own = project / (conversation + ".jsonl");
    if (!fs::is_regular_file(own, none)) continue;
    found.push_back(own);
    for (const auto& one : entries_of(project / conversation / "subagents"))
      if (one.extension() == ".jsonl") found.push_back(one);
  }
  return found;
}

// Requests by the id of their message, which has a line for each block of its content; the figures grow, so the
// largest count.
using counted_requests = std::map<std::string, model_tokens>;

void read_entry(std::string_view line, timestamp since, counted_requests& to) {
  json::repairs repaired;
  const auto parsed = json::parse_leniently(line, repaired);
  if (!parsed || json::text_of(*parsed, "type") != "assistant") return;
  const auto written = parse_iso(json::text_of(*parsed, "timestamp"));
  if (!written || *written < since) return;
  const json::value& message = at(*parsed, "message");
  const std::string id = json::text_of(message, "id"), model = json::text_of(message, "model");
  const auto figures = read_usage(at(message, "usage"), model, usage_source::transcript);
  if (!figures || id.empty() || model == no_model) return;
  model_tokens& known = to[id];
  known.model = model;
  if (figures->total().processed() > known.count.processed()) known.count = figures->total();
}

// A line that cannot be read ends nothing: the next one may be good.
void read_transcript(const fs::path& file, timestamp since, counted_requests& to) {
  auto lines = line_follower::open(file);
  if (!lines) return;
  for (;;) {
    const auto line = lines->next();
    if (!line || !*line) return;
    if (!(*line)->is_cut) read_entry((*line)->text, since, to);
  }
}

}  // namespace

std::optional<usage> read_claude_transcript(const std::string& conversation, timestamp since) {
  if (!is_plain_id(conversation)) return std::nullopt;
  counted_requests found;
  for (const auto& file : transcripts_of(conversation)) read_transcript(file, since, found);
  if (found.empty()) return std::nullopt;
  std::map<std::string, tokens> by_model;
  for (const auto& [id, one] : found) by_model[one.model] = by_model[one.model] + one.count;
  usage used{.source = usage_source::transcript, .complete = false};
  for (const auto& [model, count] : by_model) used.by_model.push_back({model, count});
  return used;
}

}  // namespace cobatch
