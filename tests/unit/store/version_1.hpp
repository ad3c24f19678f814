// A store as version 1 of the tables left it, with every kind of row: what `play` in migration_test.cpp does, done by a
// program of that time, as SQL.
#pragma once

namespace cobatch_test {

inline constexpr const char* version_1_store = R"sql(
CREATE TEMP TABLE models(text);
INSERT INTO models VALUES(
  '[{"model":"a-model","uncached_input":10,"cache_write_5m":20,"cache_write_1h":30,"cache_read":40,' ||
  '"output":50,"reasoning":5},{"model":"another","uncached_input":1,"cache_write_5m":0,' ||
  '"cache_write_1h":0,"cache_read":0,"output":2,"reasoning":0}]');
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
INSERT INTO batch VALUES(1,'done','finished',2,1762551901000,1,'claude',0,0,'',NULL,1762551901000,1762551901000,4,0,
  0,2,1,1);
INSERT INTO batch VALUES(2,'working','running',1,1762551902000,1,'',0,0,'',NULL,1762551902000,1762551902000,2,0,1,1,
  0,0);
INSERT INTO batch VALUES(3,'held','held',1,1762551903000,1,'codex',0,3,
  '3 sessions in a row settled no task; the last one ended with: it broke',1762551982000,1762551903000,
  1762551903000,1,1,0,0,0,0);
INSERT INTO batch VALUES(4,'open','open',1,NULL,1,'',0,0,'',NULL,1762551904000,1762551904000,1,1,0,0,0,0);
CREATE TABLE meta(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  change INTEGER NOT NULL,
  queued INTEGER NOT NULL, in_progress INTEGER NOT NULL, done INTEGER NOT NULL, error INTEGER NOT NULL,
  cancelled INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES(1,26,2,1,3,1,1);
CREATE TABLE result(
  task_seq INTEGER PRIMARY KEY REFERENCES task,
  epoch INTEGER NOT NULL, turn INTEGER NOT NULL,
  status TEXT NOT NULL, reason TEXT NOT NULL, source TEXT NOT NULL,
  output TEXT NOT NULL, output_summary TEXT NOT NULL, actions_taken TEXT NOT NULL, errors TEXT NOT NULL
) STRICT;
INSERT INTO result VALUES(1,1,1,'done','','reported','it''s output','summary','["read"]','');
INSERT INTO result VALUES(2,1,3,'error','','reported','it''s output','summary','["read"]','');
INSERT INTO result VALUES(3,1,4,'done','','reported','it''s output','summary','["read"]','');
INSERT INTO result VALUES(5,5,1,'done','','reported','it''s output','summary','["read"]','');
CREATE TABLE session(
  epoch INTEGER PRIMARY KEY,
  batch_seq INTEGER NOT NULL REFERENCES batch, round INTEGER NOT NULL, agent TEXT NOT NULL, phase TEXT NOT NULL,
  nonce TEXT NOT NULL,
  boot_id TEXT NOT NULL, pid_namespace INTEGER NOT NULL, pid INTEGER NOT NULL, start_time INTEGER NOT NULL,
  started_at INTEGER NOT NULL, ended_at INTEGER, "end" TEXT, end_detail TEXT NOT NULL,
  end_requested INTEGER NOT NULL
) STRICT;
INSERT INTO session VALUES(1,1,1,'claude','ended','nonce1','boot',7,42,9,1762551905000,1762551916000,'finished',
  'no task was left',0);
INSERT INTO session VALUES(2,3,1,'codex','ended','nonce2','boot',7,42,9,1762551917000,1762551918000,'agent_lost',
  'it broke',0);
INSERT INTO session VALUES(3,3,1,'codex','ended','nonce3','boot',7,42,9,1762551919000,1762551920000,'agent_lost',
  'it broke',0);
INSERT INTO session VALUES(4,3,1,'codex','ended','nonce4','boot',7,42,9,1762551921000,1762551922000,'agent_lost',
  'it broke',0);
INSERT INTO session VALUES(5,2,1,'claude','live','nonce5','boot',7,42,9,1762551923000,NULL,NULL,'',0);
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
INSERT INTO task VALUES(1,'a1',1,1,1,'done','nobody','medium',2,0,0,1,1,1762551901000,1762551906000,1762551907000,1,
  'do a1','','');
INSERT INTO task VALUES(2,'a2',1,2,1,'error','nobody','high',3,1,0,1,3,1762551901000,1762551910000,1762551911000,1,
  'do a2','{"file":"caf\u00e9"}','me');
INSERT INTO task VALUES(3,'a3',1,3,1,'done','nobody','medium',2,0,0,1,4,1762551901000,1762551912000,1762551913000,1,
  NULL,NULL,NULL);
INSERT INTO task VALUES(4,'a4',1,4,1,'cancelled','nobody','medium',2,0,0,0,0,1762551901000,NULL,1762551914000,1,
  'do a4','','');
INSERT INTO task VALUES(5,'b1',2,1,1,'done','nobody','medium',2,0,0,5,1,1762551902000,1762551924000,1762551925000,1,
  'do b1','','');
INSERT INTO task VALUES(6,'b2',2,2,1,'in_progress','session','medium',2,0,0,5,2,1762551902000,1762551926000,NULL,0,
  'do b2','','');
INSERT INTO task VALUES(7,'c1',3,1,1,'queued','nobody','medium',2,0,0,0,0,1762551903000,NULL,NULL,0,'do c1','','');
INSERT INTO task VALUES(8,'d1',4,1,1,'queued','nobody','medium',2,0,0,0,0,1762551904000,NULL,NULL,0,'do d1','','');
CREATE TABLE task_text(
  task_seq INTEGER PRIMARY KEY REFERENCES task,
  description TEXT NOT NULL, context TEXT NOT NULL, assigned_by TEXT NOT NULL
) STRICT;
INSERT INTO task_text VALUES(3,'it''s long: ' || printf('%.1100c', 'x'),'','');
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
INSERT INTO turn VALUES(1,1,'a1',1,1,1,1,0,0,1762551906000,1762551907000,'done','','a detail',0,'reported',1,11,20,
  30,40,52,5,(SELECT text FROM temp.models));
INSERT INTO turn VALUES(1,2,'a2',2,1,1,2,0,0,1762551908000,1762551909000,'broke','','a detail',0,'reported',0,11,20,
  30,40,52,5,(SELECT text FROM temp.models));
INSERT INTO turn VALUES(1,3,'a2',2,2,2,1,1,2,1762551910000,1762551911000,'error','','a detail',0,'reported',1,11,20,
  30,40,52,5,(SELECT text FROM temp.models));
INSERT INTO turn VALUES(1,4,'a3',3,1,2,2,0,0,1762551912000,1762551913000,'done','','a detail',0,NULL,NULL,NULL,NULL,
  NULL,NULL,NULL,NULL,NULL);
INSERT INTO turn VALUES(5,1,'b1',1,1,1,1,0,0,1762551924000,1762551925000,'done','','a detail',0,'reported',1,11,20,
  30,40,52,5,(SELECT text FROM temp.models));
INSERT INTO turn VALUES(5,2,'b2',2,1,1,2,0,0,1762551926000,NULL,NULL,'','',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,
  NULL,NULL);
CREATE INDEX batch_waiting ON batch(state, priority DESC, sealed_at) WHERE state <> 'finished';
CREATE UNIQUE INDEX task_batch ON task(batch_seq, ended, position);
CREATE INDEX task_ended ON task(ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX session_batch ON session(batch_seq, started_at);
CREATE TRIGGER turn_settled_stays BEFORE UPDATE ON turn WHEN old.ended_at IS NOT NULL
BEGIN SELECT raise(ABORT, 'a settled turn is never changed'); END;
CREATE TRIGGER turn_is_kept BEFORE DELETE ON turn
BEGIN SELECT raise(ABORT, 'a turn is never deleted'); END;
PRAGMA application_id = 1668244084;
PRAGMA user_version = 1;
)sql";

}  // namespace cobatch_test
