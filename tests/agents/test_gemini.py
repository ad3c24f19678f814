"""Gemini CLI does a batch: a process and a conversation a task."""

import json
import re

from lab import AgentTest, says, used


def figures(number):
    """Gemini does not tell what was written to the cache."""
    return used(number) | {"cache_write_5m": 0, "cache_write_1h": 0, "reasoning": 10 + number}


class GeminiTest(AgentTest):
    agent = "gemini"
    agent_options = ("--model", "gemini-2.5-flash")  # without it, another model is asked first which one to take

    def test_each_task_has_a_conversation_of_its_own_and_costs_what_was_served(self):
        self.model(says(1, usage=figures(1)), says(2, usage=figures(2)))
        self.assign(1, 2, preamble="The house rules are few.")
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done"])
        self.assertEqual(self.processes(), [2])
        told = [json.dumps(request["contents"]) for request in self.requests()]
        self.assertEqual([re.findall(r"\(task id (\w+)\)", text) for text in told], [["t1"], ["t2"]])
        self.assertEqual([text.count("The house rules are few.") for text in told], [1, 1])
        for number in (1, 2):
            self.assert_used(number, figures(number))
            self.assertEqual(self.result(number)["result"]["output_summary"], f"summary {number}")

    def test_a_missing_key_holds_the_batch(self):
        self.model(says(1, usage=figures(1)), says(2, usage=figures(2)))
        key = self.environment.pop("GEMINI_API_KEY")
        self.assign(1, 2)
        printed = self.run_batch(code=6)
        self.assertIn("log the agent in, or give it a valid API key", printed)
        self.assertEqual(self.states(), ["queued", "queued"])
        self.environment["GEMINI_API_KEY"] = key
        self.run_batch()
        self.assertEqual(self.states(), ["done", "done"])
        self.usage_is_known = False  # of the turn that was refused the program tells no figures
