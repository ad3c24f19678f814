"""What a conversation of Claude Code holds: the preamble, the tasks before, and what a task needs."""

from claude_lab import ClaudeTest, said_by_user
from lab import says, used

PREAMBLE = says(0, when="What all tasks of batch", text="ready")
STYLE = "Write short sentences."


class Ways(ClaudeTest):
    """Three tasks share a preamble with a file."""

    def run_way(self, way):
        self.model(PREAMBLE, says(1), says(2), says(3))
        (self.project / "style.md").write_text(STYLE)
        self.assign(1, 2, 3, way=way, preamble="The house rules are:", context_files=["style.md"])
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        for request in self.requests():
            self.assertEqual("\n".join(said_by_user(request)).count(STYLE), 1)

    def check_preamble_is_apart(self):
        """In the accounts it is no task's; in the results it is with the first task's figures."""
        for number in (1, 2, 3):
            self.assert_used(number, used(number))
        first, second, third = (self.result(number)["result"] for number in (1, 2, 3))
        loaded = [used(number) for number in (0, 1, 2, 3)]
        loaded = [one["input"] + one["cache_write_5m"] + one["cache_write_1h"] for one in loaded]
        self.assertEqual(first["tokens_preamble_input"], loaded[0])
        self.assertEqual(first["tokens_input"], loaded[0] + loaded[1])
        self.assertEqual([second["tokens_input"], third["tokens_input"]], loaded[2:])

    def test_one_session_is_told_the_preamble_once_before_the_tasks(self):
        self.run_way("one_session")
        self.assertEqual(self.tasks_told(), [[], ["t1"], ["t1", "t2"], ["t1", "t2", "t3"]])
        self.assertEqual(self.processes(), [1])
        self.check_preamble_is_apart()

    def test_forks_see_the_preamble_and_nothing_of_each_other(self):
        self.run_way("fork")
        self.assertEqual(self.tasks_told(), [[], ["t1"], ["t2"], ["t3"]])
        self.assertEqual(len(set(self.conversations())), 4)
        self.check_preamble_is_apart()

    def test_separate_tasks_load_the_preamble_each_for_itself(self):
        self.run_way("separate")
        self.assertEqual(self.tasks_told(), [["t1"], ["t2"], ["t3"]])
        self.assertEqual(self.processes(), [3])


class OwnConversation(ClaudeTest):
    def test_a_task_with_another_model_has_a_conversation_of_its_own_and_it_is_said(self):
        self.model(says(1), says(2), says(3))
        self.assign(1, (2, {"model": "claude-haiku-5-5"}), 3)
        printed = self.run_batch()
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.tasks_told()[1], ["t2"])
        models = [request["model"] for request in self.requests()]
        self.assertEqual(models[1], "claude-haiku-5-5")
        self.assertNotIn("claude-haiku-5-5", (models[0], models[2]))
        self.assertIn("task t2 runs in a conversation of its own", printed)
        self.assertTrue(self.result(2)["result"]["context_reloaded"])


class Needs(ClaudeTest):
    NEEDED = "Task t1 was done before; its answer:\n\nanswer 1\n"

    def test_a_needed_answer_stands_in_the_prompt_of_a_fork(self):
        self.model(PREAMBLE, says(1), says(2))
        self.assign(1, (2, {"needs": ["t1"]}), way="fork", preamble="The house rules are few.")
        self.run_batch()
        self.assertIn(self.NEEDED, self.prompts()[2])

    def test_a_needed_answer_stands_in_the_prompt_after_the_conversation_was_cleared(self):
        self.model(says(1), says(2, wait_for=str(self.gate("never"))), says(3))
        self.assign(1, (2, {"max_attempts": 1, "time_limit_seconds": 2}), (3, {"needs": ["t1"]}))
        self.run_batch(code=1)
        self.usage_is_known = False
        self.assertEqual(self.states(), ["done", "error", "done"])
        self.assertEqual(self.tasks_told()[2], ["t3"])
        self.assertIn(self.NEEDED, self.prompts()[2])

    def test_a_needed_answer_is_not_repeated_where_it_stands(self):
        self.model(says(1), says(2))
        self.assign(1, (2, {"needs": ["t1"]}))
        self.run_batch()
        self.assertNotIn(self.NEEDED, self.prompts()[1])
