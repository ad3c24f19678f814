#include "agents/codex_requests.hpp"

#include <utility>

namespace cobatch {
namespace codex {

namespace {

std::string request(std::string_view id, std::string_view method, json::object params) {
  return json::write(json::object{{"id", id}, {"method", method}, {"params", std::move(params)}}) + "\n";
}

// It never asks: nobody is there to answer.
json::object limits_of(const codex_start& how) {
  json::object params{{"cwd", how.working_directory}, {"approvalPolicy", "never"}, {"sandbox", how.sandbox}};
  if (!how.model.empty()) params.push_back({"model", how.model});
  return params;
}

}  // namespace

std::string initialize() {
  // What nobody reads need not be written: an answer comes whole at its end.
  json::array unread;
  for (const char* method : {"item/agentMessage/delta", "item/reasoning/textDelta", "item/reasoning/summaryTextDelta",
                             "item/commandExecution/outputDelta", "turn/diff/updated"})
    unread.emplace_back(method);
  return request(initialize_id, "initialize",
                 {{"clientInfo", json::object{{"name", "cobatch"}, {"title", "Cobatch"}, {"version", "1"}}},
                  {"capabilities", json::object{{"optOutNotificationMethods", std::move(unread)}}}});
}

std::string open_thread(const codex_start& how) {
  const std::string read = json::write(json::object{{"method", "initialized"}}) + "\n";
  auto params = limits_of(how);
  if (how.thread.empty()) return read + request(start_id, "thread/start", std::move(params));
  params.push_back({"threadId", how.thread});
  if (how.fork) return read + request(fork_id, "thread/fork", std::move(params));
  // Its history may be longer than a line should be. (Of a fork the figures so far are told only with the history.)
  params.push_back({"excludeTurns", true});
  return read + request(resume_id, "thread/resume", std::move(params));
}

std::string clear(const codex_start& how) {
  return request(clear_id, "thread/start", limits_of(how));
}

std::string start_turn(const std::string& thread, std::string_view prompt, turn_no turn) {
  json::array input;
  input.emplace_back(json::object{{"type", "text"}, {"text", prompt}});
  return request(std::string(turn_prefix) + std::to_string(turn.value), "turn/start",
                 {{"threadId", thread}, {"input", std::move(input)}});
}

std::string interrupt(const std::string& thread, const std::string& turn) {
  return request("interrupt", "turn/interrupt", {{"threadId", thread}, {"turnId", turn}});
}

std::string decline(const json::value& id) {
  json::object error{{"code", -32601}, {"message", "nobody is here to answer this"}};
  return json::write(json::object{{"id", id}, {"error", std::move(error)}}) + "\n";
}

}  // namespace codex
}  // namespace cobatch
