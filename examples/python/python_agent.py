#!/usr/bin/env python3
"""An agent of your own: here a model that does not exist, which remembers the session and counts its tokens.

usage: python_agent.py [PROJECT_FOLDER]      (without a folder: in one of its own, which is removed)
"""

import sys
import tempfile

import cobatch


class Writer(cobatch.Agent):
    """Put the calls of your model's SDK into `turn`."""

    name = "writer"

    def start(self, how):
        self.written = 0  # a session's memory: what the first task loads is there for the others

    def turn(self, request):
        request.progress(f"looking for {request.description}")
        if request.context == "breaks":
            raise ConnectionError("the model is gone")  # contained: the task is tried again, then ends as an error
        cached = 45_000 if self.written else 0
        self.written += 1
        return cobatch.Completion(
            f"{request.description}, number {self.written} of this session",
            usage=cobatch.Usage("a-model", cache_write_5m=45_000 - cached, cache_read=cached, output=1_500),
        )


def main(folder: str) -> bool:
    states = []
    with cobatch.open(folder) as ws:
        with ws.batch("python_agent", agent="writer") as batch:
            batch.assign("guide", "A guide")
            batch.assign("reference", "A reference")
            batch.assign("tutorial", "A tutorial")
        with ws.batch("python_agent_breaks", agent="writer") as batch:
            batch.assign("lost", "A lost cause", context="breaks")

        for id in ("python_agent", "python_agent_breaks"):
            ws.run(Writer(), batch=id)
            for result in ws.results(batch=id):
                states.append(result.state)
                detail = result.detail.splitlines()[-1] if result.detail else ""
                print(f"{result.task}: {result.state}, {result.output or detail}")

        saved = ws.savings("python_agent").savings
        print(f"tokens as the guide counts them: {saved.guide_with:,} instead of {saved.guide_without:,}")
    return states == ["done", "done", "done", "error"]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(not main(sys.argv[1] if len(sys.argv) > 1 else scratch))
