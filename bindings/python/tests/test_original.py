"""The original's files are taken over; one of them has a line that cannot be read."""

import json
import os
import tempfile
import unittest

import cobatch
from support import WorkspaceTest

ARCHIVE = "task_archive/results_2025-10.jsonl"
FILES = {
    "claude_task_queue.json": json.dumps(
        {"tasks": {"q": {"status": "queued", "description": "to do", "created_at": "2025-11-07T21:45:00Z"}}}
    ),
    ARCHIVE: '{"task_id":"o1","status":"done","output":"done it","completed_at":"2025-10-07T21:45:00Z"}\n{"task_id":\n',
}


class Importing(WorkspaceTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="cobatch-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(os.path.join(self.folder, "task_archive"))
        for name, text in FILES.items():
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)

    def check(self, imported):
        counts = imported.counts
        self.assertEqual((counts.queued, counts.done, counts.there_already, counts.incomplete), (1, 1, 0, True))
        (aside,) = [found for found in imported.findings if found.kind == "set_aside"]
        self.assertEqual((aside.file, aside.task), (ARCHIVE, None))

    def test_puts_in_all_that_can_be_read_and_says_what_cannot(self):
        self.check(self.ws.import_original(self.folder))
        self.assertEqual(self.ws.task("o1").result.output, "done it")
        self.assertEqual([batch.state for batch in self.ws.batches(state="open")], ["open"])

    def test_may_be_repeated(self):
        self.ws.import_original(self.folder)
        counts = self.ws.import_original(self.folder).counts
        self.assertEqual((counts.queued, counts.done, counts.there_already), (0, 0, 2))

    def test_can_be_looked_at_before(self):
        with tempfile.TemporaryDirectory() as elsewhere:
            self.check(cobatch.preview_import(self.folder, elsewhere))
            self.assertEqual(os.listdir(elsewhere), [])

    def test_from_where_nothing_is_is_refused(self):
        for call in (self.ws.import_original, cobatch.preview_import):
            with self.assertRaises(cobatch.BadValue):
                call("/nowhere")


if __name__ == "__main__":
    unittest.main()
