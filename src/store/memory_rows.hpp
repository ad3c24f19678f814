// Rows in this process's memory. One thread at a time; nothing is ever rolled back, as no operation fails.
#pragma once

#include <compare>
#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "store/rows.hpp"

namespace cobatch {

class memory_rows final : public rows {
 public:
  std::optional<batch_row> find_batch(const batch_id& id) override;
  bool has_batch(const batch_id& id) override;
  void visit_batches(batch_state state, const std::function<bool(const batch_row&)>& visit) override;
  void insert_batch(batch_row& row) override;
  void update_batch(const batch_row& before, const batch_row& after) override;
  preamble find_preamble(std::int64_t batch_key) override;
  void put_preamble(std::int64_t batch_key, const preamble& shared) override;

  std::optional<task_row> find_task(const task_id& id) override;
  bool has_task(const task_id& id) override;
  std::optional<task_place> find_place(const task_id& id) override;
  std::optional<task_row> next_queued(std::int64_t batch_key, std::int64_t after) override;
  std::optional<task_row> next_dependent(std::int64_t need_key, std::int64_t after) override;
  std::optional<task_row> next_failed(std::int64_t batch_key, std::int64_t after) override;
  bool is_taken(std::int64_t batch_key, std::int64_t position) override;
  priority highest_priority(std::int64_t batch_key) override;
  void insert_task(task_row& row) override;
  void update_task(const task_row& before, const task_row& after) override;
  void update_spec(const task_row& after) override;
  void link_needs(const task_row& row) override;
  void remove_task(const task_row& row) override;

  std::optional<session_row> find_session(epoch id) override;
  std::optional<session_row> last_session() override;
  std::optional<session_row> session_started(const batch_id& batch, timestamp from, timestamp until) override;
  void insert_session(const session_row& row) override;
  void update_session(const session_row& row) override;

  std::optional<turn_record> find_turn(epoch session, turn_no turn) override;
  std::optional<turn_record> last_turn(epoch session) override;
  std::optional<turn_record> turn_before(const turn_record& turn) override;
  void insert_turn(const turn_record& turn, const task_record& task) override;
  void settle_turn(const turn_record& turn) override;

  std::optional<result_record> find_result(const task_id& task) override;
  void put_result(const task_row& task, const result_record& result) override;
  bool remove_result(const task_row& task) override;

  task_tally tally() override { return tally_; }
  std::vector<task_record> list_tasks(const task_filter& filter) override;
  std::vector<batch_record> list_batches(const batch_filter& filter) override;
  std::vector<session_record> list_sessions(const session_filter& filter) override;
  std::vector<turn_record> list_turns(const turn_filter& filter) override;
  std::vector<result_record> list_results(const result_filter& filter) override;
  view_snapshot read_views(std::size_t ended_limit) override;

  archive_mark archived_until() override { return archived_until_; }
  void set_archived_until(const archive_mark& until) override { archived_until_ = until; }
  void say_archived(std::int64_t task_key, bool archived) override { said_archived_[task_key] = archived; }
  std::optional<archive_mark> end_beyond(std::size_t newest) override;
  std::vector<task_row> ended_between(const archive_mark& after, const archive_mark& until, std::size_t limit) override;
  std::vector<task_row> said_not_archived(std::size_t limit) override;

  /// Grows with every write.
  [[nodiscard]] std::int64_t changes() const noexcept { return changes_; }

 private:
  using key = std::int64_t;
  using turn_key = std::pair<epoch, turn_no>;

  // A batch's place in `by_state_`: the order in which batches of one state run.
  struct place {
    batch_state state;
    int urgency;  // 0 is the highest priority
    std::optional<timestamp> sealed_at;
    key batch;
    friend auto operator<=>(const place&, const place&) = default;
  };
  static place place_of(const batch_row& row);

  batch_row& batch_at(key k) { return batches_[static_cast<std::size_t>(k - 1)]; }
  task_row& task_at(key k) { return tasks_.at(k); }
  void index_task(const task_row& row);
  void unindex_task(const task_row& row);

  std::deque<batch_row> batches_;  // by key, from 1
  std::unordered_map<batch_id, key> batch_keys_;
  std::set<place> by_state_;
  std::unordered_map<key, preamble> preambles_;
  std::map<key, task_row> tasks_;
  key last_task_ = 0;
  std::unordered_map<task_id, key> task_keys_;
  std::unordered_map<key, std::map<std::int64_t, key>> tasks_of_batch_;   // by position
  std::unordered_map<key, std::map<std::int64_t, key>> queued_of_batch_;  // by position
  std::unordered_map<key, std::set<key>> dependents_;                     // the tasks that need one
  std::set<key> live_;                                                    // tasks that have not ended
  std::set<std::pair<timestamp, key>> ended_;                             // by end
  std::map<epoch, session_row> sessions_;
  std::map<turn_key, turn_record> turns_;
  std::unordered_map<task_id, std::set<turn_key>> turns_of_task_;  // of those that are there
  std::unordered_map<key, result_record> results_;
  archive_mark archived_until_;
  std::map<key, bool> said_archived_;
  task_tally tally_;
  std::int64_t changes_ = 0;
};

}  // namespace cobatch
