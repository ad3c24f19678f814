"""Objects free what they hold: once, in any order, in threads, after a fork and at the end of the interpreter."""

import gc
import os
import threading
import unittest
import warnings

import cobatch
from cobatch import _hosting
from cobatch._handles import Handle
from support import Calls, Echo, WorkspaceTest


class Closing(WorkspaceTest):
    def test_what_is_closed_says_so(self):
        self.ws.close()
        self.ws.close()
        with self.assertRaisesRegex(cobatch.Closed, "this workspace is closed"):
            self.ws.status()
        self.assertIn("closed", repr(self.ws))

    def test_a_block_closes_its_workspace(self):
        with cobatch.open(self.root) as other:
            pass
        with self.assertRaises(ValueError):
            other.assign("a", "A")

    def test_interrupts_what_waits_in_other_threads(self):
        self.assign("a", "b")
        other = cobatch.open(self.root)
        raised, begun, closed = [], threading.Event(), threading.Event()

        def run():
            try:
                other.run(Calls(lambda request: begun.set() or closed.wait() and "done"))
            except cobatch.Interrupted as error:
                raised.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        begun.wait()
        other.close()
        closed.set()
        thread.join()
        self.assertEqual(len(raised), 1)
        self.assertEqual(self.states(), {"a": "done", "b": "queued"})

    def test_by_an_agent_of_its_own_run_ends_the_run(self):
        self.assign("a", "b")
        other = cobatch.open(self.root)

        def work(request):
            other.close()
            return "done"

        with self.assertRaises(cobatch.Interrupted):
            other.run(Calls(work))
        self.assertEqual(self.states(), {"a": "done", "b": "queued"})

    def test_brings_the_files_up_to_date(self):
        with cobatch.open(self.root) as other:
            other.assign("a", "A")
        with open(os.path.join(self.root, "data", "claude_task_queue.json")) as file:
            self.assertIn('"a"', file.read())

    def test_leaves_no_descriptor_open(self):
        def use():
            with cobatch.open(self.root) as ws, ws.events() as events, ws.engine(Echo()) as engine:
                ws.wait(ws.assign("a", "A", batch="docs").batch.id)
                events.next()
            del engine
            list(ws_of_a_list())

        def ws_of_a_list():
            return cobatch.open(self.root).tasks()

        use()
        before = len(os.listdir("/proc/self/fd"))
        use()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_no_agent_is_remembered_after_its_run(self):
        self.assign("a")
        self.ws.run(Echo())
        with self.ws.engine(Echo()) as engine:
            pass
        del engine
        with self.assertRaises(cobatch.BadValue):
            self.ws.run([Echo(), Echo("claude")])
        gc.collect()
        self.assertEqual(_hosting._hosts, {})


class AHandle(unittest.TestCase):
    def setUp(self):
        self.freed = []
        self.handle = Handle("thing", "pointer", self.freed.append)

    def test_is_freed_once(self):
        self.handle.close()
        self.handle.close()
        self.assertEqual(self.freed, ["pointer"])

    def test_is_not_freed_while_a_call_uses_it(self):
        with self.handle, self.handle as pointer:
            self.handle.close()
            self.assertEqual((pointer, self.freed), ("pointer", []))
        self.assertEqual(self.freed, ["pointer"])
        with self.assertRaises(cobatch.Closed), self.handle:
            pass

    def test_is_freed_with_its_owner(self):
        owner = cobatch.Agent()
        self.handle.freed_with(owner)
        del owner
        self.assertEqual(self.freed, ["pointer"])

    def test_that_is_to_be_used_alone_is(self):
        def use():
            with alone:
                used.append("second")

        alone, used = Handle("thing", "pointer", self.freed.append, alone=True), []
        thread = threading.Thread(target=use)
        with alone:
            thread.start()
            while not alone._users == 2:
                pass
            used.append("first")
        thread.join()
        self.assertEqual(used, ["first", "second"])


class Threads(WorkspaceTest):
    def test_may_use_one_workspace_at_once(self):
        def work(number):
            for i in range(20):
                self.ws.assign(f"{number}-{i}", "A", batch=f"b{number}")
                self.ws.find_batch(f"b{number}")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(list(self.ws.tasks())), 160)

    def test_other_than_the_main_one_may_run_and_wait(self):
        self.assign("a")
        thread = threading.Thread(target=lambda: self.ws.run(Echo()))
        thread.start()
        self.assertEqual(self.ws.wait("docs").batch.done, 1)
        thread.join()


class Fork(WorkspaceTest):
    def in_a_child(self, work):
        """What `work` returns or raises in a forked child."""
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that threads may hold locks; so it is tested
            child = os.fork()
        if child == 0:
            try:
                os.write(writer, str(work()).encode())
            except cobatch.Error as error:
                os.write(writer, f"{error.code}: {error}".encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        return said

    def test_what_the_parent_made_says_so(self):
        self.assign("a")
        events, session = self.ws.events(), self.ws.session()
        self.addCleanup(session.end)
        for name, use in (
            ("workspace", self.ws.status),
            ("feed of events", events.next),
            ("session", session.next),
        ):
            with self.subTest(name):
                said = self.in_a_child(use)
                self.assertIn(f"forked: this {name} belongs to the parent process", said)
                self.assertIn("start a new program", said)

    def test_a_workspace_is_not_opened_where_locks_may_be_left_behind(self):
        self.assertIn("forked: ", self.in_a_child(lambda: cobatch.open(self.root)))

    def test_before_a_workspace_is_opened_is_fine(self):
        self.assign("a")
        self.ws.close()
        self.assertEqual(self.in_a_child(lambda: cobatch.open(self.root).find_batch("docs").batch.queued), "1")

    def test_a_child_that_ends_does_not_disturb_the_parent(self):
        self.assign("a")
        child = self.child(
            """
            import warnings
            warnings.simplefilter("ignore")
            session = ws.session()
            turn = session.next()
            engine = ws.engine(cobatch.scripted())
            child = os.fork()
            if child == 0:
                sys.exit(0)     # runs what runs at the end of the interpreter
            assert os.waitpid(child, 0)[1] == 0
            print(turn.complete("done").state)
            """
        )
        output, errors = child.communicate()
        self.assertEqual((output, errors, child.returncode), ("done\n", "", 0))


class TheEndOfTheInterpreter(WorkspaceTest):
    # An agent that waits until it is interrupted, for the code of a child.
    WAITING = """
            class Waiting(cobatch.Agent):
                def turn(self, request):
                    begun.set()
                    told.wait()
                    return cobatch.Completion(end="stopped")
                def interrupt(self):
                    told.set()
            begun, told = threading.Event(), threading.Event()
            """

    def ends_well(self, code):
        child = self.child(code)
        _, errors = child.communicate()
        self.assertEqual((errors, child.returncode), ("", 0))

    def test_stops_an_engine_that_is_at_work(self):
        self.assign("a", "b")
        self.ends_well(
            self.WAITING
            + """
            engine = ws.engine(Waiting(), stop_grace=3600)
            begun.wait()
            """
        )
        self.assertEqual(self.states(), {"a": "queued", "b": "queued"})
        self.assertFalse(self.ws.lock().lock.held)

    def test_stops_a_run_in_a_daemon_thread(self):
        self.assign("a")
        self.ends_well(
            self.WAITING
            + """
            def run():
                try:
                    ws.run(Waiting(), stop_grace=3600)
                except cobatch.Interrupted:
                    pass
            threading.Thread(target=run, daemon=True).start()
            begun.wait()
            """
        )
        self.assertEqual(self.states(), {"a": "queued"})
        self.assertFalse(self.ws.lock().lock.held)

    def test_does_not_wait_for_daemon_threads_that_wait(self):
        self.assign("a")
        self.ends_well(
            """
            threading.Thread(target=ws.wait, args=("docs",), daemon=True).start()
            while not ws._handle._users:
                pass
            """
        )

    def test_gives_back_the_turn_of_a_session(self):
        self.assign("a")
        self.ends_well("session = ws.session()\nturn = session.next()\n")
        self.assertEqual(self.states(), {"a": "queued"})

    def test_ends_what_an_async_agent_does(self):
        self.assign("a")
        self.ends_well(
            """
            import asyncio
            class Later(cobatch.Agent):
                async def turn(self, request):
                    begun.set()
                    await asyncio.Event().wait()
            loop = asyncio.new_event_loop()
            async def start():
                global begun
                begun = asyncio.Event()
                engine = ws.engine(Later(), stop_grace=3600)
                await begun.wait()
                return engine
            engine = loop.run_until_complete(start())
            loop.set_exception_handler(lambda loop, context: None)  # it would say that a task is left pending
            """
        )
        self.assertEqual(self.states(), {"a": "queued"})

    def test_waits_for_an_engine_that_its_own_callback_has_dropped(self):
        self.assign("a")
        self.ends_well(
            """
            class Dropping(cobatch.Agent):
                def turn(self, request):
                    engines.pop()
                    return "done"
            engines = []
            with ws.events() as events:
                engines.append(ws.engine(Dropping()))
                while events.wait().kind != "session_ended":
                    pass
            """
        )
        self.assertEqual(self.states(), {"a": "done"})

    def test_is_time_enough_to_close_a_workspace(self):
        self.ends_well(
            """
            import atexit
            def bye():
                ws.assign("late", "A")
                ws.close()
            atexit.register(bye)
            ws.assign("early", "A")
            """
        )
        self.assertIn('"late"', self.queue_file())

    def test_closes_what_is_left_open(self):
        self.ends_well('ws.assign("late", "A")\n')
        self.assertIn('"late"', self.queue_file())

    def queue_file(self):
        with open(os.path.join(self.root, "data", "claude_task_queue.json"), encoding="utf-8") as file:
            return file.read()

    def test_needs_no_close(self):
        self.ends_well("events = ws.events()\ntasks = ws.tasks()\nagent = cobatch.scripted()\n")


if __name__ == "__main__":
    unittest.main()
