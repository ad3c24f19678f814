#include "store/store.hpp"
#include "unit/store/support.hpp"
#include "unit/store/version_1.hpp"
#include "unit/store/version_2.hpp"

using namespace cobatch_test;

namespace {

// A clock that goes on by a second whenever it is asked.
class ticking_clock {
 public:
  [[nodiscard]] clock_fn reader() {
    return [this] { return timestamp{ms_ += 1000}; };
  }

 private:
  std::int64_t ms_ = 1'762'551'900'000;
};

// What was done to the store in version_1.hpp.
class play {
 public:
  explicit play(store& s) : s_(s) {
    auto a2 = task("a2", priority::high);
    a2.context = R"({"file":"caf\u00e9"})";
    a2.assigned_by = "me";
    a2.max_attempts = 3;
    auto a3 = task("a3");
    a3.description = "it's long: " + std::string(1100, 'x');
    assign("done", {task("a1"), a2, a3, task("a4")}, "claude", true);
    assign("working", {task("b1"), task("b2")}, "", true);
    assign("held", {task("c1")}, "codex", true);
    assign("open", {task("d1")}, "", false);

    const epoch first = claim("done");
    turn(first, 1, {1, 1}, turn_end::done);
    turn(first, 2, {1, 2}, turn_end::broke);
    turn(first, 3, {2, 1}, turn_end::error);
    turn(first, 4, {2, 2}, turn_end::done, false);
    must(s_.cancel("a4"_task));
    begin(first, 5, {2, 3});
    must(s_.end_session(first, session_end::finished, "no task was left"));
    for (int i = 0; i < 3; ++i) must(s_.end_session(claim("held"), session_end::agent_lost, "it broke"));
    const epoch last = claim("working");
    turn(last, 1, {1, 1}, turn_end::done);
    begin(last, 2, {1, 2});
  }

 private:
  struct place {
    std::int64_t process, process_turn;
  };

  void assign(std::string batch, std::vector<task_spec> tasks, std::string agent, bool seal) {
    assign_request request;
    request.batch = batch_id(std::move(batch));
    request.tasks = std::move(tasks);
    request.agent = std::move(agent);
    request.seal = seal;
    request.whole_batch = true;
    must(s_.assign(request));
  }

  epoch claim(std::string batch) {
    claim_request request;
    request.nonce = "nonce" + std::to_string(++claims_);
    request.owner = {"boot", 7, 42, 9};
    request.serves = {{"claude", "codex"}, "claude"};
    request.only = batch_id(std::move(batch));
    return must(s_.claim(request)).session.id;
  }

  void begin(epoch session, std::int64_t ordinal, place at) {
    begin_request request;
    request.session = session;
    request.ordinal = ordinal;
    request.process = at.process;
    request.process_turn = at.process_turn;
    must(s_.begin_turn(request));
  }

  void turn(epoch session, std::int64_t ordinal, place at, turn_end end, bool reports = true) {
    begin(session, ordinal, at);
    auto what = ended_as(end);
    what.detail = "a detail";
    what.output = "it's output";
    what.actions_taken = R"(["read"])";
    what.used->complete = end != turn_end::broke;
    if (!reports) what.used.reset();
    must(s_.settle_turn(session, turn_no{ordinal}, what));
  }

  store& s_;
  int claims_ = 0;
};

// What a store says of itself, in the words of today: reasons for a person to read are kept as they were written.
std::string said_today(store& s, const std::vector<batch_id>& batches) {
  constexpr std::string_view then = "settled no task", now = "came to no answer for any task";
  std::string text = state_of(s, batches, 6);
  for (std::size_t at; (at = text.find(then)) != text.npos;) text.replace(at, then.size(), now);
  return text;
}

const std::vector<batch_id> batches{"done"_batch, "working"_batch, "held"_batch, "open"_batch};

}  // namespace

TEST_CASE("a store made by an earlier version is the one that the same commands make today") {
  temporary_folder old_folder, new_folder;
  run_sql(old_folder.path(), version_1_store);
  SUBCASE("version 1") {}
  SUBCASE("version 2") {
    run_sql(old_folder.path(), version_2_step);
  }
  ticking_clock clock;
  const auto made_now = must(open_sqlite_store({new_folder.path().string(), clock.reader()}));
  play{*made_now};
  const auto s = opened(old_folder.path());
  CHECK(first_difference(said_today(*made_now, batches), said_today(*s, batches)) == "");
  CHECK(s->version() == made_now->version());
}

TEST_CASE("a store made by version 1 goes on with what it has, and with what is new") {
  temporary_folder folder;
  run_sql(folder.path(), version_1_store);
  auto s = opened(folder.path());
  must(s->recover({epoch{5}, turn_no{2}, ended_as(turn_end::done)}));
  CHECK(must(s->find_task("b2"_task))->state == task_state::done);
  CHECK(must(s->find_result("b2"_task))->loaded_context == false);

  assign_request request;
  request.batch = "open"_batch;
  request.tasks = {task("d2"), needing("d3", {"d1"}), needing("d4", {"d3"})};
  request.settings.on_error = error_rule::go_on;
  request.shared = {"shared", {}};
  CHECK(must(s->assign(request)).what == assign_outcome::kind::stored);
  must(s->cancel("d1"_task));
  s.reset();
  s = opened(folder.path());  // a second opening finds nothing to do
  CHECK(must(s->find_task("d4"_task))->reason == "need_failed");
  CHECK(must(s->find_preamble("open"_batch)).text == "shared");
  settle_a_turn(*s);
  CHECK(must(s->find_task("d2"_task))->state == task_state::done);
}

TEST_CASE("a store made by version 2 goes on with what it has, and with what is new") {
  temporary_folder folder;
  run_sql(folder.path(), version_1_store);
  run_sql(folder.path(), version_2_step);
  run_sql(folder.path(), version_2_task);
  auto s = opened(folder.path());
  auto wanted = needing("e1", {"d1"});
  wanted.check = {"make", "test"};
  wanted.model = "small";
  wanted.tools = {"Read"};
  wanted.limit = std::chrono::seconds{60};
  CHECK(must(s->find_task("e1"_task))->spec == wanted);
  CHECK(must(s->find_task("e1"_task))->extra.empty());
  CHECK(must(s->find_result("a1"_task))->fenced);

  must(s->mark_manually("d1"_task));
  CHECK(must(s->complete_called({{}, "d1"_task, ended_as(turn_end::done)})).what ==
        complete_called_outcome::kind::settled);
  adopted_task from_elsewhere;
  from_elsewhere.task.spec = task("f1");
  from_elsewhere.task.batch = "open"_batch;
  from_elsewhere.task.state = task_state::done;
  from_elsewhere.task.extra = R"({"k":1})";
  CHECK(must(s->adopt({from_elsewhere})).at(0).what == adopt_outcome::kind::adopted);
  must(s->remove("a1"_task));
  s.reset();
  s = opened(folder.path());  // a second opening finds nothing to do
  CHECK(!must(s->find_result("d1"_task))->fenced);
  CHECK(must(s->find_task("f1"_task))->extra == R"({"k":1})");
  CHECK(!must(s->find_task("a1"_task)));
}
