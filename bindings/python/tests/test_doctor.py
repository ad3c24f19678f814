"""The doctor, who needs no open workspace."""

import os
import tempfile
import unittest

import cobatch
from support import Echo, WorkspaceTest


class TheDoctor(WorkspaceTest):
    def answers(self, check, **more):
        return [found for found in cobatch.diagnose(self.root, **more) if found.check == check]

    def test_finds_a_lock_file_of_somebody_else_and_says_what_helps(self):
        self.assertEqual([found.answer for found in self.answers("lock_file")], ["yes"])
        with open(os.path.join(self.root, "data", "execute_queue.lock"), "w") as marker:
            marker.write("somebody")
        (found,) = self.answers("lock_file")
        self.assertEqual(found.answer, "no")
        self.assertIn("not one of Cobatch", found.message)
        self.assertIn("cobatch unlock", found.fix)

    def test_cannot_tell_what_no_engine_will_do(self):
        self.assertEqual([found.answer for found in self.answers("engine")], ["unknown"])

    def test_looks_at_what_came_of_a_batch(self):
        self.assign("a")
        self.ws.run(Echo())
        without, named = cobatch.diagnose(self.root), cobatch.diagnose(self.root, batch="docs")
        self.assertGreater(len(named), len(without))
        self.assertEqual([found.answer for found in self.answers("batch", batch="none")], ["no"])
        with self.assertRaises(cobatch.BadId):
            cobatch.diagnose(self.root, batch="a\nb")

    def test_makes_nothing_where_nothing_is(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertTrue(cobatch.diagnose(folder))
            self.assertEqual(os.listdir(folder), [])

    def test_looks_at_what_runs_tasks(self):
        keeper = [found for found in cobatch.diagnose_agents() if found.check == "keeper"]
        self.assertEqual([found.answer for found in keeper], ["yes"])


if __name__ == "__main__":
    unittest.main()
