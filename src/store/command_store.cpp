#include "store/command_store.hpp"

#include <utility>

namespace cobatch {

template <class T, class F>
result<T> command_store::change(F body) {
  T out{};
  auto done = write([&](rows& t) { out = body(t, clock_()); });
  if (!done) return fail(std::move(done.error()));
  return out;
}

template <class T, class F>
result<T> command_store::look(F body) {
  T out{};
  auto done = read([&](rows& t) { out = body(t); });
  if (!done) return fail(std::move(done.error()));
  return out;
}

namespace {
// The record of a row that may not be there.
template <class Record, class Row>
std::optional<Record> record_of(std::optional<Row> row) {
  if (!row) return std::nullopt;
  return std::move(row->record);
}
}  // namespace

result<assign_outcome> command_store::assign(const assign_request& request) {
  return change<assign_outcome>([&](rows& t, timestamp now) { return commands::assign(t, request, now, taken_); });
}

result<std::vector<assign_outcome>> command_store::assign_each(const std::vector<assign_request>& requests) {
  return change<std::vector<assign_outcome>>(
      [&](rows& t, timestamp now) { return commands::assign_each(t, requests, now, taken_); });
}

result<seal_outcome> command_store::seal(const batch_id& batch) {
  return change<seal_outcome>([&](rows& t, timestamp now) { return commands::seal(t, batch, now); });
}

result<execute_outcome> command_store::execute(const execute_request& request) {
  return change<execute_outcome>([&](rows& t, timestamp now) { return commands::execute(t, request, now); });
}

result<claim_outcome> command_store::claim(const claim_request& request) {
  return change<claim_outcome>([&](rows& t, timestamp now) { return commands::claim(t, request, now); });
}

result<begin_outcome> command_store::begin_turn(const begin_request& request) {
  return change<begin_outcome>([&](rows& t, timestamp now) { return commands::begin_turn(t, request, now); });
}

result<settle_outcome> command_store::settle_turn(epoch session, turn_no turn, const settlement& what) {
  return change<settle_outcome>(
      [&](rows& t, timestamp now) { return commands::settle_turn(t, session, turn, what, now); });
}

result<end_outcome> command_store::end_session(epoch session, session_end why, std::string_view detail) {
  return change<end_outcome>(
      [&](rows& t, timestamp now) { return commands::end_session(t, session, why, detail, now); });
}

result<end_outcome> command_store::recover(const recover_request& request) {
  return change<end_outcome>([&](rows& t, timestamp now) { return commands::recover(t, request, now); });
}

result<bool> command_store::request_end(epoch session) {
  return change<bool>([&](rows& t, timestamp) { return commands::request_end(t, session); });
}

result<bool> command_store::set_pause(epoch session, const std::optional<session_pause>& pause) {
  return change<bool>([&](rows& t, timestamp) { return commands::set_pause(t, session, pause); });
}

result<bool> command_store::describe_agent(epoch session, const agent_facts& about) {
  return change<bool>([&](rows& t, timestamp) { return commands::describe_agent(t, session, about); });
}

result<task_outcome> command_store::cancel(const task_id& task) {
  return change<task_outcome>([&](rows& t, timestamp now) { return commands::cancel(t, task, now); });
}

result<task_outcome> command_store::update(const task_id& task, const task_changes& changes) {
  return change<task_outcome>([&](rows& t, timestamp) { return commands::update(t, task, changes); });
}

result<task_outcome> command_store::reset(const task_id& task) {
  return change<task_outcome>([&](rows& t, timestamp now) { return commands::reset(t, task, now); });
}

result<task_outcome> command_store::remove(const task_id& task) {
  return change<task_outcome>([&](rows& t, timestamp now) { return commands::remove(t, task, now); });
}

result<task_outcome> command_store::remove_result(const task_id& task) {
  return change<task_outcome>([&](rows& t, timestamp) { return commands::remove_result(t, task); });
}

result<task_outcome> command_store::mark_manually(const task_id& task) {
  return change<task_outcome>([&](rows& t, timestamp now) { return commands::mark_manually(t, task, now); });
}

result<retry_outcome> command_store::retry(const batch_id& batch) {
  return change<retry_outcome>([&](rows& t, timestamp now) { return commands::retry(t, batch, now); });
}

result<begin_called_outcome> command_store::begin_called(const session_token& token, const task_id& task) {
  return change<begin_called_outcome>(
      [&](rows& t, timestamp now) { return commands::begin_called(t, token, task, now); });
}

result<complete_called_outcome> command_store::complete_called(const complete_called_request& request) {
  return change<complete_called_outcome>(
      [&](rows& t, timestamp now) { return commands::complete_called(t, request, now); });
}

result<std::vector<adopt_outcome>> command_store::adopt(const std::vector<adopted_task>& tasks) {
  return change<std::vector<adopt_outcome>>([&](rows& t, timestamp now) { return commands::adopt(t, tasks, now); });
}

result<std::optional<task_record>> command_store::find_task(const task_id& task) {
  return look<std::optional<task_record>>([&](rows& t) { return record_of<task_record>(t.find_task(task)); });
}

result<std::optional<result_record>> command_store::find_result(const task_id& task) {
  return look<std::optional<result_record>>([&](rows& t) { return t.find_result(task); });
}

result<std::optional<batch_record>> command_store::find_batch(const batch_id& batch) {
  return look<std::optional<batch_record>>([&](rows& t) { return record_of<batch_record>(t.find_batch(batch)); });
}

result<preamble> command_store::find_preamble(const batch_id& batch) {
  return look<preamble>([&](rows& t) { return commands::find_preamble(t, batch); });
}

result<std::optional<session_record>> command_store::find_session(epoch session) {
  return look<std::optional<session_record>>(
      [&](rows& t) { return record_of<session_record>(t.find_session(session)); });
}

result<std::optional<session_record>> command_store::find_last_session() {
  return look<std::optional<session_record>>([&](rows& t) { return record_of<session_record>(t.last_session()); });
}

result<std::optional<session_record>> command_store::find_live_session() {
  return look<std::optional<session_record>>([&](rows& t) { return commands::find_live_session(t); });
}

result<std::optional<session_record>> command_store::find_session_of_marker(const batch_id& batch,
                                                                            timestamp locked_at) {
  constexpr std::chrono::milliseconds second{1000};
  const timestamp from{locked_at.ms - locked_at.ms % second.count()};
  return look<std::optional<session_record>>(
      [&](rows& t) { return record_of<session_record>(t.session_started(batch, from, from + second)); });
}

result<std::vector<task_record>> command_store::list_tasks(const task_filter& filter) {
  return look<std::vector<task_record>>([&](rows& t) { return t.list_tasks(filter); });
}

result<std::vector<batch_record>> command_store::list_batches(const batch_filter& filter) {
  return look<std::vector<batch_record>>([&](rows& t) { return t.list_batches(filter); });
}

result<std::vector<session_record>> command_store::list_sessions(const session_filter& filter) {
  return look<std::vector<session_record>>([&](rows& t) { return t.list_sessions(filter); });
}

result<std::vector<turn_record>> command_store::list_turns(const turn_filter& filter) {
  return look<std::vector<turn_record>>([&](rows& t) { return t.list_turns(filter); });
}

result<std::vector<result_record>> command_store::list_results(const result_filter& filter) {
  return look<std::vector<result_record>>([&](rows& t) { return t.list_results(filter); });
}

result<overview> command_store::read_overview() {
  return look<overview>([&](rows& t) { return commands::read_overview(t); });
}

result<view_snapshot> command_store::read_views(std::size_t ended_limit) {
  return look<view_snapshot>([&](rows& t) { return t.read_views(ended_limit); });
}

result<archive_part> command_store::read_archive(std::size_t newest, std::size_t limit) {
  return look<archive_part>([&](rows& t) { return commands::read_archive(t, newest, limit); });
}

result<void> command_store::note_archived(const archive_part& part) {
  return write([&](rows& t) { commands::note_archived(t, part); });
}

result<bool> command_store::has_work(const served_agents& serves) {
  return look<bool>([&](rows& t) { return commands::has_work(t, serves, clock_()); });
}

}  // namespace cobatch
