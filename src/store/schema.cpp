#include "store/schema.hpp"

#include <array>
#include <charconv>
#include <string>

namespace cobatch {

namespace {

// "cobt", so that `file` and we can tell whose database it is.
constexpr int application_id = 0x636f6274;

// Times are milliseconds since 1970, UTC. States are words, for people who read the file with other tools.
//
// What is written most often touches the fewest pages: assigning a task writes its row and two index entries, beginning
// a turn changes no index of `task`. `task_batch` serves both the tasks of a batch in order and its next queued one
// (`ended` is 0 until `ended_at` is set), so there is no index of queued tasks; `batch_waiting` leads to the batches
// that have any, as a finished batch has none. Long texts lie in `task_text`, so that a change of state does not
// rewrite them; the columns in `task` are then NULL.
constexpr const char* version_1 = R"sql(
CREATE TABLE meta(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  change INTEGER NOT NULL,
  queued INTEGER NOT NULL, in_progress INTEGER NOT NULL, done INTEGER NOT NULL, error INTEGER NOT NULL,
  cancelled INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES(1, 0, 0, 0, 0, 0, 0);

CREATE TABLE batch(
  seq INTEGER PRIMARY KEY,
  batch_id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL, priority INTEGER NOT NULL, sealed_at INTEGER,
  round INTEGER NOT NULL, agent TEXT NOT NULL, lingers INTEGER NOT NULL,
  fruitless_sessions INTEGER NOT NULL, hold_reason TEXT NOT NULL, held_until INTEGER,
  created_at INTEGER NOT NULL, last_assign_at INTEGER NOT NULL, last_position INTEGER NOT NULL,
  queued INTEGER NOT NULL, in_progress INTEGER NOT NULL, done INTEGER NOT NULL, error INTEGER NOT NULL,
  cancelled INTEGER NOT NULL
) STRICT;
CREATE INDEX batch_waiting ON batch(state, priority DESC, sealed_at) WHERE state <> 'finished';

CREATE TABLE task(
  seq INTEGER PRIMARY KEY,
  task_id TEXT NOT NULL UNIQUE,
  batch_seq INTEGER NOT NULL REFERENCES batch, position INTEGER NOT NULL, round INTEGER NOT NULL,
  state TEXT NOT NULL, owner TEXT NOT NULL,
  priority TEXT NOT NULL, max_attempts INTEGER NOT NULL,
  attempts INTEGER NOT NULL, interruptions INTEGER NOT NULL,
  epoch INTEGER NOT NULL, turn INTEGER NOT NULL,
  created_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER, ended INTEGER NOT NULL,
  description TEXT, context TEXT, assigned_by TEXT
) STRICT;
CREATE UNIQUE INDEX task_batch ON task(batch_seq, ended, position);
CREATE INDEX task_ended ON task(ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE task_text(
  task_seq INTEGER PRIMARY KEY REFERENCES task,
  description TEXT NOT NULL, context TEXT NOT NULL, assigned_by TEXT NOT NULL
) STRICT;

CREATE TABLE session(
  epoch INTEGER PRIMARY KEY,
  batch_seq INTEGER NOT NULL REFERENCES batch, round INTEGER NOT NULL, agent TEXT NOT NULL, phase TEXT NOT NULL,
  nonce TEXT NOT NULL,
  boot_id TEXT NOT NULL, pid_namespace INTEGER NOT NULL, pid INTEGER NOT NULL, start_time INTEGER NOT NULL,
  started_at INTEGER NOT NULL, ended_at INTEGER, "end" TEXT, end_detail TEXT NOT NULL,
  end_requested INTEGER NOT NULL
) STRICT;
CREATE INDEX session_batch ON session(batch_seq, started_at);

CREATE TABLE turn(
  epoch INTEGER NOT NULL REFERENCES session, turn INTEGER NOT NULL,
  task_id TEXT NOT NULL, position INTEGER NOT NULL, attempt INTEGER NOT NULL,
  process INTEGER NOT NULL, process_turn INTEGER NOT NULL,
  previous_epoch INTEGER NOT NULL, previous_turn INTEGER NOT NULL,
  started_at INTEGER NOT NULL, ended_at INTEGER, "end" TEXT, reason TEXT NOT NULL, detail TEXT NOT NULL,
  recovered INTEGER NOT NULL,
  usage_source TEXT, usage_complete INTEGER,
  uncached_input INTEGER, cache_write_5m INTEGER, cache_write_1h INTEGER, cache_read INTEGER, output INTEGER,
  reasoning INTEGER, by_model TEXT,
  PRIMARY KEY(epoch, turn)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER turn_settled_stays BEFORE UPDATE ON turn WHEN old.ended_at IS NOT NULL
BEGIN SELECT raise(ABORT, 'a settled turn is never changed'); END;
CREATE TRIGGER turn_is_kept BEFORE DELETE ON turn
BEGIN SELECT raise(ABORT, 'a turn is never deleted'); END;

CREATE TABLE result(
  task_seq INTEGER PRIMARY KEY REFERENCES task,
  epoch INTEGER NOT NULL, turn INTEGER NOT NULL,
  status TEXT NOT NULL, reason TEXT NOT NULL, source TEXT NOT NULL,
  output TEXT NOT NULL, output_summary TEXT NOT NULL, actions_taken TEXT NOT NULL, errors TEXT NOT NULL
) STRICT;
)sql";

// What few have lies apart, so that a plain task writes and reads what it did before: `task.more` says whether there is
// a row in `task_more`. Lists are JSON texts. A turn that began before version 2 has no `loaded_context`: it did if it
// was the first of its process.
constexpr const char* version_2 = R"sql(
ALTER TABLE batch ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE batch ADD COLUMN way TEXT;
ALTER TABLE batch ADD COLUMN on_error TEXT;
ALTER TABLE batch ADD COLUMN budget_nano_dollars INTEGER;
ALTER TABLE batch ADD COLUMN budget_tokens INTEGER;
ALTER TABLE batch ADD COLUMN budget_ms INTEGER;
ALTER TABLE batch ADD COLUMN has_preamble INTEGER NOT NULL DEFAULT 0;
CREATE TABLE batch_preamble(
  batch_seq INTEGER PRIMARY KEY REFERENCES batch, text TEXT NOT NULL, files TEXT NOT NULL
) STRICT;

ALTER TABLE task ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN more INTEGER NOT NULL DEFAULT 0;
CREATE TABLE task_more(
  task_seq INTEGER PRIMARY KEY REFERENCES task,
  needs TEXT NOT NULL, check_argv TEXT NOT NULL, model TEXT NOT NULL, tools TEXT NOT NULL, limit_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE task_need(
  need_seq INTEGER NOT NULL REFERENCES task, task_seq INTEGER NOT NULL REFERENCES task,
  PRIMARY KEY(need_seq, task_seq)
) STRICT, WITHOUT ROWID;

ALTER TABLE session ADD COLUMN agent_version TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN agent_model TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN agent_billing TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN pause_until INTEGER;
ALTER TABLE session ADD COLUMN pause_reason TEXT;

ALTER TABLE turn ADD COLUMN loaded_context INTEGER;
ALTER TABLE turn ADD COLUMN conversation TEXT NOT NULL DEFAULT '';
ALTER TABLE turn ADD COLUMN requests INTEGER;
ALTER TABLE turn ADD COLUMN inherited_read INTEGER;
ALTER TABLE turn ADD COLUMN changed_files TEXT;
ALTER TABLE turn ADD COLUMN commits TEXT;
ALTER TABLE turn ADD COLUMN changes_complete INTEGER;

ALTER TABLE result ADD COLUMN after_preamble INTEGER NOT NULL DEFAULT 0;
)sql";

// A result without a turn keeps in `result_own` what a turn would say of it; its epoch and turn are 0.
constexpr const char* version_3 = R"sql(
ALTER TABLE task_more ADD COLUMN extra TEXT NOT NULL DEFAULT '';
ALTER TABLE result ADD COLUMN fenced INTEGER NOT NULL DEFAULT 1;
CREATE TABLE result_own(
  task_seq INTEGER PRIMARY KEY REFERENCES task,
  "end" TEXT NOT NULL, detail TEXT NOT NULL,
  completed_at INTEGER NOT NULL, duration_ms INTEGER NOT NULL, loaded_context INTEGER NOT NULL,
  usage_source TEXT, usage_complete INTEGER, by_model TEXT, requests INTEGER, inherited_read INTEGER,
  extra TEXT NOT NULL
) STRICT;
)sql";

// How far the archive has come: results of tasks that ended not after the mark are in it. `result_archived` says it of
// those of which the mark does not; the index is of the few that are behind the mark and not in the archive yet.
constexpr const char* version_4 = R"sql(
ALTER TABLE meta ADD COLUMN archived_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN archived_task INTEGER NOT NULL DEFAULT 0;
CREATE TABLE result_archived(
  task_seq INTEGER PRIMARY KEY REFERENCES result, archived INTEGER NOT NULL
) STRICT;
CREATE INDEX result_overdue ON result_archived(task_seq) WHERE NOT archived;
)sql";

constexpr const char* version_5 = R"sql(
ALTER TABLE batch ADD COLUMN budget_allow_unknown INTEGER;
)sql";

// The step from version n to n + 1 stands at n.
constexpr std::array<const char*, schema_version> steps{version_1, version_2, version_3, version_4, version_5};

int number_in(const std::string& text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

result<int> read_schema_version(sqlite_db& db, const std::filesystem::path& file) {
  const int version = number_in(db.ask("PRAGMA user_version"));
  if (version > schema_version)
    return fail(errc::store_newer, file.string() + " was made by a later version of Cobatch (schema " +
                                       std::to_string(version) + ", this one knows " + std::to_string(schema_version) +
                                       "); nothing was touched. Use that version, or another folder");
  const bool is_ours = number_in(db.ask("PRAGMA application_id")) == application_id;
  const bool is_empty = number_in(db.ask("SELECT count(*) FROM sqlite_schema")) == 0;
  if (!is_ours && !(version == 0 && is_empty))
    return fail(errc::store_damaged, file.string() +
                                         " is a database of another program; it was left as it is. Move it "
                                         "aside to start with a new store");
  return version;
}

void migrate(sqlite_db& db, int from) {
  if (from == schema_version) return;
  std::string script = "BEGIN IMMEDIATE;";
  for (int version = from; version < schema_version; ++version) script += steps[static_cast<std::size_t>(version)];
  script += "PRAGMA application_id = " + std::to_string(application_id) + ";";
  script += "PRAGMA user_version = " + std::to_string(schema_version) + ";COMMIT;";
  try {
    db.execute(script);
  } catch (...) {
    if (db.in_transaction()) db.execute("ROLLBACK");
    throw;
  }
}

}  // namespace cobatch
