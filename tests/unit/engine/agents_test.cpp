// What an engine does with an agent that has conversations: preamble, ways to run, limits, retries, needs, checks.
#include <algorithm>
#include <future>
#include <map>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include <cobatch/prices.hpp>

#include "store/store.hpp"
#include "unit/engine/fixture.hpp"

using namespace cobatch_test;
using namespace std::chrono_literals;

namespace {

// What was sent to it: a conversation's name and a prompt.
struct said {
  std::string where;
  std::string task;  // empty: the preamble
  std::string prompt;
};

/// An agent that keeps conversations under names of its own, c1, c2, …, and can fork them.
class talking_agent final : public agent {
 public:
  std::string_view name() const override { return "talking"; }
  bool takes_preamble() const override { return true; }
  bool can_fork() const override { return forks; }
  std::string objection(const task_spec& task) const override {
    return task.tools.empty() ? "" : "it has no tools; leave them out";
  }

  result<std::unique_ptr<agent_session>> start(const session_start& how) override {
    starts.push_back(how.conversation + (how.fork ? " fork" : ""));
    models.push_back(how.model);
    on_event = how.on_event;
    folders.push_back(how.working_directory);
    const bool anew = how.conversation.empty() || how.fork;
    return std::make_unique<session>(*this, anew ? next_name() : how.conversation);
  }
  std::optional<settlement> recover(const std::filesystem::path&, const turn_record&) override { return std::nullopt; }

  [[nodiscard]] list places() const {
    list out;
    for (const auto& one : heard) out.push_back(one.where + ":" + one.task);
    return out;
  }

  std::function<turn_report(const turn_request&)> turn = [](const turn_request& r) {
    return turn_report{done("did " + r.task.str()), true};
  };
  std::function<void(const event&)> on_event;
  bool forks = true;
  bool clears = true;
  list starts, models;
  std::vector<std::filesystem::path> folders;
  std::vector<said> heard;

 private:
  class session final : public agent_session {
   public:
    session(talking_agent& owner, std::string where) : owner_(owner), where_(std::move(where)) {}
    turn_report run_turn(const turn_request& request, std::chrono::milliseconds, std::stop_token) override {
      owner_.heard.push_back({where_, request.task.str(), request.prompt});
      auto report = owner_.turn(request);
      report.what.conversation = where_;
      return report;
    }
    bool clear() override {
      if (owner_.clears) where_ = owner_.next_name();
      return owner_.clears;
    }
    std::string conversation() const override { return where_; }
    void finish() override {}

   private:
    talking_agent& owner_;
    std::string where_;
  };
  std::string next_name() { return "c" + std::to_string(++names_); }
  int names_ = 0;
};

struct scene {
  scratch_folder folder;
  workspace place = open_workspace(folder.path());
  std::shared_ptr<talking_agent> works = std::make_shared<talking_agent>();
  engine_options options = options_with(works);
  list told;

  scene() {
    options.limit_wait = 1ms;
    options.on_event = [this](const event& e) {
      if (e.what == event::kind::paused) told.push_back("paused: " + e.session->pause->reason);
      if (e.what == event::kind::resumed) told.emplace_back("resumed");
      if (e.what == event::kind::notice) told.push_back("notice: " + std::string(e.text));
    };
  }
  assign_request batch(const list& ids) {
    assign_request request;
    request.batch = batch_id("b1");
    for (const auto& id : ids) request.tasks.push_back(spec(id));
    request.whole_batch = true;
    return request;
  }
  void give(const assign_request& request) {
    const auto reply = place.assign(request);
    REQUIRE_MESSAGE(reply, reply.error().message);
  }
  void run() { run_until_idle(place, options); }
  std::vector<turn_record> turns() {
    auto all = place.turns({});
    REQUIRE(all);
    return std::move(*all);
  }
  std::vector<session_record> sessions() {
    auto all = place.sessions({});
    REQUIRE(all);
    return std::move(*all);
  }
};

turn_report report_of(turn_end end, const std::string& reason = "") {
  turn_report report;
  report.what.end = end;
  report.what.reason = reason;
  report.what.detail = reason;
  return report;
}

turn_report own_error(const std::string& words) {
  auto report = report_of(turn_end::broke, words);
  report.agent_error = true;
  return report;
}

turn_report limit_until(std::optional<timestamp> until) {
  auto report = report_of(turn_end::stopped, "provider_limit");
  report.limited = provider_limit{until, "too many"};
  return report;
}

turn_report done_using(std::int64_t tokens, const std::string& model = "m") {
  turn_report report{done(), true};
  report.what.used = usage{{{model, {.uncached_input = tokens}}}, usage_source::reported, true, {}, {}};
  return report;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE_FIXTURE(scene, "a preamble with its files is sent once, before the first task, as a turn of its own") {
  std::ofstream(folder.path() / "notes.md") << "the notes";
  auto request = batch({"a", "b"});
  request.shared = {"hear this", {"notes.md"}};
  give(request);
  run();
  CHECK(works->places() == list{"c1:", "c1:a", "c1:b"});
  CHECK(has(works->heard[0].prompt, "hear this"));
  CHECK(has(works->heard[0].prompt, "the notes"));
  CHECK_FALSE(has(works->heard[1].prompt, "hear this"));
  REQUIRE(turns().size() == 3);
  CHECK(turns()[0].task.empty());
  CHECK(turns()[0].end == turn_end::done);
}

TEST_CASE_FIXTURE(scene, "an agent is told its folder absolutely, however it was given") {
  const auto relative = std::filesystem::relative(folder.path());
  options.working_directory = relative;
  give(batch({"a"}));
  run();
  REQUIRE(works->folders.size() == 1);
  CHECK(works->folders[0].is_absolute());
  CHECK(std::filesystem::equivalent(works->folders[0], relative));
}

TEST_CASE_FIXTURE(scene, "a preamble that met a limit is told again as its own turn") {
  bool limited = false;
  works->turn = [&](const turn_request&) {
    return std::exchange(limited, true) ? turn_report{done(), true} : limit_until(std::nullopt);
  };
  auto request = batch({"a"});
  request.shared.text = "hear this";
  SUBCASE("for a task that goes on from it") {}
  SUBCASE("for a fork") { request.settings.way = running_way::fork; }
  give(request);
  run();
  const bool forks = request.settings.way == running_way::fork;
  CHECK(works->places() == (forks ? list{"c1:", "c2:", "c3:a"} : list{"c1:", "c1:", "c1:a"}));
  CHECK_FALSE(has(works->heard.back().prompt, "hear this"));
}

TEST_CASE_FIXTURE(scene, "a preamble whose file is not there, or outside, holds the batch and says which") {
  auto request = batch({"a"});
  request.shared = {"", {"missing.md"}};
  give(request);
  run();
  CHECK(works->heard.empty());
  CHECK(batch_of(place, "b1").state == batch_state::held);
  CHECK(has(batch_of(place, "b1").hold_reason, "missing.md"));

  std::filesystem::create_symlink("/etc/passwd", folder.path() / "missing.md");
  REQUIRE(place.execute_queue(batch_id("b1")));
  run();
  CHECK(works->heard.empty());
  CHECK(has(batch_of(place, "b1").hold_reason, "no plain file below"));
}

TEST_CASE_FIXTURE(scene, "a fork loads the preamble once, and each task goes on from there alone") {
  auto request = batch({"a", "b", "c"});
  request.shared.text = "hear this";
  request.settings.way = running_way::fork;
  give(request);
  run();
  CHECK(works->places() == list{"c1:", "c2:a", "c3:b", "c4:c"});
  CHECK(works->starts == list{"", "c1 fork", "c1 fork", "c1 fork"});
}

TEST_CASE_FIXTURE(scene, "a fork whose checkpoint the agent has lost is told the preamble once more, and goes on") {
  works->turn = [this](const turn_request& r) {
    if (r.task.str() != "b" || works->heard.back().where != "c3") return turn_report{done(), true};
    auto report = report_of(turn_end::stopped, "conversation_lost");
    report.usable = false;
    report.again = report.forget = true;
    return report;
  };
  auto request = batch({"a", "b", "c"});
  request.shared.text = "hear this";
  request.settings.way = running_way::fork;
  give(request);
  run();
  CHECK(works->places() == list{"c1:", "c2:a", "c3:b", "c4:", "c5:b", "c6:c"});
  CHECK(works->starts == list{"", "c1 fork", "c1 fork", "", "c4 fork", "c4 fork"});
  CHECK(sessions().size() == 1);
}

TEST_CASE_FIXTURE(scene, "a fork of nothing, or by an agent that cannot, holds the batch and says so") {
  auto request = batch({"a"});
  request.settings.way = running_way::fork;
  give(request);
  run();
  CHECK(batch_of(place, "b1").state == batch_state::held);
  CHECK(has(batch_of(place, "b1").hold_reason, "no preamble"));
  CHECK(works->heard.empty());
}

TEST_CASE_FIXTURE(scene, "separate tasks have a conversation each, with the preamble in each prompt") {
  auto request = batch({"a", "b"});
  request.shared.text = "hear this";
  request.settings.way = running_way::separate;
  give(request);
  run();
  CHECK(works->places() == list{"c1:a", "c2:b"});
  CHECK(has(works->heard[1].prompt, "hear this"));
}

TEST_CASE_FIXTURE(scene, "a limit of the provider is waited for in the session, without an attempt") {
  int asked = 0;
  works->turn = [&](const turn_request& r) {
    if (r.task.str() == "b" && ++asked < 3) return limit_until(std::nullopt);
    return turn_report{done(), true};
  };
  give(batch({"a", "b", "c"}));
  run();
  CHECK(works->places() == list{"c1:a", "c1:b", "c1:b", "c1:b", "c1:c"});
  CHECK(has(works->heard[2].prompt, "Continue with the task above"));
  CHECK(task_of(place, "b").state == task_state::done);
  CHECK(task_of(place, "b").counts == attempt_counts{});
  CHECK(sessions().size() == 1);
  CHECK_FALSE(sessions()[0].pause);
  CHECK(told == list{"paused: too many", "resumed", "paused: too many", "resumed"});
}

TEST_CASE_FIXTURE(scene, "a session that rests can be seen, and asked to end") {
  std::promise<void> rests;
  options.limit_wait = 10min;
  options.on_event = [&](const event& e) {
    if (e.what == event::kind::paused) rests.set_value();
  };
  works->turn = [](const turn_request&) { return limit_until(std::nullopt); };
  give(batch({"a"}));
  std::stop_source stop;
  std::jthread engine([&] { static_cast<void>(cobatch::run(place, options, stop.get_token(), run_until::idle)); });
  rests.get_future().wait();
  const auto status = place.status();
  REQUIRE(status);
  REQUIRE(status->all.live);
  REQUIRE(status->all.live->pause);
  CHECK(status->all.live->pause->reason == "too many");
  stop.request_stop();
  engine.join();
  CHECK(sessions()[0].end == session_end::stopped);
  CHECK_FALSE(sessions()[0].pause);
  CHECK(task_of(place, "a").state == task_state::queued);
}

TEST_CASE_FIXTURE(scene, "a session that rests ends when all of its tasks are cancelled") {
  options.limit_wait = 10min;
  options.on_event = [&](const event& e) {
    if (e.what == event::kind::paused) REQUIRE(place.cancel(task_id("a")));
  };
  works->turn = [](const turn_request&) { return limit_until(std::nullopt); };
  give(batch({"a"}));
  run();
  CHECK(works->heard.size() == 1);
  CHECK(sessions()[0].end == session_end::finished);
  CHECK(batch_of(place, "b1").state == batch_state::finished);
}

TEST_CASE_FIXTURE(scene, "no limit is believed to last for more than eight days") {
  std::stop_source stop;
  std::optional<std::chrono::milliseconds> rests;
  options.on_event = [&](const event& e) {
    if (e.what != event::kind::paused) return;
    rests = e.session->pause->until - place.now();
    stop.request_stop();
  };
  works->turn = [this](const turn_request&) { return limit_until(place.now() + 24h * 365); };
  give(batch({"a"}));
  REQUIRE(cobatch::run(place, options, stop.get_token(), run_until::idle));
  REQUIRE(rests);
  CHECK(*rests <= 24h * 8);
  CHECK(*rests > 24h);
}

TEST_CASE_FIXTURE(scene, "the wait for a limit is doubled only while one follows the other") {
  std::chrono::milliseconds longest{0};
  options.on_event = [&](const event& e) {
    if (e.what == event::kind::paused) longest = std::max(longest, e.session->pause->until - place.now());
  };
  std::set<std::string> asked;
  works->turn = [&](const turn_request& r) {
    return asked.insert(r.task.str()).second ? limit_until(std::nullopt) : turn_report{done(), true};
  };
  give(batch({"a", "b", "c", "d", "e", "f", "g", "h", "i"}));
  run();
  CHECK(works->heard.size() == 18);
  CHECK(longest <= options.limit_wait);
}

TEST_CASE_FIXTURE(scene, "a task that is tried again takes no other's place in its session") {
  std::map<std::string, int> asked;
  works->turn = [&](const turn_request& r) {
    const int before = asked[r.task.str()]++;
    if (r.task.str() != "b" && before < 3) return limit_until(std::nullopt);
    return r.task.str() == "b" && before == 0 ? report_of(turn_end::broke, "odd") : turn_report{done(), true};
  };
  options.max_tasks_per_session = 2;
  give(batch({"a", "b", "c"}));
  run();
  CHECK(works->places() == list{"c1:a", "c1:a", "c1:a", "c1:a", "c1:b", "c1:b", "c2:c", "c2:c", "c2:c", "c2:c"});
  REQUIRE(sessions().size() == 2);
  CHECK(sessions()[0].end == session_end::full);
}

TEST_CASE_FIXTURE(scene, "an agent that gives back every turn ends its session, and then its batch is held") {
  works->turn = [](const turn_request&) {
    auto report = report_of(turn_end::stopped, "conversation_lost");
    report.usable = false;
    report.again = report.forget = true;
    return report;
  };
  give(batch({"a"}));
  run();
  CHECK(works->heard.size() == 3 * 4);  // sessions, turns in each
  CHECK(batch_of(place, "b1").state == batch_state::held);
  CHECK(task_of(place, "a").counts == attempt_counts{});
}

TEST_CASE_FIXTURE(scene, "an agent that a person has to see to stops the batch at once, its tasks still queued") {
  works->turn = [](const turn_request&) {
    auto report = report_of(turn_end::stopped, "log in first");
    report.blocked = true;
    report.usable = false;
    return report;
  };
  give(batch({"a", "b", "c"}));
  run();
  CHECK(works->heard.size() == 1);
  CHECK(batch_of(place, "b1").state == batch_state::held);
  CHECK(has(batch_of(place, "b1").hold_reason, "log in first"));
  CHECK(batch_of(place, "b1").tally[task_state::queued] == 3);
  CHECK(task_of(place, "a").counts == attempt_counts{});
}

TEST_CASE_FIXTURE(scene, "a broken task is tried again in place, and the next one begins anew if it fails for good") {
  works->turn = [&](const turn_request& r) {
    return r.task.str() == "a" ? report_of(turn_end::broke, "odd") : turn_report{done(), true};
  };
  auto request = batch({"a", "b"});
  request.shared.text = "hear this";
  give(request);
  SUBCASE("in the same process, if the agent can") {}
  SUBCASE("in a new one, if it cannot") { works->clears = false; }
  run();
  CHECK(works->places() == list{"c1:", "c1:a", "c1:a", "c2:", "c2:b"});
  CHECK(works->starts.size() == (works->clears ? 1 : 2));
  CHECK(has(works->heard[2].prompt, "Continue with the task above"));
  CHECK(task_of(place, "a").state == task_state::error);
  REQUIRE_FALSE(told.empty());
  CHECK(has(told.back(), "begun anew"));
}

TEST_CASE_FIXTURE(scene, "another model has a conversation of its own, and that is said") {
  auto request = batch({"a", "b"});
  request.tasks[1].model = "large";
  give(request);
  run();
  CHECK(works->places() == list{"c1:a", "c2:b"});
  CHECK(works->models == list{"", "large"});
  REQUIRE(told.size() == 1);
  CHECK(has(told[0], "large"));
}

TEST_CASE_FIXTURE(scene, "a task that the agent objects to ends in error, and nothing is sent") {
  auto request = batch({"a", "b"});
  request.tasks[0].tools = {"Bash"};
  give(request);
  run();
  CHECK(works->places() == list{"c1:b"});
  CHECK(task_of(place, "a").state == task_state::error);
  const auto status = place.task(task_id("a"));
  REQUIRE(status->result);
  CHECK(status->result->what.reason == "not_allowed");
  CHECK(has(status->result->what.detail, "leave them out"));
}

TEST_CASE_FIXTURE(scene, "what a task needs stands in its prompt if the conversation does not hold it") {
  auto request = batch({"a", "b", "c"});
  request.tasks[1].needs = {task_id("a")};
  request.tasks[2].needs = {task_id("a")};
  request.tasks[2].model = "large";
  give(request);
  run();
  CHECK_FALSE(has(works->heard[1].prompt, "did a"));
  CHECK(has(works->heard[2].prompt, "did a"));
}

TEST_CASE_FIXTURE(scene, "after a stop the next session goes on with the conversation of the one before") {
  std::stop_source stop;
  works->turn = [&](const turn_request&) {
    stop.request_stop();
    return turn_report{done(), true};
  };
  auto request = batch({"a", "b"});
  request.shared.text = "hear this";
  give(request);
  works->turn = [&](const turn_request& r) {
    if (r.task.str() == "a") stop.request_stop();
    return turn_report{done(), true};
  };
  REQUIRE(cobatch::run(place, options, stop.get_token(), run_until::idle));
  run();
  CHECK(works->places() == list{"c1:", "c1:a", "c1:b"});
  CHECK(works->starts == list{"", "c1"});
}

TEST_CASE_FIXTURE(scene, "a conversation that was lost is begun anew without a charge") {
  std::stop_source stop;
  give(batch({"a", "b"}));
  works->turn = [&](const turn_request& r) {
    if (r.task.str() == "a") stop.request_stop();
    return turn_report{done(), true};
  };
  REQUIRE(cobatch::run(place, options, stop.get_token(), run_until::idle));
  bool lost = false;
  works->turn = [&](const turn_request&) {
    if (std::exchange(lost, true)) return turn_report{done(), true};
    auto report = report_of(turn_end::stopped, "conversation_lost");
    report.usable = false;
    report.again = report.forget = true;
    return report;
  };
  run();
  CHECK(works->places() == list{"c1:a", "c1:b", "c2:b"});
  CHECK(task_of(place, "b").counts == attempt_counts{});
}

TEST_CASE_FIXTURE(scene, "a task is done only if its check passes, and checks are run only if they may be") {
  auto request = batch({"good", "bad"});
  request.tasks[0].check = {"true"};
  request.tasks[1].check = {"sh", "-c", "echo broken; exit 3"};
  SUBCASE("allowed") {
    options.allow_checks = true;
    give(request);
    run();
    CHECK(task_of(place, "good").state == task_state::done);
    CHECK(task_of(place, "bad").state == task_state::error);
    const auto status = place.task(task_id("bad"));
    CHECK(status->result->what.reason == "check_failed");
    CHECK(has(status->result->what.detail, "broken"));
  }
  SUBCASE("not allowed") {
    give(request);
    run();
    CHECK(works->heard.empty());
    CHECK(task_of(place, "good").state == task_state::error);
    CHECK(has(place.task(task_id("good"))->result->what.detail, "--allow-checks"));
  }
}

TEST_CASE_FIXTURE(scene, "while the agent's provider does not answer, status and events say why, and until when") {
  std::optional<session_pause> while_down, after;
  works->turn = [&](const turn_request&) {
    const auto pause = [&] { return place.status()->all.live->pause; };
    works->on_event({.what = event::kind::paused, .text = "no answer", .until = timestamp{5000}});
    while_down = pause();
    works->on_event({.what = event::kind::progress, .text = "{}"});
    after = pause();
    works->on_event({.what = event::kind::paused, .text = "no answer again", .until = timestamp{6000}});
    return turn_report{done(), true};
  };
  give(batch({"a"}));
  run();
  CHECK(while_down == session_pause{timestamp{5000}, "no answer"});
  CHECK_FALSE(after);
  CHECK_FALSE(sessions()[0].pause);
  CHECK(told == list{"paused: no answer", "resumed", "paused: no answer again", "resumed"});
}

TEST_CASE_FIXTURE(scene, "at the batch's budget no further turn is begun, and a larger one lets it go on") {
  works->turn = [](const turn_request&) { return done_using(110); };
  auto request = batch({"a", "b", "c"});
  request.settings.budget = spending_cap{.tokens = 200};
  give(request);
  run();
  CHECK(works->places() == list{"c1:a", "c1:b"});
  CHECK(batch_of(place, "b1").state == batch_state::held);
  CHECK(has(batch_of(place, "b1").hold_reason, "budget"));
  CHECK(sessions().back().end == session_end::budget);

  request.settings.budget = spending_cap{.tokens = 1000};
  give(request);
  REQUIRE(place.execute_queue(batch_id("b1")));
  run();
  CHECK(batch_of(place, "b1").state == batch_state::finished);
}

TEST_CASE_FIXTURE(scene,
                  "a batch with a budget is held after the first turn that tells no usage, unless that is allowed") {
  auto request = batch({"a", "b", "c"});
  request.settings.budget = spending_cap{.tokens = 1000};
  give(request);
  run();
  CHECK(works->places() == list{"c1:a"});
  CHECK(batch_of(place, "b1").state == batch_state::held);
  CHECK(has(batch_of(place, "b1").hold_reason, "nobody reported what turn 1 of session 1 used (task \"a\")"));
  CHECK(sessions().back().end == session_end::usage_unknown);

  request.settings.budget->allow_unknown = true;
  give(request);
  REQUIRE(place.execute_queue(batch_id("b1")));
  run();
  CHECK(batch_of(place, "b1").state == batch_state::finished);
}

TEST_CASE_FIXTURE(scene,
                  "under a budget for the day, no turn follows one that tells no usage, unless that is allowed") {
  options.day_budget.tokens = 1000;
  give(batch({"a", "b"}));
  run();
  CHECK(works->places() == list{"c1:a"});
  CHECK(batch_of(place, "b1").state == batch_state::sealed);
  options.day_budget.allow_unknown = true;
  run();
  CHECK(batch_of(place, "b1").state == batch_state::finished);
}

TEST_CASE_FIXTURE(scene, "a budget in dollars is refused before the first turn where nothing has a price") {
  auto request = batch({"a"});
  request.settings.budget = spending_cap{.nano_dollars = 1};
  give(request);
  run();
  CHECK(works->heard.empty());
  CHECK(batch_of(place, "b1").state == batch_state::held);
  CHECK(has(batch_of(place, "b1").hold_reason, "--prices"));
}

TEST_CASE_FIXTURE(scene, "at the day's budget the engine waits, and the batch stays sealed") {
  works->turn = [](const turn_request&) { return done_using(100); };
  options.day_budget.tokens = 100;
  give(batch({"a", "b"}));
  run();
  CHECK(works->places() == list{"c1:a"});
  CHECK(batch_of(place, "b1").state == batch_state::sealed);
}

TEST_CASE_FIXTURE(scene, "a preamble that has used up the budget is followed by no task") {
  works->turn = [](const turn_request&) { return done_using(300); };
  auto request = batch({"a"});
  request.shared.text = "hear this";
  request.settings.budget = spending_cap{.tokens = 200};
  give(request);
  run();
  CHECK(works->places() == list{"c1:"});
  CHECK(batch_of(place, "b1").state == batch_state::held);
}

TEST_CASE_FIXTURE(scene, "a model that has no price is not begun with where dollars are counted, and is named") {
  options.prices = std::make_shared<const price_table>(
      std::map<std::string, model_price, std::less<>>{{"small", {1, 1, 1, 1, 1, "maker"}}});
  options.day_budget.nano_dollars = 1'000'000'000;
  works->turn = [](const turn_request&) { return done_using(1, "small"); };
  auto request = batch({"a", "b"});
  SUBCASE("of a task") {
    request.tasks[1].model = "large";
    give(request);
    run();
    CHECK(works->places() == list{"c1:a"});
  }
  SUBCASE("of a batch") {
    request.settings.model = "large";
    give(request);
    run();
    CHECK(works->heard.empty());
  }
  CHECK(batch_of(place, "b1").state == batch_state::held);
  CHECK(has(batch_of(place, "b1").hold_reason, "\"large\""));
}

TEST_CASE_FIXTURE(scene,
                  "under a day's budget in dollars a model without a price stops the day once, and holds no batch") {
  options.prices = std::make_shared<const price_table>(
      std::map<std::string, model_price, std::less<>>{{"small", {1, 1, 1, 1, 1, "maker"}}});
  works->turn = [](const turn_request&) { return done_using(1, "odd"); };
  give(batch({"a"}));
  run();

  options.day_budget.nano_dollars = 1'000'000'000;
  list said;
  options.on_event = [&](const event& e) {
    if (e.what == event::kind::waiting || e.what == event::kind::trouble) said.emplace_back(e.text);
  };
  auto other = batch({"b"});
  other.batch = batch_id("b2");
  give(other);
  run();
  CHECK(batch_of(place, "b2").state == batch_state::sealed);
  REQUIRE(said.size() == 1);
  CHECK(has(said[0], "\"odd\""));
  CHECK(has(said[0], "--day-tokens"));
  CHECK(has(said[0], "00:00 UTC"));
}

TEST_CASE_FIXTURE(scene, "what a dead session left is put in order also when the day's budget is spent") {
  options.day_budget.tokens = 100;
  works->turn = [](const turn_request&) { return done_using(100); };
  give(batch({"a", "b", "c"}));
  run();
  claim_request claim;
  claim.nonce = "n";
  claim.serves = {{"talking"}, "talking"};
  const auto dead = place.storage().claim(claim);
  REQUIRE(dead);
  begin_request begin;
  begin.session = dead->session.id;
  begin.ordinal = 1;
  REQUIRE(place.storage().begin_turn(begin));
  CHECK(task_of(place, "b").state == task_state::in_progress);

  list waits;
  options.on_event = [&](const event& e) {
    if (e.what == event::kind::waiting) waits.emplace_back(e.text);
  };
  run();
  CHECK(task_of(place, "b").state == task_state::queued);
  CHECK(sessions().back().end == session_end::crashed);
  CHECK(works->places() == list{"c1:a"});
  REQUIRE(waits.size() == 1);
  CHECK(has(waits[0], "100 of 100 tokens"));
}

TEST_CASE_FIXTURE(scene,
                  "two turns in a row that end with the agent's own error and no answer hold the batch uncharged") {
  works->turn = [](const turn_request&) { return own_error("no words that anybody knows"); };
  give(batch({"a", "b"}));
  run();
  CHECK(works->heard.size() == 2);
  for (const auto& turn : turns()) CHECK(turn.end == turn_end::stopped);
  CHECK(batch_of(place, "b1").state == batch_state::held);
  CHECK(has(batch_of(place, "b1").hold_reason, "no words that anybody knows"));
  CHECK(batch_of(place, "b1").tally[task_state::queued] == 2);
  CHECK(task_of(place, "a").counts == attempt_counts{});
}

TEST_CASE_FIXTURE(scene, "one turn with the agent's own error and no answer is tried again without a charge") {
  works->turn = [&](const turn_request&) {
    return works->heard.size() == 1 ? own_error("odd") : turn_report{done(), true};
  };
  give(batch({"a"}));
  run();
  CHECK(task_of(place, "a").state == task_state::done);
  CHECK(task_of(place, "a").counts == attempt_counts{});
}

TEST_CASE_FIXTURE(scene, "a turn with the agent's own error that answered something is charged as any that broke") {
  works->turn = [](const turn_request&) {
    auto report = own_error("odd");
    report.what.used = usage{{{"m", {.output = 5}}}, usage_source::reported, true, {}, {}};
    return report;
  };
  give(batch({"a"}));
  run();
  CHECK(task_of(place, "a").state == task_state::error);
  CHECK(task_of(place, "a").counts.attempts == 2);
}
