"""What happens is told in order, in every process, and nothing is lost."""

import select
import unittest

import cobatch
from support import Calls, Echo, WorkspaceTest

OF_THE_STORE = {"session_started", "turn_started", "turn_ended", "session_ended"}


def drained(events):
    """Without what waits already: a feed may begin by asking one to look around."""
    while events.next():
        pass
    return events


def stored(events):
    return [event for event in events if event.kind in OF_THE_STORE]


class Following(WorkspaceTest):
    def test_tells_sessions_and_turns_in_order(self):
        self.assign("a", "b")
        with self.ws.events(timeout=0) as events:
            self.ws.run(Calls(lambda request: cobatch.Completion(usage=cobatch.Usage(output=1))))
            told = stored(events)
        self.assertEqual(
            [(event.kind, event.task, event.turn_end, event.task_state, event.session_end) for event in told],
            [
                ("session_started", None, None, None, None),
                ("turn_started", "a", None, "done", None),
                ("turn_ended", "a", "done", "done", None),
                ("turn_started", "b", None, "done", None),
                ("turn_ended", "b", "done", "done", None),
                ("session_ended", None, None, None, "finished"),
            ],
        )
        self.assertEqual({(event.batch, event.session) for event in told}, {("docs", 1)})
        self.assertEqual(told[2].usage.total.output, 1)
        self.assertIsNone(told[1].usage)
        self.assertIsNotNone(told[0].at)

    def test_goes_on_where_it_was(self):
        self.assign("a", "b")
        self.ws.run(Echo())
        everything = stored(self.ws.events(resume=(0, 0), timeout=0))
        self.assertEqual(len(everything), 6)
        for done, event in enumerate(everything, start=1):
            rest = stored(self.ws.events(resume=event.position, timeout=0))
            self.assertEqual(rest, everything[done:])

    def test_begins_now_without_a_position(self):
        self.assign("a")
        self.ws.run(Echo())
        self.assertEqual(stored(self.ws.events(timeout=0)), [])

    def test_sees_what_another_process_does(self):
        with self.ws.events() as events:
            child = self.child("""
                ws.assign("a", "A")
                class Quick(cobatch.Agent):
                    def turn(self, request):
                        return "done"
                ws.run(Quick())
            """)
            for event in events:
                if event.kind == "session_ended":
                    break
        self.assertEqual(child.wait(), 0, child.stderr.read())
        self.assertEqual(self.ws.task("a").task.state, "done")

    def test_the_next_event_is_none_if_none_waits(self):
        with self.ws.events() as events:
            self.assertIsNone(drained(events).next())

    def test_a_wait_has_a_limit(self):
        with self.ws.events() as events:
            with self.assertRaises(cobatch.TimedOut):
                drained(events).wait(timeout=0.01)

    def test_the_descriptor_is_readable_while_events_wait(self):
        with self.ws.events() as events:
            self.assertEqual(select.select([drained(events)], [], [], 0)[0], [])
            self.assign("a")
            self.assertEqual(select.select([events], [], [])[0], [events])
            self.assertEqual(select.select([drained(events)], [], [], 0)[0], [])

    def test_ends_with_the_feed(self):
        events = self.ws.events()
        events.close()
        events.close()
        self.assertEqual(list(events), [])
        with self.assertRaises(cobatch.Closed):
            events.next()

    def test_outlives_the_workspace_object(self):
        with cobatch.open(self.root) as other:
            events = drained(other.events())
        self.assign("a")
        self.assertEqual(events.wait().kind, "changed")


if __name__ == "__main__":
    unittest.main()
