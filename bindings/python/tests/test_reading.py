"""What is stored is read as records: typed, immutable, lazily listed."""

import copy
import datetime
import decimal
import logging
import os
import pickle
import shutil
import subprocess
import unittest

import cobatch
from support import Calls, Echo, WorkspaceTest

USAGE = cobatch.Usage(
    models={
        "small": cobatch.Tokens(uncached_input=1, output=2),
        "large": cobatch.Tokens(cache_write_5m=3, cache_write_1h=4, cache_read=5, output=6, reasoning=1),
    },
    incomplete=True,
    requests=3,
    inherited_read=0,
)
COMPLETION = cobatch.Completion(
    "All of it",
    usage=USAGE,
    reason="because",
    detail="A sentence.",
    output_summary="In short",
    actions_taken=["read", {"wrote": "ü"}],
    errors={"none": 0},
)


class Records(WorkspaceTest):
    def test_a_result_has_all_that_was_said_of_the_turn(self):
        self.assign("a")
        before = datetime.datetime.now(datetime.timezone.utc)
        self.ws.run(Calls(lambda request: COMPLETION))
        after = datetime.datetime.now(datetime.timezone.utc)
        result = self.ws.task("a").result
        self.assertEqual(
            (result.task, result.batch, result.state, result.end, result.said_by),
            ("a", "docs", "done", "done", "by_agent"),
        )
        self.assertEqual((result.output, result.output_summary), ("All of it", "In short"))
        self.assertEqual((result.reason, result.detail), ("because", "A sentence."))
        self.assertEqual((result.actions_taken, result.errors), (["read", {"wrote": "ü"}], {"none": 0}))
        self.assertEqual((result.position, result.session, result.turn, result.loaded_context), (1, 1, 1, True))
        self.assertLess(before - datetime.timedelta(milliseconds=1), result.completed_at)
        self.assertLess(result.completed_at, after)
        self.assertGreaterEqual(result.duration, 0)

    def test_usage_comes_back_as_it_was_said(self):
        self.assign("a")
        self.ws.run(Calls(lambda request: COMPLETION))
        used = self.ws.task("a").result.usage
        self.assertEqual(sorted(used.models), sorted(USAGE.models))
        self.assertEqual((used.incomplete, used.source), (True, "reported"))
        self.assertEqual((used.requests, used.inherited_read), (3, 0))
        self.assertEqual(
            used.total,
            cobatch.Tokens(uncached_input=1, cache_write_5m=3, cache_write_1h=4, cache_read=5, output=8, reasoning=1),
        )

    def test_counts_that_cannot_be_are_refused_and_not_cut_to_size(self):
        self.assign("a")
        with self.ws.session() as session:
            turn = session.next()
            for error, count in ((cobatch.BadValue, -1), (cobatch.BadValue, 10**12 + 1), (OverflowError, 2**64 + 1)):
                with self.assertRaises(error):
                    turn.complete(usage=cobatch.Usage(output=count))

    def test_what_nobody_said_is_none(self):
        self.assign("a")
        self.assertEqual((self.ws.task("a").task.session, self.ws.task("a").task.started_at), (None, None))
        self.ws.run(Echo())
        result = self.ws.task("a").result
        self.assertEqual((result.usage, result.reason, result.actions_taken, result.errors), (None, None, None, None))
        self.assertEqual((result.preamble_usage, result.changes), (None, None))
        session = next(self.ws.sessions())
        self.assertEqual((session.agent_version, session.agent_billing, session.paused_until), (None, None, None))
        self.assertIsNone(cobatch.Usage(output=1).requests)

    def test_savings_that_cannot_be_said_are_none_and_others_are_numbers(self):
        self.assign("a", "b")
        self.ws.run(Calls(lambda request: cobatch.Completion(usage=cobatch.Usage("m", uncached_input=1000, output=10))))
        report = self.ws.savings("docs")
        self.assertEqual([account.task for account in report.accounts], [None, "a", "b"])
        self.assertEqual(report.accounts[0].used, cobatch.Tokens(uncached_input=2000, output=20))
        self.assertEqual((report.savings.processed, report.savings.cache_read), (2020, 0))
        self.assign("c", batch="other")
        self.ws.run(Calls(lambda request: cobatch.Completion(usage=cobatch.Usage(output=1, incomplete=True))))
        self.assertIsNone(self.ws.savings("other").savings.guide_saved)

    def test_what_a_batch_cost_is_exact_and_what_has_no_price_is_none(self):
        self.assign("a", "odd")
        self.ws.run(Calls(lambda request: cobatch.Completion(usage=cobatch.Usage(request.task, output=3))))
        self.assertEqual([account.usd for account in self.ws.savings("docs").accounts], [None, None, None])
        prices = os.path.join(self.root, "prices.json")
        with open(prices, "w", encoding="utf-8") as file:
            file.write('{"a": {"output_cost_per_token": 1.5e-05}}')
        with self.assertLogs("cobatch", logging.WARNING):
            report = self.ws.savings("docs", prices=prices)
        self.assertEqual([account.nano_dollars for account in report.accounts], [None, 45_000, None])
        self.assertEqual(report.accounts[1].usd, decimal.Decimal("0.000045"))
        self.assertEqual(
            report.accounts[0].models, (("a", cobatch.Tokens(output=3)), ("odd", cobatch.Tokens(output=3)))
        )
        self.assertEqual([warning.code for warning in report.warnings], ["unpriced_model"])
        with self.assertRaises(cobatch.IoError):
            self.ws.savings("docs", prices="/nowhere/prices.json")

    def test_they_are_immutable_comparable_hashable_and_can_be_pickled(self):
        self.assign("a", "b")
        task, again, other = self.ws.task("a").task, self.ws.task("a").task, self.ws.task("b").task
        with self.assertRaises(AttributeError):
            task.state = "done"
        with self.assertRaises(AttributeError):
            task.colour = "red"
        self.assertEqual(task, again)
        self.assertNotEqual(task, other)
        self.assertEqual(len({task, again, other}), 2)
        self.assertEqual(pickle.loads(pickle.dumps(task)), task)
        self.assertEqual(copy.deepcopy(task), task)

    def test_their_repr_says_what_is_known(self):
        self.assign("a")
        shown = repr(self.ws.task("a").task)
        self.assertTrue(
            shown.startswith("Task(id='a', batch='docs', state='queued', position=1, description='Do a'"), shown
        )
        self.assertNotIn("None", shown)

    def test_the_repr_of_what_is_long_is_short(self):
        self.ws.assign("a", "x" * 100_000)
        self.assertLess(len(repr(self.ws.task("a"))), 2000)


class WhatAnAgentProgramTells(WorkspaceTest):
    """The program speaks as Claude Code does; each turn of it writes into a file."""

    PROGRAM = """#!/bin/sh
while IFS= read -r line; do
  echo >>said.md
  echo '{"type":"system","subtype":"init","session_id":"talk","model":"model-9","claude_code_version":"9.9"}'
  echo '{"type":"result","session_id":"talk","result":"ok","usage":{"input_tokens":100,"output_tokens":10}}'
done
"""

    def setUp(self):
        super().setUp()
        path = self.script(self.PROGRAM)
        os.chmod(path, 0o700)
        self.assign("a", "b", preamble="All of it.")
        self.git = shutil.which("git") and subprocess.run(["git", "init", "-q", self.root]).returncode == 0
        with self.ws.events() as events:
            self.ws.run(cobatch.claude(program=path))
            self.events = list(iter(events.next, None))

    def test_the_turn_of_a_preamble_has_no_task(self):
        self.assertEqual(
            [(turn.task, turn.conversation) for turn in self.ws.turns()],
            [(None, "talk"), ("a", "talk"), ("b", "talk")],
        )
        self.assertEqual([turn.loaded_context for turn in self.ws.turns()], [True, False, False])
        ends = [(event.task, event.task_state) for event in self.events if event.kind == "turn_ended"]
        self.assertEqual(ends, [(None, None), ("a", "done"), ("b", "done")])

    def test_what_a_preamble_used_is_beside_the_first_result_and_has_an_account(self):
        first, second = self.ws.results()
        self.assertEqual(first.preamble_usage.total, cobatch.Tokens(uncached_input=100, output=10))
        self.assertIsNone(second.preamble_usage)
        accounts = self.ws.savings("docs").accounts
        self.assertEqual(
            [(account.task, account.turns, account.preamble_turns) for account in accounts],
            [(None, 3, 1), (None, 1, 1), ("a", 1, 0), ("b", 1, 0)],
        )

    def test_the_agent_and_its_changes_are_known(self):
        session = next(self.ws.sessions())
        self.assertEqual((session.agent_version, session.agent_model), ("9.9", "model-9"))
        self.assertIn("agent_known", [event.kind for event in self.events])
        changes = self.ws.task("a").result.changes
        if self.git:
            self.assertEqual((changes.files, changes.commits, changes.incomplete), (("said.md",), (), False))
        else:
            self.assertIsNone(changes)


class Lists(WorkspaceTest):
    def setUp(self):
        super().setUp()
        self.assign("a1", "a2", batch="a")
        self.assign("b1", batch="b")
        self.ws.run(Calls(lambda request: cobatch.Completion(end="error") if request.task == "a2" else "fine"))
        self.assign("c1", batch="c")

    def test_of_tasks(self):
        self.assertEqual([task.id for task in self.ws.tasks()], ["a1", "a2", "b1", "c1"])
        self.assertEqual([task.id for task in self.ws.tasks(batch="a")], ["a1", "a2"])
        self.assertEqual([task.id for task in self.ws.tasks(state="queued")], ["c1"])
        self.assertEqual([task.id for task in self.ws.tasks(batch="a", state="error")], ["a2"])

    def test_of_results(self):
        self.assertEqual([result.output for result in self.ws.results(state="done")], ["fine", "fine"])
        self.assertEqual([result.task for result in self.ws.results(batch="a")], ["a1", "a2"])

    def test_of_batches(self):
        self.assertEqual(
            [(b.id, b.state) for b in self.ws.batches()], [("a", "finished"), ("b", "finished"), ("c", "sealed")]
        )
        self.assertEqual([batch.id for batch in self.ws.batches(state="sealed")], ["c"])

    def test_of_turns(self):
        self.assertEqual(
            [(turn.task, turn.end) for turn in self.ws.turns(batch="a")], [("a1", "done"), ("a2", "error")]
        )
        self.assertEqual([turn.session for turn in self.ws.turns(task="b1")], [2])
        self.assertEqual([turn.task for turn in self.ws.turns(session=2)], ["b1"])

    def test_of_sessions(self):
        self.assertEqual(
            [(s.session, s.batch, s.end) for s in self.ws.sessions()], [(1, "a", "finished"), (2, "b", "finished")]
        )
        self.assertEqual([session.session for session in self.ws.sessions(batch="b")], [2])

    def test_are_iterators_that_read_as_one_goes_on(self):
        self.assign(*(f"d{i}" for i in range(3000)), batch="d")
        tasks = self.ws.tasks(batch="d")
        self.assertIs(iter(tasks), tasks)
        self.assertEqual(next(tasks).id, "d0")
        self.ws.cancel("d2999")
        self.assertEqual([task.state for task in tasks][-1], "cancelled")

    def test_can_be_left_and_outlive_the_workspace(self):
        tasks = self.ws.tasks()
        next(tasks)
        self.ws.close()
        self.assertEqual(next(tasks).id, "a2")
        del tasks

    def test_with_a_word_that_is_none_say_which_there_are(self):
        with self.assertRaisesRegex(cobatch.BadValue, "queued, in_progress, done, error, cancelled"):
            self.ws.tasks(state="lost")


class TheWorkspaceAtAGlance(WorkspaceTest):
    def test_idle(self):
        status = self.ws.status()
        self.assertEqual((status.batches, status.session, status.engines), ((), None, ()))
        self.assertEqual((status.lock.held, status.lock.marker), (False, "absent"))

    def test_at_work(self):
        self.assign("a", "b")
        with self.ws.session() as session:
            session.next()
            status = self.ws.status()
            self.assertEqual([batch.id for batch in status.batches], ["docs"])
            self.assertEqual((status.session.batch, status.session.end), ("docs", "live"))
            lock = self.ws.lock()
            self.assertEqual((lock.lock.held, lock.lock.marker, lock.session.session), (True, "ours", 1))
            with self.assertRaises(cobatch.SessionLive):
                self.ws.unlock()

    def test_unlock(self):
        with self.assertRaises(cobatch.NoMarker):
            self.ws.unlock()
        with open(f"{self.root}/data/execute_queue.lock", "w") as marker:
            marker.write("somebody")
        self.assertEqual((self.ws.lock().lock.marker, self.ws.lock().lock.marker_content), ("foreign", "somebody"))
        self.assertEqual(self.ws.unlock().outcome, "marker_removed")

    def test_the_root_is_absolute(self):
        self.assertEqual(self.ws.root, self.root)


if __name__ == "__main__":
    unittest.main()
