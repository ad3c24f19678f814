#!/usr/bin/env python3
"""Three tasks as one batch, done in one session by a program that speaks the line protocol.

usage: three_tasks.py [PROJECT_FOLDER]      (without a folder: in one of its own, which is removed)
"""

import os
import sys
import tempfile

import cobatch

AGENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "command", "agent.py")


def main(folder: str) -> bool:
    with cobatch.open(folder) as ws:
        with ws.batch("three_tasks_py") as batch:  # all three are stored where the block ends, or none
            batch.assign("py_doc_1", "Document feature A")
            batch.assign("py_doc_2", "Document feature B", context={"audience": "administrators"})
            batch.assign("py_doc_3", "Document feature C")

        report = ws.run(cobatch.command([sys.executable, AGENT]), batch=batch.id)
        print(f"sessions: {report.sessions}, turns: {report.turns}")

        results = list(ws.results(batch=batch.id))
        for result in results:
            print(f"{result.task}: {result.state}, {result.output!r}")
        return [result.state for result in results] == ["done"] * 3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(not main(sys.argv[1] if len(sys.argv) > 1 else scratch))
