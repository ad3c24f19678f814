#include "store/schema.hpp"

#include <charconv>
#include <string>

namespace cobatch {

namespace {

// "cobt", so that `file` and we can tell whose database it is.
constexpr int application_id = 0x636f6274;

// Times are milliseconds since 1970, UTC. States are words, for people who read the file with other tools; a priority is
// its rank. Lists are JSON texts, an empty one is the empty text.
//
// What is written most often touches the fewest pages: assigning a task writes its row and two index entries, beginning
// a turn changes no index of `task`. `task_batch` serves both the tasks of a batch in order and its next queued one
// (`ended` is 0 until `ended_at` is set), so there is no index of queued tasks; `batch_waiting` leads to the batches
// that have any, as a finished batch has none. Long texts lie in `task_text`, so that a change of state does not
// rewrite them; the columns in `task` are then NULL. `task_need` leads from a task to those of its batch that need it.
//
// A result points to the turn that settled it. One without a turn (epoch and turn are 0) keeps in `result_own` what a
// turn would say of it, and its figures stand in `turn_usage` under epoch 0 and the number of its task.
// `preamble_turn` is the turn of the preamble if that came right before; 0: none.
//
// Of results whose tasks ended not after the mark in `meta` it holds that they are in the archive; `result_archived`
// says it of those of which the mark does not. `result_overdue` are the few behind the mark that are not there yet.
constexpr const char* tables = R"sql(
CREATE TABLE meta(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  change INTEGER NOT NULL,
  queued INTEGER NOT NULL, in_progress INTEGER NOT NULL, done INTEGER NOT NULL, error INTEGER NOT NULL,
  cancelled INTEGER NOT NULL,
  archived_at INTEGER NOT NULL, archived_task INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES(1, 0, 0, 0, 0, 0, 0, 0, 0);

CREATE TABLE batch(
  seq INTEGER PRIMARY KEY,
  batch_id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL, priority INTEGER NOT NULL, sealed_at INTEGER,
  round INTEGER NOT NULL, agent TEXT NOT NULL, lingers INTEGER NOT NULL,
  fruitless_sessions INTEGER NOT NULL, hold_reason TEXT NOT NULL, held_until INTEGER,
  created_at INTEGER NOT NULL, last_assign_at INTEGER NOT NULL, last_position INTEGER NOT NULL,
  queued INTEGER NOT NULL, in_progress INTEGER NOT NULL, done INTEGER NOT NULL, error INTEGER NOT NULL,
  cancelled INTEGER NOT NULL,
  model TEXT NOT NULL, way TEXT, on_error TEXT,
  budget_nano_dollars INTEGER, budget_tokens INTEGER, budget_ms INTEGER, budget_allow_unknown INTEGER,
  has_preamble INTEGER NOT NULL
) STRICT;
CREATE INDEX batch_waiting ON batch(state, priority DESC, sealed_at) WHERE state <> 'finished';

CREATE TABLE batch_preamble(
  batch_seq INTEGER PRIMARY KEY REFERENCES batch, text TEXT NOT NULL, files TEXT NOT NULL
) STRICT;

CREATE TABLE task(
  seq INTEGER PRIMARY KEY,
  task_id TEXT NOT NULL UNIQUE,
  batch_seq INTEGER NOT NULL REFERENCES batch, position INTEGER NOT NULL, round INTEGER NOT NULL,
  state TEXT NOT NULL, owner TEXT NOT NULL,
  priority INTEGER NOT NULL, max_attempts INTEGER NOT NULL,
  attempts INTEGER NOT NULL, interruptions INTEGER NOT NULL,
  epoch INTEGER NOT NULL, turn INTEGER NOT NULL,
  created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, ended INTEGER NOT NULL, reason TEXT NOT NULL,
  needs TEXT NOT NULL, check_argv TEXT NOT NULL, model TEXT NOT NULL, tools TEXT NOT NULL, limit_ms INTEGER NOT NULL,
  extra TEXT NOT NULL,
  description TEXT, context TEXT, assigned_by TEXT
) STRICT;
CREATE UNIQUE INDEX task_batch ON task(batch_seq, ended, position);
CREATE INDEX task_ended ON task(ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE task_text(
  task_seq INTEGER PRIMARY KEY REFERENCES task,
  description TEXT NOT NULL, context TEXT NOT NULL, assigned_by TEXT NOT NULL
) STRICT;

CREATE TABLE task_need(
  need TEXT NOT NULL, task_seq INTEGER NOT NULL REFERENCES task,
  PRIMARY KEY(need, task_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE session(
  epoch INTEGER PRIMARY KEY,
  batch_seq INTEGER NOT NULL REFERENCES batch, round INTEGER NOT NULL, agent TEXT NOT NULL, phase TEXT NOT NULL,
  nonce TEXT NOT NULL,
  boot_id TEXT NOT NULL, pid_namespace INTEGER NOT NULL, pid INTEGER NOT NULL, start_time INTEGER NOT NULL,
  started_at INTEGER NOT NULL, ended_at INTEGER, "end" TEXT, end_detail TEXT NOT NULL,
  end_requested INTEGER NOT NULL,
  agent_version TEXT NOT NULL, agent_model TEXT NOT NULL, agent_billing TEXT NOT NULL,
  pause_until INTEGER, pause_reason TEXT
) STRICT;
CREATE INDEX session_batch ON session(batch_seq, started_at);

CREATE TABLE turn(
  epoch INTEGER NOT NULL REFERENCES session, turn INTEGER NOT NULL,
  task_id TEXT NOT NULL, position INTEGER NOT NULL, attempt INTEGER NOT NULL,
  process INTEGER NOT NULL, process_turn INTEGER NOT NULL,
  previous_epoch INTEGER NOT NULL, previous_turn INTEGER NOT NULL,
  started_at INTEGER NOT NULL, ended_at INTEGER, "end" TEXT, reason TEXT NOT NULL, detail TEXT NOT NULL,
  recovered INTEGER NOT NULL, loaded_context INTEGER NOT NULL, conversation TEXT NOT NULL,
  changed_files TEXT, commits TEXT, changes_complete INTEGER,
  usage_source TEXT, usage_complete INTEGER, requests INTEGER, inherited_read INTEGER,
  PRIMARY KEY(epoch, turn)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER turn_settled_stays BEFORE UPDATE ON turn WHEN old.ended_at IS NOT NULL
BEGIN SELECT raise(ABORT, 'a settled turn is never changed'); END;
CREATE TRIGGER turn_is_kept BEFORE DELETE ON turn
BEGIN SELECT raise(ABORT, 'a turn is never deleted'); END;

CREATE TABLE turn_usage(
  epoch INTEGER NOT NULL, turn INTEGER NOT NULL, place INTEGER NOT NULL,
  model TEXT NOT NULL,
  uncached_input INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL,
  cache_read INTEGER NOT NULL, output INTEGER NOT NULL, reasoning INTEGER NOT NULL, largest_request INTEGER NOT NULL,
  PRIMARY KEY(epoch, turn, place)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER turn_usage_stays BEFORE UPDATE ON turn_usage
BEGIN SELECT raise(ABORT, 'what a turn used is never changed'); END;
CREATE TRIGGER turn_usage_is_kept BEFORE DELETE ON turn_usage WHEN old.epoch > 0
BEGIN SELECT raise(ABORT, 'what a turn used is never deleted'); END;

CREATE TABLE result(
  task_seq INTEGER PRIMARY KEY REFERENCES task,
  epoch INTEGER NOT NULL, turn INTEGER NOT NULL, preamble_turn INTEGER NOT NULL,
  status TEXT NOT NULL, reason TEXT NOT NULL, source TEXT NOT NULL,
  output TEXT NOT NULL, output_summary TEXT NOT NULL, actions_taken TEXT NOT NULL, errors TEXT NOT NULL,
  fenced INTEGER NOT NULL
) STRICT;
CREATE TABLE result_own(
  task_seq INTEGER PRIMARY KEY REFERENCES task,
  "end" TEXT NOT NULL, detail TEXT NOT NULL,
  completed_at INTEGER NOT NULL, duration_ms INTEGER NOT NULL, loaded_context INTEGER NOT NULL,
  usage_source TEXT, usage_complete INTEGER, requests INTEGER, inherited_read INTEGER,
  extra TEXT NOT NULL
) STRICT;
CREATE TABLE result_archived(
  task_seq INTEGER PRIMARY KEY REFERENCES result, archived INTEGER NOT NULL
) STRICT;
CREATE INDEX result_overdue ON result_archived(task_seq) WHERE NOT archived;
)sql";

int number_in(const std::string& text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

error other_version(const std::filesystem::path& file, int version) {
  const char* const made_by = version > schema_version ? "a later" : "an earlier";
  return {errc::store_newer, file.string() + " was made by " + made_by + " version of Cobatch (schema " +
                                 std::to_string(version) + ", this one knows " + std::to_string(schema_version) +
                                 "); nothing was touched. Use that version, or another folder"};
}

}  // namespace

result<bool> has_tables(sqlite& db, const std::filesystem::path& file) {
  const int version = number_in(db.ask("PRAGMA user_version"));
  if (version > schema_version) return fail(other_version(file, version));
  const bool is_ours = number_in(db.ask("PRAGMA application_id")) == application_id;
  const bool is_empty = number_in(db.ask("SELECT count(*) FROM sqlite_schema")) == 0;
  if (!is_ours && !(version == 0 && is_empty))
    return fail(errc::store_damaged, file.string() +
                                         " is a database of another program; it was left as it is. Move it "
                                         "aside to start with a new store");
  if (is_ours && version != schema_version) return fail(other_version(file, version));
  return is_ours;
}

void make_tables(sqlite& db) {
  try {
    db.execute("BEGIN IMMEDIATE;" + std::string(tables) + "PRAGMA application_id = " + std::to_string(application_id) +
               ";PRAGMA user_version = " + std::to_string(schema_version) + ";COMMIT;");
  } catch (...) {
    if (db.in_transaction()) db.roll_back();
    throw;
  }
}

}  // namespace cobatch
