// A project's folder, the program at work in it, and agents that do what a failure needs.
#pragma once

#include <map>
#include <sstream>

#include "program/commands.hpp"
#include "unit/program/support.hpp"

namespace cobatch_test {

inline std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::istringstream text(content_of(file));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

inline std::string quoted(const std::string& text) { return json::write(json::value(text)); }

inline json::value parsed(const std::string& text) {
  auto value = json::parse(text);
  REQUIRE_MESSAGE(value, text);
  return std::move(*value);
}

/// What stands in an object, or in an object in it, as JSON; empty if nothing does.
inline std::string at(const json::value& object, std::string_view name) {
  const json::value* found = object.find(name);
  return found == nullptr ? std::string() : json::write(*found);
}
inline std::string at(const json::value& object, std::string_view outer, std::string_view inner) {
  const json::value* found = object.find(outer);
  return found == nullptr ? std::string() : at(*found, inner);
}

inline bool warns(const json::value& reply, const std::string& code) {
  return at(reply, "warnings").find(quoted(code)) != std::string::npos;
}

/// The program in a project's folder of its own. Commands run to their end; `start` leaves one running.
class scene {
 public:
  [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  [[nodiscard]] std::string path_text(const std::string& name) const { return path(name).string(); }
  /// A file below data/, with other people's content.
  void put(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories(path("data"));
    folder_.write("data/" + name, content);
  }
  [[nodiscard]] std::filesystem::path marker() const { return path("data/execute_queue.lock"); }
  /// A view: queue, results or telemetry.
  [[nodiscard]] json::value view(const std::string& name) const { return parsed(content_of(path("data/" + name))); }

  ran command(std::vector<std::string> words, std::string_view input = {},
              const std::map<std::string, std::string>& environment = {}) const {
    return cobatch_run(in_folder(std::move(words)), input, environment);
  }
  child start(std::vector<std::string> words) const {
    words = in_folder(std::move(words));
    words.insert(words.begin(), paths::program);
    return child(words);
  }

  /// The reply to a request.
  json::value ask(const std::string& action, const std::string& params = "{}") const {
    return command({"call"},
                   R"({"tool_name":"claude_assistant","action":)" + quoted(action) + R"(,"params":)" + params + "}")
        .json();
  }
  json::value about(const std::string& action, const std::string& task, const std::string& more = "") const {
    return ask(action, R"({"task_id":)" + quoted(task) + more + "}");
  }
  json::value assign(const std::string& task, const std::string& batch, bool auto_execute) const {
    return about("assign_task", task,
                 R"(,"description":"do it","batch_id":)" + quoted(batch) + R"(,"auto_execute":)" +
                     (auto_execute ? "true" : "false"));
  }
  /// A whole batch in one call; `more` is further members of its parameters.
  json::value assign_all(const std::string& batch, const std::vector<std::string>& tasks,
                         const std::string& more = "") const {
    json::array list;
    for (const auto& task : tasks) list.emplace_back(json::object{{"task_id", task}, {"description", "do it"}});
    json::value reply = ask(
        "assign_batch", R"({"batch_id":)" + quoted(batch) + R"(,"tasks":)" + json::write(std::move(list)) + more + "}");
    REQUIRE_MESSAGE(text_in(reply, "status") == "success", json::write(reply));
    return reply;
  }

  std::string state(const std::string& task) const { return text_in(about("check_task_status", task), "task_status"); }
  std::string states(const std::vector<std::string>& tasks) const {
    std::string all;
    for (const auto& task : tasks) all += (all.empty() ? "" : " ") + state(task);
    return all;
  }
  json::value result(const std::string& task) const {
    const json::value reply = about("get_task_result", task);
    REQUIRE_MESSAGE(reply.find("result") != nullptr, json::write(reply));
    return *reply.find("result");
  }

  /// The options of an agent that plays these steps (see scripted_main.cpp) and notes its tasks in `worked`.
  std::vector<std::string> scripted(const std::string& otherwise = "", const std::string& turns = "") const {
    const std::string script = folder_.write("script.json", R"({"turns":[)" + turns + R"(],"otherwise":{"touch":)" +
                                                                quoted(path_text("worked")) +
                                                                (otherwise.empty() ? "" : ",") + otherwise + "}}");
    // The limit is for tests that fail: nothing is left behind for long.
    return {"--agent", "scripted", "--script", script, "--linger", "0", "--turn-limit", "100"};
  }
  /// An agent that waits in each task until the file `go` is there.
  std::vector<std::string> patient() const { return scripted(R"("wait_for_file":)" + quoted(path_text("go"))); }
  /// Lets it go on.
  void go() const { folder_.write("go", "go"); }
  /// The options of an agent that is a shell script: one that speaks the line protocol, or one with one prompt for all.
  std::vector<std::string> shell(const std::string& script, const std::string& agent = "command") const {
    return {"--agent", agent, "--exec", executable("agent.sh", script), "--linger", "0"};
  }
  std::string executable(const std::string& name, const std::string& script) const {
    return folder_.write(name, "#!/bin/sh\n" + script, 0700);
  }
  /// A claude that writes what the real one once wrote for three tasks. `before` comes first.
  void make_claude(const std::string& before = "") const {
    executable("claude", before + "exec 3<'" + paths::recorded +
                             "/claude-three_turns.jsonl'\n"
                             "while read -r asked; do\n"
                             "  while read -r line <&3; do\n"
                             "    printf '%s\\n' \"$line\"\n"
                             "    case $line in *'\"type\":\"result\"'*) break ;; esac\n"
                             "  done\n"
                             "done\n");
  }
  /// Runs what is sealed with the claude that was made here.
  ran run_claude(std::map<std::string, std::string> environment = {}) const {
    environment["PATH"] = path_text("") + ":/usr/bin:/bin";
    return run({"--agent", "claude"}, environment);
  }
  /// Runs everything that is sealed.
  ran run(std::vector<std::string> agent, const std::map<std::string, std::string>& environment = {}) const {
    agent.insert(agent.begin(), "run");
    return command(std::move(agent), {}, environment);
  }
  child start_run(std::vector<std::string> agent) const {
    agent.insert(agent.begin(), "run");
    return start(std::move(agent));
  }
  /// It says a line when it looks for work.
  child start_engine(std::vector<std::string> agent) const {
    agent.insert(agent.begin(), {"engine", "--json"});
    return start(std::move(agent));
  }
  [[nodiscard]] std::vector<std::string> worked() const { return lines_of(path("worked")); }
  void await_work() const { await_file(path("worked")); }

  /// Waits for the end of the batch's round.
  void await_end(const std::string& batch) const {
    while (at(ask("wait_batch", R"({"batch_id":)" + quoted(batch) + R"(,"timeout_seconds":40})"), "ended") != "true") {
    }
  }

 private:
  std::vector<std::string> in_folder(std::vector<std::string> words) const {
    words.insert(words.end(), {"--root", folder_.str()});
    return words;
  }

  folder folder_;
};

/// The last lines of an agent in shell that speaks the line protocol: each task is done once the agent's function
/// `work`, which finds the task's id in $task, has returned.
inline const std::string answers_all =
    "while read -r line; do\n"
    "  task=$(printf '%s' \"$line\" | sed 's/.*\"task_id\":\"\\([^\"]*\\)\".*/\\1/')\n"
    "  work\n"
    "  printf '{\"type\":\"result\",\"task_id\":\"%s\",\"status\":\"done\"}\\n' \"$task\"\n"
    "done\n";

/// The folder has a file whose name begins so.
inline bool has_file(const std::filesystem::path& folder, const std::string& beginning) {
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().rfind(beginning, 0) == 0) return true;
  return false;
}

}  // namespace cobatch_test
