// What tasks used: figures that were shared, shifted, summed twice, lost or made up there.
#include <deque>
#include <set>

#include "original/scene.hpp"

namespace cobatch_test {

using namespace program;

namespace {

const std::string history_file = "token_telemetry.json";

// A step of the scripted agent.
std::string step(const std::string& task, std::int64_t input, std::int64_t output) {
  return R"({"task_id":)" + quoted(task) + R"(,"usage":{"input_tokens":)" + std::to_string(input) +
         R"(,"output_tokens":)" + std::to_string(output) + "}}";
}

std::string used(const json::value& of_task) {
  return at(of_task, "tokens_input") + " in, " + at(of_task, "tokens_output") + " out";
}

// Everything in the history has the type that it always has.
void check_types(const json::value& history) {
  REQUIRE(history.find("sessions")->as_array() != nullptr);
  CHECK(history.find("task_patterns")->as_object() != nullptr);
  CHECK(history.find("weekly_resets")->as_array() != nullptr);
  for (const auto& session : *history.find("sessions")->as_array()) {
    CHECK(session.find("task_id")->as_string() != nullptr);
    CHECK(session.find("tokens_input")->as_int() != nullptr);
    CHECK(session.find("success")->as_bool() != nullptr);
  }
}

}  // namespace

TEST_CASE("failure 37: eight tasks shared one telemetry file and all got the figures of one, does not happen") {
  const scene s;
  std::vector<std::string> tasks;
  std::string turns;
  for (int i = 1; i <= 8; ++i) {
    tasks.push_back("t" + std::to_string(i));
    turns += (i == 1 ? "" : ",") + step(tasks.back(), 100 * i, i);
  }
  s.assign_all("b", tasks);
  CHECK(s.run(s.scripted("", turns)).code == exit_success);
  const json::value history = s.view(history_file);
  for (int i = 1; i <= 8; ++i) {
    const std::string expected = std::to_string(100 * i) + " in, " + std::to_string(i) + " out";
    CHECK(used(s.result("t" + std::to_string(i))) == expected);
    CHECK(used(history.find("sessions")->as_array()->at(static_cast<std::size_t>(i - 1))) == expected);
  }
}

TEST_CASE("failure 38: without telemetry a result had no batch either, does not happen") {
  const scene s;
  s.assign_all("b", {"a", "c"});
  s.run(s.scripted());
  const json::value result = s.result("c");
  CHECK(text_in(result, "batch_id") == "b");
  CHECK(at(result, "batch_position") == "2");
  CHECK_MESSAGE(result.find("tokens_input") == nullptr, "what is not known is absent, not 0");
}

TEST_CASE("failure 39: each task got the telemetry of the one before, does not happen") {
  const scene s;
  s.assign_all("b", {"a", "c", "d"});
  const std::string call = "'" + paths::program + "' call ";
  s.run(
      s.shell("for t in a:10 c: d:30; do\n"
              "  id=${t%:*} tokens=${t#*:}\n"
              "  " +
                  call +
                  "mark_task_in_progress task_id=$id\n"
                  "  [ -z \"$tokens\" ] || " +
                  call +
                  "capture_token_telemetry task_id=$id tokens_input=$tokens "
                  "tokens_output=1\n"
                  "  " +
                  call +
                  "log_task_completion task_id=$id status=done\n"
                  "done >>log\n",
              "prompt"));
  CHECK(used(s.result("a")) == "10 in, 1 out");
  CHECK(used(s.result("c")) == " in,  out");
  CHECK(used(s.result("d")) == "30 in, 1 out");
}

TEST_CASE("failure 39: an agent that writes its telemetry too late does not give it to the next task") {
  const scene s;
  s.assign_all("b", {"a", "c"});
  const std::string call = "'" + paths::program + "' call ";
  s.run(s.shell("for id in a c; do\n  " + call + "mark_task_in_progress task_id=$id\n  " + call +
                    "log_task_completion task_id=$id status=done\n"
                    "  echo '{\"tokens_input\":10,\"tokens_output\":1}' >data/last_execution_telemetry.json\n"
                    "done >>log\n",
                "prompt"));
  CHECK(used(s.result("a")) == " in,  out");
  CHECK(used(s.result("c")) == " in,  out");
}

TEST_CASE(
    "failure 40: sums went from the start of the conversation, so that each task repeated the earlier ones, does not "
    "happen") {
  const scene s;
  s.make_claude();  // its sums per model go on from turn to turn
  s.assign_all("b", {"a", "c", "d"});
  CHECK(s.run_claude().code == exit_success);
  CHECK(used(s.result("a")) == "92408 in, 620 out");
  CHECK(used(s.result("c")) == "806 in, 120 out");
  CHECK(used(s.result("d")) == "1208 in, 210 out");
}

TEST_CASE("failure 41: when the first task had no telemetry the input of the batch was lost, does not happen") {
  const scene s;
  s.assign_all("b", {"a", "c"});
  s.run(s.scripted("", R"({"task_id":"a"},)" + step("c", 2000, 5)));
  CHECK(used(s.result("c")) == "2000 in, 5 out");
  const json::value total = *s.command({"savings", "b", "--json"}).json().find("total");
  CHECK(at(total, "tokens", "uncached_input") == "2000");
  CHECK_MESSAGE(at(total, "complete") == "false", "and it is said that a part is missing");
}

TEST_CASE("failure 42: the position in the batch counted the results that were kept, and began anew, does not happen") {
  const scene s;
  s.assign_all("b", {"a", "c", "d"});
  s.run(s.scripted());
  s.about("delete_task_result", "a");
  s.about("delete_task", "c");
  CHECK(at(s.assign("late", "b", true), "batch_position") == "4");
  s.run(s.scripted());
  CHECK(at(s.result("late"), "batch_position") == "4");
  CHECK(at(s.result("d"), "batch_position") == "3");
}

TEST_CASE("failure 43: batch ids that were made within a second were the same, does not happen") {
  const scene s;
  std::deque<child> callers;
  for (int i = 0; i < 12; ++i)
    callers.emplace_back(std::vector<std::string>{paths::program, "call", "assign_task",
                                                  "task_id=t" + std::to_string(i), "description=x", "--root",
                                                  s.path_text("")});
  std::set<std::string> batches;
  for (auto& caller : callers) {
    CHECK(caller.wait() == exit_success);
    batches.insert(text_in(parsed(caller.out()), "batch_id"));
  }
  CHECK(batches.size() == callers.size());
}

TEST_CASE("failure 44: an entry of the history had another type than its readers expected, does not happen") {
  const scene s;
  s.assign_all("b", {"a", "c"});
  check_types(s.view(history_file));
  s.run(s.scripted(R"("status":"error")", step("a", 1, 2)));
  check_types(s.view(history_file));
  CHECK(s.view(history_file).find("sessions")->as_array()->size() == 1);
}

TEST_CASE("failure 45: a history of another type crashed its writer, does not happen") {
  for (const char* other : {"[]", "{}", "7", R"({"sessions":{},"task_patterns":[]})"}) {
    const scene s;
    s.put(history_file, other);
    s.assign_all("b", {"a"});
    CHECK(s.run(s.scripted("", step("a", 1, 2))).code == exit_success);
    check_types(s.view(history_file));
    CHECK(has_file(s.path("data"), history_file + ".outside-"));
  }
}

TEST_CASE("failure 46: tokens were whatever the agent said, does not happen") {
  const scene s;
  s.assign_all("b", {"negative", "words", "plain"});
  s.run(s.scripted(
      "", step("negative", -3, -1) + R"(,{"task_id":"words","usage":{"input_tokens":"many"}},)" + step("plain", 7, 5)));
  CHECK(used(s.result("negative")) == " in,  out");
  CHECK(used(s.result("words")) == " in,  out");
  CHECK(used(s.result("plain")) == "7 in, 5 out");
  CHECK(text_in(s.result("plain"), "tokens_source") == "scripted");
}

TEST_CASE("failure 46: what was only told is called so") {
  const scene s;
  s.assign("a", "b", false);
  s.about("mark_task_in_progress", "a");
  s.put("last_execution_telemetry.json", R"({"tokens_input":45000,"tokens_output":2000})");
  s.about("log_task_completion", "a", R"(,"status":"done")");
  CHECK(used(s.result("a")) == "45000 in, 2000 out");
  CHECK(text_in(s.result("a"), "tokens_source") == "told");
}

}  // namespace cobatch_test
