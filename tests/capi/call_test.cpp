#include <algorithm>
#include <atomic>
#include <thread>

#include "capi/host.hpp"

using namespace cobatch_test;

namespace {

struct called {
  std::string json;
  std::int32_t kind = -1;
};

std::string taken(cobatch_owned_text owned_text) {
  const std::string copy = copy_of({owned_text.data, owned_text.size});
  cobatch_text_free(&owned_text);
  CHECK(owned_text.data == nullptr);
  CHECK(owned_text.size == 0);
  return copy;
}

called call_json(cobatch_workspace* place, std::string_view request) {
  called came;
  cobatch_owned_text reply{nullptr, 0};
  must(cobatch_call, place, text(request), &reply, &came.kind);
  came.json = taken(reply);
  CHECK(came.json.find('\n') == std::string::npos);
  return came;
}

std::string request(std::string_view action, std::string_view params) {
  return R"({"tool_name":"claude_assistant","action":")" + std::string(action) + R"(","params":)" +
         std::string(params) + "}";
}

// The values of all members of that name, in order.
list all_of(std::string_view json, std::string_view member) {
  const std::string before = "\"" + std::string(member) + "\":\"";
  list values;
  for (std::size_t at = 0; (at = json.find(before, at)) != std::string_view::npos;) {
    at += before.size();
    values.emplace_back(json.substr(at, json.find('"', at) - at));
  }
  return values;
}

std::string supported_actions() {
  cobatch_owned_text json{nullptr, 0};
  must(cobatch_supported_actions, &json);
  return taken(json);
}

}  // namespace

TEST_CASE("every supported action is answered, and refused with a stable code when a parameter is missing") {
  const scratch_workspace place;
  const list actions = all_of(supported_actions(), "action");
  for (const char* promised :
       {"assign_task", "assign_batch", "execute_queue", "get_task_result", "log_task_completion"})
    CHECK(std::find(actions.begin(), actions.end(), promised) != actions.end());
  for (const auto& action : actions) {
    INFO(action);
    const auto came = call_json(place, request(action, "{}"));
    CHECK(came.kind <= COBATCH_CALL_REFUSED);
    CHECK(came.json.find("unknown_action") == std::string::npos);
    CHECK(all_of(came.json, "status").front() == (came.kind == COBATCH_CALL_DONE ? "success" : "error"));
  }
}

TEST_CASE("the guide's requests do what the typed calls do") {
  const scratch_workspace place;
  const auto done = [&](std::string_view action, std::string_view params) {
    const auto came = call_json(place, request(action, params));
    INFO(came.json);
    CHECK(came.kind == COBATCH_CALL_DONE);
    return came.json;
  };
  done("assign_task",
       R"({"task_id":"a","description":"what is to be done","batch_id":"b1","auto_execute":false,"context":{"x":1}})");
  CHECK(batch_of(place, "b1")->state == COBATCH_BATCH_OPEN);
  CHECK(copy_of(task_of(place, "a")->context) == R"({"x":1})");
  done("assign_task", R"({"task_id":"b","description":"what is to be done","batch_id":"b1"})");
  CHECK(batch_of(place, "b1")->state == COBATCH_BATCH_SEALED);
  // The typed call finds what the other one stored.
  CHECK(cobatch_reply_outcome(assign(place, "b", "b1").get()) == COBATCH_DUPLICATE);
  done("assign_batch", R"({"batch_id":"b2","auto_execute":false,"tasks":[{"task_id":"c","description":"d"}]})");
  CHECK(batch_of(place, "b2")->state == COBATCH_BATCH_OPEN);
  done("seal_batch", R"({"batch_id":"b2"})");
  CHECK(batch_of(place, "b2")->state == COBATCH_BATCH_SEALED);
  CHECK(all_of(done("execute_queue", "{}"), "status").front() == "task_started");
  done("cancel_task", R"({"task_id":"c"})");
  CHECK(task_of(place, "c")->state == COBATCH_TASK_CANCELLED);

  host works;
  run_all(place, works.agent());
  CHECK(done("get_task_result", R"({"task_id":"a"})").find("\"ok\"") != std::string::npos);
  CHECK(done("check_task_status", R"({"task_id":"a"})").find("\"done\"") != std::string::npos);
  CHECK(done("batch_status", R"({"batch_id":"b1"})").find("\"finished\"") != std::string::npos);
  CHECK(done("wait_batch", R"({"batch_id":"b1"})").find("\"ended\":true") != std::string::npos);
  CHECK(done("lock_status", "{}").find("\"locked\":false") != std::string::npos);
  std::ofstream(place.data() / "execute_queue.lock") << "somebody's";
  done("unlock", "{}");
  CHECK(call(cobatch_unlock, place.handle.get(), 0U, nullptr) == COBATCH_E_NO_MARKER);
}

TEST_CASE("a request that is understood and refused has the code of the typed call") {
  const scratch_workspace place;
  assign(place, "a", "b1", COBATCH_ASSIGN_KEEP_OPEN);
  const std::string tools = R"({"tool_name":"another","action":"unlock","params":{}})";
  const std::vector<std::pair<std::string, std::string>> refused{
      {"missing_field", "{}"},
      {"unknown_tool", tools},
      {"unknown_action", request("sing", "{}")},
      {"wrong_type", request("unlock", R"({"force":1})")},
      {"bad_id", request("seal_batch", R"({"batch_id":""})")},
      {"bad_value", request("assign_task", R"({"task_id":"b","description":"d","priority":"urgent"})")},
      {"batch_not_found", request("seal_batch", R"({"batch_id":"none"})")},
      {"task_not_found", request("cancel_task", R"({"task_id":"none"})")},
      {"task_queued", request("get_task_result", R"({"task_id":"a"})")},
      {"task_exists", request("assign_task", R"({"task_id":"a","description":"other","batch_id":"b1"})")},
      {"no_marker", request("unlock", "{}")},
  };
  for (const auto& [code, asked] : refused) {
    const auto came = call_json(place, asked);
    INFO(came.json);
    CHECK(came.kind == COBATCH_CALL_REFUSED);
    CHECK(all_of(came.json, "code") == list{code});
    note_reached(code);
  }
}

TEST_CASE("what is not a request at all is told so, too") {
  const scratch_workspace place;
  const std::vector<std::pair<std::string, std::string>> malformed{
      {"bad_json", ""},
      {"bad_json", "{"},
      {"bad_json", std::string("{}\0", 3)},
      {"bad_encoding", request("cancel_task", "{\"task_id\":\"\xff\"}")},
      {"not_an_object", "[]"},
      {"too_large", "\"" + std::string(100 * 1024 * 1024, ' ') + "\""},
  };
  for (const auto& [code, asked] : malformed) {
    const auto came = call_json(place, asked);
    INFO(came.json);
    CHECK(came.kind == COBATCH_CALL_MALFORMED);
    CHECK(all_of(came.json, "code") == list{code});
    note_reached(code);
  }
  CHECK(call_json(place, "\"x").kind == COBATCH_CALL_MALFORMED);
  cobatch_owned_text reply{nullptr, 0};
  must(cobatch_call, place.handle.get(), cobatch_text{nullptr, 0}, &reply, nullptr);
  taken(reply);
}

TEST_CASE("a request that storage could not serve is a fault, and the function itself succeeds") {
  const scratch_workspace place;
  std::filesystem::rename(place.data(), place.folder.path() / "moved");
  const auto came = call_json(place, request("assign_task", R"({"task_id":"a","description":"d"})"));
  CHECK(came.kind == COBATCH_CALL_FAULT);
  CHECK(all_of(came.json, "code") == list{"workspace_replaced"});
}

TEST_CASE("a request that waits is cut short by an interrupt, and says how the batch stands") {
  const scratch_workspace place;
  assign_all(place, {"a"}, "b1");
  std::atomic<bool> waited = false;
  std::thread interrupter([&] {
    while (!waited) cobatch_interrupt(place);
  });
  const auto came = call_json(place, request("wait_batch", R"({"batch_id":"b1","timeout_seconds":40})"));
  waited = true;
  interrupter.join();
  CHECK(came.kind == COBATCH_CALL_DONE);
  CHECK(came.json.find("\"ended\":false") != std::string::npos);
}
