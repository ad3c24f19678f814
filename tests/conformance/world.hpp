// What a conformance test stands on: a store of each kind, a clock that the test turns, and short words for requests.
#pragma once

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <cobatch/store.hpp>

#include "conformance/faulty_sql.hpp"
#include "store/store.hpp"
#include "unit/scratch_folder.hpp"

namespace cobatch_test {

using namespace cobatch;

using temporary_folder = scratch_folder;
using list = std::vector<std::string>;
using assign_kind = assign_outcome::kind;

/// The value, or a test that fails with the error's message.
template <class T>
T must(result<T> outcome) {
  INFO("error: " << (outcome ? std::string()
                             : std::string(name_of(outcome.error().code)) + ": " + outcome.error().message));
  REQUIRE(outcome.has_value());
  return std::move(*outcome);
}

/// A clock that stands still until it is turned.
class hand_clock {
 public:
  [[nodiscard]] timestamp now() const { return {ms_->load()}; }
  void turn(std::chrono::milliseconds by) { ms_->fetch_add(by.count()); }
  [[nodiscard]] clock_fn reader() const {
    return [ms = ms_] { return timestamp{ms->load()}; };
  }

 private:
  std::shared_ptr<std::atomic<std::int64_t>> ms_ = std::make_shared<std::atomic<std::int64_t>>(1'762'551'900'000);
};

/// The kinds of store; the faulty ones lose answers, and their commands are repeated until the outcome is known.
enum class kind_of_store { memory, folder, faulty_memory, faulty_folder };

inline constexpr std::array every_kind{kind_of_store::memory, kind_of_store::folder, kind_of_store::faulty_memory,
                                       kind_of_store::faulty_folder};
/// The kinds that answer each command at once.
inline constexpr std::array plain_kinds{kind_of_store::memory, kind_of_store::folder};

constexpr const char* name_of_kind(kind_of_store kind) {
  constexpr std::array names{"memory", "folder", "faulty memory", "faulty folder"};
  return names[static_cast<std::size_t>(kind)];
}

/// One word for `task_id("a")` and `batch_id("b")`.
inline task_id operator""_task(const char* text, std::size_t size) { return task_id(std::string(text, size)); }
inline batch_id operator""_batch(const char* text, std::size_t size) { return batch_id(std::string(text, size)); }

inline task_spec task(std::string id, priority prio = priority::medium) {
  task_spec spec;
  spec.description = "do " + id;
  spec.id = task_id(std::move(id));
  spec.prio = prio;
  return spec;
}

inline task_spec needing(std::string id, std::initializer_list<std::string> needs) {
  auto spec = task(std::move(id));
  for (const auto& need : needs) spec.needs.emplace_back(need);
  return spec;
}

inline settlement ended_as(turn_end end) {
  settlement what;
  what.end = end;
  what.detail = "as the test says";
  what.output = "output";
  what.output_summary = "summary";
  usage used;
  used.by_model = {{"a-model", {10, 20, 30, 40, 50, 5}}, {"another", {1, 0, 0, 0, 2, 0}}};
  what.used = used;
  return what;
}

struct world {
  explicit world(kind_of_store k) : kind(k), opened(open()) {}

  kind_of_store kind;
  hand_clock clock;
  temporary_folder folder;
  std::unique_ptr<store> opened;
  repeating_store sure{opened};
  int nonces = 0;

  repeating_store* operator->() { return &sure; }

  [[nodiscard]] bool loses_answers() const {
    return kind == kind_of_store::faulty_memory || kind == kind_of_store::faulty_folder;
  }

  [[nodiscard]] std::unique_ptr<store> open() {
    const bool in_memory = kind == kind_of_store::memory || kind == kind_of_store::faulty_memory;
    store_options options;
    options.directory = in_memory ? ":memory:" : folder.path().string();
    options.clock = clock.reader();
    fault_schedule schedule;
    schedule.seed = 7;
    if (loses_answers()) options.between = losing_answers(schedule);
    return must(store::open(options));
  }

  /// True if a command that was asked for once answered as `first`, or if its answer may have been lost and the repeat
  /// answered as `again`.
  template <class E>
  bool answered(E what, E first, E again) const {
    return what == first || (loses_answers() && what == again);
  }

  assign_outcome assign(std::optional<batch_id> batch, std::initializer_list<std::string> ids, bool seal = true) {
    assign_request request;
    request.batch = std::move(batch);
    for (const auto& id : ids) request.tasks.push_back(task(id));
    request.seal = seal;
    return must(sure.assign(request));
  }

  assign_outcome assign_specs(const batch_id& batch, std::vector<task_spec> tasks, batch_settings settings = {}) {
    assign_request request;
    request.batch = batch;
    request.tasks = std::move(tasks);
    request.settings = std::move(settings);
    return must(sure.assign(request));
  }

  /// Assigns new tasks; fails the test if they are not.
  batch_record stored(std::optional<batch_id> batch, std::initializer_list<std::string> ids, bool seal = true) {
    auto out = assign(std::move(batch), ids, seal);
    REQUIRE(answered(out.what, assign_kind::stored, assign_kind::duplicate));
    return out.batch;
  }

  claim_request claim_of(std::optional<batch_id> only = {}) {
    claim_request request;
    request.nonce = "nonce-" + std::to_string(++nonces);
    request.owner = {"boot", 1, 42, 7};
    request.serves = {{"claude"}, "claude"};
    request.only = std::move(only);
    return request;
  }

  session_record claimed(std::optional<batch_id> only = {}) {
    auto out = must(sure.claim(claim_of(std::move(only))));
    REQUIRE(out.what == claim_outcome::kind::claimed);
    return out.session;
  }

  /// Of the latest claim.
  session_token token() {
    const auto last = must(sure.find_last_session());
    REQUIRE(last.has_value());
    return {last->id, "nonce-" + std::to_string(nonces)};
  }

  begin_outcome begin(epoch session, std::int64_t ordinal, bool may_end = true) {
    begin_request request;
    request.session = session;
    request.ordinal = ordinal;
    request.process_turn = ordinal;
    request.may_end = may_end;
    return must(sure.begin_turn(request));
  }

  begin_outcome begun(epoch session, std::int64_t ordinal) {
    auto out = begin(session, ordinal);
    REQUIRE(out.what == begin_outcome::kind::begun);
    return out;
  }

  begin_outcome begin_preamble(epoch session, std::int64_t ordinal) {
    begin_request request;
    request.session = session;
    request.ordinal = ordinal;
    request.process_turn = ordinal;
    request.preamble = true;
    return must(sure.begin_turn(request));
  }

  settle_outcome settle(epoch session, std::int64_t turn, turn_end end = turn_end::done) {
    return must(sure.settle_turn(session, turn_no{turn}, ended_as(end)));
  }

  end_outcome end(epoch session, session_end why = session_end::finished) {
    return must(sure.end_session(session, why, "the test ended it"));
  }

  /// A session that claims, and ends having settled nothing.
  end_outcome fruitless_session(batch_id batch, session_end why = session_end::agent_lost) {
    return end(claimed(std::move(batch)).id, why);
  }

  complete_called_outcome complete(std::optional<session_token> token, const task_id& task,
                                   turn_end end = turn_end::done) {
    return must(sure.complete_called({std::move(token), task, ended_as(end)}));
  }

  result_record result_now(const task_id& id) {
    auto found = must(sure.find_result(id));
    REQUIRE(found.has_value());
    return *found;
  }

  task_record task_now(std::string id) {
    auto found = must(sure.find_task(task_id(std::move(id))));
    REQUIRE(found.has_value());
    return *found;
  }

  batch_record batch_now(const batch_id& id) {
    auto found = must(sure.find_batch(id));
    REQUIRE(found.has_value());
    return *found;
  }

  session_record session_now(epoch id) {
    auto found = must(sure.find_session(id));
    REQUIRE(found.has_value());
    return *found;
  }
};

template <class Kinds>
void on_each(const Kinds& kinds, void (*test)(world&)) {
  for (const kind_of_store kind : kinds) SUBCASE(name_of_kind(kind)) {
      world w(kind);
      test(w);
    }
}

// STORE_TEST("promise") { … } is a test of every kind of store, STORE_TEST_ONCE one of the plain kinds; `w` is its
// world. The body is compiled once.
#define STORE_TEST_ON(kinds, body, name)    \
  static void body(world& w);               \
  TEST_CASE(name) { on_each(kinds, body); } \
  static void body(world& w)
#define STORE_TEST(name) STORE_TEST_ON(every_kind, DOCTEST_ANONYMOUS(store_test_), name)
#define STORE_TEST_ONCE(name) STORE_TEST_ON(plain_kinds, DOCTEST_ANONYMOUS(store_test_), name)

}  // namespace cobatch_test
