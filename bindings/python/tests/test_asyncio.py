"""With asyncio: the loop goes on, a cancellation cleans up, and `async def turn` runs on the loop."""

import asyncio
import threading
import unittest

import cobatch
from cobatch._hosting import Host
from cobatch.turns import AgentTurn
from support import Calls, Echo, WorkspaceTest


class Later(cobatch.Agent):
    """An agent whose turn is a coroutine function of the request."""

    name = "later"

    def __init__(self, work):
        self.work = work

    async def turn(self, request):
        return await self.work(request)


async def forever(request):
    await asyncio.Event().wait()


class AsyncTest(WorkspaceTest):
    async def ticks(self, until, count=100):
        """Goes round the loop `count` times, then sets `until`."""
        for _ in range(count):
            await asyncio.sleep(0)
        until.set()


class TheLoopGoesOn(AsyncTest):
    """The agent's turn returns only after the loop has gone round: a blocked loop would never end."""

    def setUp(self):
        super().setUp()
        self.ticked = threading.Event()
        self.agent = Calls(lambda request: self.ticked.wait() and "done")

    def test_while_a_batch_is_run(self):
        async def main():
            run = asyncio.ensure_future(self.ws.run_async(self.agent))
            await self.ticks(self.ticked)
            return await run

        self.assign("a")
        self.assertEqual(asyncio.run(main()).turns, 1)

    def test_while_a_batch_is_waited_for(self):
        async def main():
            async with self.ws.engine(self.agent):
                wait = asyncio.ensure_future(self.ws.wait_async("docs"))
                await self.ticks(self.ticked)
                return await wait

        self.assign("a")
        self.assertEqual(asyncio.run(main()).batch.state, "finished")

    def test_while_an_engine_stops(self):
        async def main():
            engine = self.ws.engine(self.agent)
            with self.ws.events() as events:
                async for event in events:
                    if event.kind == "turn_started":
                        break
            stop = asyncio.ensure_future(engine.stop_async())
            await self.ticks(self.ticked)
            return await stop

        self.assign("a")
        self.assertEqual(asyncio.run(main()).turns, 1)

    def test_while_events_are_waited_for(self):
        async def main():
            async with self.ws.engine(self.agent):
                ticks = asyncio.ensure_future(self.ticks(self.ticked))
                kinds = []
                async for event in self.ws.events():
                    kinds.append(event.kind)
                    if event.kind == "session_ended":
                        break
                await ticks
                return kinds

        self.assign("a")
        self.assertIn("turn_ended", asyncio.run(main()))


class Waiting(AsyncTest):
    def test_for_a_batch_that_has_ended_returns_at_once(self):
        self.assign("a")
        self.ws.run(Echo())
        self.assertEqual(asyncio.run(self.ws.wait_async("docs")).batch.done, 1)

    def test_for_a_batch_that_is_not_there_says_so(self):
        with self.assertRaises(cobatch.BatchNotFound):
            asyncio.run(self.ws.wait_async("none"))

    def test_has_a_limit(self):
        self.assign("a")
        with self.assertRaisesRegex(cobatch.TimedOut, '"docs" had not ended'):
            asyncio.run(self.ws.wait_async("docs", timeout=0.01))

    def test_for_the_next_event_has_a_limit(self):
        async def main():
            return [event async for event in self.ws.events(timeout=0.01)]

        self.assertLessEqual({event.kind for event in asyncio.run(main())}, {"changed"})

    def test_ends_with_a_cancellation(self):
        async def main():
            wait = asyncio.ensure_future(self.ws.wait_async("docs"))
            await asyncio.sleep(0)
            wait.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await wait

        self.assign("a")
        asyncio.run(main())

    def test_leaves_nothing_behind_in_the_loop(self):
        async def main():
            with self.ws.events() as events:
                with self.assertRaises(cobatch.TimedOut):
                    while True:
                        await events.wait_async(timeout=0.01)
                self.assertFalse(asyncio.get_running_loop().remove_reader(events))

        asyncio.run(main())

    def test_many_at_once(self):
        async def main():
            async with self.ws.engine(Echo()):
                return await asyncio.gather(*(self.ws.wait_async(f"b{i}") for i in range(10)))

        for i in range(10):
            self.assign(f"t{i}", batch=f"b{i}")
        self.assertEqual({status.batch.state for status in asyncio.run(main())}, {"finished"})


class AsyncAgents(AsyncTest):
    def test_run_on_the_loop_that_runs_the_batch(self):
        async def main():
            async def work(request):
                await asyncio.sleep(0)
                return str(asyncio.get_running_loop() is loop)

            loop = asyncio.get_running_loop()
            await self.ws.run_async(Later(work))

        self.assign("a", "b")
        asyncio.run(main())
        self.assertEqual([result.output for result in self.ws.results()], ["True", "True"])

    def test_run_on_the_loop_that_started_the_engine(self):
        async def main():
            async def work(request):
                return str(asyncio.get_running_loop() is loop)

            loop = asyncio.get_running_loop()
            async with self.ws.engine(Later(work)):
                await self.ws.wait_async("docs")

        self.assign("a")
        asyncio.run(main())
        self.assertEqual(self.ws.task("a").result.output, "True")

    def test_what_they_raise_is_contained(self):
        async def work(request):
            raise RuntimeError("the model is out")

        self.assign("a")
        asyncio.run(self.ws.run_async(Later(work)))
        self.assertIn("the model is out", self.ws.task("a").result.detail)

    def test_are_cancelled_when_their_time_is_over(self):
        self.ws.assign("a", "A", max_attempts=1)
        asyncio.run(self.ws.run_async(Later(forever), turn_limit=0.05))
        self.assertEqual(self.ws.task("a").result.end, "timed_out")

    def test_are_cancelled_when_the_task_is(self):
        async def main():
            async def work(request):
                self.ws.cancel("a")
                await forever(request)

            await self.ws.run_async(Later(work))

        self.assign("a")
        asyncio.run(main())
        self.assertEqual((self.states(), next(self.ws.turns()).end), ({"a": "cancelled"}, "cancelled"))

    def test_need_a_loop(self):
        self.assign("a")
        for start in (self.ws.run, self.ws.engine):
            with self.assertRaisesRegex(TypeError, "run_async"):
                start(Later(forever))
        self.assertEqual(self.ws.task("a").task.attempts, 0)

    def test_cannot_be_waited_for_by_blocking_their_loop(self):
        async def main():
            async with self.ws.engine(Later(forever)) as engine:
                with self.assertRaisesRegex(RuntimeError, "stop_async"):
                    engine.stop()

        asyncio.run(main())

    def test_give_the_task_back_when_their_loop_ends(self):
        async def main():
            engine = self.ws.engine(Later(forever), stop_grace=0)
            async for event in self.ws.events():
                if event.kind == "turn_started":
                    return engine

        self.assign("a")
        engine = asyncio.run(main())
        engine.stop()
        self.assertEqual((self.states(), self.ws.task("a").task.attempts), ({"a": "queued"}, 0))

    def test_are_cancelled_also_if_their_time_is_over_before_they_begin(self):
        class Late(Later):
            def start(self, how):
                self.turn = self.begin_late

            def begin_late(self, request):
                over.wait()
                return forever(request)

            def interrupt(self):
                over.set()

        over = threading.Event()
        self.ws.assign("a", "A", max_attempts=1)
        asyncio.run(self.ws.run_async(Late(forever), turn_limit=0.05))
        self.assertEqual(self.ws.task("a").result.end, "timed_out")

    def test_are_not_begun_any_more_once_nobody_waits_for_them(self):
        async def main():
            host = Host(Later(forever), asyncio.get_running_loop(), escape=None)
            request = AgentTurn._of(())
            request._begin(None)
            host.abandon()
            with self.assertRaisesRegex(RuntimeError, "event loop"):
                host._awaited(forever(request), request)

        asyncio.run(main())

    def test_do_not_hold_up_an_engine_that_nobody_refers_to(self):
        async def main():
            engine = self.ws.engine(Later(forever))
            async for event in self.ws.events():
                if event.kind == "turn_started":
                    break
            del engine
            return self.ws.status().engines

        self.assign("a")
        self.assertEqual(asyncio.run(main()), ())


class CancellingARun(AsyncTest):
    def test_stops_it_and_waits_until_all_is_settled(self):
        cleaned_up = []

        async def main():
            begun = asyncio.Event()

            async def work(request):
                begun.set()
                try:
                    await forever(request)
                finally:
                    await asyncio.sleep(0)
                    cleaned_up.append(request.task)

            run = asyncio.ensure_future(self.ws.run_async(Later(work), stop_grace=0))
            await begun.wait()
            run.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await run
            self.assertEqual(cleaned_up, ["a"])
            self.assertFalse(self.ws.lock().lock.held)

        self.assign("a", "b")
        asyncio.run(main())
        self.assertEqual(self.states(), {"a": "queued", "b": "queued"})

    def test_gives_the_running_turn_its_grace(self):
        async def main():
            begun, go_on = asyncio.Event(), asyncio.Event()

            async def work(request):
                begun.set()
                await go_on.wait()
                return "finished after all"

            run = asyncio.ensure_future(self.ws.run_async(Later(work)))
            await begun.wait()
            run.cancel()
            asyncio.get_running_loop().call_later(0.1, go_on.set)
            with self.assertRaises(asyncio.CancelledError):
                await run

        self.assign("a", "b")
        asyncio.run(main())
        self.assertEqual(self.states(), {"a": "done", "b": "queued"})

    def test_twice_ends_the_grace(self):
        async def main():
            begun = asyncio.Event()

            async def work(request):
                begun.set()
                await forever(request)

            run = asyncio.ensure_future(self.ws.run_async(Later(work), stop_grace=3600))
            await begun.wait()
            while not run.done():
                run.cancel()
                await asyncio.wait([run], timeout=0.1)

        self.assign("a")
        asyncio.run(main())
        self.assertEqual(self.states(), {"a": "queued"})


if __name__ == "__main__":
    unittest.main()
