// What Cobatch itself has written, when it is imported: here, or of another workspace.
#include "store/store.hpp"
#include "unit/import/fixture.hpp"
#include "views/record_json.hpp"

using namespace import_test;

namespace {

const std::string current_archive = "task_archive/results_2025-11.jsonl";

// Has the task done by a session, as an engine would.
result_record run_task(workspace& place, const std::string& id) {
  REQUIRE(place.assign({.batch = batch_id("of " + id), .tasks = {{task_id(id), "do " + id}}}));
  store& storage = place.storage();
  const auto claimed =
      storage.claim({.nonce = "nonce of " + id, .owner = {"boot", 1, 1, 1}, .serves = {{"test"}, "test"}});
  REQUIRE(claimed);
  const epoch session = claimed->session.id;
  const auto begun = storage.begin_turn({.session = session, .ordinal = 1, .process_turn = 1});
  REQUIRE(begun);
  settlement what{.end = turn_end::done, .output = "did " + id};
  what.used = usage{{{"m", {.cache_write_5m = 100, .cache_read = 40, .output = 7}}}};
  REQUIRE(storage.settle_turn(session, begun->turn.turn, what));
  REQUIRE(storage.end_session(session, session_end::finished, ""));
  return *place.task(task_id(id))->result;
}

std::string line_of(const result_record& result) {
  task_record task;
  task.spec = {.id = result.task, .description = "do " + result.task.str()};
  return json::write(result_json(result, &task)) + "\n";
}

// A result of a task that a session of some workspace did after another one.
result_record later_result(bool loaded_context) {
  result_record result;
  result.task = task_id("ours");
  result.batch = batch_id("b");
  result.position = 2;
  result.session = epoch{7};
  result.turn = turn_no{2};
  result.completed_at = today;
  result.duration_ms = 1'500;
  result.loaded_context = loaded_context;
  result.what = {.end = turn_end::done, .output = "did ours"};
  result.what.used = usage{{{"m", {.cache_write_5m = 3'000, .cache_read = 45'000, .output = 7}}}};
  return result;
}

std::string line_of_another_workspace() { return line_of(later_result(false)); }

// The file of the archive in the data/ of the workspace.
void write_archive(workspace& place, const std::string& lines) {
  const auto path = place.paths().data / current_archive;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << lines;
}

std::vector<std::string> to_be_archived(workspace& place) {
  const auto part = place.storage().read_archive(0, 100);
  REQUIRE(part);
  std::vector<std::string> tasks;
  for (const auto& one : part->results) tasks.push_back(one.task.str());
  std::sort(tasks.begin(), tasks.end());
  return tasks;
}

using names = std::vector<std::string>;

}  // namespace

TEST_CASE("views of another workspace go in, with what has ended and what has not") {
  destination other, to;
  run_task(*other, "a");
  REQUIRE(other->assign({.batch = batch_id("b"), .tasks = {{task_id("c"), "x"}}}));
  static_cast<void>(other->refresh_views());
  const auto before = content_of(other->paths().queue_view);
  const auto report = to.take(other->paths().data);
  CHECK(report.complete());
  CHECK(report.put_in[task_state::done] == 1);
  CHECK(report.put_in[task_state::queued] == 1);
  CHECK(to.at("a").result->what.output == "did a");
  CHECK(to->batch(batch_id("b"))->batch.state == batch_state::open);
  CHECK(content_of(other->paths().queue_view) == before);
  CHECK(to.take(other->paths().data).there_already == 2);
}

TEST_CASE("the archive of another workspace goes in, whether its store is there or not") {
  original from;
  from.write(current_archive, R"({"task_id":"old","status":"done","output":"did","batch_id":"b"})"
                              "\n" +
                                  line_of_another_workspace());
  destination to;
  const auto report = to.take(from.path());
  CHECK(report.complete());
  CHECK(report.put_in[task_state::done] == 2);
  CHECK(to.at("ours").result->what.output == "did ours");
  CHECK(said(report, kind::note, current_archive).empty());
  CHECK(to.take(from.path()).there_already == 2);
}

TEST_CASE("lines of the workspace's own archive are skipped where the store has their task, or had it") {
  destination to;
  write_archive(*to, line_of(run_task(*to, "a")) + line_of(run_task(*to, "deleted")) + line_of(run_task(*to, "again")));
  REQUIRE(to->remove(task_id("deleted")));
  REQUIRE(to->reset(task_id("again")));
  const auto report = to.take(to->paths().data);
  CHECK(report.complete());
  CHECK(report.put_in.total() == 0);
  CHECK(holds(said(report, kind::note, current_archive), "3 lines written by Cobatch"));
  CHECK_FALSE(to.has("deleted"));
  CHECK(to.at("again").task.state == task_state::queued);
}

TEST_CASE("lines of the workspace's own archive that its store has never had go in, as after the store was lost") {
  destination to;
  write_archive(*to, line_of(run_task(*to, "a")) + line_of_another_workspace());
  const auto preview = preview_import({.root = to->paths().root, .clock = [] { return today; }}, to->paths().data);
  REQUIRE(preview);
  CHECK(preview->put_in[task_state::done] == 1);
  const auto report = to.take(to->paths().data);
  CHECK(report.put_in[task_state::done] == 1);
  CHECK(holds(said(report, kind::note, current_archive), "1 line written by Cobatch"));
  CHECK(to.at("ours").result->what.output == "did ours");
}

TEST_CASE("a result that was taken from the workspace's own archive is not archived once more") {
  const std::string old = R"({"task_id":"old","status":"done","output":"did","batch_id":"b"})";
  const std::string latest = R"({"results":{"new":{"status":"done","output":"did","batch_id":"b"}}})";
  destination to;
  SUBCASE("of the results beside it, those that do not stand there are") {
    write_archive(*to, old + "\n" + line_of_another_workspace());
    std::ofstream(to->paths().results_view) << latest;
    to.take(to->paths().data);
    CHECK(to.at("old").result->what.output == "did");
    CHECK(to_be_archived(*to) == names{"new"});
  }
  SUBCASE("from another folder it is") {
    original from;
    from.write(current_archive, old);
    to.take(from.path());
    CHECK(to_be_archived(*to) == names{"old"});
  }
}

TEST_CASE("the figures of a result that Cobatch wrote are the same after it is imported") {
  for (const bool loaded : {true, false}) {
    CAPTURE(loaded);
    const auto before = later_result(loaded);
    original from;
    from.write(current_archive, line_of(before));
    destination to;
    to.take(from.path());
    const auto after = token_members(*to.at("ours").result);
    const json::value shown(after);
    for (const auto& figure : token_members(before)) {
      CAPTURE(figure.name);
      REQUIRE(shown.find(figure.name) != nullptr);
      if (figure.name != "tokens_source") CHECK(*shown.find(figure.name) == figure.content);
    }
  }
}

TEST_CASE("figures of Cobatch that are a lower bound are one after they are imported") {
  auto before = later_result(false);
  before.what.used->complete = false;
  original from;
  from.write(current_archive, line_of(before));
  destination to;
  to.take(from.path());
  CHECK_FALSE(to.at("ours").result->what.used->complete);
}
