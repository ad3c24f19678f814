#include "agents/claude_transcript.hpp"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "agents/line_follower.hpp"
#include "agents/reported_usage.hpp"
#include "base/json.hpp"

namespace cobatch {

namespace {

namespace fs = std::filesystem;

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
  for (fs::directory_iterator at(folder, failed); !failed && at != fs::directory_iterator(); at.increment(failed))
    found.push_back(at->path());
  return found;
}

// The conversation's own file and those of its subagents. Which project folder it is in is looked for: the folder's
// name is made from the working directory by rules that have changed.
std::vector<fs::path> files_of(const std::string& conversation) {
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

struct request {
  std::string model;
  tokens count;
};

// A message has a line for each block of its content; the figures grow, so the largest count.
using requests = std::map<std::string, request>;

void read_entry(std::string_view line, timestamp since, requests& to) {
  json::repairs repaired;
  const auto parsed = json::parse_leniently(line, repaired);
  if (!parsed || json::text_of(*parsed, "type") != "assistant") return;
  const auto written = parse_iso(json::text_of(*parsed, "timestamp"));
  const json::value* message = parsed->find("message");
  if (!written || *written < since || message == nullptr) return;
  const json::value* used = message->find("usage");
  const std::string id = json::text_of(*message, "id");
  std::string model = json::text_of(*message, "model");
  if (used == nullptr || id.empty() || model == "<synthetic>") return;
  const auto figures = read_usage(*used, {}, usage_source::transcript);
  if (!figures) return;
  request& known = to[id];
  known.model = std::move(model);
  if (figures->total().processed() > known.count.processed()) known.count = figures->total();
}

// A line that cannot be read ends nothing: the next one may be good.
void read_file(const fs::path& file, timestamp since, requests& to) {
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
  requests found;
  for (const auto& file : files_of(conversation)) read_file(file, since, found);
  if (found.empty()) return std::nullopt;
  std::map<std::string, tokens> by_model;
  for (const auto& [id, one] : found) by_model[one.model] = by_model[one.model] + one.count;
  usage used;
  for (auto& [model, count] : by_model) used.by_model.push_back({model, count});
  used.source = usage_source::transcript;
  used.complete = false;
  return used;
}

}  // namespace cobatch
