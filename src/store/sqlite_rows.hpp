// Rows in SQLite, over one connection that is in a transaction.
#pragma once

#include <unordered_map>

#include "store/rows.hpp"
#include "store/sqlite_db.hpp"

namespace cobatch {

/// Batches as the writer has seen or written them last: nearly every command begins with reading one. Only for the
/// connection that writes, and only as long as no other has written; to be cleared after a rollback.
class batch_cache {
 public:
  [[nodiscard]] const batch_row* find(const batch_id& id) const {
    const auto at = rows_.find(id);
    return at == rows_.end() ? nullptr : &at->second;
  }
  void put(const batch_row& row) {
    constexpr std::size_t most = 512;
    if (rows_.size() >= most) rows_.clear();
    rows_.insert_or_assign(row.record.id, row);
  }
  void clear() noexcept { rows_.clear(); }

 private:
  std::unordered_map<batch_id, batch_row> rows_;
};

class sqlite_rows final : public rows {
 public:
  explicit sqlite_rows(sqlite_db& db, batch_cache* cache = nullptr) : db_(db), cache_(cache) {}

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

  task_tally tally() override;
  std::vector<task_record> list_tasks(const task_filter& filter) override;
  std::vector<batch_record> list_batches(const batch_filter& filter) override;
  std::vector<session_record> list_sessions(const session_filter& filter) override;
  std::vector<turn_record> list_turns(const turn_filter& filter) override;
  std::vector<result_record> list_results(const result_filter& filter) override;
  view_snapshot read_views(std::size_t ended_limit) override;

  archive_mark archived_until() override;
  void set_archived_until(const archive_mark& until) override;
  void say_archived(std::int64_t task_key, bool archived) override;
  std::optional<archive_mark> end_beyond(std::size_t newest) override;
  std::vector<task_row> ended_between(const archive_mark& after, const archive_mark& until, std::size_t limit) override;
  std::vector<task_row> said_not_archived(std::size_t limit) override;

  /// Counts the rows written through this object.
  [[nodiscard]] std::int64_t writes() const noexcept { return writes_ + unseen_writes_; }
  /// Writes the tally and the change counter, once a transaction; the counter then, or nothing if nothing changed.
  std::optional<std::int64_t> save();

  [[nodiscard]] std::int64_t change_counter();

 private:
  void insert_text(const task_row& row);
  void insert_more(const task_row& row);
  void insert_own(std::int64_t task_key, const result_record& result);

  sqlite_db& db_;
  batch_cache* cache_;  ///< may be null
  std::int64_t writes_ = 0;
  std::int64_t unseen_writes_ = 0;  // that change nothing for readers
  task_tally counted_;              ///< differences that are not yet in `meta`
};

}  // namespace cobatch
