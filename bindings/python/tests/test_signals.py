"""Ctrl-C ends every wait and every run, properly."""

import select
import signal
import unittest

from support import WorkspaceTest

# What the children share. `Waiting` works until it is interrupted, and says when it has begun.
AGENTS = """
class Waiting(cobatch.Agent):
    def __init__(self):
        self.told = threading.Event()

    def turn(self, request):
        print("begun", flush=True)
        self.told.wait()
        return cobatch.Completion("cut short", end="stopped")

    def interrupt(self):
        self.told.set()

"""


class CtrlC(WorkspaceTest):
    def interrupted(self, code):
        """Sends a child SIGINT once it has said that it has begun; it must end as Python ends by Ctrl-C."""
        child = self.child(AGENTS + code)
        self.assertEqual(child.stdout.readline(), "begun\n", child.poll() and child.stderr.read())
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate()
        self.assertEqual(child.returncode, -signal.SIGINT, errors)
        self.assertIn("KeyboardInterrupt", errors)

    def test_ends_a_wait(self):
        self.assign("a")
        self.interrupted('print("begun", flush=True)\nws.wait("docs")\n')

    def test_ends_a_wait_for_events(self):
        self.interrupted('print("begun", flush=True)\nfor event in ws.events(): pass\n')

    def test_ends_a_wait_by_request(self):
        self.assign("a")
        self.interrupted('print("begun", flush=True)\nws.call("wait_batch", batch_id="docs", timeout_seconds=40)\n')

    def test_stops_a_run_and_settles_what_runs(self):
        self.assign("a", "b")
        self.interrupted("ws.run(Waiting(), stop_grace=0)\n")
        self.assertEqual(self.states(), {"a": "queued", "b": "queued"})
        self.assertFalse(self.ws.lock().lock.held)
        self.assertEqual([session.end for session in self.ws.sessions()], ["stopped"])

    def test_lets_the_running_turn_finish_in_its_grace(self):
        self.assign("a", "b")
        self.interrupted(
            """
class Slow(cobatch.Agent):
    def turn(self, request):
        print("begun", flush=True)
        time.sleep(0.3)
        return "finished after all"

ws.run(Slow())
"""
        )
        self.assertEqual(self.states(), {"a": "done", "b": "queued"})

    def test_twice_ends_the_grace(self):
        self.assign("a")
        child = self.child(AGENTS + "ws.run(Waiting(), stop_grace=3600)\n")
        self.assertEqual(child.stdout.readline(), "begun\n")
        while child.poll() is None:
            child.send_signal(signal.SIGINT)
            select.select([child.stdout], [], [], 0.2)  # two that come at once are one; at its end it is readable
        self.assertEqual(self.states(), {"a": "queued"})

    def test_stops_an_engine_where_the_block_ends(self):
        self.assign("a")
        self.interrupted('with ws.engine(Waiting(), stop_grace=0):\n    ws.wait("docs")\n')
        self.assertEqual(self.states(), {"a": "queued"})
        self.assertFalse(self.ws.lock().lock.held)

    def test_gives_back_the_turn_of_a_session(self):
        self.assign("a")
        self.interrupted(
            """
with ws.session() as session:
    for turn in session:
        print("begun", flush=True)
        time.sleep(3600)
"""
        )
        self.assertEqual(self.states(), {"a": "queued"})

    def test_cancels_what_asyncio_runs(self):
        self.assign("a")
        self.interrupted(
            """
import asyncio

class Later(cobatch.Agent):
    async def turn(self, request):
        print("begun", flush=True)
        await asyncio.Event().wait()

asyncio.run(ws.run_async(Later(), stop_grace=0))
"""
        )
        self.assertEqual(self.states(), {"a": "queued"})
        self.assertFalse(self.ws.lock().lock.held)

    def test_can_be_caught_and_the_workspace_used_on(self):
        self.assign("a")
        child = self.child(
            """
try:
    print("begun", flush=True)
    ws.wait("docs")
except KeyboardInterrupt:
    print(ws.find_batch("docs").batch.state)
"""
        )
        self.assertEqual(child.stdout.readline(), "begun\n")
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.communicate()[0], "sealed\n")


class OtherSignals(WorkspaceTest):
    def test_whose_handler_raises_end_a_wait_too(self):
        self.assign("a")
        child = self.child(
            """
import signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("begun", flush=True)
ws.wait("docs")
"""
        )
        self.assertEqual(child.stdout.readline(), "begun\n")
        child.terminate()
        self.assertEqual(child.wait(), 7)

    def test_whose_handler_returns_do_not(self):
        self.assign("a")
        child = self.child(
            """
import signal
signal.signal(signal.SIGUSR1, lambda *_: print("handled", flush=True))
print("begun", flush=True)
print(ws.wait("docs").batch.state)
"""
        )
        self.assertEqual(child.stdout.readline(), "begun\n")
        child.send_signal(signal.SIGUSR1)
        self.assertEqual(child.stdout.readline(), "handled\n")
        self.ws.cancel("a")
        self.assertEqual(child.stdout.readline(), "finished\n")


if __name__ == "__main__":
    unittest.main()
