#!/usr/bin/env python3
"""With asyncio: an engine in the background, an `async def` agent on this loop, and what happens as it happens.

usage: asyncio_batch.py [PROJECT_FOLDER]      (without a folder: in one of its own, which is removed)
"""

import asyncio
import sys
import tempfile

import cobatch


class Writer(cobatch.Agent):
    async def turn(self, request):
        await asyncio.sleep(0.1)  # your model's SDK; the loop goes on meanwhile
        return f"{request.description}: written"


async def tell(ws: cobatch.Workspace) -> None:
    async for event in ws.events():
        if event.kind in ("turn_started", "turn_ended"):
            print(f"{event.kind:12}  {event.task}  {event.turn_end or ''}")


async def main(folder: str) -> bool:
    with cobatch.open(folder) as ws:
        telling = asyncio.create_task(tell(ws))
        async with ws.engine(Writer(), batch="asyncio_batch"):
            with ws.batch("asyncio_batch") as batch:
                for name in ("guide", "reference", "tutorial"):
                    batch.assign(f"async_{name}", f"A {name}")
            status = await ws.wait_async(batch.id, timeout=60)
        telling.cancel()
        print(f"batch {status.batch.id}: {status.batch.done} done, {status.batch.error} failed")
        return status.batch.done == 3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(not asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else scratch)))
