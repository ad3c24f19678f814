"""The guide's own way with Claude Code: one `claude -p` gets all tasks in one prompt, and reports each by a call."""

import json
import shlex

from lab import COBATCH, AgentTest


class ByCalls(AgentTest):
    agent = "prompt"
    agent_options = ("--exec", "claude", "--exec-arg", "-p", "--exec-arg", "--allowedTools", "--exec-arg", "Bash")

    def tearDown(self):
        """What it tells is not what was served; that it is called told is checked below."""

    def shell(self, *commands):
        return {"name": "Bash", "input": {"command": "; ".join(commands)}}

    @staticmethod
    def in_shell(action, **params):
        words = [COBATCH, "call", action, *(f"{name}={value}" for name, value in params.items())]
        return shlex.join(words)

    def task_in_shell(self, number, status="done", tokens=None):
        commands = [self.in_shell("mark_task_in_progress", task_id=f"t{number}")]
        if tokens is not None:
            told = json.dumps({"tokens_input": tokens, "tokens_output": 7, "tool": "claude", "action": "docs"})
            commands.append(f"echo {shlex.quote(told)} > data/last_execution_telemetry.json")
        summary = f"summary {number}"
        commands.append(self.in_shell("log_task_completion", task_id=f"t{number}", status=status, output_summary=summary))
        return commands

    def test_one_process_does_all_tasks_and_logs_each(self):
        does_all = [command for number in (1, 2, 3) for command in self.task_in_shell(number)]
        self.model({"when": "task id t3", "tools": [self.shell(*does_all)], "text": "all done"})
        self.assign(1, 2, 3)
        printed = self.run_batch()
        self.assertIn("1 session, 3 turns: 3 done.", printed)
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.processes(), [1])
        self.assertEqual(self.result(2)["result"]["output_summary"], "summary 2")

    def test_what_it_tells_of_its_tokens_is_each_tasks_own(self):
        does_all = self.task_in_shell(1, tokens=45_000) + self.task_in_shell(2, tokens=1_500)
        self.model({"when": "task id t2", "tools": [self.shell(*does_all, "rm -f data/execute_queue.lock")], "text": "ok"})
        self.assign(1, 2)
        self.run_batch()
        told = [self.result(number)["result"] for number in (1, 2)]
        self.assertEqual([one["tokens_input"] for one in told], [45_000, 1_500])
        self.assertEqual({one["tokens_source"] for one in told}, {"told"})

    def test_a_task_that_it_forgot_to_log_is_tried_again_in_a_new_session(self):
        begins = self.in_shell("mark_task_in_progress", task_id="t1")
        self.model(
            {"when": "task id t1", "tools": [self.shell(begins)], "text": "I have done it"},
            {"when": "task id t1", "tools": [self.shell(*self.task_in_shell(1))], "text": "ok"},
        )
        self.assign(1)
        self.run_batch()
        self.assertEqual(self.states(), ["done"])
        self.assertEqual(self.task(1)["attempts"], 1)
        self.assertEqual(self.processes(), [1, 1])
