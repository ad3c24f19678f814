// What people change by hand, and the lists that they look at.
#include <fstream>

#include <cobatch/prices.hpp>

#include "api/request.hpp"
#include "store/store.hpp"
#include "unit/api/fixture.hpp"

namespace cobatch_test {

namespace {

struct two_tasks : fixture {
  two_tasks() {
    for (const char* id : {"a", "b"})
      ask("assign_task", R"({"task_id":")" + std::string(id) + R"(","description":"do )" + id +
                             R"(","batch_id":"batch","auto_execute":false})");
  }
  parsed_reply about(std::string_view action, std::string_view task, std::string_view more = "") {
    return ask(action, R"({"task_id":")" + std::string(task) + "\"" + std::string(more) + "}");
  }
  void finish(std::string_view task, std::string_view status = "done") {
    about("mark_task_in_progress", task);
    CHECK(about("log_task_completion", task, R"(,"status":")" + std::string(status) + R"(","output_summary":"s")")
              .text("status") == "success");
  }
};

}  // namespace

TEST_CASE("a queued task is updated, and the reply says in what") {
  two_tasks s;
  const auto r = s.about("update_task", "a", R"(,"description":"do it well","priority":"high")");
  CHECK(r.text("status") == "success");
  CHECK(r.list("updated_fields") == json::array{"description", "priority"});
  CHECK(s.about("check_task_status", "a").text("description") == "do it well");
  CHECK(s.about("update_task", "a", R"(,"description":"do it well")").list("updated_fields").empty());
  CHECK(s.about("update_task", "a").text("code") == "bad_value");
  CHECK(s.about("update_task", "a", R"(,"priority":"urgent")").text("code") == "bad_value");
  s.finish("a");
  CHECK(s.about("update_task", "a", R"(,"description":"too late")").text("code") == "task_ended");
}

TEST_CASE("a task that has ended is reset, with the status that it had before") {
  two_tasks s;
  s.finish("a", "error");
  const auto r = s.about("reset_task", "a");
  CHECK(r.text("previous_status") == "error");
  CHECK(r.text("task_status") == "queued");
  CHECK(s.about("get_task_result", "a").text("code") == "task_queued");
  CHECK(s.about("reset_task", "none").text("code") == "task_not_found");
}

TEST_CASE("a deleted task is gone and its id is free") {
  two_tasks s;
  CHECK(s.about("delete_task", "a").text("previous_status") == "queued");
  CHECK(s.about("check_task_status", "a").text("code") == "task_not_found");
  CHECK(s.about("delete_task", "a").text("code") == "task_not_found");
  CHECK(s.ask("assign_task", R"({"task_id":"a","description":"other","batch_id":"batch","auto_execute":false})")
            .text("status") == "success");
  s.about("mark_task_in_progress", "b");
  CHECK(s.about("delete_task", "b").text("code") == "task_in_progress");
}

TEST_CASE("a deleted result leaves its task") {
  two_tasks s;
  s.finish("a");
  CHECK(s.about("delete_task_result", "a").text("status") == "success");
  CHECK(s.about("check_task_status", "a").text("task_status") == "done");
  CHECK(s.about("delete_task_result", "a").text("status") == "error");
}

TEST_CASE("a batch is retried: what failed and what was cancelled is queued again, and what is done stays") {
  two_tasks s;
  s.finish("a", "error");
  s.finish("b");
  const auto r = s.ask("retry_batch", R"({"batch_id":"batch"})");
  CHECK(r.list("tasks") == json::array{"a"});
  CHECK(r.text("batch_status") == "sealed");
  CHECK(s.about("check_task_status", "b").text("task_status") == "done");
  CHECK(s.ask("retry_batch", R"({"batch_id":"batch"})").number("task_count") == 0);
  CHECK(s.ask("retry_batch", R"({"batch_id":"none"})").text("code") == "batch_not_found");
}

TEST_CASE("to look at the queue changes nothing in it") {
  two_tasks s;
  const auto r = s.ask("process_queue");
  CHECK(r.number("task_count") == 2);
  REQUIRE(r.list("pending_tasks").size() == 2);
  CHECK(*r.list("pending_tasks")[0].find("task_id") == json::value("a"));
  CHECK(s.ask("process_queue").number("task_count") == 2);
  CHECK(s.about("check_task_status", "a").text("task_status") == "queued");
}

TEST_CASE("results are listed in the three shapes, the latest first") {
  two_tasks s;
  s.finish("a");
  s.finish("b", "error");
  const auto all = s.ask("get_all_results");
  CHECK(all.number("task_count") == 2);
  REQUIRE(all.in("results", "a") != nullptr);
  CHECK(*all.in("results", "a")->find("status") == json::value("done"));
  const auto recent = s.ask("get_recent_tasks", R"({"limit":1})");
  REQUIRE(recent.list("tasks").size() == 1);
  CHECK(*recent.list("tasks")[0].find("task_id") == json::value("b"));
  CHECK(s.ask("get_task_results").text("formatted_output").find("a (done") != std::string::npos);
  CHECK(s.ask("get_task_results", R"({"format":"xml"})").text("code") == "bad_value");
}

TEST_CASE("a long output is cut in a list and whole in its own reply") {
  two_tasks s;
  s.about("mark_task_in_progress", "a");
  const std::string output(5000, 'x');
  s.about("log_task_completion", "a", R"(,"status":"done","output":")" + output + "\"");
  const auto all = s.ask("get_all_results");
  CHECK(*all.in("results", "a")->find("output_cut") == json::value(true));
  CHECK(*s.about("get_task_result", "a").in("result", "output") == json::value(output));
}

TEST_CASE("batches are listed page by page, and by state") {
  two_tasks s;
  s.ask("assign_task", R"({"task_id":"c","description":"x","batch_id":"second"})");
  const auto first = s.ask("list_batches", R"({"limit":1})");
  REQUIRE(first.list("batches").size() == 1);
  CHECK(first.text("next_after") == "batch");
  const auto rest = s.ask("list_batches", R"({"after":"batch"})");
  REQUIRE(rest.list("batches").size() == 1);
  CHECK(*rest.list("batches")[0].find("batch_id") == json::value("second"));
  CHECK(s.ask("list_batches", R"({"state":"open"})").list("batches").size() == 1);
  CHECK(s.ask("list_batches", R"({"state":"closed"})").text("code") == "bad_value");
}

TEST_CASE("several tasks are assigned each for itself, and share a batch if they name none") {
  fixture f;
  const auto r =
      f.ask("batch_assign_tasks", R"({"tasks":[{"task_id":"a","description":"x"},{"description":"no id"},"no object",)"
                                  R"({"task_id":"b","description":"y"},{"task_id":"a","description":"other"}]})");
  CHECK(r.number("success_count") == 2);
  CHECK(r.number("failed_count") == 3);
  CHECK(r.number("total_tasks") == 5);
  REQUIRE(r.list("details").size() == 5);
  CHECK(*r.list("details")[1].find("code") == json::value("missing_field"));
  CHECK(*r.list("details")[2].find("code") == json::value("wrong_type"));
  CHECK(*r.list("details")[4].find("code") == json::value("task_exists"));
  for (const int refused : {1, 2, 4}) {
    const std::string why = *r.list("details")[static_cast<std::size_t>(refused)].find("message")->as_string();
    CHECK_MESSAGE(why.find("his task was not stored") != std::string::npos, why);
    CHECK_MESSAGE(why.find("othing was") == std::string::npos, why);
  }
  const auto batch = f.ask("batch_status", R"({"batch_id":")" + r.text("batch_id") + "\"}");
  CHECK(batch.text("batch_status") == "sealed");
  CHECK(batch.list("tasks").size() == 2);
}

TEST_CASE("tasks that are assigned each for itself are stored in one durable step") {
  fixture f;
  const std::int64_t before = f.place().storage().version();
  const auto r = f.ask("batch_assign_tasks", R"({"tasks":[)" + task("a") + R"(,{"description":"no id"},)" +
                                                 task("c", R"(,"batch_id":"other")") + "," + task("d") + "]}");
  CHECK(r.number("success_count") == 3);
  CHECK(r.list("batches").size() == 2);
  CHECK(f.place().storage().version() == before + 1);
}

TEST_CASE("more tasks than one call takes are refused, and the message says what to do") {
  fixture f;
  std::string many;
  for (int i = 0; i <= 10'000; ++i) many += (i == 0 ? "" : ",") + task("t" + std::to_string(i));
  const auto r = f.ask("batch_assign_tasks", R"({"tasks":[)" + many + "]}");
  CHECK(r.text("code") == "too_large");
  CHECK(r.says("10001 entries"));
  CHECK(r.says("at most 10000"));
  CHECK(r.says("assign_batch"));
  CHECK(f.place().status()->all.tally.total() == 0);
}

TEST_CASE("a call that assigns several tasks says whether their batch runs, or was left open") {
  fixture f;
  const auto open = f.ask("batch_assign_tasks", R"({"batch_id":"b","auto_execute":false,"tasks":[)" + task("a") + "]}");
  CHECK(open.text("batch_id") == "b");
  CHECK(open.text("batch_status") == "open");
  CHECK(open.text("next_step").find("seal_batch") != std::string::npos);
  CHECK(open.body.find("execution") == nullptr);
  const auto sealed = f.ask("batch_assign_tasks", R"({"batch_id":"b","tasks":[)" + task("c") + "]}");
  CHECK(sealed.text("batch_status") == "sealed");
  CHECK(sealed.text("execution").find("runs its 2 queued tasks") != std::string::npos);
  CHECK(sealed.body.find("next_step") == nullptr);
  f.run_next_batch();
  const auto late = f.ask("batch_assign_tasks", R"({"batch_id":"b","tasks":[)" + task("d") + "," + task("e") + "]}");
  CHECK(late.text("execution").find("this starts its round 2") != std::string::npos);
}

TEST_CASE("of several batches that one call assigns to, each is said to run or to be open") {
  fixture f;
  const auto r = f.ask("batch_assign_tasks", R"({"tasks":[)" + task("a", R"(,"batch_id":"runs")") + "," +
                                                 task("c", R"(,"batch_id":"waits","auto_execute":false)") + "]}");
  REQUIRE(r.list("batches").size() == 2);
  const json::value& runs = r.list("batches")[0];
  CHECK(*runs.find("batch_id") == json::value("runs"));
  CHECK(*runs.find("batch_status") == json::value("sealed"));
  CHECK(runs.find("execution") != nullptr);
  const json::value& waits = r.list("batches")[1];
  CHECK(*waits.find("batch_status") == json::value("open"));
  CHECK(waits.find("next_step") != nullptr);
  CHECK(r.body.find("batch_status") == nullptr);
}

TEST_CASE("what a batch used is asked for by an action, and the guide's calculator without a batch") {
  fixture f;
  CHECK(f.ask("savings").list("rows").size() == 4);
  CHECK(f.ask("savings", R"({"batch_id":"none"})").text("code") == "batch_not_found");
}

TEST_CASE("prices come with the request as JSON, and the reply says what the batch cost") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  f.run_next_batch();
  const auto cost_at = [&](const std::string& prices) {
    return f.ask("savings", R"({"batch_id":"b","prices":)" + prices + "}");
  };
  const std::string known = R"({"model":{"litellm_provider":"anthropic","input_cost_per_token":0.001,)"
                            R"("cache_creation_input_token_cost":0.00125,"output_cost_per_token":0.01}})";
  const auto r = cost_at(known);
  REQUIRE(r.in("total", "cost_usd") != nullptr);
  CHECK(json::write(*r.in("total", "cost_usd")) == "0.195");
  CHECK_FALSE(r.warns("unpriced_model"));
  const auto unpriced = cost_at(R"({"another":{"input_cost_per_token":0.001}})");
  CHECK(unpriced.in("total", "cost_usd") == nullptr);
  CHECK(unpriced.warns("unpriced_model"));
  CHECK(f.ask("savings", R"({"batch_id":"b"})").in("total", "cost_usd") == nullptr);
  CHECK(f.ask("savings", R"({"prices":)" + known + "}").text("code") == "missing_field");
}

TEST_CASE("a file that is named as prices is not looked at, whether it is there or not") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  f.run_next_batch();
  const auto file = f.place().paths().root / "prices.json";
  const auto reply_to = [&] {
    const auto r = f.ask("savings", R"({"batch_id":"b","prices":")" + file.string() + "\"}");
    CHECK(r.text("code") == "wrong_type");
    return r.text("message");
  };
  const auto before = reply_to();
  std::ofstream(file) << "not JSON";
  CHECK(reply_to() == before);
}

TEST_CASE("the host's own prices count where a request brings none") {
  fixture f;
  f.ask("assign_batch", R"({"batch_id":"b","tasks":[)" + task("a") + "]}");
  f.run_next_batch();
  const price_table host({{"model", {.cache_write_5m = 0, .output = 10'000'000'000}}});
  const auto cost_in = [&](const std::string& more) {
    const auto done = request::begin(
        f.place(), R"({"tool_name":"claude_assistant","action":"savings","params":{"batch_id":"b")" + more + "}}",
        &host);
    const auto parsed = json::parse(std::get<reply>(done).json);
    REQUIRE(parsed);
    REQUIRE(parsed->find("total") != nullptr);
    const json::value* cost = parsed->find("total")->find("cost_usd");
    return cost == nullptr ? std::string() : json::write(*cost);
  };
  CHECK(cost_in("") == "0.07");
  CHECK(cost_in(R"(,"prices":{})").empty());
}

TEST_CASE("health is a fault once the workspace was replaced, as every write is") {
  fixture f;
  const auto state = f.place().paths().state;
  CHECK(f.ask("health").text("status") == "success");  // from now on the store could still be read
  for (const auto& gone : {state, state / "store.db"}) {
    std::filesystem::rename(gone, gone.string() + ".gone");
    const auto r = f.ask("health");
    CHECK(r.kind == reply_kind::fault);
    CHECK(r.text("code") == "workspace_replaced");
    CHECK(f.ask("seal_batch", R"({"batch_id":"b"})").text("code") == "workspace_replaced");
    std::filesystem::rename(gone.string() + ".gone", gone);
    CHECK(f.ask("health").text("status") == "success");
  }
}

TEST_CASE("health says whether anything runs tasks") {
  fixture f;
  const auto r = f.ask("health");
  CHECK(r.text("status") == "success");
  CHECK(r.list("engines").empty());
  CHECK(r.says("No engine is attached"));
}

}  // namespace cobatch_test
