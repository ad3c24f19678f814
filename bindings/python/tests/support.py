"""What the tests share: a workspace in a scratch folder, agents, and child processes."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

import cobatch

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(cobatch.__file__)))


class WorkspaceTest(unittest.TestCase):
    """Each test has a workspace of its own, `self.ws`, in `self.root`."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cobatch-test-")
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.ws = cobatch.open(self.root)
        self.addCleanup(self.ws.close)

    def assign(self, *ids, batch="docs", **more):
        """A sealed batch of tasks with these ids."""
        return self.ws.assign_batch([cobatch.TaskSpec(id, f"Do {id}") for id in ids], batch=batch, **more)

    def states(self, batch="docs"):
        return {task.id: task.state for task in self.ws.tasks(batch=batch)}

    def script(self, text):
        """A file in the workspace; its path."""
        path = os.path.join(self.root, "script")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def child(self, code, **popen):
        """A Python process that runs `code` with `ws`, the workspace; killed with the test."""
        begin = f"import os, sys, threading, time\nimport cobatch\nws = cobatch.open({self.root!r})\n"
        process = subprocess.Popen(
            [sys.executable, "-c", begin + textwrap.dedent(code)],
            env={**os.environ, "PYTHONPATH": PACKAGE},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **popen,
        )
        self.addCleanup(self._reap, process)
        return process

    @staticmethod
    def _reap(process):
        process.kill()
        process.communicate()


class Echo(cobatch.Agent):
    """Answers at once; keeps what it was asked."""

    def __init__(self, name="echo"):
        self.name = name
        self.asked = []

    def turn(self, request):
        self.asked.append(request)
        return f"Did {request.task}"


class Calls(cobatch.Agent):
    """An agent whose turn is a function of the request."""

    def __init__(self, work, name="calls"):
        self.name = name
        self.work = work

    def turn(self, request):
        return self.work(request)
