// A store whose commands run over rows: what is left to a kind of store is to keep rows, to run transactions, and to
// tell of changes.
#pragma once

#include <functional>

#include "store/commands.hpp"
#include "store/rows.hpp"
#include "store/store.hpp"

namespace cobatch {

class command_store : public store {
 public:
  explicit command_store(clock_fn clock) : clock_(std::move(clock)) {}

  result<assign_outcome> assign(const assign_request& request) final;
  result<std::vector<assign_outcome>> assign_each(const std::vector<assign_request>& requests) final;
  result<seal_outcome> seal(const batch_id& batch) final;
  result<execute_outcome> execute(const execute_request& request) final;
  result<claim_outcome> claim(const claim_request& request) final;
  result<begin_outcome> begin_turn(const begin_request& request) final;
  result<settle_outcome> settle_turn(epoch session, turn_no turn, const settlement& what) final;
  result<end_outcome> end_session(epoch session, session_end why, std::string_view detail) final;
  result<end_outcome> recover(const recover_request& request) final;
  result<bool> request_end(epoch session) final;
  result<bool> set_pause(epoch session, const std::optional<session_pause>& pause) final;
  result<bool> describe_agent(epoch session, const agent_facts& about) final;
  result<task_outcome> cancel(const task_id& task) final;
  result<task_outcome> update(const task_id& task, const task_changes& changes) final;
  result<task_outcome> reset(const task_id& task) final;
  result<task_outcome> remove(const task_id& task) final;
  result<task_outcome> remove_result(const task_id& task) final;
  result<task_outcome> mark_manually(const task_id& task) final;
  result<retry_outcome> retry(const batch_id& batch) final;
  result<begin_called_outcome> begin_called(const session_token& token, const task_id& task) final;
  result<complete_called_outcome> complete_called(const complete_called_request& request) final;
  result<std::vector<adopt_outcome>> adopt(const std::vector<adopted_task>& tasks) final;

  result<std::optional<task_record>> find_task(const task_id& task) final;
  result<std::optional<result_record>> find_result(const task_id& task) final;
  result<std::optional<batch_record>> find_batch(const batch_id& batch) final;
  result<preamble> find_preamble(const batch_id& batch) final;
  result<std::optional<session_record>> find_session(epoch session) final;
  result<std::optional<session_record>> find_last_session() final;
  result<std::optional<session_record>> find_live_session() final;
  result<std::optional<session_record>> find_session_of_marker(const batch_id& batch, timestamp locked_at) final;
  result<std::vector<task_record>> list_tasks(const task_filter& filter) final;
  result<std::vector<batch_record>> list_batches(const batch_filter& filter) final;
  result<std::vector<session_record>> list_sessions(const session_filter& filter) final;
  result<std::vector<turn_record>> list_turns(const turn_filter& filter) final;
  result<std::vector<result_record>> list_results(const result_filter& filter) final;
  result<overview> read_overview() final;
  result<view_snapshot> read_views(std::size_t ended_limit) final;
  result<archive_part> read_archive(std::size_t newest, std::size_t limit) final;
  result<void> note_archived(const archive_part& part) final;
  result<bool> has_work(const served_agents& serves) final;

 protected:
  using transaction = std::function<void(rows&)>;

  /// Runs `body` in a transaction that is durable when this returns. It may be run again from the start (and is then
  /// rolled back before), on any thread; what it throws becomes the error.
  [[nodiscard]] virtual result<void> write(const transaction& body) = 0;
  /// Runs `body` over one consistent state.
  [[nodiscard]] virtual result<void> read(const transaction& body) = 0;

 private:
  template <class T, class F>
  result<T> change(F body);
  template <class T, class F>
  result<T> look(F body);

  clock_fn clock_;
  commands::taken_seconds taken_;  // used inside `write` only, which runs one command at a time
};

}  // namespace cobatch
