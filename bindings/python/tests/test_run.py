"""Agents run batches here; what goes wrong in one of yours is contained."""

import json
import logging
import os
import shlex
import sys
import threading
import unittest

import cobatch
from cobatch import _program
from support import Calls, Echo, WorkspaceTest

PROGRAM = os.environ.get("COBATCH")

COMMAND_AGENT = """
import json, sys
for line in sys.stdin:
    task = json.loads(line)
    result = {"type": "result", "turn": task["turn"], "task_id": task["task_id"], "status": "done"}
    print(json.dumps({**result, "output": task["description"].upper()}), flush=True)
"""


class Agents(WorkspaceTest):
    def test_of_ones_own_work_a_batch_in_one_session(self):
        self.assign("a", "b", "c")
        agent = Echo()
        report = self.ws.run(agent)
        self.assertEqual((report.sessions, report.turns), (1, 3))
        self.assertEqual([request.task for request in agent.asked], ["a", "b", "c"])
        self.assertEqual([result.output for result in self.ws.results()], ["Did a", "Did b", "Did c"])

    def test_get_all_that_is_known_of_the_task(self):
        self.ws.assign("a", "Do a", batch="docs", context={"n": [1]})
        agent = Echo()
        self.ws.run(agent, turn_limit=90)
        (request,) = agent.asked
        self.assertEqual(
            (request.task, request.batch, request.description, request.context, request.attempt, request.position),
            ("a", "docs", "Do a", {"n": [1]}, 1, 1),
        )
        self.assertIn("Do a", request.prompt)
        self.assertEqual(request.limit, 90)

    def test_are_told_of_the_session_that_begins_and_ends(self):
        told = []

        class Telling(Echo):
            def start(self, how):
                told.append((how.batch, how.session, how.process, how.working_directory))

            def stop(self):
                told.append("stop")

        self.assign("a")
        self.ws.run(Telling())
        self.assertEqual(told, [("docs", 1, 1, self.root), "stop"])

    def test_are_chosen_by_the_name_that_a_batch_has(self):
        self.assign("a", batch="any")
        self.assign("b", batch="named", agent="second")
        first, second = Echo("first"), Echo("second")
        self.ws.run([first, second])
        self.assertEqual([[r.task for r in agent.asked] for agent in (first, second)], [["a"], ["b"]])

    def test_leave_other_batches_alone_if_one_is_given(self):
        self.assign("a", batch="one")
        self.assign("b", batch="two")
        self.ws.run(Echo(), batch="two")
        self.assertEqual([task.state for task in self.ws.tasks()], ["queued", "done"])

    def test_that_are_programs_speak_the_line_protocol(self):
        self.assign("a")
        self.ws.run(cobatch.command([sys.executable, self.script(COMMAND_AGENT)]))
        self.assertEqual(self.ws.task("a").result.output, "DO A")

    @unittest.skipUnless(PROGRAM or _program.call_command(), "the program, which the agent calls, is not there")
    def test_that_get_one_prompt_tell_by_calls(self):
        self.assign("a", "it's b")
        script = self.script("sed -n -e 's/^  begin:  //p' -e 's/^  done:   //p' >commands; . ./commands\n")
        self.ws.run(cobatch.prompt(["sh", script], call=PROGRAM and f"{shlex.quote(PROGRAM)} call"))
        self.assertEqual(self.states(), {"a": "done", "it's b": "done"})
        self.assertEqual([(s.agent, s.end) for s in self.ws.sessions()], [("prompt", "finished")])

    def test_that_are_scripted_mark_their_figures(self):
        self.assign("a")
        script = self.script(json.dumps({"otherwise": {"output": "played", "usage": {"input_tokens": 7}}}))
        self.ws.run(cobatch.scripted(script))
        result = self.ws.task("a").result
        self.assertEqual(
            (result.output, result.usage.source, result.usage.total.uncached_input), ("played", "scripted", 7)
        )

    def test_that_are_not_there_charge_no_task(self):
        self.assign("a")
        with self.assertRaisesRegex(cobatch.AgentMissing, "/nowhere/claude"):
            self.ws.run(cobatch.claude(program="/nowhere/claude"))
        self.assertEqual((self.states(), self.ws.task("a").task.attempts), ({"a": "queued"}, 0))
        self.assertEqual(self.ws.find_batch("docs").batch.state, "held")
        self.assertIn("/nowhere/claude", list(self.ws.sessions())[-1].end_detail)

    def test_are_given_as_one_or_as_many_but_not_as_none(self):
        with self.assertRaises(cobatch.BadValue):
            self.ws.run([])

    def test_are_objects_and_not_their_class(self):
        for wrong in ([Echo], ["claude"]):
            with self.assertRaisesRegex(TypeError, "an agent is needed here"):
                self.ws.run(wrong)

    def test_may_not_have_the_name_of_one_of_cobatchs_own(self):
        self.assign("a")
        with self.assertRaises(cobatch.BadValue):
            self.ws.run(Echo("claude"))

    def test_can_use_the_workspace_that_runs_them(self):
        self.assign("a")
        self.ws.run(Calls(lambda request: str(self.ws.task(request.task).task.state)))
        self.assertEqual(self.ws.task("a").result.output, "in_progress")

    def test_can_tell_on_the_way(self):
        self.assign("a")
        with self.ws.events(timeout=0) as events:
            self.ws.run(Calls(lambda request: request.progress("half way") or "done"))
            self.assertIn("half way", [event.text for event in events if event.kind == "progress"])

    def test_whose_request_outlives_the_turn_are_told_to_return(self):
        self.assign("a")
        agent = Echo()
        self.ws.run(agent)
        self.assertTrue(agent.asked[0].interrupted)
        agent.asked[0].progress("too late")

    def test_can_say_more_than_the_output(self):
        for end, state in (
            ("done", "done"),
            ("error", "error"),
            ("denied", "error"),
            ("broke", "error"),
            ("timed_out", "error"),
        ):
            with self.subTest(end):
                self.assign(end, batch=end)
                self.ws.run(Calls(lambda request: cobatch.Completion(end=end, detail="So it is.")))
                self.assertEqual(self.states(end), {end: state})
                self.assertEqual(next(self.ws.turns(batch=end)).detail, "So it is.")

    def test_run_in_the_folder_that_is_given(self):
        self.assign("a")
        script = self.script(COMMAND_AGENT.replace('task["description"].upper()', "__import__('os').getcwd()"))
        folder = os.path.join(self.root, "elsewhere")
        os.mkdir(folder)
        self.ws.run(cobatch.command([sys.executable, script]), working_directory=folder)
        self.assertEqual(self.ws.task("a").result.output, folder)


class WhatAnAgentRaises(WorkspaceTest):
    def test_breaks_the_turn_which_is_tried_again_after_a_new_start(self):
        starts = []

        class Flaky(cobatch.Agent):
            def start(self, how):
                starts.append(how.process)

            def turn(self, request):
                if request.attempt == 1:
                    raise RuntimeError("the model is out")
                return "at last"

        self.assign("a")
        self.ws.run(Flaky())
        self.assertEqual(self.ws.task("a").result.output, "at last")
        self.assertEqual([turn.end for turn in self.ws.turns()], ["broke", "done"])
        self.assertEqual(starts, [1, 2])

    def test_is_kept_with_its_traceback_and_logged(self):
        self.assign("a")
        with self.assertLogs("cobatch", logging.ERROR) as log:
            self.ws.run(Calls(lambda request: 1 / 0))
        result = self.ws.task("a").result
        self.assertEqual((result.state, result.end), ("error", "broke"))
        self.assertIn("ZeroDivisionError", result.detail)
        self.assertIn(os.path.basename(__file__), result.detail)
        self.assertIn("ZeroDivisionError", log.output[0])

    def test_is_kept_whatever_text_is_in_it(self):
        def work(request):
            raise RuntimeError("lone \ud800 surrogate")

        self.assign("a")
        self.ws.run(Calls(work))
        self.assertIn("lone \\ud800 surrogate", self.ws.task("a").result.detail)

    def test_or_returns_wrongly_is_said(self):
        self.assign("a")
        self.ws.run(Calls(lambda request: 42))
        self.assertIn("turn() returned 42", self.ws.task("a").result.detail)

    def test_as_does_output_that_cannot_be_stored(self):
        self.assign("a")
        self.ws.run(Calls(lambda request: "lone \ud800"))
        self.assertIn("BadEncoding", self.ws.task("a").result.detail)

    def test_in_start_charges_no_task(self):
        class NotToday(Echo):
            def start(self, how):
                raise RuntimeError("not today")

        self.assign("a")
        with self.assertLogs("cobatch", logging.ERROR) as log, self.assertRaises(cobatch.AgentFailed):
            self.ws.run(NotToday())
        self.assertEqual((self.states(), self.ws.task("a").task.attempts), ({"a": "queued"}, 0))
        self.assertIn("not today", log.output[0])

    def test_in_stop_and_interrupt_is_only_logged(self):
        class Grumpy(Echo):
            def stop(self):
                raise RuntimeError("do not stop me")

        self.assign("a")
        with self.assertLogs("cobatch", logging.ERROR) as log:
            self.ws.run(Grumpy())
        self.assertEqual(self.states(), {"a": "done"})
        self.assertIn("do not stop me", log.output[0])

    def test_to_end_the_program_gives_the_task_back_and_comes_out_of_run(self):
        for stop in (SystemExit(3), KeyboardInterrupt()):
            with self.subTest(repr(stop)):
                batch = type(stop).__name__
                self.assign(f"{batch}1", f"{batch}2", batch=batch)

                def work(request):
                    raise stop

                with self.assertRaises(type(stop)) as caught:
                    self.ws.run(Calls(work))
                self.assertIs(caught.exception, stop)
                self.assertEqual(set(self.states(batch).values()), {"queued"})
                self.assertEqual(self.ws.task(f"{batch}1").task.attempts, 0)
                self.assertFalse(self.ws.lock().lock.held)
                self.ws.cancel(f"{batch}1")
                self.ws.cancel(f"{batch}2")

    def test_to_end_the_program_stops_an_engine_and_comes_out_of_it(self):
        def work(request):
            sys.exit(3)

        self.assign("a")
        engine = self.ws.engine(Calls(work))
        while engine.running:
            self.ws.lock()
        with self.assertRaises(SystemExit):
            engine.stop()
        self.assertEqual(self.states(), {"a": "queued"})


class Interrupting(WorkspaceTest):
    def waiting_agent(self):
        """Works until it is interrupted; `begun` is set when it has begun."""

        class Waiting(cobatch.Agent):
            name = "waiting"

            def __init__(self):
                self.begun, self.told = threading.Event(), threading.Event()

            def turn(self, request):
                self.begun.set()
                self.told.wait()
                return cobatch.Completion("cut short" if request.interrupted else "?", end="stopped")

            def interrupt(self):
                self.told.set()

        return Waiting()

    def test_a_turn_is_interrupted_when_its_task_is_cancelled(self):
        agent = self.waiting_agent()
        self.assign("a")
        with self.ws.engine(agent):
            agent.begun.wait()
            self.ws.cancel("a")
            self.ws.wait("docs")
        self.assertEqual((self.states(), next(self.ws.turns()).end), ({"a": "cancelled"}, "cancelled"))

    def test_a_turn_is_interrupted_when_its_time_is_over(self):
        def work(request):
            over.wait()
            raise TimeoutError("and so I was")

        over = threading.Event()
        agent = Calls(work)
        agent.interrupt = over.set
        self.ws.assign("a", "A", max_attempts=1)
        self.ws.run(agent, turn_limit=0.05)
        self.assertEqual(self.ws.task("a").result.end, "timed_out")

    def test_run_stops_and_raises_interrupted(self):
        agent = self.waiting_agent()
        self.assign("a", "b")

        def interrupt():
            agent.begun.wait()
            self.ws.interrupt()

        thread = threading.Thread(target=interrupt)
        thread.start()
        with self.assertRaises(cobatch.Interrupted):
            self.ws.run(agent, stop_grace=0)
        thread.join()
        self.assertEqual(self.states(), {"a": "queued", "b": "queued"})

    def test_waits_are_interrupted_in_another_thread(self):
        self.assign("a")
        for name, blocked in (
            ("wait", lambda: self.ws.wait("docs")),
            ("events", lambda: list(self.ws.events())),
        ):
            with self.subTest(name):
                raised = []

                def work():
                    try:
                        blocked()
                    except cobatch.Interrupted as error:
                        raised.append(error)

                thread = threading.Thread(target=work)
                thread.start()
                while thread.is_alive():
                    self.ws.interrupt()
                self.assertEqual(len(raised), 1)


class Engines(WorkspaceTest):
    def test_take_batches_as_they_come_and_stop_where_the_block_ends(self):
        with self.ws.engine(Echo()) as engine:
            self.assertTrue(engine.running)
            for batch in ("one", "two"):
                self.assign(batch, batch=batch)
                self.assertEqual(self.ws.wait(batch).batch.state, "finished")
        self.assertFalse(engine.running)
        report = engine.stop()
        self.assertEqual((report.sessions, report.turns), (2, 2))

    def test_are_seen_by_others(self):
        with self.ws.engine(Echo()):
            while not self.ws.status().engines:
                pass
            self.assertIn(f"pid {os.getpid()}: echo", self.ws.status().engines[0].description)

    def test_take_only_the_batch_that_is_given(self):
        self.assign("a", batch="one")
        self.assign("b", batch="two")
        with self.ws.engine(Echo(), batch="two"):
            self.ws.wait("two")
        self.assertEqual([task.state for task in self.ws.tasks()], ["queued", "done"])

    def test_stop_when_nobody_refers_to_them(self):
        self.assign("a")
        engine = self.ws.engine(Echo())
        self.ws.wait("docs")
        del engine
        self.assertEqual(self.ws.status().engines, ())

    def test_outlive_the_workspace_object(self):
        other = cobatch.open(self.root)
        with other.engine(Echo()):
            other.close()
            self.assign("a")
            self.assertEqual(self.ws.wait("docs").batch.done, 1)


if __name__ == "__main__":
    unittest.main()
