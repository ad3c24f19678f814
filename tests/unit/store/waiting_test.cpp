// A task that a person has in progress makes those that need it wait. No command of the store puts one there yet.
#include "store/commands.hpp"
#include "store/memory_rows.hpp"
#include "unit/store/support.hpp"

using namespace cobatch_test;

namespace {

assign_request three_tasks() {
  assign_request request;
  request.batch = "b"_batch;
  request.tasks = {task("by hand"), needing("waits", {"by hand"}), task("free")};
  return request;
}

claim_request some_claim() {
  claim_request request;
  request.nonce = "n";
  request.serves = {{"claude"}, "claude"};
  return request;
}

begin_request turn(epoch session, std::int64_t ordinal) {
  begin_request request;
  request.session = session;
  request.ordinal = ordinal;
  return request;
}

}  // namespace

TEST_CASE("a task is begun only when all its needs are done, in memory") {
  memory_rows rows;
  const timestamp now{1};
  commands::taken_seconds taken;
  static_cast<void>(commands::assign(rows, three_tasks(), now, taken));
  const auto before = rows.find_task("by hand"_task).value();
  auto after = before;
  after.record.state = task_state::in_progress;
  after.record.owner = task_owner::manual;
  rows.update_task(before, after);

  const epoch session = commands::claim(rows, some_claim(), now).session.id;
  CHECK(commands::begin_turn(rows, turn(session, 1), now).task.spec.id == "free"_task);
  static_cast<void>(commands::settle_turn(rows, session, turn_no{1}, ended_as(turn_end::done), now));
  auto preamble = turn(session, 2);
  preamble.preamble = true;
  CHECK(commands::begin_turn(rows, preamble, now).what == begin_outcome::kind::none_left);
}

TEST_CASE("a task is begun only when all its needs are done, in SQLite") {
  temporary_folder folder;
  must(opened(folder.path())->assign(three_tasks()));
  run_sql(folder.path(), "UPDATE task SET state = 'in_progress', owner = 'manual' WHERE task_id = 'by hand'");
  const auto s = opened(folder.path());
  const epoch session = must(s->claim(some_claim())).session.id;
  CHECK(must(s->begin_turn(turn(session, 1))).task.spec.id == "free"_task);
  must(s->settle_turn(session, turn_no{1}, ended_as(turn_end::done)));
  auto preamble = turn(session, 2);
  preamble.preamble = true;
  CHECK(must(s->begin_turn(preamble)).what == begin_outcome::kind::none_left);
}
