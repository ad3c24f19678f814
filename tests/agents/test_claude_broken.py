"""A turn of Claude Code breaks off: what was paid for is kept, and what has to be done again is done again."""

import os
import signal
from pathlib import Path

from claude_lab import ClaudeTest
from lab import fails, says, used


class Killed(ClaudeTest):
    """The orchestrator dies in task 2."""

    def start_until(self, gate):
        """Starts three tasks; returns when the stub holds a request back."""
        self.assign(1, 2, 3)
        run = self.start_batch()
        self.await_request(gate)
        return run

    def await_transcript(self, usage):
        """Claude Code writes its transcript a little after an answer has come."""
        files = Path(self.environment["HOME"], ".claude/projects")
        figure = f'"cache_read_input_tokens":{usage["cache_read"]}'

        def is_written():
            return any(figure in file.read_text() for file in files.glob("*/*.jsonl"))

        self.until(is_written, "no transcript has the answer's usage")

    def test_the_keeper_lets_the_turn_finish_and_the_conversation_goes_on(self):
        gate = self.gate()
        self.model(says(1), says(2, wait_for=str(gate)), says(3))
        run = self.start_until(gate)
        run.kill()
        run.wait()
        gate.touch()
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.tasks_told(), [["t1"], ["t1", "t2"], ["t1", "t2", "t3"]])
        self.assertEqual(len(set(self.conversations())), 1)
        self.assertEqual(self.processes(), [1, 1])
        self.assertEqual((self.task(2)["attempts"], self.task(2)["interruptions"]), (0, 0))
        self.assert_used(2, used(2))

    def test_a_turn_whose_agent_died_too_is_tried_again_and_counts_what_is_known_of_it(self):
        gate, pid = self.gate(), self.folder / "pid"
        writes = {"name": "Write", "input": {"file_path": str(self.project / "two"), "content": "2"}}
        self.model(says(1), says(2, usage=used(7), tools=[writes], wait_for=str(gate)), says(2), says(3))
        self.wrap_agent(f"echo $$ >{pid}")
        run = self.start_until(gate)
        self.await_transcript(used(7))
        run.kill()
        run.wait()
        os.kill(int(pid.read_text()), signal.SIGKILL)
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual((self.task(2)["attempts"], self.task(2)["interruptions"]), (0, 1))
        self.assertRegex(self.prompts()[3], "this is attempt 2; an earlier turn .* was interrupted")
        self.assertEqual(len(set(self.conversations())), 1)
        self.assert_used(1, used(1))
        self.assert_used(2, used(7), used(2))
        self.assert_used(3, used(3))
        self.assertEqual([self.account(number)["complete"] for number in (1, 2, 3)], [True, False, True])
        self.usage_is_known = False


class InTheSameProcess(ClaudeTest):
    def test_a_task_that_ran_out_of_time_is_tried_again_in_place_and_then_left_behind(self):
        never = self.gate("never")
        hangs = says(2, wait_for=str(never))
        self.model(says(1), hangs, hangs | {"when": "Continue with the task above"}, says(3))
        self.assign(1, (2, {"time_limit_seconds": 2}), 3)
        self.run_batch(code=1)
        self.assertEqual(self.states(), ["done", "error", "done"])
        self.assertEqual(self.result(2)["result"]["reason"], "attempts_exhausted")
        self.assertEqual(self.processes(), [1])
        self.assertEqual(self.tasks_told(), [["t1"], ["t1", "t2"], ["t1", "t2", "t2"], ["t3"]])
        first, second, third, cleared = self.conversations()
        self.assertEqual((first, first), (second, third))
        self.assertNotEqual(first, cleared)
        self.assert_used(3, used(3))
        self.usage_is_known = False

    def test_a_task_whose_turn_the_provider_broke_off_is_tried_again_in_place(self):
        self.model(says(1), fails("Task 2 of", 500, "api_error"), says(2, when="Continue with the task above"), says(3))
        self.environment["CLAUDE_CODE_MAX_RETRIES"] = "0"
        self.assign(1, 2, 3)
        printed = self.run_batch()
        self.assertIn("no attempt is charged", printed)
        self.assertNotIn("t2 (attempt 2)", printed)
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.processes(), [1])
        self.assertEqual(len(set(self.conversations())), 1)
        self.assertEqual(self.tasks_told()[-1], ["t1", "t2", "t2", "t3"])
