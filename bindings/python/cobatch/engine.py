"""An engine in the background: takes sealed batches as they come, in a thread of the library."""

from __future__ import annotations

import threading
import weakref
from ctypes import byref

from . import _abi
from ._blocking import blocking, blocking_async, ended_at_exit, in_main_thread, running_loop
from ._handles import Handle
from ._library import call, lib
from ._replies import record
from .records import RunReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

    from ._running import Running


class Engine:
    """See `Workspace.engine`. May be used from any thread.

    It stops where its `with` or `async with` block ends, or with `stop`; and at once when nobody refers to it any more
    or the interpreter ends.
    """

    def __init__(self, workspace: Any, running: Running) -> None:
        engine = _abi.HANDLE()
        with running.struct() as options:
            call("cobatch_engine_start", workspace, options, byref(engine))

        def free(pointer: Any) -> None:
            running.abandon()  # this thread may be the one that would have to run the coroutine
            if in_main_thread():
                lib.cobatch_engine_free(pointer)
            else:  # it may be the engine's own, which cannot wait for itself
                threading.Thread(target=lib.cobatch_engine_free, args=(pointer,), daemon=False).start()

        self._running = running
        self._stopping = threading.Lock()
        self._handle = Handle("engine", engine, free)
        self._handle.freed_with(self)
        this = weakref.ref(self)

        def stop_in_a_thread() -> None:
            """An agent cannot stop the engine in the thread that works its turn."""
            engine = this()
            if engine:
                threading.Thread(target=engine._join, daemon=False).start()

        running.stops_with(stop_in_a_thread)

    @property
    def running(self) -> bool:
        """False once it has stopped, also by itself: `stop` then raises why."""
        with self._handle as engine:
            return bool(lib.cobatch_engine_is_running(engine))

    def stop(self, *, at_once: bool = False) -> RunReport:
        """Begins no turn any more, gives the running one its grace (`at_once`: none), and returns when all is settled.

        To stop it again answers the same. Raises that with which it had ended by itself, or what an agent raised to end
        the program. Ctrl-C is held back until it has stopped.
        """
        if self._running.is_async and running_loop():
            raise RuntimeError(
                "an engine whose agent runs on this event loop cannot be stopped by blocking the loop: "
                "use `async with`, or await stop_async()"
            )
        return blocking(lambda: self._stop(at_once), lambda: None)

    async def stop_async(self, *, at_once: bool = False) -> RunReport:
        """The same for a coroutine."""
        return await blocking_async(lambda: self._stop(at_once), lambda: None)

    def _stop(self, at_once: bool) -> RunReport:
        report = self._join(at_once)
        self._running.raise_escaped()
        return report

    def _join(self, at_once: bool = False) -> RunReport:
        report = _abi.cobatch_run_report()
        with self._stopping, self._handle as engine, ended_at_exit(lambda: None):
            call("cobatch_engine_stop", engine, at_once, byref(report))
        return record(RunReport, report)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_async()
