// What comes of the files of the original when they are imported.
#include <sys/stat.h>

#include "store/store.hpp"
#include "unit/import/fixture.hpp"

using namespace import_test;

namespace {

const std::string results = "claude_task_results.json";
const std::string archive = "task_archive/results_2025-10.jsonl";
const std::string history = "token_telemetry.json";

// A task "a" of the queue in this state.
std::string in_state(const std::string& status) {
  return R"("description":"do a","created_at":"2025-11-07T21:45:00","batch_id":"b","status":")" + status + '"';
}
// A result of task "a".
std::string ended_at(const std::string& time) {
  return R"("status":"done","output":"did a","completed_at":")" + time + '"';
}

tokens tokens_of(const task_status& task) {
  REQUIRE(task.result);
  REQUIRE(task.result->what.used);
  CHECK(task.result->what.used->source == usage_source::told);
  return task.result->what.used->total();
}

}  // namespace

TEST_CASE("a task of the queue stands here as it stood there, with all that is not known here") {
  const zone here("CET-1");
  original from;
  from.queue_of(R"("status":"queued","created_at":"2025-11-07T21:45:00.123456","assigned_by":"claude","priority":"high",
    "description":"do a","context":{"files":["x"]},"batch_id":"batch_20251107_214500",
    "inject_steps":[1.50,{"deep":null}],"blocked":false)");
  destination to;
  const auto report = to.take(from.path());
  CHECK(report.complete());
  CHECK(report.put_in[task_state::queued] == 1);
  const auto task = to.at("a").task;
  CHECK(task.state == task_state::queued);
  CHECK(task.created_at == utc("2025-11-07T20:45:00.123Z"));
  CHECK(task.spec.assigned_by == "claude");
  CHECK(task.spec.prio == priority::high);
  CHECK(task.spec.description == "do a");
  CHECK(task.spec.context == R"({"files":["x"]})");
  CHECK(task.batch.str() == "batch_20251107_214500");
  CHECK(task.extra == R"({"inject_steps":[1.50,{"deep":null}],"blocked":false})");
  CHECK(to->batch(task.batch)->batch.state == batch_state::open);
  CHECK(holds(said(report, kind::note, ""), "local times"));
}

TEST_CASE("a result stands here as it stood there, with all that is not known here") {
  original from;
  from.queue_of(in_state("done"));
  from.results_of(R"("status":"done","description":"do a","completed_at":"2025-11-07T21:50:00.5Z",
    "execution_time_seconds":12.5,"actions_taken":["wrote x"],"output":"did a","output_summary":"a","errors":null,
    "batch_id":"b","batch_position":3,"tokens":{"input":45000,"output":2000,"total":47000},"token_cost":0.120,"tool":"t")");
  destination to;
  CHECK(to.take(from.path()).put_in[task_state::done] == 1);
  const auto [task, result] = to.at("a");
  CHECK(task.position == 3);
  CHECK(task.ended_at == utc("2025-11-07T21:50:00.5Z"));
  CHECK(task.started_at == utc("2025-11-07T21:49:48Z"));
  REQUIRE(result);
  CHECK(result->status == task_state::done);
  CHECK(result->completed_at == utc("2025-11-07T21:50:00.5Z"));
  CHECK(result->duration_ms == 12'500);
  CHECK(result->what.output == "did a");
  CHECK(result->what.output_summary == "a");
  CHECK(result->what.actions_taken == R"(["wrote x"])");
  CHECK(result->what.errors.empty());
  CHECK(parsed(result->extra).find("token_cost")->as_number()->text == "0.120");
  CHECK(*parsed(result->extra).find("tool") == json::value("t"));
  CHECK(parsed(result->extra).find("output") == nullptr);
  CHECK(to->batch(task.batch)->batch.state == batch_state::finished);
}

TEST_CASE("each status of the original is a state here") {
  const std::pair<const char*, task_state> states[] = {
      {"queued", task_state::queued},      {"pending", task_state::queued}, {"in_progress", task_state::queued},
      {"done", task_state::done},          {"completed", task_state::done}, {"error", task_state::error},
      {"cancelled", task_state::cancelled}};
  for (const auto& [status, state] : states) {
    CAPTURE(status);
    original from;
    from.queue_of(in_state(status));
    destination to;
    const auto report = to.take(from.path());
    CHECK(report.complete());
    CHECK(report.put_in[state] == 1);
    CHECK(to.at("a").task.state == state);
    CHECK(holds(said(report, kind::note, queue, "a"), "in progress") == (std::string_view(status) == "in_progress"));
  }
}

TEST_CASE("a task whose status is missing is queued, and that is said") {
  original from;
  from.queue_of(R"("description":"do a")");
  destination to;
  const auto report = to.take(from.path());
  CHECK(to.at("a").task.state == task_state::queued);
  CHECK(holds(said(report, kind::note, queue, "a"), "no status"));
}

TEST_CASE("a status that is not known is named, and its task is not put in") {
  original from;
  from.queue_of(in_state("paused"));
  destination to;
  const auto report = to.take(from.path());
  CHECK_FALSE(report.complete());
  CHECK(holds(said(report, kind::set_aside, queue, "a"), "\"paused\""));
  CHECK_FALSE(to.has("a"));
}

TEST_CASE("a task that stands only among the results, or in the archive, is done here") {
  original from;
  from.results_of(ended_at("2025-11-07T21:50:00Z") + R"(,"description":"do a","batch_id":"b")");
  from.write(archive, R"({"task_id":"old","status":"error","errors":["broke"],"batch_id":"b"})"
                      "\n");
  destination to;
  const auto report = to.take(from.path());
  CHECK(report.complete());
  CHECK(to.at("a").task.state == task_state::done);
  CHECK(to.at("a").task.spec.description == "do a");
  CHECK(to.at("a").result->what.output == "did a");
  CHECK(to.at("old").task.state == task_state::error);
  CHECK(to.at("old").result->what.errors == R"(["broke"])");
  CHECK(to.at("old").task.position < to.at("a").task.position);
}

TEST_CASE("the later of queue and result says how a task stands") {
  original from;
  destination to;
  SUBCASE("it ended after it was last taken up") {
    from.queue_of(in_state("in_progress") + R"(,"started_at":"2025-11-07T21:46:00")");
    from.results_of(ended_at("2025-11-07T21:50:00"));
    CHECK(to.take(from.path()).put_in[task_state::done] == 1);
    CHECK(to.at("a").result->what.output == "did a");
  }
  SUBCASE("it was reset after it had ended: the result that it had is kept") {
    from.queue_of(in_state("queued") + R"(,"reset_at":"2025-11-07T22:00:00")");
    from.results_of(ended_at("2025-11-07T21:50:00"));
    CHECK(to.take(from.path()).put_in[task_state::queued] == 1);
    CHECK_FALSE(to.at("a").result);
    const auto kept = parsed(to.at("a").task.extra);
    CHECK(*kept.find("earlier_results")->as_array()->at(0).find("output") == json::value("did a"));
  }
  SUBCASE("it was cancelled") {
    from.queue_of(in_state("cancelled") + R"(,"cancelled_at":"2025-11-07T21:55:00Z")");
    from.results_of(ended_at("2025-11-07T21:50:00"));
    CHECK(to.take(from.path()).put_in[task_state::cancelled] == 1);
    CHECK(to.at("a").task.ended_at == utc("2025-11-07T21:55:00Z"));
    CHECK(holds(to.at("a").task.extra, "did a"));
  }
}

TEST_CASE("of several results the latest counts, and the others are kept once each") {
  const std::string first = R"({"task_id":"a","status":"error","errors":"first","completed_at":"2025-10-01T10:00:00"})";
  original from;
  from.write(archive, first + "\n" + first + "\n");
  from.results_of(ended_at("2025-11-07T21:50:00"));
  destination to;
  CHECK(to.take(from.path()).put_in[task_state::done] == 1);
  CHECK(to.at("a").result->what.output == "did a");
  const auto kept = parsed(to.at("a").task.extra);
  REQUIRE(kept.find("earlier_results"));
  CHECK(kept.find("earlier_results")->as_array()->size() == 1);
  CHECK(*kept.find("earlier_results")->as_array()->at(0).find("errors") == json::value("first"));
}

TEST_CASE("the tokens of a result are read in each of their forms") {
  original from;
  destination to;
  const std::string done = ended_at("2025-11-07T21:50:00");
  SUBCASE("the guide's") {
    from.results_of(done + R"(,"tokens_input":45000,"tokens_output":2000)");
    to.take(from.path());
    CHECK(tokens_of(to.at("a")) == tokens{.uncached_input = 45'000, .output = 2'000});
  }
  SUBCASE("an object, whose input has in it what was read from the cache") {
    from.results_of(done + R"(,"tokens":{"input":45500,"output":2000,"total":47500,"cache_read":45000})");
    to.take(from.path());
    CHECK(tokens_of(to.at("a")) == tokens{.uncached_input = 500, .cache_read = 45'000, .output = 2'000});
  }
  SUBCASE("the history's, where the result has none; the entry is kept") {
    from.results_of(done);
    from.write(history, R"({"sessions":[{"task_id":"a","tokens_input":50000,"tokens_output":7,"tokens_cache_read":45000,
      "tokens_cache_creation":4000,"tokens_raw_input":1000,"task_type":"doc"}],"task_patterns":{},"weekly_resets":[]})");
    to.take(from.path());
    CHECK(tokens_of(to.at("a")) ==
          tokens{.uncached_input = 1'000, .cache_write_5m = 4'000, .cache_read = 45'000, .output = 7});
    const auto kept = parsed(to.at("a").task.extra);
    CHECK(*kept.find("token_telemetry")->as_array()->at(0).find("task_type") == json::value("doc"));
  }
  SUBCASE("figures that cannot be are kept as they were told, and not counted") {
    from.results_of(done + R"(,"tokens_input":-1,"tokens_output":9223372036854775807)");
    to.take(from.path());
    CHECK_FALSE(to.at("a").result->what.used);
    CHECK(to.at("a").result->extra == R"({"tokens_input":-1,"tokens_output":9223372036854775807})");
  }
}

TEST_CASE("a task that read most of its input from the cache found its context loaded") {
  original from;
  from.results_of(ended_at("2025-11-07T21:50:00") + R"(,"batch_id":"b","batch_position":2)");
  destination to;
  const auto loaded = [&](const std::string& figures) {
    from.write(history, R"({"sessions":[{"task_id":"a",)" + figures + "}]}");
    to.take(from.path());
    const bool was = to.at("a").result->loaded_context;
    REQUIRE(to->remove(task_id("a")));
    return was;
  };
  CHECK_FALSE(loaded(R"("tokens_input":48000,"tokens_output":900,"tokens_cache_read":45000,
    "tokens_cache_creation":2000,"tokens_raw_input":1000)"));
  CHECK(loaded(R"("tokens_input":48000,"tokens_output":900,"tokens_cache_read":1000,"tokens_cache_creation":46000)"));
  CHECK(loaded(R"("tokens_input":48000,"tokens_output":900)"));
  CHECK_FALSE(loaded(R"("tokens_input":0,"tokens_output":900)"));
}

TEST_CASE("a task of which only the history of tokens tells is named") {
  original from;
  from.write(history, R"({"sessions":[{"task_id":"gone","tokens_input":1}]})");
  destination to;
  const auto report = to.take(from.path());
  CHECK(report.complete());
  CHECK(holds(said(report, kind::note, history, "gone"), "no other file"));
}

TEST_CASE("a task without a batch_id gets the original's default, made of its time and its id") {
  const zone here("CET-1");
  original from;
  from.write(queue, R"({"tasks":{
    "create_doc_1":{"status":"queued","description":"x","created_at":"2025-11-07T21:45:00.5"},
    "create_doc_2":{"status":"queued","description":"x","created_at":"2025-11-07T21:45:00.5","batch_id":null},
    "odd":{"status":"queued","description":"x","created_at":"2025-11-07T21:45:00.5","batch_id":["b"]}}})");
  destination to;
  const auto report = to.take(from.path());
  CHECK(to.at("create_doc_1").task.batch.str() == "batch_20251107_214500_create_d");
  CHECK(to.at("create_doc_2").task.batch == to.at("create_doc_1").task.batch);
  CHECK(said(report, kind::note, queue, "create_doc_1").empty());
  CHECK(to.at("odd").task.batch.str() == "batch_20251107_214500_odd");
  CHECK(holds(said(report, kind::note, queue, "odd"), "batch_id"));
  CHECK(parsed(to.at("odd").task.extra).find("batch_id") != nullptr);
}

TEST_CASE("a member of another type than it should have costs the task nothing else, and is kept") {
  original from;
  from.queue_of(
      R"("status":"queued","description":{"what":"do a"},"created_at":17,"assigned_by":[1],"priority":"urgent",
    "context":"text")");
  destination to;
  CHECK(to.take(from.path()).complete());
  const auto task = to.at("a").task;
  CHECK(task.spec.description == R"({"what":"do a"})");
  CHECK(task.spec.context == R"("text")");
  CHECK(task.spec.prio == priority::medium);
  CHECK(task.created_at == today);
  const auto kept = parsed(task.extra);
  for (const char* name : {"description", "created_at", "assigned_by", "priority"}) CHECK(kept.find(name) != nullptr);
  CHECK(kept.find("context") == nullptr);
}

TEST_CASE("a task that nobody could do, or that is too large, is named and not put in") {
  original from;
  destination to;
  const std::string large(max_description_bytes + 1, 'x');
  from.write(queue, R"({"tasks":{"none":{"status":"queued"},"large":{"status":"queued","description":")" + large +
                        R"("},"good":{"status":"queued","description":"x"}}})");
  const auto report = to.take(from.path());
  CHECK(holds(said(report, kind::set_aside, queue, "none"), "no description"));
  CHECK(holds(said(report, kind::set_aside, queue, "large"), "limit"));
  CHECK(report.put_in.total() == 1);
  CHECK(to.has("good"));
}

TEST_CASE("a task that is blocked there is cancelled here, until somebody resets it, and that is said") {
  original from;
  from.write(queue, R"({"tasks":{
    "a":{"status":"queued","description":"x","batch_id":"b","created_at":"2025-11-07T21:45:00Z","blocked":true,
         "blocked_reason":"waits for Ann","blocked_at":"2025-11-07T21:46:00Z"},
    "b":{"status":"queued","description":"x","batch_id":"b"},
    "empty":{"status":"queued","blocked":true}}})");
  destination to;
  const auto report = to.take(from.path());
  CHECK(report.put_in[task_state::cancelled] == 1);
  CHECK(report.put_in[task_state::queued] == 1);
  CHECK(holds(said(report, kind::set_aside, queue, "empty"), "no description"));
  const auto note = said(report, kind::note, queue, "a");
  CHECK(holds(note, "waits for Ann"));
  CHECK(holds(note, "reset_task"));
  CHECK_FALSE(holds(note, "when it ended"));
  const auto task = to.at("a").task;
  CHECK(task.ended_at == utc("2025-11-07T21:46:00Z"));
  CHECK(*parsed(task.extra).find("blocked_reason") == json::value("waits for Ann"));

  REQUIRE(to->reset(task_id("a")));
  CHECK(to.at("a").task.state == task_state::queued);
  CHECK(said(to.take(from.path()), kind::conflict, queue, "a").empty());
}

TEST_CASE("a task that was blocked, and is done there since it was taken over, is told") {
  original from;
  from.queue_of(in_state("queued") + R"(,"blocked":true)");
  destination to;
  to.take(from.path());
  from.queue_of(in_state("done"));
  from.results_of(ended_at("2025-11-07T21:50:00"));
  CHECK(holds(said(to.take(from.path()), kind::conflict, queue, "a"), "delete_task"));
}

TEST_CASE("what stands in a file beside its tasks is named, unless it is empty") {
  original from;
  from.write(history, R"({"sessions":[],"weekly_resets":["2025-11-03"],"task_patterns":{"doc":{"avg_tokens":5}}})");
  from.write(queue, R"({"tasks":{},"paused":[],"notes":{},"version":null})");
  destination to;
  const auto report = to.take(from.path());
  CHECK(report.complete());
  CHECK(holds(said(report, kind::note, history), R"("weekly_resets", "task_patterns")"));
  CHECK(said(report, kind::note, queue).empty());
}

TEST_CASE("tasks whose created_at or priority cannot be used are counted, and the first is named") {
  original from;
  from.write(queue, R"({"tasks":{
    "a":{"status":"queued","description":"x","created_at":"yesterday"},
    "b":{"status":"queued","description":"x","created_at":1762551900,"priority":"urgent"},
    "c":{"status":"queued","description":"x","priority":"low"},
    "d":{"status":"queued","description":"x","priority":null,"created_at":""}}})");
  destination to;
  const auto report = to.take(from.path());
  CHECK(report.complete());
  const auto notes = said(report, kind::note, "");
  CHECK_MESSAGE(holds(notes, "Of 2 tasks (the first is a) the created_at cannot be read"), notes);
  CHECK_MESSAGE(holds(notes, "Of 1 task (b) the priority is not one that is known; here it is medium."), notes);
  CHECK(said(to.take(from.path()), kind::note, "").empty());
}

TEST_CASE("a task that stands twice in one file is named, the last one goes in, and a copy of the file is kept") {
  original from;
  SUBCASE("in an object") {
    from.write(queue, R"({"tasks":{"\u0061":{"status":"queued","description":"first","batch_id":"b"},
      "b":{"status":"queued","description":"a","context":{"b":{"a":1},"a":["a"]}},
      "a":{"status":"queued","description":"last","batch_id":"b"}},"a":{"a":1}})");
  }
  SUBCASE("in a list") {
    from.write(queue, R"({"tasks":[{"task_id":"a","status":"queued","description":"first"},
      {"task_id":"b","status":"queued","description":"x"},{"task_id":"b","status":"queued","description":"x"},
      {"task_id":"a","status":"queued","description":"last"}]})");
  }
  destination to;
  const auto report = to.take(from.path());
  CHECK_FALSE(report.complete());
  CHECK(holds(said(report, kind::set_aside, queue, "a"), "more than once"));
  CHECK(said(report, kind::set_aside, queue, "b").empty());
  CHECK(to.at("a").task.spec.description == "last");
  CHECK(holds(said(report, kind::note, queue), ".unreadable-"));
}

TEST_CASE("a file that has its tasks twice says so") {
  original from;
  from.write(queue, R"({"tasks":{"lost":{"status":"queued","description":"x"}},
    "tasks":{"a":{"status":"queued","description":"x"}}})");
  destination to;
  const auto report = to.take(from.path());
  CHECK(holds(said(report, kind::set_aside, queue), "\"tasks\" more than once"));
  CHECK(to.has("a"));
}

TEST_CASE("values that Python writes and JSON does not have are read as null and U+FFFD, and the file is named") {
  original from;
  from.write(queue,
             "{\"tasks\":{\"a\":{\"status\":\"queued\",\"description\":\"caf\\udce9\"},"
             "\"b\":{\"status\":\"queued\",\"description\":\"y\xE9\",\"score\":NaN}}}");
  from.results_of(ended_at("2025-11-07T21:50:00"));
  destination to;
  const auto report = to.take(from.path());
  CHECK(said(report, kind::set_aside, queue).empty());
  for (const char* part : {"1 halves of surrogate pairs", "1 bytes that are not UTF-8", "1 values NaN or Infinity"})
    CHECK(holds(said(report, kind::note, queue), part));
  CHECK(to.has("a"));
  CHECK(to.has("b"));
}

TEST_CASE("a file that is no JSON is set aside as a whole, and where it breaks and how to go on is said") {
  original from;
  from.write(queue, R"({"tasks":{"a":{"status":"queued","description":"x"},"b":{"score":None}}})");
  destination to;
  const auto aside = said(to.take(from.path()), kind::set_aside, queue);
  for (const char* part : {"nothing of this file", "line 1, column 66", "import again"}) CHECK(holds(aside, part));
  from.write(queue,
             R"({"tasks":{"a":{"status":"queued","description":"x"},"b":{"status":"queued","description":"y"}}})");
  CHECK(to.take(from.path()).put_in[task_state::queued] == 2);
}

TEST_CASE("a file that cannot be read is set aside, a copy is kept, and the rest goes in") {
  original from;
  std::string text, why;
  SUBCASE("half of it is there") { text = R"({"tasks":{"a":{"status":"que)", why = "JSON"; }
  SUBCASE("it is a list") { text = "[]", why = "an array"; }
  SUBCASE("it has no tasks") { text = R"({"queue":{}})", why = "\"tasks\""; }
  SUBCASE("its tasks are no object") { text = R"({"tasks":7})", why = "a number"; }
  SUBCASE("it is empty") { why = "JSON"; }
  from.write(queue, text);
  from.results_of(ended_at("2025-11-07T21:50:00"));
  const auto before = from.contents();
  destination to;
  const auto report = to.take(from.path());
  CHECK_FALSE(report.complete());
  CHECK_MESSAGE(holds(said(report, kind::set_aside, queue), why), said(report, kind::set_aside, queue));
  CHECK(report.put_in.total() == 1);
  CHECK(to.has("a"));
  CHECK(from.contents() == before);
  std::vector<std::string> copies;
  for (const auto& entry : fs::directory_iterator(to->paths().data))
    if (entry.path().filename().string().starts_with(queue + ".unreadable-")) copies.push_back(entry.path().string());
  REQUIRE(copies.size() == 1);
  CHECK(content_of(copies.front()) == text);
  CHECK(holds(said(report, kind::note, queue), copies.front()));
}

TEST_CASE("an empty object has nothing to lose, and a list of tasks is as good as an object") {
  original from;
  from.write(results, "{}");
  from.write(queue,
             "\xEF\xBB\xBF"
             R"({"tasks":[{"task_id":"a","status":"queued","description":"x"},{"status":"queued"},7]})");
  destination to;
  const auto report = to.take(from.path());
  CHECK(to.has("a"));
  CHECK(said(report, kind::set_aside, results).empty());
  const auto aside = said(report, kind::set_aside, queue);
  CHECK(holds(aside, "task_id"));
  CHECK(holds(aside, "a number"));
}

TEST_CASE("a line of the archive that cannot be read costs no other line") {
  original from;
  from.write(
      archive,
      "{\"task_id\":\"a\",\"status\":\"done\"}\n{\"task_id\":\n\n[1]\r\n{\"task_id\":\"b\",\"status\":\"done\"}");
  destination to;
  const auto report = to.take(from.path());
  CHECK(to.has("a"));
  CHECK(to.has("b"));
  CHECK(holds(said(report, kind::set_aside, archive), "line 2"));
  CHECK(holds(said(report, kind::set_aside, archive), "an array"));
}

TEST_CASE("what is too large to read, or no file at all, is named and not waited for") {
  original from;
  from.write(results, "");
  fs::resize_file(from.path() / results, (std::uintmax_t{256} << 20) + 1);
  REQUIRE(::mkfifo((from.path() / queue).c_str(), 0600) == 0);
  fs::create_directory(from.path() / history);
  destination to;
  const auto report = to.take(from.path());
  CHECK(holds(said(report, kind::set_aside, results), "bytes"));
  CHECK(holds(said(report, kind::set_aside, queue), "regular file"));
  CHECK(holds(said(report, kind::set_aside, history), "regular file"));
}

TEST_CASE("an id that cannot be used here is named") {
  original from;
  const std::string long_id(200, 'x');
  from.write(queue, R"({"tasks":{")" + long_id + R"(":{"status":"queued","description":"x"},"":{},"a\nb":{}}})");
  destination to;
  const auto report = to.take(from.path());
  CHECK(holds(said(report, kind::set_aside, queue, long_id), "128"));
  CHECK(holds(said(report, kind::set_aside, queue, "a\nb"), "control character"));
  CHECK(holds(said(report, kind::set_aside, queue), "without a task_id"));
}

TEST_CASE("to import again changes nothing, and says so") {
  original from;
  from.write(queue, R"({"tasks":{"a":{"status":"in_progress","description":"x"},"b":{"status":"odd"}}})");
  from.write(archive, "{\"task_id\":\"old\",\"status\":\"done\"}\nhalf");
  destination to;
  const auto first = to.take(from.path());
  CHECK(first.put_in.total() == 2);
  const auto version = to->storage().version();
  const auto files = [&] {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(to->paths().data)) names.push_back(entry.path().string());
    std::sort(names.begin(), names.end());
    return names;
  };
  const auto there = files();
  const auto again = to.take(from.path());
  CHECK(again.put_in.total() == 0);
  CHECK(again.there_already == 2);
  CHECK(said(again, kind::note, queue, "a").empty());
  CHECK(to->storage().version() == version);
  CHECK(files() == there);
}

TEST_CASE("another task of the same id that is here already stays, and the conflict is told") {
  original from;
  from.queue_of(in_state("queued"));
  destination to;
  REQUIRE(to->assign({.batch = batch_id("mine"), .tasks = {{task_id("a"), "something else"}}}));
  const auto report = to.take(from.path());
  CHECK_FALSE(report.complete());
  CHECK(holds(said(report, kind::conflict, queue, "a"), "another description"));
  CHECK(to.at("a").task.spec.description == "something else");
}

TEST_CASE(
    "a task that has ended there since it was taken over is told, and can be taken over after it is deleted here") {
  original from;
  from.queue_of(in_state("queued"));
  destination to;
  to.take(from.path());
  from.write(queue, R"({"tasks":{}})");
  from.results_of(ended_at("2025-11-07T21:50:00") + R"(,"description":"do a")");
  const auto report = to.take(from.path());
  CHECK(holds(said(report, kind::conflict, results, "a"), "delete_task"));
  CHECK(to.at("a").task.state == task_state::queued);
  REQUIRE(to->remove(task_id("a")));
  CHECK(to.take(from.path()).put_in[task_state::done] == 1);
}

TEST_CASE("a preview says what an import does, and changes and makes nothing") {
  original from;
  from.write(queue, R"({"tasks":{"a":{"status":"in_progress","description":"x"},"b":{"status":"odd"}}})");
  from.results_of(ended_at("2025-11-07T21:50:00") + R"(,"description":"x")");
  from.write("execute_queue.lock", "{}");
  const auto before = from.contents();
  const scratch_folder root;
  const workspace_options options{.root = root.path(), .clock = [] { return today; }};
  const auto preview = preview_import(options, from.path());
  REQUIRE(preview);
  CHECK(fs::is_empty(root.path()));
  CHECK(from.contents() == before);

  destination to(root.path());
  const auto done = to.take(from.path());
  CHECK(preview->put_in == done.put_in);
  // Beside the copies that it keeps, an import has nothing more to say.
  REQUIRE(done.findings.size() > preview->findings.size());
  CHECK(std::equal(preview->findings.begin(), preview->findings.end(), done.findings.begin()));
  const auto again = preview_import(options, from.path());
  REQUIRE(again);
  CHECK(again->put_in.total() == 0);
  CHECK(again->there_already == done.put_in.total());
}

TEST_CASE("files in the data/ of the workspace itself are found where the views have set them aside") {
  const scratch_folder root;
  const auto data = root.path() / "data";
  fs::create_directory(data);
  const auto write = [&](const std::string& name, std::string_view text) { std::ofstream(data / name) << text; };
  write(queue, R"({"tasks":{"a":{"status":"queued","description":"x","kept":1}}})");
  write(results, R"({"results":{"b":{"status":"done","output":"did b"}}})");
  write(history, R"({"sessions":[{"task_id":"b","tokens_input":5,"tokens_output":6}]})");
  destination to(root.path());
  SUBCASE("at once") {}
  SUBCASE("after the workspace was used") {
    REQUIRE(to->assign({.batch = batch_id("mine"), .tasks = {{task_id("c"), "mine"}}}));
    static_cast<void>(to->refresh_views());
  }
  SUBCASE("after the original has written once more") {
    static_cast<void>(to->refresh_views());
    write(queue, R"({"tasks":{"later":{"status":"queued","description":"y"}}})");
  }
  const bool wrote_again = holds(content_of(data / queue), "later");
  const auto report = to.take(data);
  CHECK_MESSAGE(report.complete(), report.findings.front().message);
  CHECK(to.at("a").task.extra == R"({"kept":1})");
  CHECK(to.at("b").result->what.output == "did b");
  CHECK(tokens_of(to.at("b")).output == 6);
  CHECK(to.has("later") == wrote_again);
  CHECK(holds(said(report, kind::note, queue), "written by Cobatch"));
  CHECK(to.take(data).put_in.total() == 0);
}

TEST_CASE("lock and last telemetry are left alone, and that is said") {
  original from;
  from.queue_of(in_state("queued"));
  from.write("execute_queue.lock", R"({"pid":1})");
  from.write("last_execution_telemetry.json", R"({"tokens_input":1,"tokens_output":2})");
  const auto before = from.contents();
  destination to;
  const auto report = to.take(from.path());
  CHECK(report.complete());
  CHECK(holds(said(report, kind::note, "execute_queue.lock"), "left alone"));
  CHECK(holds(said(report, kind::note, "last_execution_telemetry.json"), "left alone"));
  CHECK(from.contents() == before);
  CHECK_FALSE(fs::exists(to->paths().marker));
}

TEST_CASE("a folder that has none of the files is refused, and so is one that is not there") {
  destination to;
  const scratch_folder empty;
  for (const auto& folder : {empty.path(), empty.path() / "none"}) {
    const auto report = import_original(*to, folder);
    REQUIRE_FALSE(report);
    CHECK(report.error().code == errc::bad_value);
  }
}

TEST_CASE("a workspace shows members that it does not know again, for readers of its files") {
  original from;
  from.queue_of(in_state("queued") + R"(,"agent_id":"x7")");
  destination to;
  to.take(from.path());
  CHECK(to->refresh_views().empty());
  CHECK(holds(content_of(to->paths().queue_view), R"("agent_id": "x7")"));
}
