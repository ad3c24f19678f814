// cobatch-scripted [SCRIPT]: plays answers from a script, in the `command` agent's line protocol. For demos and tests:
// no model is asked.
//
// SCRIPT is a JSON file: {"turns":[STEP, …], "otherwise":STEP}. The n-th task asked of this process gets the n-th step,
// or the first unused one with its "task_id"; when none is left, "otherwise"; without that, "done" and no usage. A
// STEP:
//   "task_id"         only for this task
//   "unless_file"     passed over if this file is there: for a step that is played once in the life of a demo
//   "touch"           a file to append the task's id to, a line, before all else: what the "work" leaves behind
//   "delay_ms"        wait before answering
//   "wait_for_file"   wait until this file is there (looked at every 10 ms)
//   "print"           a text written first, as it is, with a newline
//   "exit"            end with this code instead of answering
//   "silent"          true: never answer
//   "answer"          members to put into the result line, over status, output and usage as below
//   "status", "output", "output_summary", "actions_taken", "errors", "model", "usage"
//
// It ends with 1 when what it writes is lost (a full disk): nobody would hear of it otherwise, and wait.
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <unistd.h>

#include "base/json.hpp"

using namespace cobatch;
using json::text_of;

namespace {

class script {
 public:
  explicit script(json::value content) : content_(std::move(content)) {
    if (const json::array* turns = json::array_of(content_, "turns")) steps_ = *turns;
  }

  json::value next_for(const std::string& task) {
    for (auto step = steps_.begin(); step != steps_.end(); ++step) {
      if (step->find("task_id") != nullptr && text_of(*step, "task_id") != task) continue;
      if (const auto file = text_of(*step, "unless_file"); !file.empty() && std::filesystem::exists(file)) continue;
      json::value chosen = *step;
      steps_.erase(step);
      return chosen;
    }
    const json::value* otherwise = content_.find("otherwise");
    return otherwise != nullptr ? *otherwise : json::value(json::object{});
  }

 private:
  json::value content_;
  json::array steps_;
};

[[noreturn]] void end_unheard(const std::string& lost) {
  std::fprintf(stderr, "cobatch-scripted: cannot write %s: %s\n", lost.c_str(), std::strerror(errno));
  std::_Exit(1);
}

// All that was said until now goes out.
void flush() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) end_unheard("its output");
}

void leave_work(const std::string& file, const std::string& task) {
  std::ofstream to(file, std::ios::app);
  to << task << '\n' << std::flush;
  if (!to) end_unheard(file);
}

void wait_as_told(const json::value& step) {
  std::this_thread::sleep_for(std::chrono::milliseconds(json::number_of(step, "delay_ms").value_or(0)));
  if (const auto file = text_of(step, "wait_for_file"); !file.empty())
    while (!std::filesystem::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

void answer(const json::value& asked, const json::value& step) {
  json::object line{{"type", "result"}, {"task_id", text_of(asked, "task_id")}};
  if (const json::value* turn = asked.find("turn")) line.push_back({"turn", *turn});
  line.push_back({"status", "done"});
  const auto set = [&](const std::string& name, const json::value& content) {
    for (auto& member : line) {
      if (member.name != name) continue;
      member.content = content;
      return;
    }
    line.push_back({name, content});
  };
  for (const char* name : {"status", "output", "output_summary", "actions_taken", "errors", "model", "usage"})
    if (const json::value* given = step.find(name)) set(name, *given);
  if (const json::value* given = step.find("answer"); given != nullptr && given->as_object() != nullptr)
    for (const auto& member : *given->as_object()) set(member.name, member.content);
  std::printf("%s\n", json::write(json::value(std::move(line))).c_str());
}

void play(const json::value& asked, const json::value& step) {
  if (const auto file = text_of(step, "touch"); !file.empty()) leave_work(file, text_of(asked, "task_id"));
  wait_as_told(step);
  if (const auto text = text_of(step, "print"); !text.empty()) std::printf("%s\n", text.c_str());
  if (const auto code = json::number_of(step, "exit")) {
    flush();
    std::_Exit(static_cast<int>(*code));
  }
  if (!json::is_true(step, "silent")) answer(asked, step);
  flush();
}

bool read_line(std::string& line) {
  line.clear();
  for (int c = std::getchar(); c != EOF; c = std::getchar()) {
    if (c == '\n') return true;
    line.push_back(static_cast<char>(c));
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  json::value content{json::object{}};
  if (argc > 1) {
    std::ifstream file(argv[1], std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    auto parsed = json::parse(text);
    if (!file.is_open() || !parsed) {
      std::fprintf(stderr, "cobatch-scripted: cannot read the script %s: %s\n", argv[1],
                   file.is_open() ? parsed.error().message.c_str() : "no such file");
      return 2;
    }
    content = std::move(*parsed);
  }
  script steps(std::move(content));
  std::string line;
  while (read_line(line)) {
    const auto asked = json::parse(line);
    if (!asked || text_of(*asked, "type") != "task") continue;
    play(*asked, steps.next_for(text_of(*asked, "task_id")));
  }
  return 0;
}
