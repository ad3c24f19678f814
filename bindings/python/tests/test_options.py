"""What is said of agents and runs reaches the programs and the engine."""

import json
import logging
import os
import pathlib
import unittest

import cobatch
from support import Calls, Echo, WorkspaceTest

NOTES_ITS_ARGUMENTS = """#!/bin/sh
[ "$*" = "app-server --help" ] && echo "Usage: codex app-server" && exit 0
printf '%s\\n' "$@" >arguments
exit 1
"""


class OptionsTest(WorkspaceTest):
    def program(self, text):
        """An executable in the workspace; its path."""
        path = self.script(text)
        os.chmod(path, 0o700)
        return path

    def reason(self, task):
        return self.ws.task(task).result.reason


class OfAgents(OptionsTest):
    def setUp(self):
        super().setUp()
        self.noting = self.program(NOTES_ITS_ARGUMENTS)

    def arguments(self, agent, name):
        """What the program got for a task of a batch that names the agent."""
        self.assign("a", agent=name)
        self.ws.run(agent)
        with open(os.path.join(self.root, "arguments"), encoding="utf-8") as file:
            return file.read().split("\n")[:-1]

    def assert_said(self, arguments, **flags):
        for flag, value in flags.items():
            with self.subTest(flag):
                self.assertEqual(arguments[arguments.index("--" + flag.replace("_", "-")) + 1], value)

    def test_claude(self):
        agent = cobatch.claude(
            program=self.noting,
            tools=["Read", "WebFetch"],
            allowed_tools=["Bash(git *)"],
            model="large",
            permission_mode="plan",
            system_prompt="Be brief.",
            mcp_config=pathlib.Path("servers.json"),
            max_turns=7,
            max_usd="2.5",
            extra_arguments=["--debug"],
            grace=1,
        )
        arguments = self.arguments(agent, "claude")
        self.assert_said(
            arguments,
            tools="Read,WebFetch,Bash",
            allowedTools="Bash(git *)",
            model="large",
            permission_mode="plan",
            append_system_prompt="Be brief.",
            mcp_config="servers.json",
            max_turns="7",
            max_budget_usd="2.50",
        )
        self.assertEqual(arguments[-1], "--debug")

    def test_claude_that_are_not_said_are_its_defaults(self):
        arguments = self.arguments(cobatch.claude(program=self.noting), "claude")
        self.assert_said(arguments, tools="Read,Glob,Grep,Edit,Write", permission_mode="acceptEdits")
        unsaid = {"--allowedTools", "--model", "--append-system-prompt", "--mcp-config", "--max-turns"}
        self.assertFalse({*unsaid, "--max-budget-usd"} & set(arguments))

    def test_claude_with_a_list_of_no_tools_has_none(self):
        self.assert_said(self.arguments(cobatch.claude(program=self.noting, tools=()), "claude"), tools="")

    def test_codex(self):
        agent = cobatch.codex(
            program=self.noting,
            model="large",
            app_server=False,
            sandbox="read-only",
            extra_arguments=["--config", "a=1"],
            grace=1,
        )
        arguments = self.arguments(agent, "codex")
        self.assertEqual(arguments[0], "exec")
        self.assert_said(arguments, model="large", sandbox="read-only", config="a=1")

    def test_codex_is_driven_by_its_app_server(self):
        self.assertEqual(self.arguments(cobatch.codex(program=self.noting), "codex"), ["app-server"])

    def test_gemini(self):
        agent = cobatch.gemini(
            program=self.noting, model="large", approval_mode="yolo", extra_arguments=["--debug"], grace=1
        )
        arguments = self.arguments(agent, "gemini")
        self.assert_said(arguments, model="large", approval_mode="yolo")
        self.assertIn("--debug", arguments)

    def test_prompt(self):
        told = self.program("#!/bin/sh\nprintf '%s\\n' \"$@\" >arguments\ncat >prompt\n")
        call = "/opt/cobatch call --state /var/x"
        agent = cobatch.prompt([pathlib.Path(told), "-p", "two words"], call=call, grace=1)
        self.assertEqual(self.arguments(agent, "prompt"), ["-p", "two words"])
        with open(os.path.join(self.root, "prompt"), encoding="utf-8") as file:
            self.assertIn(f"begin:  {call} mark_task_in_progress", file.read())

    def test_that_make_no_sense_are_refused(self):
        for error, make in (
            (cobatch.BadValue, lambda: cobatch.claude(max_turns=-1)),
            (cobatch.BadValue, lambda: cobatch.claude(max_usd=-1)),
            (cobatch.BadValue, lambda: cobatch.claude(max_usd="much")),
            (cobatch.BadValue, lambda: cobatch.claude(grace=-1)),
            (cobatch.BadValue, lambda: cobatch.codex(sandbox="a\0b")),
            (cobatch.BadValue, lambda: cobatch.prompt([])),
            (TypeError, lambda: cobatch.prompt("claude -p")),
            (TypeError, lambda: cobatch.claude(tools="Read")),
            (TypeError, lambda: cobatch.claude(allowed_tools="Bash")),
            (TypeError, lambda: cobatch.codex(extra_arguments="--oss")),
            (TypeError, lambda: cobatch.gemini(extra_arguments="--debug")),
        ):
            with self.assertRaises(error):
                make()


class OfRuns(OptionsTest):
    def setUp(self):
        super().setUp()
        self.prices = self.write("prices.json", json.dumps({"m": {"input_cost_per_token": 0.00001}}))
        self.spender = Calls(lambda request: cobatch.Completion("ok", usage=cobatch.Usage("m", uncached_input=100)))

    def write(self, name, text):
        path = pathlib.Path(self.root, name)
        path.write_text(text, encoding="utf-8")
        return path

    def test_a_check_is_run_only_where_checks_are_allowed(self):
        for allowed, reason in ((False, "not_allowed"), (True, "check_failed")):
            with self.subTest(allowed=allowed):
                self.ws.assign(reason, "Do it", check=["sh", "-c", "echo >checked; exit 3"])
                self.ws.run(Echo(), allow_checks=allowed)
                self.assertEqual(self.reason(reason), reason)
                self.assertEqual(os.path.exists(os.path.join(self.root, "checked")), allowed)

    def test_a_check_that_takes_longer_than_its_limit_has_failed(self):
        self.ws.assign("a", "A", check=["sleep", "1000"])
        self.ws.run(Echo(), allow_checks=True, check_limit=0.001)
        self.assertEqual(self.reason("a"), "check_failed")

    def assert_spent_by_one_task(self, budget):
        self.assign("a", "b")
        self.assertEqual(self.ws.run(self.spender, prices=self.prices, day_budget=budget).turns, 1)
        self.assertEqual(self.states(), {"a": "done", "b": "queued"})

    def test_at_the_days_budget_in_tokens_what_is_left_stays_queued(self):
        self.assert_spent_by_one_task(cobatch.Budget(tokens=100))

    def test_at_the_days_budget_in_dollars_what_is_left_stays_queued(self):
        self.assert_spent_by_one_task(cobatch.Budget(usd="0.001"))

    def test_a_days_budget_in_dollars_needs_prices(self):
        self.assign("a")
        budget = cobatch.Budget(usd=1)
        with self.assertRaisesRegex(cobatch.BadValue, "prices"):
            self.ws.run(self.spender, day_budget=budget)
        with self.assertRaisesRegex(cobatch.BadValue, "prices"):
            self.ws.engine(self.spender, day_budget=budget)
        self.assertEqual(self.states(), {"a": "queued"})

    def test_a_file_of_prices_that_cannot_be_used_is_an_error_that_names_it(self):
        self.assign("a")
        for error, prices in (
            (cobatch.IoError, os.path.join(self.root, "missing")),
            (cobatch.BadJson, self.write("bad", "{")),
            (cobatch.WrongType, self.write("list", "[]")),
        ):
            with self.subTest(error.__name__), self.assertRaisesRegex(error, str(prices)):
                self.ws.run(self.spender, prices=prices)
        self.assertEqual(self.states(), {"a": "queued"})

    def test_what_looks_wrong_with_a_model_that_nobody_uses_is_not_logged(self):
        with self.assertNoLogs("cobatch", logging.WARNING):
            self.ws.run(self.spender, prices=self.write("wrong", json.dumps({"n": {"input_cost_per_token": -1}})))

    def test_of_an_agent_that_is_silent_a_notice_tells(self):
        answer = json.dumps({"type": "result", "session_id": "talk", "result": "ok"})
        agent = self.talking(f"until [ -e noticed ]; do sleep 0.01; done; echo '{answer}'")
        self.assign("a")
        with self.ws.events(timeout=60) as events, self.ws.engine(agent, quiet_after=0.001):
            next(event for event in events if event.kind == "notice")
            self.write("noticed", "")
            self.ws.wait("docs")
        self.assertEqual(self.states(), {"a": "done"})

    def test_at_a_providers_limit_a_session_rests_for_as_long_as_was_said(self):
        answer = {"type": "result", "session_id": "talk", "is_error": True, "api_error_status": 429, "result": "slow"}
        agent = self.talking(f"echo '{json.dumps(answer)}'")
        self.assign("a")
        with self.ws.events(timeout=60) as events, self.ws.engine(agent, limit_wait=900):
            next(event for event in events if event.kind == "paused")
            (session,) = self.ws.sessions()
            self.assertGreaterEqual((session.paused_until - session.started_at).total_seconds(), 900)

    def talking(self, answer):
        """Speaks as Claude Code does."""
        return cobatch.claude(program=self.program(f"#!/bin/sh\nwhile IFS= read -r line; do {answer}; done\n"))


if __name__ == "__main__":
    unittest.main()
