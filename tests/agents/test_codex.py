"""Codex does a batch in one thread: by its app-server in one process, or by `codex exec` in a process a task."""

import json
import re
import shutil

from lab import AgentTest, fails, says, used


def figures(number):
    """Codex does not tell for how long something was written to the cache."""
    return used(number) | {"cache_write_1h": 0, "reasoning": 10 + number}


def does(number, **more):
    return says(number, usage=figures(number), **more)


LOOKS = {"name": "exec_command", "input": {"cmd": "true"}}


class CodexTest(AgentTest):
    agent = "codex"
    processes_for_three = 1

    def tasks_told(self):
        """Of each request, the tasks that its thread has been told so far."""
        return [re.findall(r"\(task id (\w+)\)", json.dumps(request["input"])) for request in self.requests()]


# What holds for both ways.
class OneThread:
    def test_three_tasks_share_a_thread_and_cost_what_was_served(self):
        self.model(does(1), does(2), does(3))
        self.assign(1, 2, 3)
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.processes(), [self.processes_for_three])
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

    def kill_in_second_of_three(self):
        """The orchestrator dies while the model works on task 2, which then goes on."""
        gate = self.gate()
        self.model(does(1), does(2, wait_for=str(gate)), does(3))
        self.assign(1, 2, 3)
        run = self.start_batch()
        self.await_request(gate)
        run.kill()
        gate.touch()

    def test_a_thread_goes_on_after_the_orchestrator_was_killed(self):
        self.kill_in_second_of_three()
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.tasks_told(), [["t1"], ["t1", "t2"], ["t1", "t2", "t3"]])
        for number in (1, 2, 3):
            self.assert_used(number, figures(number))

    def test_a_thread_that_is_gone_is_begun_anew(self):
        self.kill_in_second_of_three()
        session = self.project / "data/.cobatch/sessions/1"
        self.until(lambda: len(list(session.glob("*.exit"))) == self.processes()[0], "the agent did not end")
        shutil.rmtree(self.folder / "home/.codex/sessions")
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.tasks_told()[-1], ["t3"])
        self.assert_used(3, figures(3))

    def test_a_missing_key_holds_the_batch(self):
        self.model(does(1), does(2))
        key = self.environment.pop("OPENAI_API_KEY")
        self.assign(1, 2)
        printed = self.run_batch(code=6)
        self.assertIn("log the agent in, or give it a valid API key", printed)
        self.assertEqual(self.states(), ["queued", "queued"])
        self.environment["OPENAI_API_KEY"] = key
        self.usage_is_known = False
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done"])

    def test_a_session_rests_while_the_usage_limit_lasts(self):
        self.model(does(1), fails("Task 2 of", 429, "usage_limit_reached"), does(2, when="task id t2"), does(3))
        self.usage_is_known = self.tells_of_failures
        self.assign(1, 2, 3)
        printed = self.run_batch("--limit-wait", "0.1")
        self.assertIn("waits until", printed)
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.task(2)["attempts"], 0)
        self.assertEqual(self.tasks_told()[-1], ["t1", "t2", "t2", "t3"])
        for number in (1, 2, 3):
            self.assert_used(number, figures(number))


class AppServer(OneThread, CodexTest):
    tells_of_failures = True

    def test_what_a_failed_turn_used_is_its_own(self):
        broken = fails("Task 1 of", 400, "invalid_request_error", tools=[LOOKS], usage=figures(7))
        self.model(broken, does(1, when="Continue with the task above"), does(2))
        self.assign(1, 2)
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done"])
        self.assertEqual(self.task(1)["attempts"], 1)
        self.assert_used(1, figures(7), figures(1))
        self.assert_used(2, figures(2))

    def test_a_task_that_ran_out_of_time_is_ended_and_its_process_goes_on(self):
        gate = self.gate()
        hangs = does(2, wait_for=str(gate))
        self.model(does(1), hangs, hangs | {"when": "Continue with the task above"}, does(3))
        self.usage_is_known = False  # an answer that was never given has no figures
        self.assign(1, (2, {"time_limit_seconds": 1}), 3)
        self.run_batch(code=1)
        self.assertEqual(self.states(), ["done", "error", "done"])
        self.assertEqual(self.processes(), [1])
        for number in (1, 3):
            self.assert_used(number, figures(number))

    def test_each_task_starts_from_the_checkpoint_of_the_preamble(self):
        self.model(says(0, when="What all tasks of batch", usage=figures(0)), does(1), does(2))
        self.assign(1, 2, preamble="The house rules are few.", way="fork")
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done"])
        self.assertEqual(self.tasks_told(), [[], ["t1"], ["t2"]])
        for number in (1, 2):
            self.assert_used(number, figures(number))


class Exec(OneThread, CodexTest):
    """Of a turn that failed `codex exec` tells no figures, so the batch's are not known in full."""

    agent_options = ("--codex-exec",)
    processes_for_three = 3
    tells_of_failures = False

    def test_what_a_failed_turn_used_is_not_lost(self):
        self.usage_is_known = False
        broken = fails("Task 1 of", 400, "invalid_request_error", tools=[LOOKS], usage=figures(7))
        self.model(broken, does(1), does(2))
        self.assign(1, 2)
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done"])
        self.assertEqual(self.task(1)["attempts"], 1)
        self.assert_used(1, figures(7), figures(1))
        self.assert_used(2, figures(2))
        self.assertEqual([self.account(number)["complete"] for number in (1, 2)], [False, True])
