// What version 2 of the tables added to a store of version 1, as a program of that time did it.
#pragma once

namespace cobatch_test {

inline constexpr const char* version_2_step = R"sql(
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
PRAGMA user_version = 2;
)sql";

// A task with all that such a store keeps apart: e1 needs d1.
inline constexpr const char* version_2_task = R"sql(
INSERT INTO task VALUES(9,'e1',4,2,1,'queued','nobody','medium',2,0,0,0,0,1762551904000,NULL,NULL,0,'do e1','','','',1);
INSERT INTO task_more VALUES(9,'["d1"]','["make","test"]','small','["Read"]',60000);
INSERT INTO task_need VALUES(8,9);
UPDATE batch SET last_position = 2, queued = 2 WHERE seq = 4;
UPDATE meta SET queued = queued + 1;
)sql";

}  // namespace cobatch_test
