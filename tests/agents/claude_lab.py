"""What the tests with Claude Code share: what its requests tell of its conversations."""

import json
import re

from lab import AgentTest


def said_by_user(request):
    """The texts of the request's conversation so far, without the program's own remarks."""
    said = []
    for message in request["messages"]:
        if message["role"] == "user":
            blocks = message["content"]
            said += [blocks] if isinstance(blocks, str) else [block["text"] for block in blocks if "text" in block]
    return [text for text in said if not text.startswith("<system-reminder>")]


class ClaudeTest(AgentTest):
    agent = "claude"

    def conversations(self):
        """The id of each request's conversation."""
        return [json.loads(request["metadata"]["user_id"])["session_id"] for request in self.requests()]

    def tasks_told(self):
        """Of each request, the tasks that its conversation has been told so far, one more time for each time."""
        return [re.findall(r"\(task id (\w+)\)", "\n".join(said_by_user(request))) for request in self.requests()]

    def prompts(self):
        """Of each request, what the user said last."""
        return [said_by_user(request)[-1] for request in self.requests()]
