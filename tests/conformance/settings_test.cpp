#include "conformance/world.hpp"

using namespace cobatch_test;

namespace {

assign_request with(std::string id, batch_settings settings, preamble shared = {}) {
  assign_request request;
  request.batch = "b"_batch;
  request.tasks = {task(std::move(id))};
  request.seal = false;
  request.settings = std::move(settings);
  request.shared = std::move(shared);
  return request;
}

batch_settings all_settings() {
  batch_settings settings;
  settings.model = "small";
  settings.way = running_way::fork;
  settings.on_error = error_rule::stop;
  settings.budget = {1'500'000'000, 2'000'000, std::chrono::minutes{90}, true};
  return settings;
}

batch_settings budget_of(std::int64_t tokens) {
  batch_settings settings;
  settings.budget = {0, tokens, std::chrono::milliseconds{0}};
  return settings;
}

const preamble shared_text{"Read these \"first\".", {"docs/a b.md", "src/\xC3\xA9.c"}};

}  // namespace

STORE_TEST("settings and preamble of a batch are kept as they were given") {
  const auto out = must(w->assign(with("a", all_settings(), shared_text)));
  CHECK(w.answered(out.what, assign_kind::stored, assign_kind::duplicate));
  CHECK(out.batch.settings == all_settings());
  CHECK(out.batch.has_preamble);
  CHECK(w.batch_now("b"_batch) == out.batch);
  CHECK(must(w->list_batches({})).at(0) == out.batch);
  CHECK(must(w->find_preamble("b"_batch)) == shared_text);
}

STORE_TEST("a batch that was told nothing has no settings and no preamble") {
  const auto batch = w.stored("b"_batch, {"a"});
  CHECK(batch.settings == batch_settings{});
  CHECK(!batch.has_preamble);
  CHECK(must(w->find_preamble("b"_batch)).empty());
  CHECK(must(w->find_preamble("none"_batch)).empty());
}

STORE_TEST("what an assign leaves out stays, and what the batch has not been told is added") {
  must(w->assign(with("a", {})));
  batch_settings way;
  way.way = running_way::separate;
  must(w->assign(with("b", way)));
  CHECK(must(w->assign(with("c", budget_of(7), shared_text))).batch.settings.way == running_way::separate);
  must(w->assign(with("d", {})));
  auto expected = budget_of(7);
  expected.way = running_way::separate;
  CHECK(w.batch_now("b"_batch).settings == expected);
  CHECK(must(w->find_preamble("b"_batch)) == shared_text);
}

STORE_TEST("settings or a preamble that contradict the batch's are refused and nothing is stored") {
  must(w->assign(with("a", all_settings(), shared_text)));
  const auto before = w.batch_now("b"_batch);
  auto request = with("new", {});
  SUBCASE("model") { request.settings.model = "large"; }
  SUBCASE("way") { request.settings.way = running_way::one_session; }
  SUBCASE("on_error") { request.settings.on_error = error_rule::go_on; }
  SUBCASE("text of the preamble") { request.shared = {"other", shared_text.files}; }
  SUBCASE("files of the preamble") { request.shared = {shared_text.text, {}}; }
  for (const char* id : {"new", "a"}) {
    request.tasks = {task(id)};
    request.seal = true;
    const auto out = must(w->assign(request));
    CHECK(out.what == assign_kind::batch_conflict);
    CHECK(out.batch == before);
    CHECK(out.tasks.empty());
  }
  CHECK(!must(w->find_task("new"_task)));
  CHECK(w.batch_now("b"_batch) == before);
  CHECK(must(w->find_preamble("b"_batch)) == shared_text);
}

STORE_TEST("a batch that runs gets no new settings and no preamble, but may be told again what it has, and a budget") {
  w.stored("b"_batch, {"a", "z"});
  batch_settings way;
  way.way = running_way::one_session;
  must(w->assign(with("b", way)));
  const auto session = w.claimed();
  SUBCASE("running") {}
  SUBCASE("ending") {
    for (int turn = 1; turn <= 3; ++turn) {
      w.begun(session.id, turn);
      w.settle(session.id, turn);
    }
    w.begin(session.id, 4);
    CHECK(w.batch_now("b"_batch).state == batch_state::ending);
  }
  batch_settings stop;
  stop.on_error = error_rule::stop;
  CHECK(must(w->assign(with("new", stop))).what == assign_kind::batch_conflict);
  CHECK(must(w->assign(with("new", {}, shared_text))).what == assign_kind::batch_conflict);
  CHECK(must(w->assign(with("a", stop))).what == assign_kind::batch_conflict);
  CHECK(must(w->assign(with("a", way))).what == assign_kind::duplicate);
  CHECK(must(w->assign(with("a", budget_of(9)))).batch.settings.budget == budget_of(9).budget);
  CHECK(w.answered(must(w->assign(with("c", way))).what, assign_kind::stored, assign_kind::duplicate));
  CHECK(!must(w->find_task("new"_task)));
}

STORE_TEST("an identical call is a success also when the batch runs") {
  auto request = with("a", all_settings(), shared_text);
  request.seal = true;
  must(w->assign(request));
  w.claimed();
  const auto version = w->version();
  CHECK(must(w->assign(request)).what == assign_kind::duplicate);
  CHECK(w->version() == version);
}

STORE_TEST("of budgets the latest stands, also one that comes with tasks that are there already") {
  must(w->assign(with("a", budget_of(1))));
  must(w->assign(with("b", budget_of(2))));
  CHECK(w.batch_now("b"_batch).settings == budget_of(2));
  const auto out = must(w->assign(with("a", budget_of(3))));
  CHECK(out.what == assign_kind::duplicate);
  CHECK(out.batch.settings == budget_of(3));
  CHECK(w.batch_now("b"_batch) == out.batch);
  // A budget without any cap is one, too.
  must(w->assign(with("a", budget_of(0))));
  CHECK(w.batch_now("b"_batch).settings == budget_of(0));
}

STORE_TEST("tasks that are there already bring settings and a preamble to a batch that does not run") {
  must(w->assign(with("a", {})));
  const auto out = must(w->assign(with("a", all_settings(), shared_text)));
  CHECK(out.what == assign_kind::duplicate);
  CHECK(out.batch.settings == all_settings());
  CHECK(w.batch_now("b"_batch) == out.batch);
  CHECK(must(w->find_preamble("b"_batch)) == shared_text);
}
