#!/usr/bin/env python3
"""Three tasks as one batch, done by a program that speaks the line protocol: in_short.py ./agent.py"""

import sys

import cobatch

with cobatch.open() as ws:  # the current folder
    with ws.batch() as batch:  # stored as a whole when the block ends
        batch.assign("doc_1", "Document feature A")
        batch.assign("doc_2", "Document feature B")
        batch.assign("doc_3", "Document feature C")
    ran = ws.run(cobatch.command(sys.argv[1:]))
    print("sessions:", ran.sessions)
    for result in ws.results(batch=batch.id):
        print(f"{result.task}: {result.state}, {result.output}")
