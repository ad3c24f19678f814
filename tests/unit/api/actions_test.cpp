#include "api/actions.hpp"

#include <cobatch/core/text.hpp>

#include "unit/api/fixture.hpp"

namespace cobatch_test {

TEST_CASE("the list of supported actions names every action with its tool, parameters and description") {
  const auto parsed = json::parse(supported_actions_json());
  REQUIRE(parsed);
  CHECK(*parsed->find("status") == json::value("success"));
  const json::array& list = *parsed->find("supported_actions")->as_array();
  REQUIRE(list.size() == request::actions().size());
  for (const auto& entry : list) {
    CHECK(*entry.find("tool") == json::value(protocol_tool));
    CHECK(request::find_action(*entry.find("action")->as_string()) != nullptr);
    CHECK(entry.find("description")->as_string()->size() <= 300);
    for (const auto& param : *entry.find("params")->as_array()) {
      CHECK(param.find("name")->as_string() != nullptr);
      CHECK(param.find("required")->as_bool() != nullptr);
      CHECK_FALSE(param.find("description")->as_string()->empty());
    }
  }
}

TEST_CASE("every action that this version promises is there") {
  for (const std::string_view name : {"assign_task",
                                      "assign_batch",
                                      "seal_batch",
                                      "execute_queue",
                                      "batch_status",
                                      "wait_batch",
                                      "check_task_status",
                                      "get_task_result",
                                      "cancel_task",
                                      "lock_status",
                                      "unlock",
                                      "batch_assign_tasks",
                                      "get_all_results",
                                      "get_recent_tasks",
                                      "get_task_results",
                                      "reset_task",
                                      "update_task",
                                      "delete_task",
                                      "delete_task_result",
                                      "process_queue",
                                      "mark_task_in_progress",
                                      "log_task_completion",
                                      "capture_token_telemetry",
                                      "list_batches",
                                      "retry_batch",
                                      "savings",
                                      "health"})
    CHECK_MESSAGE(request::find_action(name) != nullptr, name);
}

TEST_CASE("a slip of the pen finds what was meant, and what is far off finds nothing") {
  const std::vector<std::string_view> known{"batch_id", "task_id", "auto_execute"};
  CHECK(request::nearest("batchid", known) == "batch_id");
  CHECK(request::nearest("batch-id", known) == "batch_id");
  CHECK(request::nearest("autoexecute", known) == "auto_execute");
  CHECK(request::nearest("taks_id", known) == "task_id");
  CHECK(request::nearest("colour", known).empty());
  CHECK(request::nearest("", known).empty());
  CHECK(request::nearest(std::string(1000, 'x'), known).empty());
}

TEST_CASE("text in quotes is short, on one line, and cuts no character in two") {
  CHECK(request::quoted_text("a\nb\x1b") == "'a?b?'");
  const std::string cut = request::quoted_text(std::string(79, 'x') + "\xC3\xA9\xC3\xA9");
  CHECK(is_utf8(cut));
  CHECK(cut == "'" + std::string(79, 'x') + "…'");
}

TEST_CASE("an error has the reply's shape") {
  const auto parsed = json::parse(error_json({errc::disk_full, "no room"}));
  REQUIRE(parsed);
  CHECK(*parsed == json::value(json::object{{"status", "error"}, {"code", "disk_full"}, {"message", "No room."}}));
}

}  // namespace cobatch_test
