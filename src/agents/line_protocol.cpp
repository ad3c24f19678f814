// The line protocol of the `command` agent (described in <cobatch/agent.hpp>), and the agents that speak it: `command`,
// and `scripted`, whose program is in scripted_main.cpp.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cobatch/agent.hpp>

#include "agents/agent_process.hpp"
#include "agents/dialect.hpp"
#include "agents/reported.hpp"
#include "agents/turn_outcome.hpp"
#include "base/json.hpp"
#include "os/programs.hpp"

namespace cobatch {

namespace {

std::string json_member(const json::value& object, std::string_view name) {
  const json::value& found = at(object, name);
  return found.is_null() ? std::string() : json::write(found);
}

std::string text_member(const json::value& object, std::string_view name) {
  const std::string* text = at(object, name).as_string();
  return text != nullptr ? *text : json_member(object, name);
}

turn_report out_of_step(std::string reason, std::string detail) {
  return {failed_turn(turn_end::broke, std::move(reason), std::move(detail)), false};
}

class line_protocol final : public dialect {
 public:
  explicit line_protocol(usage_source source) : source_(source) {}

  std::string ask(const turn_request& request) override {
    const auto text = [](std::string_view s) { return json::write(json::value(s)); };
    return fmt::format(
        R"({{"type":"task","turn":{},"task_id":{},"batch_id":{},"position":{},"description":{},"context":{},)"
        R"("attempt":{},"prompt":{}}})"
        "\n",
        request.turn.value, text(request.task.str()), text(request.batch.str()), request.position,
        text(request.description), request.context.empty() ? "null" : request.context, request.attempt,
        text(request.prompt));
  }

 protected:
  // A line that begins like JSON has to be JSON, and so has a result behind other text: otherwise the turn would wait
  // for an answer that has come.
  bool is_answer(std::string_view beginning) const override {
    const auto first = beginning.find_first_not_of(" \t\r");
    return first != std::string_view::npos && (beginning[first] == '{' || first_type(beginning) == "result");
  }
  std::string_view advice_on_bad_json() const override { return " (write each JSON object on one line)"; }

  void understand(const json::value& line, const turn_key& running, line_meaning& to) override {
    if (at(line, "type") == json::value("result")) to.end = read_result(line, running);
  }

 private:
  turn_report read_result(const json::value& answer, const turn_key& running) const {
    const std::string task = text_member(answer, "task_id");
    if (task != running.task.str())
      return out_of_step("wrong_task", fmt::format("the agent answered for task \"{}\" when asked for \"{}\"", task,
                                                   running.task.str()));
    if (const json::value* turn = answer.find("turn"); turn != nullptr && *turn != json::value(running.turn.value))
      return out_of_step("wrong_turn", fmt::format("the agent answered for turn {} when asked for turn {}",
                                                   json::write(*turn), running.turn.value));
    const std::string status = text_member(answer, "status");
    if (status != "done" && status != "error")
      return out_of_step("bad_result", "the agent's result has no \"status\" of \"done\" or \"error\"");

    settlement outcome;
    outcome.end = status == "done" ? turn_end::done : turn_end::error;
    outcome.output = text_member(answer, "output");
    outcome.output_summary = text_member(answer, "output_summary");
    outcome.actions_taken = json_member(answer, "actions_taken");
    outcome.errors = json_member(answer, "errors");
    outcome.used = read_usage(at(answer, "usage"), text_member(answer, "model"), source_);
    return {std::move(outcome), true};
  }

  usage_source source_;
};

class command_agent final : public program_agent {
 public:
  explicit command_agent(command_agent_options options) : options_(std::move(options)) {}

  std::string_view name() const override { return options_.name; }

 protected:
  result<agent_program> program(const session_start&) override {
    if (options_.argv.empty())
      return fail(errc::agent_missing, "no program is named for the command agent; nothing was started");
    return agent_program{
        .argv = options_.argv, .grace = options_.grace, .dialect = make_dialect(), .lines_are_output = true};
  }

  std::unique_ptr<dialect> make_dialect() const override { return make_line_protocol(usage_source::reported); }

 private:
  const command_agent_options options_;
};

class scripted_agent final : public program_agent {
 public:
  explicit scripted_agent(scripted_agent_options options) : options_(std::move(options)) {}

  std::string_view name() const override { return "scripted"; }

 protected:
  result<agent_program> program(const session_start&) override {
    const auto player = find_helper("cobatch-scripted");
    if (!player) return fail(player.error());
    std::vector<std::string> argv{player->string()};
    if (!options_.script.empty()) argv.push_back(std::filesystem::absolute(options_.script).string());
    return agent_program{.argv = std::move(argv), .dialect = make_dialect(), .lines_are_output = true};
  }

  std::unique_ptr<dialect> make_dialect() const override { return make_line_protocol(usage_source::scripted); }

 private:
  const scripted_agent_options options_;
};

}  // namespace

std::unique_ptr<dialect> make_line_protocol(usage_source source) { return std::make_unique<line_protocol>(source); }

std::shared_ptr<agent> v1::make_command_agent(command_agent_options options) {
  return std::make_shared<command_agent>(std::move(options));
}

std::shared_ptr<agent> v1::make_scripted_agent(scripted_agent_options options) {
  return std::make_shared<scripted_agent>(std::move(options));
}

}  // namespace cobatch
