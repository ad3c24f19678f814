"""What the tests with real agent programs share: a scratch home and project, the stub of the model, and `cobatch`.

run.sh starts them. COBATCH names the program, COBATCH_AGENTS the folder that fetch.sh has installed the agents into.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
COBATCH = os.environ["COBATCH"]
AGENTS = Path(os.environ["COBATCH_AGENTS"]).resolve() / "node_modules" / ".bin"
PATIENCE = 60  # seconds until a wait counts as failed
BATCH = "docs"


def used(number):
    """What the stub's answer to the task of this number reports: no two figures of any tasks are the same."""
    return {
        "input": 3 + number,
        "cache_write_5m": 400 + 10 * number,
        "cache_write_1h": 70 + number,
        "cache_read": 30_000 + 1_000 * number,
        "output": 200 + number,
    }


def says(number, status="done", when=None, **more):
    """The step of a scenario in which the model does the task of this number; its output is `answer NUMBER`."""
    line = json.dumps({"status": status, "summary": f"summary {number}"})
    step = {"when": when or f"Task {number} of", "text": f"answer {number}\nCOBATCH {line}", "usage": used(number)}
    return step | more


def fails(when, status, kind, **more):
    """The step in which the model's provider answers with an error."""
    return {"when": when, "status": status, "error": {"type": kind, "message": f"the stub's {status}"}} | more


def summed(usages):
    """The sum of what the stub reported, as Cobatch names it; what is 0 is left out."""
    total = sum(map(Counter, usages), Counter())
    total["uncached_input"] = total.pop("input", 0)
    return +total


class AgentTest(unittest.TestCase):
    """Each test has a home, a project and a stub of its own; at its end, the accounts are compared with the stub's."""

    agent = ""
    agent_options = ()
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cobatch-agents-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.project = self.folder / "project"
        self.bodies = self.folder / "bodies"
        self.programs = self.folder / "bin"
        for made in (self.project, self.bodies, self.programs):
            made.mkdir()
        self.log = self.folder / "stub.log"
        self.environment = {}
        self.batches = []
        self.usage_is_known = True

    def tearDown(self):
        self.check_accounts()

    # -------------------------------------------------------------------------------------------------- the model

    def model(self, *steps):
        """Starts the stub with this scenario, and has the agents find it."""
        scenario = self.folder / "scenario.json"
        scenario.write_text(json.dumps(steps))
        arguments = ["--scenario", scenario, "--log", self.log, "--bodies", self.bodies]
        stub = subprocess.Popen([sys.executable, HERE / "model_stub.py", *arguments], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, stub)
        command = f'. {shlex.quote(str(HERE))}/environment.sh; agent_environment "$0" "$1"; env -0'
        told = subprocess.check_output(["bash", "-c", command, self.folder, stub.stdout.readline().strip()], text=True)
        self.environment = dict(entry.split("=", 1) for entry in told.split("\0") if entry)
        self.environment["PATH"] = f"{self.programs}:{AGENTS}:{self.environment['PATH']}"

    def answers(self):
        """What the stub has logged of each of its answers."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def served(self):
        """What its complete answers reported."""
        return [answer["usage"] for answer in self.answers() if answer["usage"]]

    def requests(self):
        """All that the stub was asked, in order."""
        files = sorted(self.bodies.iterdir(), key=lambda file: int(file.stem))
        return [json.loads(file.read_text()) for file in files]

    def gate(self, name="gate"):
        """A file for a step's `wait_for`."""
        return self.folder / name

    def await_request(self, gate):
        """Until the stub holds a request back at this gate."""
        self.until(gate.with_name(gate.name + ".waiting").exists, f"no request came to {gate}")

    def until(self, happened, otherwise):
        deadline = time.monotonic() + PATIENCE
        while not happened():
            self.assertLess(time.monotonic(), deadline, otherwise)
            time.sleep(0.01)

    # --------------------------------------------------------------------------------------------------- the agent

    def wrap_agent(self, first):
        """From here on, the agent's program is started by a shell script that does this first."""
        wrapper = self.programs / self.agent
        wrapper.write_text(f'#!/bin/bash\n{first}\nexec {shlex.quote(str(AGENTS / self.agent))} "$@"\n')
        wrapper.chmod(0o755)

    def processes(self):
        """How many processes of the agent each session started, in order."""
        sessions = sorted((self.project / "data/.cobatch/sessions").iterdir(), key=lambda folder: int(folder.name))
        return [len(list(session.glob("*.out"))) for session in sessions]

    # ---------------------------------------------------------------------------------------------------- cobatch

    def cobatch(self, *arguments, stdin=""):
        return subprocess.run(
            [COBATCH, *map(str, arguments)],
            cwd=self.project,
            env=self.environment,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )

    def call(self, action, **params):
        request = {"tool_name": "claude_assistant", "action": action, "params": params}
        return json.loads(self.cobatch("call", stdin=json.dumps(request)).stdout)

    def assign(self, *tasks, batch=BATCH, **settings):
        """A sealed batch. A task is a number, or a pair of that and what else is said of it; task 1 has the id t1."""
        specs = []
        for task in tasks:
            number, more = task if isinstance(task, tuple) else (task, {})
            specs.append({"task_id": f"t{number}", "description": f"Document feature {number}"} | more)
        reply = self.call("assign_batch", batch_id=batch, tasks=specs, **settings)
        self.assertEqual(reply["status"], "success", reply)
        self.batches.append(batch)

    def run_arguments(self, batch, options):
        return ["run", batch, "--agent", self.agent, *self.agent_options, *options]

    def run_batch(self, *options, batch=BATCH, code=0):
        """Runs it to the end; what was printed."""
        ran = self.cobatch(*self.run_arguments(batch, options))
        self.assertEqual(ran.returncode, code, ran.stdout)
        return ran.stdout

    def start_batch(self, *options, batch=BATCH):
        """Runs it in the background; what it prints can be read from its `stdout`."""
        arguments = self.run_arguments(batch, options)
        ran = subprocess.Popen(
            [COBATCH, *arguments], cwd=self.project, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(self.end, ran)
        return ran

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        process.stdout.close()

    def status(self, batch=BATCH):
        return self.call("batch_status", batch_id=batch)

    def states(self, batch=BATCH):
        return [task["status"] for task in self.status(batch)["tasks"]]

    def task(self, number):
        """Its record, as the file for people shows it."""
        return json.loads((self.project / "data/claude_task_queue.json").read_text())["tasks"][f"t{number}"]

    def result(self, number):
        return self.call("get_task_result", task_id=f"t{number}")

    # --------------------------------------------------------------------------------------------------- accounts

    def savings(self, batch=BATCH):
        return json.loads(self.cobatch("savings", batch, "--json").stdout)

    def account(self, number):
        """What is known of what a task used, in all its turns."""
        return next(entry for entry in self.savings()["by_task"] if entry["task_id"] == f"t{number}")

    def assert_used(self, number, *usages):
        self.assertEqual(+Counter(self.account(number)["tokens"]), summed(usages))

    def check_accounts(self):
        """All that was served is accounted for, or the accounts say that they do not know it all."""
        reports = [self.savings(batch) for batch in self.batches]
        self.assertTrue(all("total" in report for report in reports), reports)
        totals = [report["total"] for report in reports]
        self.assertEqual(all(total["complete"] for total in totals), self.usage_is_known, totals)
        if self.usage_is_known:
            counted = sum((Counter(total["tokens"]) for total in totals), Counter())
            self.assertEqual(counted, summed(self.served()))
