"""A session that the program drives itself."""

import datetime
import threading
import unittest

import cobatch
from support import Echo, WorkspaceTest


class Driving(WorkspaceTest):
    def test_works_a_batch_turn_by_turn(self):
        self.assign("a", "b", "c")
        with self.ws.session() as session:
            self.assertEqual((session.info.batch, session.info.agent, session.info.end), ("docs", "callback", "live"))
            for turn in session:
                turn.complete(f"Did {turn.task}", usage=cobatch.Usage("m", output=turn.position))
        self.assertEqual([result.output for result in self.ws.results()], ["Did a", "Did b", "Did c"])
        self.assertEqual([result.usage.total.output for result in self.ws.results()], [1, 2, 3])
        self.assertEqual([session.end for session in self.ws.sessions()], ["finished"])
        self.assertFalse(self.ws.lock().lock.held)

    def test_has_no_turns_if_there_is_no_batch(self):
        with self.ws.session() as session:
            self.assertIsNone(session.info)
            self.assertEqual(list(session), [])

    def test_takes_a_batch_that_names_its_agent_and_leaves_others_to_them(self):
        self.assign("a", batch="mine", agent="me")
        self.assign("b", batch="theirs", agent="they")
        self.assign("c", batch="any")
        with self.ws.session(agent="me", only_named=True) as session:
            self.assertEqual([turn.complete().id for turn in session], ["a"])
        with self.ws.session(agent="me", batch="any") as session:
            self.assertEqual([turn.complete().id for turn in session], ["c"])
        self.assertEqual(self.states("theirs"), {"b": "queued"})

    def test_a_turn_can_say_all_that_a_completion_says(self):
        self.assign("a", "b")
        with self.ws.session() as session:
            session.next().complete(cobatch.Completion("out", actions_taken=["read"]))
            session.next().complete("out", detail="A sentence.", errors={"n": 1})
        first, second = self.ws.results()
        self.assertEqual((first.output, first.actions_taken), ("out", ["read"]))
        self.assertEqual((second.detail, second.errors), ("A sentence.", {"n": 1}))

    def test_a_task_can_fail_for_good(self):
        self.assign("a")
        with self.ws.session() as session:
            self.assertEqual(session.next().fail("It cannot be done.", reason="impossible").state, "error")
        result = self.ws.task("a").result
        self.assertEqual((result.end, result.detail, result.reason), ("error", "It cannot be done.", "impossible"))

    def test_a_turn_is_given_back_where_the_block_ends(self):
        self.assign("a")
        with self.assertRaises(ZeroDivisionError):
            with self.ws.session() as session:
                for turn in session:
                    1 / 0
        task = self.ws.task("a").task
        self.assertEqual((task.state, task.attempts), ("queued", 0))
        self.assertFalse(self.ws.lock().lock.held)

    def test_a_turn_is_completed_before_the_next(self):
        self.assign("a", "b")
        with self.ws.session() as session:
            session.next()
            with self.assertRaises(cobatch.TaskInProgress):
                session.next()

    def test_the_first_completion_stands_and_the_same_again_is_fine(self):
        self.assign("a")
        with self.ws.session() as session:
            turn = session.next()
            self.assertEqual(turn.complete("one"), turn.complete("one"))
            with self.assertRaises(cobatch.AlreadyCompleted):
                turn.complete("two")
        self.assertEqual(self.ws.task("a").result.output, "one")

    def test_a_turn_can_be_extended_until_its_task_is_cancelled(self):
        self.assign("a")
        with self.ws.session(turn_limit=60) as session:
            turn = session.next()
            self.assertLessEqual(turn.limit, 60)
            until = turn.extend(3600)
            in_an_hour = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
            self.assertLess(until, in_an_hour + datetime.timedelta(seconds=1))
            self.assertGreater(until, in_an_hour - datetime.timedelta(minutes=1))
            self.ws.cancel("a")
            with self.assertRaises(cobatch.TaskEnded):
                turn.extend(3600)
            self.assertEqual(turn.complete("too late", usage=cobatch.Usage(output=5)).state, "cancelled")
        self.assertEqual(next(self.ws.turns()).usage.total.output, 5)

    def test_a_turn_that_is_forgotten_times_out_and_ends_the_session(self):
        self.assign("a")
        with self.ws.events() as events, self.ws.session(turn_limit=0.05) as session:
            turn = session.next()
            while events.wait().kind != "session_ended":
                pass
            with self.assertRaises(cobatch.StaleSession):
                turn.complete("too late")
        self.assertEqual(next(self.ws.turns()).end, "timed_out")
        self.assertFalse(self.ws.lock().lock.held)

    def test_somebody_can_ask_for_its_end(self):
        self.assign("a")
        with self.ws.events() as events, self.ws.session() as session:
            turn = session.next()
            self.assertEqual(self.ws.unlock(force=True).outcome, "end_requested")
            while events.wait().kind != "session_ended":
                pass
            with self.assertRaises(cobatch.StaleSession):
                turn.extend(1)
        self.assertEqual(self.states(), {"a": "queued"})

    def test_is_one_at_a_time(self):
        self.assign("a")
        self.assign("b", batch="other")
        with self.ws.session():
            with self.assertRaises(cobatch.SessionLive):
                self.ws.session()
            with self.assertRaises(cobatch.SessionLive):
                cobatch.open(self.root).session()

    def test_honours_a_lock_file_that_somebody_else_wrote(self):
        self.assign("a")
        with open(f"{self.root}/data/execute_queue.lock", "w") as marker:
            marker.write("somebody")
        with self.assertRaises(cobatch.ForeignMarker):
            self.ws.session()

    def test_is_waited_for_by_an_engine(self):
        self.assign("a")
        self.assign("b", batch="other")
        with self.ws.session(batch="docs") as session, self.ws.engine(Echo()):
            session.next().complete()
            session.end()
            self.assertEqual(self.ws.wait("other").batch.done, 1)

    def test_is_full_after_its_tasks(self):
        self.assign("a", "b", "c")
        with self.ws.session(max_tasks=2) as session:
            self.assertEqual([turn.complete().id for turn in session], ["a", "b"])
        self.assertEqual([session.end for session in self.ws.sessions()], ["full"])

    def test_ends_when_nobody_refers_to_it(self):
        self.assign("a")
        session = self.ws.session()
        turn = session.next()
        del session, turn
        self.assertEqual((self.states(), self.ws.lock().lock.held), ({"a": "queued"}, False))

    def test_lives_as_long_as_one_of_its_turns(self):
        self.assign("a")
        turn = self.ws.session().next()
        self.assertEqual(turn.complete("done").state, "done")

    def test_ended_is_ended(self):
        self.assign("a")
        session = self.ws.session()
        session.end()
        session.end()
        with self.assertRaises(cobatch.Closed):
            session.next()

    def test_outlives_the_workspace_object(self):
        self.assign("a")
        other = cobatch.open(self.root)
        with other.session() as session:
            other.close()
            session.next().complete("done")
        self.assertEqual(self.states(), {"a": "done"})

    def test_can_be_handed_to_another_thread(self):
        self.assign("a")
        with self.ws.session() as session:
            thread = threading.Thread(target=lambda: session.next().complete("done"))
            thread.start()
            thread.join()
        self.assertEqual(self.states(), {"a": "done"})

    def test_may_not_have_the_name_of_one_of_cobatchs_own_agents(self):
        with self.assertRaises(cobatch.BadValue):
            self.ws.session(agent="claude")


if __name__ == "__main__":
    unittest.main()
