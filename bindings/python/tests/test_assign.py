"""Tasks and batches are stored as they were said, or not at all."""

import decimal
import logging
import os
import pathlib
import unittest

import cobatch
from support import Calls, WorkspaceTest


class Assigning(WorkspaceTest):
    def test_all_that_is_said_of_a_task_is_kept(self):
        context = {"files": ["a.py", "ü"], "depth": 2, "none": None}
        self.ws.assign(
            "t", "Do it\n\0properly", batch="b", context=context, priority="high", max_attempts=3, assigned_by="me"
        )
        task = self.ws.task("t").task
        self.assertEqual(
            (task.id, task.batch, task.description, task.context, task.priority, task.max_attempts, task.assigned_by),
            ("t", "b", "Do it\n\0properly", context, "high", 3, "me"),
        )

    def test_how_a_task_is_to_be_run_is_kept(self):
        self.ws.assign("a", "A", batch="b", keep_open=True)
        said = {"check": ("pytest", "-q"), "model": "small", "tools": {"Read"}, "limit": 1.5}
        self.assertEqual(self.ws.assign("t", "T", batch="b", needs=["a"], **said).outcome, "stored")
        task = self.ws.task("t").task
        self.assertEqual(
            (task.needs, task.check, task.model, task.tools, task.limit),
            (("a",), ("pytest", "-q"), "small", ("Read",), 1.5),
        )
        bare = self.ws.task("a").task
        self.assertEqual((bare.needs, bare.check, bare.model, bare.tools, bare.limit), ((), (), None, (), None))
        self.assertEqual(self.ws.assign("t", "T", batch="b", needs=["a"], **said).outcome, "duplicate")

    def test_what_is_said_of_a_batch_is_kept(self):
        budget = cobatch.Budget(usd="2.50", tokens=1000, time=90, allow_unknown=True)
        said = self.assign(
            "a",
            agent="mine",
            model="large",
            way="fork",
            on_error="stop",
            budget=budget,
            preamble="All of it.",
            context_files=["a.md", pathlib.PurePath("b", "c.md")],
        ).batch
        self.assertEqual(
            (said.agent, said.model, said.way, said.on_error, said.budget, said.preamble),
            ("mine", "large", "fork", "stop", budget, True),
        )
        self.ws.assign("b", "B", batch="other", way="separate", model="small")
        other = self.ws.find_batch("other").batch
        self.assertEqual(
            (other.way, other.on_error, other.model, other.budget, other.preamble),
            ("separate", None, None, None, False),
        )

    def test_what_contradicts_is_refused_and_only_the_budget_can_be_given_anew(self):
        self.assign("a", way="fork", budget=cobatch.Budget(tokens=1))
        with self.assertRaisesRegex(cobatch.BatchConflict, "way"):
            self.ws.assign("b", "B", batch="docs", way="separate")
        self.ws.assign("b", "B", batch="docs", budget=cobatch.Budget(tokens=2))
        self.assertEqual(self.ws.find_batch("docs").batch.budget, cobatch.Budget(tokens=2))

    def test_a_need_that_does_not_stand_before_its_task_is_refused(self):
        with self.assertRaisesRegex(cobatch.NeedUnknown, '"later"'):
            self.ws.assign_batch([cobatch.TaskSpec("a", "A", needs=["later"]), cobatch.TaskSpec("later", "L")])
        self.assertEqual(list(self.ws.tasks()), [])

    def test_dollars_are_exact(self):
        for usd, nano in (
            ("0.1", 100_000_000),
            (0.1, 100_000_000),
            (3, 3_000_000_000),
            (decimal.Decimal("1.000000001"), 1_000_000_001),
            ("90071992.547409937", 90_071_992_547_409_937),
        ):
            budget = cobatch.Budget(usd=usd)
            self.assertEqual((budget.nano_dollars, budget.usd), (nano, decimal.Decimal(str(usd))))
        for usd in ("0.0000000001", "much", float("nan"), float("inf"), None):
            with self.subTest(usd=usd), self.assertRaises(cobatch.BadValue):
                cobatch.Budget(usd=usd)
        with self.assertRaises(cobatch.BadValue):
            self.assign("a", budget=cobatch.Budget(usd=-1))

    def test_a_task_alone_seals_its_batch_unless_it_is_kept_open(self):
        self.assertEqual(self.ws.assign("a", "A", batch="open", keep_open=True).batch.state, "open")
        self.assertEqual(self.ws.assign("b", "B", batch="open").batch.state, "sealed")

    def test_the_same_again_is_a_duplicate_and_other_content_is_refused(self):
        self.assertEqual(self.ws.assign("a", "A", batch="b").outcome, "stored")
        again = self.ws.assign("a", "A", batch="b")
        self.assertEqual((again.outcome, again.task.duplicate), ("duplicate", True))
        with self.assertRaises(cobatch.TaskExists) as caught:
            self.ws.assign("a", "Other", batch="b")
        self.assertEqual(caught.exception.code, "task_exists")
        self.assertIn("Nothing was stored", str(caught.exception))

    def test_warnings_are_in_the_answer_and_in_the_log(self):
        with self.assertLogs("cobatch", logging.WARNING) as log:
            warnings = self.ws.assign("a", "A", batch="b").warnings
        self.assertIn("no_engine", [warning.code for warning in warnings])
        self.assertIn(warnings[0].message, log.output[0])

    def test_a_batch_in_one_step_keeps_the_order(self):
        self.assign(*(f"t{i}" for i in range(20)))
        self.assertEqual([(t.id, t.position) for t in self.ws.tasks()], [(f"t{i}", i + 1) for i in range(20)])

    def test_of_a_batch_with_one_bad_task_nothing_is_stored(self):
        with self.assertRaises(cobatch.DuplicateInBatch):
            self.assign("a", "b", "a")
        self.assertEqual(list(self.ws.tasks()), [])

    def test_a_batch_without_tasks_is_refused(self):
        with self.assertRaises(cobatch.BadValue):
            self.ws.assign_batch([])

    def test_a_batch_runs_with_the_agent_that_it_names(self):
        self.assertEqual(self.assign("a", agent="mine").batch.agent, "mine")
        with self.assertRaises(cobatch.AgentConflict):
            self.ws.assign("b", "B", batch="docs", agent="yours")

    def test_what_is_wrong_is_said_and_nothing_is_stored(self):
        for error, arguments, more in (
            (cobatch.BadId, ("", "empty"), {}),
            (cobatch.BadId, ("x" * 129, "long"), {}),
            (cobatch.BadEncoding, ("a\ud800", "surrogate"), {}),
            (cobatch.BadEncoding, ("a", "surrogate \udcff"), {}),
            (cobatch.BadJson, ("a", "set"), {"context": {1, 2}}),
            (cobatch.BadJson, ("a", "not a number"), {"context": float("nan")}),
            (cobatch.BadValue, ("a", "priority"), {"priority": "urgent"}),
            (cobatch.TooLarge, ("a", "x" * (256 * 1024 + 1)), {}),
            (cobatch.BadValue, ("a", "attempts"), {"max_attempts": -1}),
            (OverflowError, ("a", "attempts"), {"max_attempts": 2**32 + 1}),
            (TypeError, ("a", b"bytes"), {}),
            (TypeError, ("a", "unknown"), {"colour": "red"}),
            (TypeError, ("a", "a string is no list"), {"needs": "b"}),
            (TypeError, ("a", "nor here"), {"context_files": "a.md"}),
            (TypeError, ("a", "list of numbers"), {"tools": [1]}),
            (cobatch.BadValue, ("a", "needs itself"), {"needs": ["a"]}),
            (cobatch.BadValue, ("a", "path"), {"context_files": ["../a"]}),
            (cobatch.BadValue, ("a", "way"), {"way": "forks"}),
            (cobatch.BadValue, ("a", "rule"), {"on_error": "panic"}),
            (cobatch.BadValue, ("a", "limit"), {"limit": -1}),
            (cobatch.BadValue, ("a", "limit"), {"limit": 86_401}),
            (cobatch.TooLarge, ("a", "model"), {"model": "m" * 129}),
        ):
            with self.subTest(error=error.__name__, arguments=str(arguments)[:40]), self.assertRaises(error):
                self.ws.assign(*arguments, **more)
        self.assertEqual(list(self.ws.tasks()), [])

    def test_text_of_any_script_comes_back_as_it_went(self):
        text = "Größe \N{SNOWMAN} \N{MUSICAL SYMBOL G CLEF} ‮ \x7f\t"
        self.ws.assign("ключ", text, context=text)
        task = self.ws.task("ключ").task
        self.assertEqual((task.description, task.context), (text, text))


class TheBlockOfABatch(WorkspaceTest):
    def test_assigns_and_seals_all_of_it_where_it_ends(self):
        with self.ws.batch() as batch:
            batch.assign("a", "A", context={"n": 1})
            batch.assign("b", "B")
            self.assertEqual(list(self.ws.tasks()), [])
            with self.assertRaisesRegex(ValueError, "where its block ends"):
                batch.id
        found = self.ws.find_batch(batch.id).batch
        self.assertEqual((found.state, found.queued), ("sealed", 2))
        self.assertEqual([task.id for task in batch.assigned.tasks], ["a", "b"])

    def test_stores_nothing_if_it_raises(self):
        with self.assertRaises(ZeroDivisionError):
            with self.ws.batch("b") as batch:
                batch.assign("a", "A")
                1 / 0
        self.assertEqual(list(self.ws.tasks()), [])
        with self.assertRaises(cobatch.BatchNotFound):
            self.ws.find_batch("b")

    def test_takes_the_id_and_the_agent_that_it_is_given(self):
        with self.ws.batch("b", agent="mine") as batch:
            self.assertEqual(batch.id, "b")
            batch.assign("a", "A")
        self.assertEqual(self.ws.find_batch("b").batch.agent, "mine")

    def test_takes_no_task_once_it_has_ended(self):
        with self.ws.batch() as batch:
            batch.assign("a", "A")
        with self.assertRaisesRegex(ValueError, "late task"):
            batch.assign("b", "B")


    def test_says_of_its_batch_what_is_said_to_it(self):
        with self.ws.batch(model="large", way="separate", on_error="stop") as batch:
            batch.assign("a", "A")
            batch.assign("b", "B", needs=["a"], model="small")
        found = self.ws.find_batch(batch.id).batch
        self.assertEqual((found.model, found.way, found.on_error), ("large", "separate", "stop"))
        self.assertEqual(self.ws.task("b").task.needs, ("a",))

    def test_refuses_at_once_what_cannot_be_said(self):
        with self.assertRaises(TypeError):
            self.ws.batch(colour="red")
        with self.assertRaises(cobatch.BadValue):
            self.ws.batch(way="forks")


class SealingAndCancelling(WorkspaceTest):
    def test_seal(self):
        self.ws.assign("a", "A", batch="b", keep_open=True)
        self.assertEqual(self.ws.seal("b").outcome, "sealed")
        self.assertEqual(self.ws.seal("b").outcome, "unchanged")
        with self.assertRaises(cobatch.BatchNotFound):
            self.ws.seal("none")

    def test_execute_queue_tells_what_will_run(self):
        self.ws.assign("a", "A", batch="b", keep_open=True)
        self.assertEqual(self.ws.execute_queue().outcome, "nothing_to_do")
        executed = self.ws.execute_queue("b")
        self.assertEqual((executed.outcome, [batch.id for batch in executed.batches]), ("started", ["b"]))
        self.assertIsNone(executed.session)

    def test_a_task_that_a_rule_cancelled_says_which(self):
        self.ws.assign_batch(
            [cobatch.TaskSpec("a", "A"), cobatch.TaskSpec("b", "B", needs=["a"]), cobatch.TaskSpec("c", "C")]
        )
        self.ws.cancel("a")
        self.assertEqual((self.ws.task("b").task.state, self.ws.task("b").task.reason), ("cancelled", "need_failed"))
        self.assertEqual((self.ws.task("c").task.state, self.ws.task("a").task.reason), ("queued", None))

    def test_cancel(self):
        self.assign("a", "b")
        cancelled = self.ws.cancel("a")
        self.assertEqual((cancelled.outcome, cancelled.task.state), ("cancelled", "cancelled"))
        self.assertEqual(self.ws.cancel("a").outcome, "unchanged")
        with self.assertRaises(cobatch.TaskNotFound):
            self.ws.cancel("none")

    def test_a_batch_is_tried_again_with_what_failed_and_a_task_is_reset(self):
        self.assign("a", "b")
        self.ws.run(Calls(lambda request: "done" if request.task == "a" else cobatch.Completion(end="error")))
        retried = self.ws.retry("docs")
        self.assertEqual((retried.outcome, retried.batch.queued, retried.batch.done), ("queued_again", 1, 1))
        self.ws.run(Calls(lambda request: "done"))
        self.assertEqual(self.ws.retry("docs").outcome, "nothing_to_do")
        reset = self.ws.reset("a")
        self.assertEqual((reset.outcome, reset.task.state), ("queued_again", "queued"))
        self.assertIsNone(self.ws.task("a").result)
        with self.assertRaises(cobatch.TaskNotFound):
            self.ws.reset("none")


class ErrorsAreWhatPythonExpects(WorkspaceTest):
    def test_of_what_is_not_there(self):
        with self.assertRaises(LookupError) as caught:
            self.ws.task("none")
        self.assertIsInstance(caught.exception, cobatch.Error)
        self.assertEqual(str(caught.exception), caught.exception.message)

    def test_of_values(self):
        with self.assertRaises(ValueError):
            self.ws.assign("", "empty id")

    def test_of_time(self):
        self.assign("a")
        with self.assertRaises(TimeoutError) as caught:
            self.ws.wait("docs", timeout=0)
        self.assertEqual(caught.exception.code, "timed_out")

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_of_permissions(self):
        folder = os.path.join(self.root, "read_only")
        os.mkdir(folder, 0o500)
        with self.assertRaises(PermissionError):
            cobatch.open(folder)

    def test_a_code_that_is_not_known_is_an_error_with_that_code(self):
        error = cobatch.Error.of("of_tomorrow", "said")
        self.assertEqual((type(error), error.code, str(error)), (cobatch.Error, "of_tomorrow", "said"))

    def test_they_can_be_pickled(self):
        import pickle

        for error in (cobatch.TaskExists("task_exists", "said"), cobatch.TimedOut("timed_out", "said")):
            copy = pickle.loads(pickle.dumps(error))
            self.assertEqual((type(copy), copy.code, str(copy)), (type(error), error.code, "said"))


class Json(WorkspaceTest):
    def test_an_action_is_a_call_with_parameters(self):
        reply = self.ws.call("assign_task", task_id="a", description="A", batch_id="b", auto_execute=False)
        self.assertEqual((reply["status"], reply["batch_status"]), ("success", "open"))
        self.assertEqual(self.ws.find_batch("b").batch.queued, 1)

    def test_a_refusal_is_the_error_of_its_code(self):
        with self.assertRaises(cobatch.TaskNotFound):
            self.ws.call("check_task_status", task_id="none")
        with self.assertRaises(cobatch.UnknownAction):
            self.ws.call("nothing")
        with self.assertRaises(cobatch.MissingField):
            self.ws.call("assign_task")

    def test_a_reply_as_text_is_given_also_if_it_is_a_refusal(self):
        self.assertIn('"code":"bad_json"', self.ws.call_json("{"))

    def test_the_actions_tell_their_parameters(self):
        self.assertIn("assign_task", str(cobatch.supported_actions()))


if __name__ == "__main__":
    unittest.main()
