// What agent programs really wrote, line by line through the dialects that read it: whole, cut, garbled and with noise.
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <cobatch/core/text.hpp>

#include "agents/dialect.hpp"
#include "base/json.hpp"
#include "paths.hpp"

using namespace cobatch;

namespace {

using lines = std::vector<std::string>;

// ----------------------------------------------------------------- what a recording holds, read without the dialects

std::int64_t count(const json::value& figures, std::string_view name) {
  return json::number_of(figures, name).value_or(0);
}

json::value parsed(const std::string& line) {
  auto value = json::parse(line);
  REQUIRE_MESSAGE(value, line);
  return std::move(*value);
}

// What the lines say was used, up to each of their answers.
using reader = std::vector<tokens> (*)(const lines&);

tokens claude_sum(const json::value& result, std::string_view member) {
  tokens sum;
  const json::value* models = result.find(member);
  if (models == nullptr) return sum;
  for (const auto& [model, n] : *models->as_object()) {
    const std::int64_t hour = count(n, "cacheCreationEphemeral1hInputTokens");
    sum = sum + tokens{count(n, "inputTokens"),
                       count(n, "cacheCreationInputTokens") - hour,
                       hour,
                       count(n, "cacheReadInputTokens"),
                       count(n, "outputTokens"),
                       count(n, "thinkingTokens")};
  }
  return sum;
}

// `modelUsage` is cumulative in a conversation. One that was resumed begins with what earlier processes used.
std::vector<tokens> read_claude(const lines& all) {
  std::vector<tokens> answers;
  std::optional<tokens> earlier;
  tokens left, now;
  for (const auto& text : all) {
    const auto line = parsed(text);
    const auto type = json::text_of(line, "type");
    if (type == "conversation_reset") left = left + std::exchange(now, {});
    if (type != "result") continue;
    now = claude_sum(line, "modelUsage");
    if (!earlier) earlier = now - claude_sum(line, "model_usage_since_last_result");
    const bool asked_for = line.find("origin") == nullptr && line.find("local_command") == nullptr;
    if (asked_for) answers.push_back(left + now - *earlier);
  }
  return answers;
}

// The figures of a thread are cumulative; `codex exec` and its app-server have other names for them.
std::optional<tokens> codex_sum(const json::value& line) {
  const auto sum = [](const json::value& n, const std::array<std::string_view, 5>& names) {
    const std::int64_t read = count(n, names[1]), written = count(n, names[2]);
    return tokens{count(n, names[0]) - read - written, written, 0, read, count(n, names[3]), count(n, names[4])};
  };
  if (json::text_of(line, "type") == "turn.completed")
    return sum(*line.find("usage"), {"input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens",
                                     "reasoning_output_tokens"});
  if (json::text_of(line, "method") == "thread/tokenUsage/updated")
    return sum(*line.find("params")->find("tokenUsage")->find("total"),
               {"inputTokens", "cachedInputTokens", "cacheWriteInputTokens", "outputTokens", "reasoningOutputTokens"});
  return std::nullopt;
}

std::vector<tokens> read_codex(const lines& all) {
  std::vector<tokens> answers;
  tokens now;
  for (const auto& text : all) {
    const auto line = parsed(text);
    now = codex_sum(line).value_or(now);
    const auto type = json::text_of(line, "type");
    if (type == "turn.completed" || type == "turn.failed" || json::text_of(line, "method") == "turn/completed")
      answers.push_back(now);
  }
  return answers;
}

// One turn a process. `input` are those that are not cached; what the total has above input and output is reasoning.
std::vector<tokens> read_gemini(const lines& all) {
  const auto result = parsed(all.back());
  const json::value& n = *result.find("stats");
  const std::int64_t written = count(n, "total_tokens") - count(n, "input_tokens");
  return {{count(n, "input"), 0, 0, count(n, "cached"), written, written - count(n, "output_tokens")}};
}

// ------------------------------------------------------------------------------------------------ the recordings

struct recording {
  std::string name;
  std::vector<lines> processes;
  std::function<std::unique_ptr<dialect>()> make;
  reader read;

  [[nodiscard]] lines all() const {
    lines out;
    for (const auto& process : processes) out.insert(out.end(), process.begin(), process.end());
    return out;
  }
  [[nodiscard]] std::vector<tokens> reported() const { return read(all()); }
};

// The client that was recorded with Codex's app-server numbered its requests; ours gives them names, and reads these.
std::string with_named_requests(const std::string& line) {
  const auto answer = parsed(line);
  const json::value* result = answer.find("result");
  if (answer.find("id") == nullptr || result == nullptr) return line;
  std::string name = "other";
  if (result->find("userAgent") != nullptr) name = "initialize";
  if (result->find("thread") != nullptr) name = "start";
  if (result->find("turn") != nullptr) name = "turn-1";
  return R"({"id":")" + name + '"' + line.substr(line.find(','));
}

recording record_of(const std::string& name, const std::vector<std::string>& files) {
  recording out{name, {}, make_gemini_dialect, read_gemini};
  if (name.starts_with("claude")) out.make = [] { return make_claude_dialect(); }, out.read = read_claude;
  if (name.starts_with("codex")) out.make = [] { return make_codex_dialect(); }, out.read = read_codex;
  for (const auto& file : files) {
    std::ifstream in(std::filesystem::path(cobatch_test::paths::recorded) / (file + ".jsonl"));
    lines process;
    for (std::string line; std::getline(in, line);) process.push_back(with_named_requests(line));
    REQUIRE_MESSAGE(!process.empty(), file);
    out.processes.push_back(std::move(process));
  }
  return out;
}

std::vector<recording> recordings() {
  std::vector<recording> out;
  for (const auto& entry : std::filesystem::directory_iterator(cobatch_test::paths::recorded))
    if (entry.path().extension() == ".jsonl") {
      const auto name = entry.path().stem().string();
      out.push_back(record_of(name, {name}));
    }
  // The same thread, one process after another.
  out.push_back(record_of("codex, a thread", {"codex-exec", "codex-resume", "codex-error", "codex-tool"}));
  return out;
}

struct replayed {
  std::vector<turn_end> ends;
  std::vector<tokens> used;  // up to each answer
  bool complete = true;

  [[nodiscard]] tokens sum() const { return used.empty() ? tokens{} : used.back(); }
  friend bool operator==(const replayed&, const replayed&) = default;
};

replayed replay(const recording& from) {
  replayed out;
  const auto speech = from.make();
  for (const auto& process : from.processes) {
    speech->process_begins();
    for (const auto& line : process) {
      const turn_key turn{turn_no{static_cast<std::int64_t>(out.ends.size()) + 1}, task_id("t")};
      const auto report = speech->read({to_utf8(line)}, turn).end;  // as a line_follower hands it out
      if (!report) continue;
      const auto& used = report->what.used;
      out.ends.push_back(report->what.end);
      out.used.push_back(used ? out.sum() + used->total() : out.sum());
      out.complete = out.complete && used && used->complete;
    }
  }
  return out;
}

// No more answers than these, and no more used than they report in the end.
bool is_within(const replayed& some, const std::vector<tokens>& reported) {
  return some.ends.size() <= reported.size() &&
         is_plausible((reported.empty() ? tokens{} : reported.back()) - some.sum());
}

}  // namespace

TEST_CASE("every answer in a recorded stream is one report, with the end that it had") {
  using enum turn_end;
  const std::map<std::string, std::vector<turn_end>> ends{
      {"claude-background_subagent", {done, done}},
      {"claude-clear", {done, done}},
      {"claude-denied", {denied, done}},
      {"claude-error_400", {stopped, done}},
      {"claude-error_401", {stopped}},
      {"claude-error_429", {stopped, done}},
      {"claude-error_500", {broke, done}},
      {"claude-error_529", {stopped, done}},
      {"claude-fork", {done}},
      {"claude-interrupt", {done, broke, done}},
      {"claude-max_turns", {broke}},
      {"claude-nokey", {stopped}},
      {"claude-resume", {done, done}},
      {"claude-resume_unknown", {stopped}},
      {"claude-subagent", {done, done}},
      {"claude-three_turns", {done, done, done}},
      {"claude-usage_limit", {stopped}},
      {"codex, a thread", {done, done, stopped, done}},
      {"codex-app_server", {done, done, stopped, broke, done}},
      {"codex-error", {stopped}},
      {"codex-exec", {done}},
      {"codex-resume", {done}},
      {"codex-tool", {done}},
      {"gemini-broken_stream", {broke}},
      {"gemini-error", {stopped}},
      {"gemini-stream", {done}},
  };
  CHECK(recordings().size() == ends.size());
  for (const auto& recorded : recordings()) {
    CAPTURE(recorded.name);
    REQUIRE(ends.contains(recorded.name));
    const auto whole = replay(recorded);
    CHECK(whole.ends == ends.at(recorded.name));
    CHECK(whole.ends.size() == recorded.reported().size());
  }
}

TEST_CASE("the turns of a recorded stream have used, up to each answer, what it reports until there") {
  for (const auto& recorded : recordings()) {
    CAPTURE(recorded.name);
    CHECK(replay(recorded).used == recorded.reported());
  }
}

TEST_CASE("what was aborted, or failed without figures, is not complete, and all else is") {
  for (const auto& recorded : recordings()) {
    CAPTURE(recorded.name);
    const bool in_part =
        recorded.name == "claude-interrupt" || recorded.name == "codex-error" || recorded.name == "codex, a thread";
    CHECK(replay(recorded).complete != in_part);
  }
}

TEST_CASE("a recorded stream that is cut has no answer more, and has used no more, than the whole") {
  for (const auto& recorded : recordings())
    for (std::size_t process = 0; process < recorded.processes.size(); ++process)
      for (std::size_t kept = 0; kept < recorded.processes[process].size(); ++kept) {
        CAPTURE(recorded.name);
        CAPTURE(kept);
        auto cut = recorded;
        cut.processes[process].resize(kept);
        CHECK(is_within(replay(cut), recorded.reported()));
      }
}

TEST_CASE("a recorded stream with a garbled line has no answer more, and has used no more, than the whole") {
  for (const auto& recorded : recordings())
    for (std::size_t process = 0; process < recorded.processes.size(); ++process)
      for (std::size_t at = 0; at < recorded.processes[process].size(); ++at) {
        const std::string& line = recorded.processes[process][at];
        const auto half = line.size() / 2;
        for (const std::string& instead :
             {line.substr(0, half), line.substr(half), line.substr(0, half) + '\xff' + line.substr(half),
              line.substr(0, half) + '\0' + line.substr(half + 1), line + line, "[" + line + "]", std::string()}) {
          CAPTURE(recorded.name);
          CAPTURE(instead);
          auto garbled = recorded;
          garbled.processes[process][at] = instead;
          CHECK(is_within(replay(garbled), recorded.reported()));
        }
      }
}

TEST_CASE("lines of unknown kinds between those of a recorded stream change nothing") {
  const lines noise{"",
                    "a warning of some library",
                    "{",
                    R"([{"type":"result"}])",
                    R"({"type":"brand_new","usage":{"input_tokens":99},"modelUsage":{"m":{"inputTokens":99}}})",
                    R"({"type":"system","subtype":"brand_new","session_id":"another"})",
                    R"({"method":"brand/new","params":{"threadId":"another"}})",
                    R"({"type":17})"};
  for (const auto& recorded : recordings()) {
    CAPTURE(recorded.name);
    auto noisy = recorded;
    for (auto& process : noisy.processes) {
      lines all = noise;
      for (const auto& line : process) {
        all.push_back(line);
        all.insert(all.end(), noise.begin(), noise.end());
      }
      process = std::move(all);
    }
    CHECK(replay(noisy) == replay(recorded));
  }
}

TEST_CASE("whatever a broken turn left unanswered, the first turn of the next process is read as by a new dialect") {
  const std::string conversation = "11111111-2222-4333-8444-555555555555";
  const lines next{R"({"type":"system","subtype":"init","session_id":")" + conversation + R"("})",
                   R"({"type":"assistant","message":{"id":"m1","model":"opus","usage":{"input_tokens":3,)"
                   R"("cache_read_input_tokens":50,"output_tokens":1},"content":[{"type":"text","text":"x"}]}})",
                   R"({"type":"result","subtype":"success","is_error":false,"session_id":")" + conversation +
                       R"(","result":"ok","permission_denials":[{"tool_name":"Bash","tool_use_id":"u"}],)"
                       R"("model_usage_since_last_result":{"opus":{"inputTokens":3,"outputTokens":9,)"
                       R"("cacheReadInputTokens":50,"cacheCreationInputTokens":0}}})"};
  const auto first_turn = [&](dialect& speech) {
    speech.process_begins();
    std::optional<turn_report> report;
    for (const auto& line : next) report = speech.read({line}, {turn_no{1}, task_id("t")}).end;
    REQUIRE(report);
    return report->what;
  };
  for (const auto& from : recordings()) {
    if (!from.name.starts_with("claude")) continue;
    CAPTURE(from.name);
    const auto fresh = first_turn(*from.make());
    REQUIRE(fresh.end == turn_end::denied);
    const lines all = from.all();
    for (std::size_t kept = 0; kept <= all.size(); ++kept) {
      CAPTURE(kept);
      const auto speech = from.make();
      speech->process_begins();
      for (std::size_t i = 0; i < kept; ++i) static_cast<void>(speech->read({all[i]}, {turn_no{1}, task_id("t")}).end);
      const auto what = first_turn(*speech);
      CHECK(what.end == fresh.end);
      CHECK(what.used == fresh.used);
    }
  }
}
