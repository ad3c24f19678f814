// A store that loses answers: it wraps another one and, by a seeded schedule, answers `outcome_unknown` to a command,
// having done it or not. What callers must survive of a store at the other end of a network.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <utility>

#include <cobatch/store.hpp>

#include "store/store.hpp"

namespace cobatch {
inline namespace v1 {

/// A store with something done around each command that changes it. `Around` is called with the command.
template <class Around>
class wrapped_store : public store {
 public:
  wrapped_store(std::unique_ptr<store> inner, Around around) : inner_(std::move(inner)), around_(std::move(around)) {}

  result<assign_outcome> assign(const assign_request& r) override {
    return around_([&] { return inner_->assign(r); });
  }
  result<std::vector<assign_outcome>> assign_each(const std::vector<assign_request>& r) override {
    return around_([&] { return inner_->assign_each(r); });
  }
  result<seal_outcome> seal(const batch_id& b) override {
    return around_([&] { return inner_->seal(b); });
  }
  result<execute_outcome> execute(const execute_request& r) override {
    return around_([&] { return inner_->execute(r); });
  }
  result<claim_outcome> claim(const claim_request& r) override {
    return around_([&] { return inner_->claim(r); });
  }
  result<begin_outcome> begin_turn(const begin_request& r) override {
    return around_([&] { return inner_->begin_turn(r); });
  }
  result<settle_outcome> settle_turn(epoch e, turn_no t, const settlement& what) override {
    return around_([&] { return inner_->settle_turn(e, t, what); });
  }
  result<end_outcome> end_session(epoch e, session_end why, std::string_view detail) override {
    return around_([&] { return inner_->end_session(e, why, detail); });
  }
  result<end_outcome> recover(const recover_request& r) override {
    return around_([&] { return inner_->recover(r); });
  }
  result<bool> request_end(epoch e) override {
    return around_([&] { return inner_->request_end(e); });
  }
  result<bool> set_pause(epoch e, const std::optional<session_pause>& pause) override {
    return around_([&] { return inner_->set_pause(e, pause); });
  }
  result<bool> describe_agent(epoch e, const agent_facts& about) override {
    return around_([&] { return inner_->describe_agent(e, about); });
  }
  result<task_outcome> cancel(const task_id& t) override {
    return around_([&] { return inner_->cancel(t); });
  }
  result<task_outcome> update(const task_id& t, const task_changes& c) override {
    return around_([&] { return inner_->update(t, c); });
  }
  result<task_outcome> reset(const task_id& t) override {
    return around_([&] { return inner_->reset(t); });
  }
  result<task_outcome> remove(const task_id& t) override {
    return around_([&] { return inner_->remove(t); });
  }
  result<task_outcome> remove_result(const task_id& t) override {
    return around_([&] { return inner_->remove_result(t); });
  }
  result<task_outcome> mark_manually(const task_id& t) override {
    return around_([&] { return inner_->mark_manually(t); });
  }
  result<retry_outcome> retry(const batch_id& b) override {
    return around_([&] { return inner_->retry(b); });
  }
  result<begin_called_outcome> begin_called(const session_token& s, const task_id& t) override {
    return around_([&] { return inner_->begin_called(s, t); });
  }
  result<complete_called_outcome> complete_called(const complete_called_request& r) override {
    return around_([&] { return inner_->complete_called(r); });
  }
  result<std::vector<adopt_outcome>> adopt(const std::vector<adopted_task>& tasks) override {
    return around_([&] { return inner_->adopt(tasks); });
  }

  result<std::optional<task_record>> find_task(const task_id& t) override { return inner_->find_task(t); }
  result<std::optional<result_record>> find_result(const task_id& t) override { return inner_->find_result(t); }
  result<std::optional<batch_record>> find_batch(const batch_id& b) override { return inner_->find_batch(b); }
  result<preamble> find_preamble(const batch_id& b) override { return inner_->find_preamble(b); }
  result<std::optional<session_record>> find_session(epoch e) override { return inner_->find_session(e); }
  result<std::optional<session_record>> find_last_session() override { return inner_->find_last_session(); }
  result<std::optional<session_record>> find_live_session() override { return inner_->find_live_session(); }
  result<std::optional<session_record>> find_session_of_marker(const batch_id& b, timestamp t) override {
    return inner_->find_session_of_marker(b, t);
  }
  result<std::vector<task_record>> list_tasks(const task_filter& f) override { return inner_->list_tasks(f); }
  result<std::vector<batch_record>> list_batches(const batch_filter& f) override { return inner_->list_batches(f); }
  result<std::vector<session_record>> list_sessions(const session_filter& f) override {
    return inner_->list_sessions(f);
  }
  result<std::vector<turn_record>> list_turns(const turn_filter& f) override { return inner_->list_turns(f); }
  result<std::vector<result_record>> list_results(const result_filter& f) override { return inner_->list_results(f); }
  result<overview> read_overview() override { return inner_->read_overview(); }
  result<view_snapshot> read_views(std::size_t limit) override { return inner_->read_views(limit); }
  result<archive_part> read_archive(std::size_t newest, std::size_t limit) override {
    return inner_->read_archive(newest, limit);
  }
  result<void> note_archived(const archive_part& part) override {
    return around_([&] { return inner_->note_archived(part); });
  }
  result<bool> has_work(const served_agents& s) override { return inner_->has_work(s); }
  std::int64_t version() override { return inner_->version(); }
  std::int64_t wait_for_change(std::int64_t seen, std::chrono::steady_clock::time_point deadline,
                               std::stop_token stop) override {
    return inner_->wait_for_change(seen, deadline, std::move(stop));
  }

 private:
  std::unique_ptr<store> inner_;
  Around around_;
};

struct fault_schedule {
  std::uint64_t seed = 1;
  double not_done = 0.2;        ///< share of commands that are not done and answered `outcome_unknown`
  double answer_lost = 0.2;     ///< share of commands that are done and answered `outcome_unknown`
  std::function<void()> delay;  ///< called before each command: latency; may be empty
};

/// Does a command or not, and answers it or not, as the schedule says.
class lose_answers {
 public:
  explicit lose_answers(fault_schedule schedule)
      : schedule_(std::move(schedule)), state_(std::make_unique<state>(schedule_.seed)) {}

  template <class Command>
  auto operator()(Command command) -> decltype(command()) {
    if (schedule_.delay) schedule_.delay();
    const double fate = draw();
    if (fate < schedule_.not_done) return fail(errc::outcome_unknown, "injected: the command was not done");
    auto answer = command();
    if (fate < schedule_.not_done + schedule_.answer_lost)
      return fail(errc::outcome_unknown, "injected: the command was done, its answer is lost");
    return answer;
  }

 private:
  struct state {
    explicit state(std::uint64_t seed) : random(seed) {}
    std::mutex mutex;
    std::mt19937_64 random;
  };

  double draw() {
    const std::lock_guard lock(state_->mutex);
    return std::uniform_real_distribution<double>(0, 1)(state_->random);
  }

  fault_schedule schedule_;
  std::unique_ptr<state> state_;
};

/// Repeats a command until its outcome is known, as every caller of a store does.
struct repeat_until_known {
  template <class Command>
  auto operator()(Command command) -> decltype(command()) {
    for (;;) {
      auto answer = command();
      if (answer || answer.error().code != errc::outcome_unknown) return answer;
    }
  }
};

[[nodiscard]] inline std::unique_ptr<store> make_faulty(std::unique_ptr<store> inner, fault_schedule schedule) {
  return std::make_unique<wrapped_store<lose_answers>>(std::move(inner), lose_answers(std::move(schedule)));
}

[[nodiscard]] inline std::unique_ptr<store> make_repeating(std::unique_ptr<store> inner) {
  return std::make_unique<wrapped_store<repeat_until_known>>(std::move(inner), repeat_until_known{});
}

}  // namespace v1
}  // namespace cobatch
