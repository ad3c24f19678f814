"""The provider, or the machine, refuses: the batch waits, visibly, and no task is lost or charged for it."""

from claude_lab import ClaudeTest
from lab import BATCH, fails, says, used


def usage_limit(until):
    """The headers of a subscription whose limit is over at this time."""
    said = {"status": "rejected", "reset": until, "representative-claim": "five_hour", "overage-status": "rejected"}
    said |= {"5h-status": "rejected", "5h-reset": until, "5h-utilization": "1.0"}
    return {f"anthropic-ratelimit-unified-{name}": value for name, value in said.items()}


class Limits(ClaudeTest):
    def run_over_limit(self, *options):
        """Runs three tasks; how the workspace stood while the session rested."""
        self.assign(1, 2, 3)
        run = self.start_batch(*options)
        for line in run.stdout:
            if "waits until" in line:
                break
        status = self.cobatch("status", BATCH).stdout
        run.communicate()
        self.assertEqual(run.returncode, 0)
        return status

    def check_went_on(self):
        self.assertEqual(self.states(), ["done", "done", "done"])
        self.assertEqual(self.processes(), [1])
        self.assertEqual(len(set(self.conversations())), 1)
        self.assertEqual((self.task(2)["attempts"], self.task(2)["interruptions"]), (0, 0))
        self.assertFalse(self.result(2)["result"]["context_reloaded"])
        self.assert_used(2, used(2))

    def test_a_session_rests_until_the_usage_limit_of_a_subscription_is_over(self):
        refused = fails("Task 2 of", 429, "rate_limit_error", headers=usage_limit({"after": 2}))
        self.model(says(1), refused, says(2, when="Continue with the task above"), says(3))
        del self.environment["ANTHROPIC_API_KEY"]
        self.environment["CLAUDE_CODE_OAUTH_TOKEN"] = "stub"
        status = self.run_over_limit()
        self.assertRegex(status, "waits until .*: You've hit your .*limit")
        self.check_went_on()
        _, refusal, retry, _ = self.answers()
        self.assertGreater(retry["time"], refusal["time"] + 2)

    def test_a_session_rests_while_the_provider_is_overloaded(self):
        refused = fails("Task 2 of", 529, "overloaded_error")
        self.model(says(1), refused, says(2, when="Continue with the task above"), says(3))
        self.environment["CLAUDE_CODE_MAX_RETRIES"] = "0"
        status = self.run_over_limit("--limit-wait", "2")
        self.assertRegex(status, "waits until .*: .*529")
        self.check_went_on()


class Held(ClaudeTest):
    """No task can be done until a person has seen to it."""

    def check_held(self, printed, advice):
        self.assertEqual(self.states(), ["queued"] * 5)
        self.assertIn(advice, printed)
        self.assertIn(advice, self.cobatch("status").stdout)

    def run_again(self):
        self.run_batch()
        self.assertEqual(self.states(), ["done"] * 5)
        for number in range(1, 6):
            self.assertEqual(self.task(number)["attempts"], 0)

    def test_nobody_is_logged_in(self):
        self.model(*(says(number) for number in range(1, 6)))
        key = self.environment.pop("ANTHROPIC_API_KEY")
        self.assign(1, 2, 3, 4, 5)
        printed = self.run_batch(code=6)
        self.check_held(printed, "log the agent in, or give it a valid API key")
        self.environment["ANTHROPIC_API_KEY"] = key
        self.run_again()

    def test_there_is_no_such_model(self):
        refused = fails("", 404, "not_found_error", times=2)  # it asks twice
        self.model(refused, *(says(number) for number in range(1, 6)))
        self.assign(1, 2, 3, 4, 5)
        printed = self.run_batch("--model", "claude-nothing", code=6)
        self.check_held(printed, "name a model that this account can use")
        self.run_again()

    def test_the_program_is_not_installed(self):
        self.model(*(says(number) for number in range(1, 6)))
        path, self.environment["PATH"] = self.environment["PATH"], str(self.programs)
        self.assign(1, 2, 3, 4, 5)
        printed = self.run_batch(code=5)
        self.assertIn("Install it", printed)
        self.assertEqual(self.states(), ["queued"] * 5)
        self.environment["PATH"] = path
        self.run_again()
