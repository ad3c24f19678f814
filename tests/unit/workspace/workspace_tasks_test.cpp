#include <string_view>

#include "unit/engine/fixture.hpp"

using namespace cobatch_test;

namespace {

// Fails the test unless the call was refused so; its message says what to do or what was kept.
template <class T>
void check_refused(const result<T>& answer, errc code, std::string_view says = {}) {
  REQUIRE_FALSE(answer);
  INFO(answer.error().message);
  CHECK(answer.error().code == code);
  CHECK(answer.error().message.find(says) != std::string::npos);
}

task_changes described(std::string text) {
  task_changes changes;
  changes.description = std::move(text);
  return changes;
}

adopted_task adopted(const std::string& id) {
  adopted_task out;
  out.task.spec = spec(id);
  out.task.batch = batch_id("b");
  out.task.state = task_state::done;
  return out;
}

}  // namespace

TEST_CASE("what is done to a task that is not there says so") {
  scratch_folder folder;
  auto place = open_workspace(folder.path());
  const task_id none("none");
  check_refused(place.cancel(none), errc::task_not_found, "\"none\"");
  check_refused(place.update(none, described("x")), errc::task_not_found);
  check_refused(place.reset(none), errc::task_not_found);
  check_refused(place.remove(none), errc::task_not_found);
  check_refused(place.remove_result(none), errc::task_not_found);
  check_refused(place.mark_manually(none), errc::task_not_found);
  check_refused(place.retry(batch_id("none")), errc::batch_not_found);
  check_refused(place.begin_called({epoch{1}, "x"}, none), errc::stale_session);
  check_refused(place.complete_called({{}, none, done()}), errc::task_not_found);
}

TEST_CASE("ids and descriptions that JSON and C refuse are refused by the C++ calls") {
  scratch_folder folder;
  auto place = open_workspace(folder.path());
  const std::pair<std::string, errc> ids[] = {{"", errc::bad_id},
                                              {std::string(max_id_bytes + 1, 'x'), errc::bad_id},
                                              {"a\nb", errc::bad_id},
                                              {"\x1b[31m", errc::bad_id},
                                              {"caf\xe9", errc::bad_encoding}};
  for (const auto& [id, code] : ids) {
    CAPTURE(id);
    const auto refused = [&, code = code](auto change) {
      assign_request request{.batch = batch_id("b"), .tasks = {spec("t")}};
      change(request);
      check_refused(place.assign(request), code, "Nothing was stored");
    };
    refused([&](auto& request) { request.tasks.front().id = task_id(id); });
    refused([&](auto& request) { request.batch = batch_id(id); });
    refused([&](auto& request) { request.tasks.front().needs = {task_id(id)}; });
    auto task = adopted(id);
    check_refused(place.adopt({task}), code, "Nothing was stored");
    task = adopted("t");
    task.task.batch = batch_id(id);
    check_refused(place.adopt({task}), code, "Nothing was stored");
  }
  for (const std::string blank : {"", " \t\r\n"}) {
    auto task = adopted("t");
    task.task.spec.description = blank;
    check_refused(place.assign({.tasks = {task.task.spec}}), errc::bad_value, "say what is to be done");
    task.task.state = task_state::queued;
    check_refused(place.adopt({task}), errc::bad_value, "say what is to be done");
  }
  CHECK(place.status()->all.tally.total() == 0);
}

TEST_CASE("changes to a task are checked as they are when it is assigned") {
  scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign(place, "a", "b", false);
  const task_id a("a");
  task_changes changes;
  check_refused(place.update(a, changes), errc::bad_value, "nothing");
  changes.context = "{";
  check_refused(place.update(a, changes), errc::bad_json, "Nothing was stored");
  changes.context = R"({ "k" : 1 })";
  CHECK(place.update(a, changes)->task.spec.context == R"({"k":1})");
  check_refused(place.update(a, described("\xff")), errc::bad_encoding);
  check_refused(place.update(a, described(" \n")), errc::bad_value, "Nothing was stored");
  check_refused(place.update(a, described(std::string(max_description_bytes + 1, 'x'))), errc::too_large);
  CHECK(task_of(place, "a").spec.description == "do a");
}

TEST_CASE("a refusal says what is in the way") {
  scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign_all(place, {"a", "b"}, "b");
  const task_id a("a");
  check_refused(place.remove_result(a), errc::task_not_found, "has no result");
  check_refused(place.complete_called({{}, a, done()}), errc::task_queued, "mark_task_in_progress first");
  REQUIRE(place.mark_manually(a));
  check_refused(place.remove(a), errc::task_in_progress, "by hand");
  REQUIRE(place.complete_called({{}, a, done()}));
  check_refused(place.complete_called({{}, a, done("other")}), errc::already_completed, "that one was kept");
  check_refused(place.update(a, described("x")), errc::task_ended, "(done)");
  CHECK(place.results({}).value().size() == 1);
}

TEST_CASE("a completion that is called is checked as one by a host is") {
  scratch_folder folder;
  auto place = open_workspace(folder.path());
  assign(place, "a", "b", false);
  const task_id a("a");
  REQUIRE(place.mark_manually(a));
  auto what = done("\xff");
  check_refused(place.complete_called({{}, a, what}), errc::bad_encoding, "Nothing was stored");
  what = done();
  what.actions_taken = "{}";
  check_refused(place.complete_called({{}, a, what}), errc::bad_json);
  what.actions_taken = R"([ "looked" ])";
  REQUIRE(place.complete_called({{}, a, what}));
  CHECK(place.task(a)->result->what.actions_taken == R"(["looked"])");
}

TEST_CASE("of tasks to adopt none is put in if one cannot be read") {
  scratch_folder folder;
  auto place = open_workspace(folder.path());
  auto bad = adopted("bad");
  SUBCASE("its further members are no object") {
    bad.task.extra = "[]";
    check_refused(place.adopt({adopted("good"), bad}), errc::bad_json, "\"bad\"");
  }
  SUBCASE("it has no batch") {
    bad.task.batch = {};
    check_refused(place.adopt({adopted("good"), bad}), errc::bad_id, "\"bad\"");
  }
  SUBCASE("its result is not readable") {
    bad.result.emplace();
    bad.result->what = done("\xff");
    check_refused(place.adopt({adopted("good"), bad}), errc::bad_encoding, "\"bad\"");
  }
  CHECK(place.tasks({})->empty());
  bad = adopted("bad");
  bad.task.extra = R"({ "k" : 1 })";
  const auto taken = place.adopt({adopted("good"), bad});
  REQUIRE(taken);
  CHECK(taken->at(1).task.extra == R"({"k":1})");
}
