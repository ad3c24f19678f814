"""Calls that block in the library, made so that Ctrl-C and asyncio's cancellation end them.

Python runs signal handlers in the main thread and only between its own instructions, so a call that blocks there would
hold them up. It is made in a thread of its own, while the caller waits where it can be interrupted; then the library is
asked to end the call, and only when that has come back the caller goes on with what interrupted it.
"""

from __future__ import annotations

import atexit
import sys
import threading
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any, Callable, Iterator, TypeVar

    T = TypeVar("T")

# How often a wait looks up, in seconds: a signal that comes just before it begins does not end it. It is also what a
# call is given to begin before it is interrupted, for an interrupt does nothing to a call that has not begun.
_LOOK_UP = 0.05


class _Call:
    """A call in a thread of its own, which never keeps the interpreter from ending."""

    def __init__(self, call: Callable[[], Any], came_back: Callable[[], object]) -> None:
        self._call = call
        self._came_back = came_back
        self._once = threading.Lock()
        self._outcome: dict[str, Any] | None = None
        self.begun = False

    def begin(self) -> None:
        """May be called again where a signal has interrupted it: the call is made once."""
        threading.Thread(target=self._make, name="cobatch call", daemon=True).start()
        self.begun = True

    def _make(self) -> None:
        if not self._once.acquire(blocking=False):
            return
        outcome: dict[str, Any] = {}
        try:
            outcome["value"] = self._call()
        except BaseException as error:  # to be raised in the caller
            outcome["error"] = error
        del self._call  # what it refers to is the caller's to let go, not this thread's
        self._outcome = outcome
        del outcome
        self._came_back()

    @property
    def is_back(self) -> bool:
        return self._outcome is not None

    def result(self) -> Any:
        outcome, self._outcome = self._outcome or {}, {}
        if "error" in outcome:
            raise outcome.pop("error")
        return outcome["value"]


def in_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def blocking(call: Callable[[], T], interrupt: Callable[[], object]) -> T:
    """Makes the call; `interrupt` is to end it early, from another thread."""
    if not in_main_thread():
        return call()
    back = threading.Lock()  # a bare one: what is made of locks in Python does not stand every signal
    back.acquire()
    made = _Call(call, back.release)
    stop: BaseException | None = None
    due = False
    while not made.is_back:
        try:
            if not made.begun:
                made.begin()
            if not back.acquire(timeout=_LOOK_UP) and due:
                due = False
                interrupt()
        except BaseException as raised:  # Ctrl-C, or what another signal handler raises
            stop, due = stop or raised, True
    if stop:
        raise stop
    value: T = made.result()
    return value


async def blocking_async(call: Callable[[], T], interrupt: Callable[[], object]) -> T:
    """The same for a coroutine: the loop goes on, and a cancellation takes the part of Ctrl-C."""
    import asyncio  # costs more than all of this package's import

    loop = asyncio.get_running_loop()
    back = asyncio.Event()

    def came_back() -> None:
        try:
            loop.call_soon_threadsafe(back.set)
        except RuntimeError:  # the loop was closed: nobody waits any more
            pass

    made = _Call(call, came_back)
    made.begin()
    stop: asyncio.CancelledError | None = None
    while not back.is_set():
        try:
            await back.wait()
        except asyncio.CancelledError as cancelled:
            stop = stop or cancelled
            loop.call_later(_LOOK_UP, lambda: back.is_set() or interrupt())
    if stop:
        raise stop
    value: T = made.result()
    return value


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread."""
    asyncio = sys.modules.get("asyncio")  # not there: no loop either
    try:
        return asyncio.get_running_loop() if asyncio else None
    except RuntimeError:
        return None


@contextmanager
def ended_at_exit(interrupt: Callable[[], object]) -> Iterator[None]:
    """Around a call that calls back: it must have returned before the interpreter is gone, be it in a daemon thread."""
    back = threading.Event()

    def end() -> None:
        while not back.wait(_LOOK_UP):
            interrupt()

    atexit.register(end)
    try:
        yield
    finally:
        back.set()
        atexit.unregister(end)
