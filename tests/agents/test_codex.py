"""Codex does a batch: a process a task, in one thread."""

import json
import re

from lab import AgentTest, fails, says, used


def figures(number):
    """Codex does not tell for how long something was written to the cache."""
    return used(number) | {"cache_write_1h": 0, "reasoning": 10 + number}


def does(number, **more):
    return says(number, usage=figures(number), **more)


class CodexTest(AgentTest):
    agent = "codex"

    def tasks_told(self):
        """Of each request, the tasks that its thread has been told so far."""
        return [re.findall(r"\(task id (\w+)\)", json.dumps(request["input"])) for request in self.requests()]


class OneThread(CodexTest):
    def test_three_tasks_share_a_thread_and_cost_what_was_served(self):
        self.model(does(1), does(2), does(3))
        self.assign(1, 2, 3)
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.processes(), [3])
        self.assertEqual(self.tasks_told(), [["t1"], ["t1", "t2"], ["t1", "t2", "t3"]])
        for number in (1, 2, 3):
            self.assert_used(number, figures(number))
            self.assertEqual(self.result(number)["result"]["output_summary"], f"summary {number}")

    def test_a_thread_is_told_the_preamble_once(self):
        self.model(says(0, when="What all tasks of batch", usage=figures(0)), does(1), does(2))
        self.assign(1, 2, preamble="The house rules are few.")
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done"])
        self.assertEqual(self.tasks_told(), [[], ["t1"], ["t1", "t2"]])
        self.assertEqual(json.dumps(self.requests()[-1]["input"]).count("The house rules are few."), 1)
        self.assert_used(1, figures(1))

    def test_a_thread_goes_on_after_the_orchestrator_was_killed(self):
        gate = self.gate()
        self.model(does(1), does(2, wait_for=str(gate)), does(3))
        self.assign(1, 2, 3)
        run = self.start_batch()
        self.await_request(gate)
        run.kill()
        gate.touch()
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.tasks_told(), [["t1"], ["t1", "t2"], ["t1", "t2", "t3"]])
        for number in (1, 2, 3):
            self.assert_used(number, figures(number))


class Failures(CodexTest):
    """Of a turn that failed Codex tells no figures, so the batch's are not known in full."""

    def setUp(self):
        super().setUp()
        self.usage_is_known = False

    def test_a_session_rests_while_the_usage_limit_lasts(self):
        self.model(does(1), fails("Task 2 of", 429, "usage_limit_reached"), does(2), does(3))
        self.assign(1, 2, 3)
        printed = self.run_batch("--limit-wait", "0.1")
        self.assertIn("rests until", printed)
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual((self.task(2)["attempts"], self.processes()), (0, [4]))
        self.assertEqual(self.tasks_told()[-1], ["t1", "t2", "t2", "t3"])
        for number in (1, 2, 3):
            self.assert_used(number, figures(number))

    def test_a_missing_key_holds_the_batch(self):
        self.model(does(1), does(2))
        key = self.environment.pop("OPENAI_API_KEY")
        self.assign(1, 2)
        printed = self.run_batch(code=6)
        self.assertIn("log the agent in, or give it a valid API key", printed)
        self.assertEqual(self.states(), ["queued", "queued"])
        self.environment["OPENAI_API_KEY"] = key
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done"])

    def test_what_a_failed_turn_used_is_not_lost(self):
        looks = {"name": "exec_command", "input": {"cmd": "true"}}
        broken = fails("Task 1 of", 400, "invalid_request_error", tools=[looks], usage=figures(7))
        self.model(broken, does(1), does(2))
        self.assign(1, 2)
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done"])
        self.assertEqual(self.task(1)["attempts"], 1)
        self.assert_used(1, figures(7), figures(1))
        self.assert_used(2, figures(2))
        self.assertEqual([self.account(number)["complete"] for number in (1, 2)], [False, True])
