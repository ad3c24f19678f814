"""What happens in a workspace, whichever process does it, in order."""

from __future__ import annotations

from ctypes import byref

from . import _abi, _values
from ._blocking import blocking
from ._handles import Handle
from ._library import call, lib
from ._replies import record
from .errors import Closed, TimedOut
from .records import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from typing_extensions import Self


class Events:
    """Follows a workspace; see `Workspace.events`.

        with ws.events() as events:
            for event in events: ...        # or: async for

    `wait` gives the next event, `next` gives it if there is one. Iteration goes on until the events are closed, or
    until `timeout` seconds have passed without one. In a main thread, Ctrl-C ends a wait. To be used by one thread, or
    one coroutine, at a time.
    """

    def __init__(self, workspace: Any, interrupt: Callable[[], object], options: Any, timeout: float | None) -> None:
        events = _abi.HANDLE()
        call("cobatch_events_open", workspace, byref(options), byref(events))
        self._handle = Handle("feed of events", events, lib.cobatch_events_close, alone=True)
        self._handle.freed_with(self)
        self._interrupt = interrupt
        self._timeout = timeout

    def next(self) -> Event | None:
        """The next event if one waits. Never blocks."""
        info = _abi.cobatch_event_info()
        with self._handle as events:
            return record(Event, info) if call("cobatch_events_next", events, byref(info)) else None

    def wait(self, timeout: float | None = None) -> Event:
        """The next event; TimedOut after that many seconds, None: as long as it takes."""
        return self.next() or blocking(lambda: self._wait(timeout), self._interrupt)

    def _wait(self, timeout: float | None) -> Event:
        info = _abi.cobatch_event_info()
        with self._handle as events:
            call("cobatch_events_wait", events, _values.milliseconds(timeout, absent=-1), byref(info))
            return record(Event, info)

    async def wait_async(self, timeout: float | None = None) -> Event:
        """The same for a coroutine."""
        import asyncio  # costs more than all of this package's import

        event = self.next()
        if event:
            return event
        try:
            return await asyncio.wait_for(self._next_async(), timeout)
        except asyncio.TimeoutError:
            raise TimedOut("timed_out", f"no event came within {timeout} s") from None

    async def _next_async(self) -> Event:
        import asyncio

        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        descriptor = self.fileno()
        loop.add_reader(descriptor, readable.set)
        try:
            while True:
                await readable.wait()
                readable.clear()
                event = self.next()
                if event:
                    return event
        finally:
            loop.remove_reader(descriptor)

    def fileno(self) -> int:
        """A descriptor that is readable while events wait, for select and event loops; call `next` then until None."""
        with self._handle as events:
            return int(lib.cobatch_events_fd(events))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        try:
            return self.wait(self._timeout)
        except (Closed, TimedOut):
            raise StopIteration from None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        try:
            return await self.wait_async(self._timeout)
        except (Closed, TimedOut):
            raise StopAsyncIteration from None

    def close(self) -> None:
        """To close it twice is fine."""
        self._handle.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
