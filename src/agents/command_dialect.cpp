#include "agents/command_dialect.hpp"

#include <utility>

#include <fmt/format.h>

#include "agents/process_agent.hpp"
#include "agents/reported_usage.hpp"
#include "base/json.hpp"
#include "os/programs.hpp"

namespace cobatch {

namespace {

std::string text_member(const json::value& object, std::string_view name) {
  const json::value* found = object.find(name);
  if (found == nullptr || found->is_null()) return {};
  return found->as_string() != nullptr ? *found->as_string() : json::write(*found);
}

std::string json_member(const json::value& object, std::string_view name) {
  const json::value* found = object.find(name);
  return found == nullptr || found->is_null() ? std::string{} : json::write(*found);
}

turn_report out_of_step(std::string reason, std::string detail) {
  return {failed_turn(turn_end::broke, std::move(reason), std::move(detail)), false};
}

class command_dialect final : public dialect {
 public:
  explicit command_dialect(usage_source source) : source_(source) {}

  std::string ask(const turn_request& request) override {
    std::string line = R"({"type":"task","turn":)" + std::to_string(request.turn.value) + R"(,"task_id":)";
    json::append_string(line, request.task.str());
    line += R"(,"batch_id":)";
    json::append_string(line, request.batch.str());
    line += R"(,"position":)" + std::to_string(request.position) + R"(,"description":)";
    json::append_string(line, request.description);
    line += R"(,"context":)" + (request.context.empty() ? std::string("null") : request.context);
    line += R"(,"attempt":)" + std::to_string(request.attempt) + R"(,"prompt":)";
    json::append_string(line, request.prompt);
    line += "}\n";
    return line;
  }

  std::optional<turn_report> read(std::string_view line, const turn_key& expected) override {
    if (!is_answer(line)) return std::nullopt;
    json::repairs repaired;
    const auto parsed = json::parse_leniently(line, repaired);
    if (!parsed) return unreadable_answer(line, parsed.error().message + " (write each JSON object on one line)");
    const json::value* type = parsed->find("type");
    if (type == nullptr || *type != json::value("result")) return std::nullopt;
    return read_result(*parsed, expected);
  }

  // What begins like JSON is held to be it, and so is a result behind other text: nothing that has arrived is waited
  // for.
  bool is_answer(std::string_view beginning) const override {
    const auto first = beginning.find_first_not_of(" \t\r");
    return first != std::string_view::npos && (beginning[first] == '{' || first_type(beginning) == "result");
  }

 private:
  turn_report read_result(const json::value& answer, const turn_key& expected) const {
    const std::string task = text_member(answer, "task_id");
    if (task != expected.task.str())
      return out_of_step("wrong_task", fmt::format("the agent answered for task \"{}\" when asked for \"{}\"", task,
                                                   expected.task.str()));
    if (const json::value* turn = answer.find("turn"); turn != nullptr && *turn != json::value(expected.turn.value))
      return out_of_step("wrong_turn", fmt::format("the agent answered for turn {} when asked for turn {}",
                                                   json::write(*turn), expected.turn.value));
    const std::string status = text_member(answer, "status");
    if (status != "done" && status != "error")
      return out_of_step("bad_result", "the agent's result has no \"status\" of \"done\" or \"error\"");

    settlement what;
    what.end = status == "done" ? turn_end::done : turn_end::error;
    what.output = text_member(answer, "output");
    what.output_summary = text_member(answer, "output_summary");
    what.actions_taken = json_member(answer, "actions_taken");
    what.errors = json_member(answer, "errors");
    if (const json::value* used = answer.find("usage"))
      what.used = read_usage(*used, text_member(answer, "model"), source_);
    return {std::move(what), true};
  }

  usage_source source_;
};

}  // namespace

std::unique_ptr<dialect> make_command_dialect(usage_source source) {
  return std::make_unique<command_dialect>(source);
}

std::shared_ptr<agent> v1::make_command_agent(command_agent_options options) {
  process_agent_options process;
  process.name = std::move(options.name);
  process.grace = options.grace;
  process.argv = [argv = std::move(options.argv)](const session_start&) -> result<std::vector<std::string>> {
    if (argv.empty())
      return fail(errc::agent_missing, "no program is named for the command agent; nothing was started");
    return argv;
  };
  process.lines_are_output = true;
  process.make_dialect = [](const session_start&) { return make_command_dialect(usage_source::reported); };
  return make_process_agent(std::move(process));
}

std::shared_ptr<agent> v1::make_scripted_agent(scripted_agent_options options) {
  process_agent_options process;
  process.name = "scripted";
  process.argv = [script = std::move(options.script)](const session_start&) -> result<std::vector<std::string>> {
    const auto player = find_helper("cobatch-scripted");
    if (!player) return fail(player.error());
    std::vector<std::string> argv{player->string()};
    if (!script.empty()) argv.push_back(std::filesystem::absolute(script).string());
    return argv;
  };
  process.lines_are_output = true;
  process.make_dialect = [](const session_start&) { return make_command_dialect(usage_source::scripted); };
  return make_process_agent(std::move(process));
}

}  // namespace cobatch
