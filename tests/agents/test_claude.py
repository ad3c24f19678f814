"""Claude Code does a batch: in one process, with accounts to the token, and with what each task changed."""

import subprocess
import time

from claude_lab import ClaudeTest
from lab import COBATCH, HERE, says, used


class OneSession(ClaudeTest):
    def test_three_tasks_share_a_process_and_cost_what_was_served(self):
        self.model(says(1), says(2), says(3))
        self.assign(1, 2, 3)
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.processes(), [1])
        self.assertEqual(len(set(self.conversations())), 1)
        self.assertEqual(self.tasks_told(), [["t1"], ["t1", "t2"], ["t1", "t2", "t3"]])
        for number in (1, 2, 3):
            self.assert_used(number, used(number))
            self.assertEqual(self.result(number)["result"]["output_summary"], f"summary {number}")

    def test_the_agent_does_not_know_of_the_session_that_cobatch_was_started_in(self):
        self.model(says(1))
        self.environment["CLAUDECODE"] = "1"
        seen = self.folder / "seen"
        self.wrap_agent(f"compgen -e >{seen}")
        self.assign(1)
        self.run_batch()
        variables = seen.read_text().split()
        self.assertIn("HOME", variables)
        self.assertNotIn("CLAUDECODE", variables)

    def test_a_task_that_the_agent_could_not_do_is_an_error_and_the_others_are_done(self):
        self.model(says(1), says(2, status="error"), says(3))
        self.assign(1, 2, 3)
        self.run_batch(code=1)
        self.assertEqual(self.states(), ["done", "error", "done"])
        self.assertEqual(self.result(2)["result"]["status_source"], "reported")
        self.assertEqual(self.processes(), [1])

    def test_ten_tasks_take_one_session_or_ten_processes(self):
        """How long, is for people to see."""
        seconds = {}
        self.model(*(says(number, times=2) for number in range(1, 11)))
        for way, processes in (("one_session", 1), ("separate", 10)):
            tasks = [(number, {"task_id": f"{way}_{number}"}) for number in range(1, 11)]
            self.assign(*tasks, batch=way, way=way)
            began = time.monotonic()
            self.run_batch(batch=way)
            seconds[way] = time.monotonic() - began
            self.assertEqual(self.states(way), ["done"] * 10)
            self.assertEqual(self.processes()[-1], processes)
        print(
            f"\nten tasks of Claude Code, answered at once: {seconds['one_session']:.2f} s in one session, "
            f"{seconds['separate']:.2f} s in ten processes: {seconds['separate'] / seconds['one_session']:.1f} times"
        )


class WorkTree(ClaudeTest):
    """Each task writes a file in a git repository."""

    def setUp(self):
        super().setUp()
        self.model(*(self.writes(number) for number in (1, 2, 3)))
        self.git("init", "--quiet")
        (self.project / "there").write_text("before\n")
        self.git("add", "there")
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "first")

    def writes(self, number):
        """The step in which the model does the task by writing the file of its number."""
        write = {"name": "Write", "input": {"file_path": str(self.file(number)), "content": f"{number}\n"}}
        return says(number, tools=[write])

    def file(self, number):
        return self.project / f"file_{number}"

    def git(self, *arguments):
        return subprocess.check_output(["git", *arguments], cwd=self.project, env=self.environment, text=True)

    def test_a_task_is_said_to_have_changed_its_own_files_and_git_is_left_alone(self):
        def git():
            return [self.git("log", "--all", "--format=%H"), (self.project / ".git/index").read_bytes()]

        before = git()
        self.assign(1, 2, 3)
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(git(), before)
        for number in (1, 2, 3):
            result = self.result(number)["result"]
            self.assertEqual((result["files_changed"], result["commits"]), ([f"file_{number}"], []))
            self.assertEqual(self.file(number).read_text(), f"{number}\n")

    def test_a_task_whose_tool_was_denied_is_not_done(self):
        self.assign(1, 2, 3)
        self.run_batch("--permission", "default", code=1)
        self.assertEqual(self.states(), ["error", "error", "error"])
        for number in (1, 2, 3):
            result = self.result(number)["result"]
            self.assertEqual((result["reason"], result["files_changed"]), ("permission_denied", []))
            self.assertIn("--allow Write", result["detail"])
            self.assertFalse(self.file(number).exists())

    def test_a_task_has_no_tool_but_those_it_names(self):
        self.assign((1, {"tools": ["Read", "Grep"]}))
        self.run_batch()
        offered = {tool["name"] for tool in self.requests()[0]["tools"]}
        self.assertLessEqual({"Read", "Grep"}, offered)
        self.assertTrue(offered.isdisjoint({"Write", "Edit", "Bash", "Agent"}), offered)
        self.assertFalse(self.file(1).exists())


class Example(ClaudeTest):
    def check_accounts(self):
        """The example has a project of its own, which is gone."""

    def test_the_example_shows_three_tasks_with_their_accounts(self):
        told = [says(number, when=f"task id {name}") for number, name in ((1, "alpha"), (2, "beta"), (3, "gamma"))]
        self.model(says(0, when="What all tasks of batch"), *told)
        environment = self.environment | {"COBATCH": COBATCH}
        example = HERE.parent.parent / "examples/agents/three_tasks.sh"
        shown = subprocess.check_output([example, "claude"], env=environment, text=True, stderr=subprocess.DEVNULL)
        for line in ("alpha done []", "beta done []", "gamma done []", "the guide's count"):
            self.assertIn(line, shown)
