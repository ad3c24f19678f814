// Commands at random. There is one implementation of the commands, so what they come to is held against what must be
// true of any store: the invariants below, which are counted and summed here from the plain lists of tasks, turns and
// results with the core's rules, and share no code with the store.
#include <map>
#include <random>

#include <cobatch/core/ledger.hpp>

#include "conformance/describe.hpp"
#include "store/store.hpp"

using namespace cobatch_test;

namespace {

constexpr int steps = 250;

// Draws commands from a small world of names, so that they meet each other. The draw depends on the seed only, never
// on what a store answers: two stores are always asked the same.
class commands_at_random {
 public:
  explicit commands_at_random(std::uint64_t seed) : random_(seed) {}

  /// Gives one command to the store; what it answered.
  std::string step(repeating_store& s, hand_clock& clock) {
    clock.turn(std::chrono::milliseconds{draw(20'000)});
    switch (draw(15)) {
      case 0:
      case 1:
      case 2: return text_of(s.assign(some_assign()));
      case 3: return text_of(s.seal(some_batch()));
      case 4:
        return text_of(s.execute({draw(2) == 0 ? std::optional(some_batch()) : std::nullopt, epoch{some_epoch()}}));
      case 5:
      case 6: return text_of(s.claim(some_claim()));
      case 7: return text_of(s.cancel(some_task()));
      case 8: return text_of(s.begin_turn(some_begin()));
      case 9: return text_of(s.settle_turn(epoch{some_epoch()}, turn_no{1 + draw(4)}, some_settlement()));
      case 10:
        return text_of(s.end_session(epoch{some_epoch()}, static_cast<session_end>(draw(session_end_count)), "why"));
      case 11:
      case 12: return do_to_task(s);
      case 13: return call(s);
      default: return draw(2) == 0 ? text_of(s.recover(some_recovery())) : say_of_session(s);
    }
  }

  /// A turn of the newest session, so that work gets done too: begin, and mostly settle.
  std::string work(repeating_store& s) {
    const auto live = must(s.read_overview()).live;
    const epoch session = live ? live->id : epoch{};
    turn_filter of_session;
    of_session.session = session;
    const auto turns = must(s.list_turns(of_session));
    begin_request begin = some_begin();
    begin.session = session;
    begin.ordinal = static_cast<std::int64_t>(turns.size()) + (turns.empty() || turns.back().ended_at ? 1 : 0);
    newest_ = std::max(newest_, session.value);
    std::string said = text_of(s.begin_turn(begin));
    const auto what = some_settlement();
    if (draw(4) != 0) said += text_of(s.settle_turn(session, turn_no{begin.ordinal}, what));
    return said;
  }

  [[nodiscard]] std::int64_t newest() const { return newest_; }

 private:
  std::int64_t draw(std::size_t below) {
    return std::uniform_int_distribution<std::int64_t>(0, static_cast<std::int64_t>(below) - 1)(random_);
  }
  batch_id some_batch() { return batch_id("b" + std::to_string(draw(5))); }
  task_id some_task() { return task_id("t" + std::to_string(draw(60))); }
  std::int64_t some_epoch() { return std::max<std::int64_t>(0, newest_ + 1 - draw(3)); }

  assign_request some_assign() {
    assign_request request;
    if (draw(5) != 0) request.batch = some_batch();
    const auto count = 1 + draw(3);
    for (std::int64_t i = 0; i < count; ++i) {
      auto spec = task(some_task().str(), static_cast<priority>(draw(3)));
      spec.prio = static_cast<priority>(std::hash<std::string>{}(spec.id.str()) % 3);  // mostly equal content
      if (draw(10) == 0) spec.description += "!";
      if (!request.tasks.empty() && draw(2) == 0) spec.needs.push_back(request.tasks.back().id);
      if (draw(8) == 0) spec.needs.push_back(some_task());
      spec.max_attempts = 1 + static_cast<int>(std::hash<std::string>{}(spec.id.str()) % 2);
      request.tasks.push_back(std::move(spec));
    }
    request.seal = draw(2) == 0;
    request.whole_batch = draw(4) == 0;
    if (draw(6) == 0) request.agent = draw(2) == 0 ? "claude" : "codex";
    if (draw(4) == 0) request.settings = some_settings();
    if (draw(6) == 0) request.shared = {"shared " + std::to_string(draw(2)), {"README.md"}};
    return request;
  }

  batch_settings some_settings() {
    batch_settings settings;
    if (draw(4) == 0) settings.model = "model " + std::to_string(draw(2));
    if (draw(4) == 0) settings.way = static_cast<running_way>(draw(3));
    if (draw(2) == 0) settings.on_error = error_rule::stop;
    if (draw(4) == 0) settings.budget = {draw(3), draw(3), std::chrono::milliseconds{draw(3)}};
    return settings;
  }

  std::string say_of_session(repeating_store& s) {
    const epoch session{some_epoch()};
    switch (draw(4)) {
      case 0: return text_of(s.request_end(session));
      case 1: return text_of(s.set_pause(session, session_pause{{draw(100)}, "a limit"}));
      case 2: return text_of(s.set_pause(session, std::nullopt));
      default: return text_of(s.describe_agent(session, {"1." + std::to_string(draw(3)), "a-model", "api key"}));
    }
  }

  std::string do_to_task(repeating_store& s) {
    const auto id = some_task();
    switch (draw(8)) {
      case 0: return text_of(s.update(id, some_changes()));
      case 1:
      case 2: return text_of(s.reset(id));
      case 3: return text_of(s.remove(id));
      case 4: return text_of(s.remove_result(id));
      case 5: return text_of(s.mark_manually(id));
      case 6: return text_of(s.retry(some_batch()));
      default: return text_of(s.adopt({some_adopted(), some_adopted()}));
    }
  }

  std::string call(repeating_store& s) {
    const session_token token{epoch{some_epoch()}, "n" + std::to_string(nonces_)};
    if (draw(2) == 0) return text_of(s.begin_called(token, some_task()));
    complete_called_request request;
    if (draw(2) == 0) request.token = token;
    request.task = some_task();
    request.what = some_settlement();
    return text_of(s.complete_called(request));
  }

  task_changes some_changes() {
    task_changes changes;
    if (draw(2) == 0) changes.description = std::string(static_cast<std::size_t>(draw(3) * 800), 'd');
    if (draw(2) == 0) changes.prio = static_cast<priority>(draw(3));
    if (draw(2) == 0) changes.context = "{}";
    return changes;
  }

  adopted_task some_adopted() {
    adopted_task out;
    out.task.spec = task(some_task().str());
    if (draw(4) == 0) out.task.spec.needs.push_back(some_task());
    out.task.batch = some_batch();
    out.task.state = static_cast<task_state>(draw(task_state_count));
    out.task.position = draw(9);
    out.task.created_at = {draw(1000)};
    if (draw(2) == 0) out.task.ended_at = timestamp{draw(1000)};
    if (draw(2) == 0) out.task.extra = "{}";
    if (draw(2) != 0) return out;
    out.result.emplace();
    out.result->what = some_settlement();
    out.result->completed_at = {draw(1000)};
    out.result->extra = draw(2) == 0 ? "{}" : "";
    return out;
  }

  claim_request some_claim() {
    claim_request request;
    request.nonce = "n" + std::to_string(++nonces_);
    request.owner = {"boot", 1, 1 + draw(9), 2};
    request.serves = draw(3) == 0 ? served_agents{{"codex"}, "codex"} : served_agents{{"claude", "codex"}, "claude"};
    request.above = epoch{draw(3)};
    if (draw(4) == 0) request.only = some_batch();
    return request;
  }

  begin_request some_begin() {
    begin_request request;
    request.session = epoch{some_epoch()};
    request.ordinal = 1 + draw(4);
    request.process = 1 + draw(2);
    request.process_turn = 1 + draw(2);
    request.may_end = draw(3) != 0;
    request.preamble = draw(6) == 0;
    return request;
  }

  settlement some_settlement() {
    settlement what = ended_as(static_cast<turn_end>(draw(turn_end_count)));
    if (draw(3) == 0) what.used.reset();
    if (what.used && draw(2) == 0) what.used->requests = draw(9);
    if (what.used && draw(2) == 0) what.used->inherited_read = draw(9);
    if (draw(3) == 0) what.loaded_context = draw(2) == 0;
    if (draw(3) == 0) what.conversation = "c" + std::to_string(draw(3));
    if (draw(3) == 0) what.changes = work_changes{{"a", "b"}, {"abc"}, draw(2) == 0};
    if (draw(3) == 0) what.reason = "a_reason";
    return what;
  }

  recover_request some_recovery() {
    recover_request request;
    request.session = epoch{some_epoch()};
    if (draw(2) == 0) request.finished_turn = turn_no{1 + draw(4)};
    request.what = some_settlement();
    return request;
  }

  std::mt19937_64 random_;
  std::int64_t newest_ = 0;
  int nonces_ = 0;
};

// What must be true of a store after every command.
class invariants {
 public:
  explicit invariants(store& s) : s_(s) {}

  void check() {
    tasks_.clear();
    for (auto& task : must(s_.list_tasks({}))) {
      const auto id = task.spec.id;
      tasks_.emplace(id, std::move(task));
    }
    turns_ = must(s_.list_turns({}));
    check_batches();
    check_sessions();
    check_turns();
    for (const auto& [id, task] : tasks_) check_task(task);
    check_version();
  }

 private:
  // Batches say of their tasks what the tasks say.
  void check_batches() {
    task_tally all;
    std::map<batch_id, task_tally> tallies;
    std::map<batch_id, priority> highest;
    std::map<batch_id, std::map<std::int64_t, task_id>> positions;
    for (const auto& [id, task] : tasks_) {
      ++all[task.state];
      ++tallies[task.batch][task.state];
      highest[task.batch] = std::max(highest[task.batch], task.spec.prio);
      REQUIRE(positions[task.batch].emplace(task.position, id).second);
    }
    REQUIRE(must(s_.read_overview()).tally == all);
    for (const auto& batch : must(s_.list_batches({}))) {
      CAPTURE(batch.id.str());
      REQUIRE(batch.tally == tallies[batch.id]);
      if (batch.tally.total() > 0) REQUIRE(batch.prio == highest[batch.id]);
      if (batch.state == batch_state::finished) REQUIRE(live_tasks(batch) == 0);
      REQUIRE((batch.state == batch_state::held) == !batch.hold_reason.empty());
      if (batch.state == batch_state::running || batch.state == batch_state::ending) {
        REQUIRE(must(s_.find_live_session()).has_value());
        REQUIRE(must(s_.find_live_session())->batch == batch.id);
      }
      REQUIRE(figures_from_turns(batch.id) == figures_from_store(batch.id));
    }
  }

  using figures = std::map<std::pair<task_id, std::string>, model_tokens>;
  figures figures_from_turns(const batch_id& batch) const {
    figures out;
    for (const auto& turn : turns_) {
      if (turn.batch != batch || !turn.used) continue;
      for (const auto& entry : turn.used->by_model) {
        auto& sum = out.try_emplace({turn.task, entry.model}, model_tokens{entry.model, {}, 0}).first->second;
        sum.count = sum.count + entry.count;
        sum.largest_request = std::max(sum.largest_request, entry.most_input_at_once());
      }
    }
    return out;
  }
  figures figures_from_store(const batch_id& batch) {
    figures out;
    const auto accounts = make_ledger(must(s_.list_turns({.batch = batch})));
    const auto add = [&](const task_id& task, const account& sum) {
      for (const auto& used : sum.by_model)
        out.emplace(std::pair(task, used.model), model_tokens{used.model, used.count, used.most_input_at_once()});
    };
    add({}, accounts.shared);
    for (const auto& line : accounts.by_task) add(line.task, line.sum);
    return out;
  }

  // Epochs grow; only the latest session may live; turns that came to something are counted.
  void check_sessions() {
    const auto all = must(s_.list_sessions({}));
    REQUIRE(all.size() >= sessions_seen_);
    sessions_seen_ = all.size();
    epoch before;
    for (const auto& session : all) {
      CAPTURE(session.id.value);
      REQUIRE(session.id > before);
      before = session.id;
      const bool lives = session.phase == session_phase::live;
      REQUIRE((!lives || session.id == all.back().id));
      REQUIRE(lives != session.ended_at.has_value());
      const auto settled = std::count_if(turns_.begin(), turns_.end(), [&](const turn_record& t) {
        return t.session == session.id && !t.task.empty() && t.end && settles(*t.end);
      });
      REQUIRE(session.turns_settled == settled);
    }
  }

  // Turns of a session are numbered without gaps; only the last one of a live session runs; what is settled stays.
  void check_turns() {
    const auto live = must(s_.find_live_session());
    std::map<epoch, std::int64_t> last;
    for (const auto& turn : turns_) {
      REQUIRE(turn.turn.value == ++last[turn.session]);
      REQUIRE(turn.ended_at.has_value() == turn.end.has_value());
      const auto key = std::pair(turn.session, turn.turn);
      if (turn.ended_at) {
        const auto& first = settled_.try_emplace(key, turn).first->second;
        REQUIRE(first == turn);
      } else {
        REQUIRE((live && live->id == turn.session));
      }
    }
    for (const auto& [key, turn] : settled_) REQUIRE(last[key.first] >= key.second.value);
    for (const auto& turn : turns_)
      if (!turn.ended_at) REQUIRE(turn.turn.value == last[turn.session]);
  }

  const turn_record* turn_of(epoch session, turn_no turn) const {
    for (const auto& t : turns_)
      if (t.session == session && t.turn == turn) return &t;
    return nullptr;
  }

  // A task is where its state says it is, and its result says what its turn says.
  void check_task(const task_record& task) {
    CAPTURE(task.spec.id.str());
    const bool running = task.state == task_state::in_progress;
    REQUIRE(has_ended(task.state) == task.ended_at.has_value());
    REQUIRE(running == (task.owner != task_owner::nobody));
    if (task.owner == task_owner::session) {
      const turn_record* const turn = turn_of(task.session, task.turn);
      REQUIRE(turn != nullptr);
      REQUIRE((turn->task == task.spec.id && !turn->ended_at));
    }
    const auto result = must(s_.find_result(task.spec.id));
    if (!result) return;
    REQUIRE((task.state == task_state::done || task.state == task_state::error));
    REQUIRE((result->status == task.state && result->batch == task.batch && result->position == task.position));
    if (result->turn == turn_no{}) return;
    const turn_record* const turn = turn_of(result->session, result->turn);
    REQUIRE(turn != nullptr);
    REQUIRE((turn->task == task.spec.id && turn->end == result->what.end && turn->used == result->what.used));
    REQUIRE((turn->conversation == result->what.conversation && turn->changes == result->what.changes));
    REQUIRE(turn->ended_at == result->completed_at);
    const turn_record* const before = turn_of(turn->session, turn_no{turn->turn.value - 1});
    if (result->preamble_used)
      REQUIRE((before != nullptr && before->task.empty() && before->used == result->preamble_used));
  }

  // The version grows if, and only if, something is to be seen.
  void check_version() {
    std::string now;
    for (const auto& [id, task] : tasks_) now += text_of(task) + text_of(must(s_.find_result(id)));
    now += lines_of(turns_) + lines_of(must(s_.list_batches({}))) + lines_of(must(s_.list_sessions({})));
    const auto version = s_.version();
    if (version == version_seen_) REQUIRE(first_difference(seen_, now) == "");
    REQUIRE(version >= version_seen_);
    version_seen_ = version;
    seen_ = std::move(now);
  }

  store& s_;
  std::map<task_id, task_record> tasks_;
  std::vector<turn_record> turns_;
  std::map<std::pair<epoch, turn_no>, turn_record> settled_;
  std::size_t sessions_seen_ = 0;
  std::int64_t version_seen_ = 0;
  std::string seen_;
};

struct run_of {
  std::vector<std::string> answers;
  std::string state;
};

run_of run(kind_of_store kind, std::uint64_t seed, bool is_checked = false) {
  world w(kind);
  commands_at_random commands(seed);
  invariants sound(*w.opened);
  run_of out;
  for (int i = 0; i < steps; ++i) {
    CAPTURE(i);
    out.answers.push_back(i % 3 == 2 ? commands.work(w.sure) : commands.step(w.sure, w.clock));
    if (is_checked) sound.check();
  }
  std::vector<batch_id> batches;
  for (int b = 0; b < 5; ++b) batches.push_back(batch_id("b" + std::to_string(b)));
  out.state = state_of(*w.opened, batches, commands.newest() + 1);
  return out;
}

}  // namespace

TEST_CASE("whatever is asked, tasks, batches, sessions, turns, results and figures agree with each other") {
  for (std::uint64_t seed = 31; seed <= 42; ++seed) {
    CAPTURE(seed);
    run(kind_of_store::memory, seed, true);
  }
}

TEST_CASE("a store in a folder and one in memory give the same answers and come to the same state") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    const auto memory = run(kind_of_store::memory, seed);
    const auto folder = run(kind_of_store::folder, seed);
    for (int i = 0; i < steps; ++i) {
      CAPTURE(i);
      const auto at = static_cast<std::size_t>(i);
      REQUIRE(first_difference(memory.answers[at], folder.answers[at]) == "");
    }
    REQUIRE(first_difference(memory.state, folder.state) == "");
  }
}

TEST_CASE("commands that are repeated after a lost answer come to the state of commands given once") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    REQUIRE(first_difference(run(kind_of_store::memory, seed).state, run(kind_of_store::faulty_memory, seed).state) ==
            "");
  }
  for (std::uint64_t seed = 21; seed <= 22; ++seed) {
    CAPTURE(seed);
    REQUIRE(first_difference(run(kind_of_store::memory, seed).state, run(kind_of_store::faulty_folder, seed).state) ==
            "");
  }
}

TEST_CASE("the faulty connection loses answers of commands that were done and of commands that were not") {
  int unknown_and_done = 0;
  int unknown_and_not_done = 0;
  fault_schedule schedule;
  int delays = 0;
  schedule.delay = [&] { ++delays; };
  temporary_folder folder;
  const auto faulty = must(store::open({folder.path().string(), system_now, losing_answers(schedule)}));
  for (int i = 0; i < 200; ++i) {
    assign_request request;
    request.batch = "b"_batch;
    request.tasks = {task(std::to_string(i))};
    const auto answer = faulty->assign(request);
    if (answer) continue;
    CHECK(answer.error().code == errc::outcome_unknown);
    ++(must(faulty->find_task(request.tasks[0].id)) ? unknown_and_done : unknown_and_not_done);
  }
  CHECK(unknown_and_done > 0);
  CHECK(unknown_and_not_done > 0);
  CHECK(delays == 200);
}
