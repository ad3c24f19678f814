// A connection that loses answers: by a seeded schedule a transaction is committed or not, and the store is told that
// nobody knows. What callers must survive of a database at the other end of a network.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <utility>

#include <cobatch/store.hpp>

#include "store/sql.hpp"
#include "store/store.hpp"

namespace cobatch_test {

using namespace cobatch;

/// Passes everything on to another connection; for those that do something else at one place.
class passing_sql : public sql {
 public:
  explicit passing_sql(sql& inner) : inner_(inner) {}

  void begin(access wanted) override { inner_.begin(wanted); }
  void commit() override { inner_.commit(); }
  void roll_back() override { inner_.roll_back(); }
  bool in_transaction() const noexcept override { return inner_.in_transaction(); }
  sql_statement& prepared(const char* text) override { return inner_.prepared(text); }
  std::int64_t rows_changed() const noexcept override { return inner_.rows_changed(); }
  std::int64_t last_insert_key() const noexcept override { return inner_.last_insert_key(); }

 private:
  sql& inner_;
};

struct fault_schedule {
  std::uint64_t seed = 1;
  double not_done = 0.2;        ///< share of commits that are not done and answered `outcome_unknown`
  double answer_lost = 0.2;     ///< share of commits that are done and answered `outcome_unknown`
  std::function<void()> delay;  ///< called before each command that may write: latency; may be empty
};

class faulty_sql : public passing_sql {
 public:
  faulty_sql(sql& inner, fault_schedule schedule)
      : passing_sql(inner), schedule_(std::move(schedule)), random_(schedule_.seed) {}

  void begin(access wanted) override {
    writes_ = wanted == access::write;
    if (writes_ && schedule_.delay) schedule_.delay();
    passing_sql::begin(wanted);
  }
  void commit() override {
    if (!writes_) return passing_sql::commit();
    const double fate = std::uniform_real_distribution<double>(0, 1)(random_);
    if (fate < schedule_.not_done) throw unknown("injected: the command was not done");
    passing_sql::commit();
    if (fate < schedule_.not_done + schedule_.answer_lost)
      throw unknown("injected: the command was done, its answer is lost");
  }

 private:
  static sql_failure unknown(std::string message) {
    sql_failure out;
    out.what = {errc::outcome_unknown, std::move(message)};
    return out;
  }

  fault_schedule schedule_;
  std::mt19937_64 random_;
  bool writes_ = false;
};

[[nodiscard]] inline sql_between losing_answers(fault_schedule schedule) {
  return [schedule](sql& inner) { return std::make_unique<faulty_sql>(inner, schedule); };
}

/// A store whose commands are repeated until their outcome is known, as every caller of a store does.
class repeating_store {
 public:
  explicit repeating_store(const std::unique_ptr<store>& s) : s_(s) {}

  // clang-format off
  auto assign(const assign_request& r) { return known([&] { return s_->assign(r); }); }
  auto assign_each(const std::vector<assign_request>& r) { return known([&] { return s_->assign_each(r); }); }
  auto seal(const batch_id& b) { return known([&] { return s_->seal(b); }); }
  auto execute(const execute_request& r) { return known([&] { return s_->execute(r); }); }
  auto claim(const claim_request& r) { return known([&] { return s_->claim(r); }); }
  auto begin_turn(const begin_request& r) { return known([&] { return s_->begin_turn(r); }); }
  auto settle_turn(epoch e, turn_no t, const settlement& w) { return known([&] { return s_->settle_turn(e, t, w); }); }
  auto end_session(epoch e, session_end why, std::string_view detail) {
    return known([&] { return s_->end_session(e, why, detail); });
  }
  auto recover(const recover_request& r) { return known([&] { return s_->recover(r); }); }
  auto request_end(epoch e) { return known([&] { return s_->request_end(e); }); }
  auto set_pause(epoch e, const std::optional<session_pause>& p) { return known([&] { return s_->set_pause(e, p); }); }
  auto describe_agent(epoch e, const agent_facts& a) { return known([&] { return s_->describe_agent(e, a); }); }
  auto cancel(const task_id& t) { return known([&] { return s_->cancel(t); }); }
  auto update(const task_id& t, const task_changes& c) { return known([&] { return s_->update(t, c); }); }
  auto reset(const task_id& t) { return known([&] { return s_->reset(t); }); }
  auto remove(const task_id& t) { return known([&] { return s_->remove(t); }); }
  auto remove_result(const task_id& t) { return known([&] { return s_->remove_result(t); }); }
  auto mark_manually(const task_id& t) { return known([&] { return s_->mark_manually(t); }); }
  auto retry(const batch_id& b) { return known([&] { return s_->retry(b); }); }
  auto begin_called(const session_token& s, const task_id& t) { return known([&] { return s_->begin_called(s, t); }); }
  auto complete_called(const complete_called_request& r) { return known([&] { return s_->complete_called(r); }); }
  auto adopt(const std::vector<adopted_task>& tasks) { return known([&] { return s_->adopt(tasks); }); }
  auto note_archived(const archive_part& p) { return known([&] { return s_->note_archived(p); }); }

  auto find_task(const task_id& t) { return s_->find_task(t); }
  auto find_result(const task_id& t) { return s_->find_result(t); }
  auto find_batch(const batch_id& b) { return s_->find_batch(b); }
  auto find_preamble(const batch_id& b) { return s_->find_preamble(b); }
  auto find_session(epoch e) { return s_->find_session(e); }
  auto find_last_session() { return s_->find_last_session(); }
  auto find_live_session() { return s_->find_live_session(); }
  auto find_session_of_marker(const batch_id& b, timestamp t) { return s_->find_session_of_marker(b, t); }
  auto list_tasks(const task_filter& f) { return s_->list_tasks(f); }
  auto list_batches(const batch_filter& f) { return s_->list_batches(f); }
  auto list_sessions(const session_filter& f) { return s_->list_sessions(f); }
  auto list_turns(const turn_filter& f) { return s_->list_turns(f); }
  auto list_results(const result_filter& f) { return s_->list_results(f); }
  auto read_overview() { return s_->read_overview(); }
  auto read_views(std::size_t limit) { return s_->read_views(limit); }
  auto read_archive(std::size_t newest, std::size_t limit) { return s_->read_archive(newest, limit); }
  auto has_work(const served_agents& a) { return s_->has_work(a); }
  auto version() { return s_->version(); }
  auto wait_for_change(std::int64_t seen, std::chrono::steady_clock::time_point deadline, std::stop_token stop) {
    return s_->wait_for_change(seen, deadline, std::move(stop));
  }
  // clang-format on

 private:
  template <class Command>
  static auto known(Command command) -> decltype(command()) {
    for (;;) {
      auto answer = command();
      if (answer || answer.error().code != errc::outcome_unknown) return answer;
    }
  }

  const std::unique_ptr<store>& s_;
};

}  // namespace cobatch_test
